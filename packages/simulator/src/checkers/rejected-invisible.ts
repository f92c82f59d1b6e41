import type { Checker } from './checker.ts';

/** Jepsen's G1a. */
export const rejectedInvisible: Checker = {
  name: 'rejected-invisible',
  rule: 'a message whose send was rejected is never read by anybody',
  begin: (facts, report) => ({
    see(event) {
      if ((event.kind !== 'delivered' && event.kind !== 'drained') || event.value === undefined) return;
      const completed = facts.sends.get(event.value)?.completed;
      if (completed?.outcome !== 'rejected') return;
      report(`${event.value} was rejected (${completed.code}) and is at ${event.queue} ${event.offset}`, completed, event);
    },
  }),
};
