import type { EventOf, QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { orNew } from './or-new.ts';

export const noDuplicates: Checker = {
  name: 'no-duplicates',
  rule: 'without a fault a group is given no message twice, planned restarts and rebalances included',
  begin: (facts, report) => {
    const seen = new Map<string, Map<QueueKey, Map<number, EventOf<'delivered'>>>>();
    const excused = new Set<string>();
    /** Offsets by group and queue whose handler failed and has not succeeded since. */
    const failed = new Map<string, Set<number>>();
    /** What was handed out behind such a one when its member left comes again with it: up to which offset. */
    const again = new Map<string, number>();
    return {
      see(event, index) {
        if (event.kind === 'reset') excused.add(event.group);
        if (event.kind === 'handled') {
          const offsets = orNew(failed, `${event.group} ${event.queue}`, () => new Set());
          if (event.ok) offsets.delete(event.offset);
          else offsets.add(event.offset);
        }
        if (event.kind !== 'delivered' || event.attempt > 1 || index > facts.firstFault || excused.has(event.group)) return;
        const queues = orNew(seen, event.group, () => new Map());
        const offsets = orNew(queues, event.queue, () => new Map());
        const before = offsets.get(event.offset);
        const place = `${event.group} ${event.queue}`;
        if (before !== undefined && before.member !== event.member && failed.get(place)?.has(event.offset) === true)
          again.set(place, Math.max(...offsets.keys()));
        if (before === undefined) offsets.set(event.offset, event);
        else if (event.offset > (again.get(place) ?? -1))
          report(
            `${event.group} was given ${event.queue} ${event.offset} twice, at ${before.member} and ${event.member}`,
            before,
            event,
          );
      },
    };
  },
};
