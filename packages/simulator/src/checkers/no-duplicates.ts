import type { EventOf, QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { orNew } from './or-new.ts';

export const noDuplicates: Checker = {
  name: 'no-duplicates',
  rule: 'without a fault a group is given no message twice, planned restarts and rebalances included',
  begin: (facts, report) => {
    const seen = new Map<string, Map<QueueKey, Map<number, EventOf<'delivered'>>>>();
    const excused = new Set<string>();
    return {
      see(event, index) {
        if (event.kind === 'reset') excused.add(event.group);
        if (event.kind !== 'delivered' || event.attempt > 1 || index > facts.firstFault || excused.has(event.group)) return;
        const queues = orNew(seen, event.group, () => new Map());
        const offsets = orNew(queues, event.queue, () => new Map());
        const before = offsets.get(event.offset);
        if (before === undefined) offsets.set(event.offset, event);
        else
          report(
            `${event.group} was given ${event.queue} ${event.offset} twice, at ${before.member} and ${event.member}`,
            before,
            event,
          );
      },
    };
  },
};
