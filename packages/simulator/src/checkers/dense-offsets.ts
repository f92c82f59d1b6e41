import type { QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { mayHaveLost } from './facts.ts';

export const denseOffsets: Checker = {
  name: 'dense-offsets',
  rule: 'a queue has a message at every offset from its oldest to its high watermark',
  begin: (facts, report) => {
    const next = new Map<QueueKey, number>();
    return {
      see(event) {
        if (event.kind !== 'drained') return;
        // Retention may have taken what the reader had before it.
        const expected = Math.max(next.get(event.queue) ?? event.offset, facts.ends.get(event.queue)?.oldest ?? 0);
        if (event.offset > expected && !mayHaveLost(facts, event.queue))
          report(`${event.queue} has nothing at ${expected} to ${event.offset - 1}`, event);
        next.set(event.queue, Math.max(expected, event.offset + 1));
      },
      end() {
        for (const [queue, end] of facts.ends) {
          let count = 0;
          for (const offset of facts.log.get(queue)?.keys() ?? []) if (offset >= end.oldest) count++;
          const expected = end.highWatermark - end.oldest;
          if (count < expected && !mayHaveLost(facts, queue))
            report(`${queue} says ${end.oldest} to ${end.highWatermark}, and ${count} messages were read`, end);
        }
      },
    };
  },
};
