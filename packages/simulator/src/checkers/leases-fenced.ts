import type { HistoryEvent, QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';

interface Dead {
  readonly epoch: number;
  readonly event: HistoryEvent;
}

export const leasesFenced: Checker = {
  name: 'leases-fenced',
  rule: 'a lease that was released, or after which another one was granted, reads and commits nothing more',
  begin: (facts, report) => {
    /** The highest epoch of each queue that is over. */
    const dead = new Map<string, Dead>();
    const bury = (slot: string, epoch: number, event: HistoryEvent): void => {
      if (epoch > (dead.get(slot)?.epoch ?? 0)) dead.set(slot, { epoch, event });
    };
    const look = (group: string, member: string, queue: QueueKey, epoch: number, did: string, event: HistoryEvent): void => {
      const over = dead.get(`${group} ${queue}`);
      if (epoch !== 0 && over !== undefined && epoch <= over.epoch)
        report(`${group}, ${queue}: ${member} ${did} under epoch ${epoch}, which is over`, over.event, event);
    };
    return {
      see(event) {
        if (event.kind === 'leases')
          for (const { queue, epoch } of event.leases) bury(`${event.group} ${queue}`, epoch - 1, event);
        else if (event.kind === 'read' && event.group !== '' && !event.stale) {
          for (const { queue, epoch, code } of event.queues)
            if (code === 'OK') look(event.group, event.member, queue, epoch, 'reads', event);
        } else if (event.kind === 'committed') {
          const taken = event.offsets.filter(({ code, epoch }) => code === 'OK' && epoch !== 0);
          for (const { queue, epoch } of taken) look(event.group, event.member, queue, epoch, 'commits', event);
          if (event.via !== 'commit') for (const { queue, epoch } of taken) bury(`${event.group} ${queue}`, epoch, event);
        }
        const loser = lossOf(facts, event);
        if (loser !== undefined) for (const slot of dead.keys()) if (slot.includes(`/${loser}/`)) dead.delete(slot);
      },
    };
  },
};
