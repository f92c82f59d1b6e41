import type { HistoryEvent, QueueKey, ToldLease } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';

interface Known {
  readonly epoch: number;
  readonly member: string;
  readonly start: number;
  readonly event: HistoryEvent;
}

/** W1 and G1 of the fault model. */
export const leasesExclusive: Checker = {
  name: 'leases-exclusive',
  rule: 'a lease epoch has one member and one start; each new lease of a queue has a higher epoch, and the old one is told no more',
  begin: (facts, report) => {
    /** By group, queue and epoch. */
    const epochs = new Map<string, Known>();
    const newest = new Map<string, Known>();
    const look = (group: string, member: string, { queue, epoch, start }: ToldLease, event: HistoryEvent): void => {
      const slot = `${group} ${queue}`;
      const name = `${slot} ${epoch}`;
      const place = placeOf(group, queue);
      const before = epochs.get(name);
      if (before !== undefined && (before.member !== member || before.start !== start))
        return report(
          `${place}: epoch ${epoch} is of ${before.member} from ${before.start} and of ${member} from ${start}`,
          before.event,
          event,
        );
      const known = { epoch, member, start, event };
      if (before === undefined) epochs.set(name, known);
      const last = newest.get(slot);
      if (last !== undefined && epoch < last.epoch)
        return report(
          `${place}: ${member} is told of epoch ${epoch} after ${last.member} was told of ${last.epoch}`,
          last.event,
          event,
        );
      newest.set(slot, known);
    };
    return {
      see(event) {
        if (event.kind === 'leases') for (const lease of event.leases) look(event.group, event.member, lease, event);
        const loser = lossOf(facts, event);
        if (loser !== undefined)
          for (const map of [epochs, newest]) for (const key of map.keys()) if (key.includes(`/${loser}/`)) map.delete(key);
      },
    };
  },
};

const placeOf = (group: string, queue: QueueKey): string => `${group}, ${queue}`;
