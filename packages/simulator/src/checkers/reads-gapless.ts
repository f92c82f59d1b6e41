import type { Checker } from './checker.ts';
import { mayHaveLost } from './facts.ts';

/** Jepsen's int-poll-skip. */
export const readsGapless: Checker = {
  name: 'reads-gapless',
  rule: 'the batches of an answer begin at the offset that was asked for and follow each other without a gap; the next offset is behind them',
  begin: (facts, report) => {
    const filtered = new Set<string>();
    return {
      see(event) {
        if (event.kind === 'polled') {
          for (const queue of event.queues) if (queue.filtered) filtered.add(`${event.poll} ${queue.queue}`);
        } else if (event.kind === 'read') {
          for (const { queue, code, from, next, batches } of event.queues) {
            const first = batches[0];
            // What a rotten disk gives is served under the checksums that its readers verify.
            if (code !== 'OK' || first === undefined || mayHaveLost(facts, queue)) continue;
            const loose = filtered.has(`${event.poll} ${queue}`);
            if (first.base + first.count <= from || (!loose && first.base > from))
              report(`${queue}: asked for ${from}, given ${first.base} and on`, event);
            let at = first.base;
            for (const { base, count } of batches) {
              if (loose ? base < at : base !== at) report(`${queue}: offset ${base} follows where ${at} is next`, event);
              at = base + count;
            }
            if (loose ? next < at : next !== at) report(`${queue}: read up to ${at}, and sent on to ${next}`, event);
          }
        }
      },
    };
  },
};
