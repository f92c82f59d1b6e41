import { brokerOf, type HistoryEvent } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';

interface Floor {
  readonly offset: number;
  readonly event: HistoryEvent;
}

/** G5 of the fault model. */
export const commitsMonotone: Checker = {
  name: 'commits-monotone',
  rule: 'a committed offset never moves backwards but by a reset: no answer and no new lease is below one that was acknowledged',
  begin: (facts, report) => {
    const floors = new Map<string, Floor>();
    /** Groups at brokers where a reset is on its way. */
    const resetting = new Set<string>();
    const known = new Set<string>();
    const clear = (hit: (slot: string) => boolean): void => {
      for (const slot of floors.keys()) if (hit(slot)) floors.delete(slot);
    };
    const look = (group: string, queue: string, offset: number, what: string, event: HistoryEvent): void => {
      const floor = floors.get(`${group} ${queue}`);
      if (floor !== undefined && offset < floor.offset)
        report(`${group}, ${queue}: ${what} ${offset} though ${floor.offset} was committed`, floor.event, event);
    };
    return {
      see(event) {
        const loser = lossOf(facts, event);
        if (loser !== undefined) clear((slot) => brokerOf(slot.split(' ')[1] as string) === loser);
        switch (event.kind) {
          case 'committed':
            if (facts.groups.get(event.group)?.mode !== 'clustering' || resetting.has(`${event.group} ${event.broker}`)) return;
            for (const { queue, offset, code } of event.offsets) {
              const slot = `${event.group} ${queue}`;
              if (code === 'OK' && offset > (floors.get(slot)?.offset ?? -1)) floors.set(slot, { offset, event });
            }
            return;
          case 'fetched':
            return look(event.group, event.queue, event.offset ?? 0, 'the group is said to be at', event);
          case 'leases':
            for (const { queue, epoch, start } of event.leases) {
              const lease = `${event.group} ${queue} ${epoch}`;
              if (!known.has(lease)) look(event.group, queue, start, 'a new lease begins at', event);
              known.add(lease);
            }
            return;
          case 'reset':
            if (event.phase === 'asked') resetting.add(`${event.group} ${event.broker}`);
            else resetting.delete(`${event.group} ${event.broker}`);
            return clear((slot) => slot.startsWith(`${event.group} `) && slot.includes(`/${event.broker}/`));
          case 'node':
            // A reset that was on its way is done or is not, once the broker is back.
            if (event.state === 'started')
              for (const name of resetting) if (name.endsWith(` ${event.node}`)) resetting.delete(name);
            return;
        }
      },
    };
  },
};
