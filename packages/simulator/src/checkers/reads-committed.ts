import { brokerOf, type QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';

/** W4 of the fault model. */
export const readsCommitted: Checker = {
  name: 'reads-committed',
  rule: 'a broker with synchronous flush acknowledges and hands out only what is synced, nothing above the high watermark, which never falls',
  begin: (facts, report) => {
    const watermarks = new Map<QueueKey, number>();
    /** Those that were known when a poll was asked: an answer that waits for the disk may be older than others. */
    const asked = new Map<string, ReadonlyMap<QueueKey, number>>();
    return {
      see(event) {
        if (event.kind === 'stored' && !event.synced && facts.flush === 'sync')
          report(`${event.queue}: the batch at ${event.base} was acknowledged before it was synced`, event);
        const loser = lossOf(facts, event);
        if (loser !== undefined) for (const queue of watermarks.keys()) if (brokerOf(queue) === loser) watermarks.delete(queue);
        if (event.kind === 'polled') {
          asked.set(event.poll, new Map(event.queues.map(({ queue }) => [queue, watermarks.get(queue) ?? 0])));
        } else if (event.kind === 'read') {
          const then = asked.get(event.poll);
          asked.delete(event.poll);
          for (const { queue, batches, next, highWatermark, code } of event.queues) {
            // Who asks for more than there is learns the high watermark too.
            if (code !== 'OK' && code !== 'OFFSET_OUT_OF_RANGE') continue;
            const last = batches.at(-1);
            const end = Math.max(next, last === undefined ? 0 : last.base + last.count);
            if (end > highWatermark) report(`${queue}: read up to ${end}, above the high watermark ${highWatermark}`, event);
            const known = watermarks.get(queue) ?? 0;
            // After a power cut under asynchronous flush, what was known is forgotten.
            const before = Math.min(then?.get(queue) ?? 0, known);
            if (highWatermark < before && !event.stale)
              report(`${queue}: the high watermark fell from ${before} to ${highWatermark}`, event);
            watermarks.set(queue, Math.max(known, highWatermark));
            const early = batches.find(({ synced }) => !synced);
            if (early !== undefined && facts.flush === 'sync')
              report(`${queue}: the batch at ${early.base} was handed out before it was synced`, event);
          }
        }
      },
    };
  },
};
