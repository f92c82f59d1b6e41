import type { EventOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { mayHaveLost } from './facts.ts';

/** Jepsen's nonmonotonic-poll. */
export const deliveredInOrder: Checker = {
  name: 'delivered-in-order',
  rule: 'a member that takes messages one by one is given those of a queue in the order of their offsets, as long as it holds the queue',
  begin: (facts, report) => {
    const last = new Map<string, EventOf<'delivered'>>();
    return {
      see(event) {
        if (event.kind === 'assigned' || event.kind === 'revoked') {
          for (const queue of event.queues) last.delete(`${event.group} ${event.member} ${queue}`);
        } else if (event.kind === 'leases') {
          // A reset gives the same member the queue again.
          if (facts.reset.has(event.group))
            for (const { queue } of event.leases) last.delete(`${event.group} ${event.member} ${queue}`);
        } else if (event.kind === 'delivered' && facts.groups.get(event.group)?.ordered === true && event.attempt === 1) {
          // What was not synced is gone, its offsets are given again, and a member may still hand out what it had fetched before.
          if (mayHaveLost(facts, event.queue)) return;
          const name = `${event.group} ${event.member} ${event.queue}`;
          const before = last.get(name);
          if (before !== undefined && event.offset <= before.offset)
            report(`${event.member} was given ${event.queue} ${event.offset} after ${before.offset}`, before, event);
          last.set(name, event);
        }
      },
    };
  },
};
