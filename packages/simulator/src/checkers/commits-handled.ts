import { brokerOf, type EventOf, type QueueKey, topicOf } from '../history/index.ts';
import type { Checker, Report } from './checker.ts';
import { type Facts, passes } from './facts.ts';
import { orNew } from './or-new.ts';

interface Taken {
  readonly offset: number;
  readonly index: number;
  readonly event: EventOf<'committed'>;
}

/** What one group did with one queue. */
interface Progress {
  readonly group: string;
  readonly queue: QueueKey;
  /** When each offset was handled for the first time. */
  readonly handled: Map<number, number>;
  readonly commits: Taken[];
  start: number | undefined;
  /** Offsets below it may have had other messages, which a power cut took: those were handled, or left out by the filter. */
  givenAgain: number;
}

/** G4 of the fault model. */
export const commitsHandled: Checker = {
  name: 'commits-handled',
  rule: 'nothing is committed that was not handled, or left out by the filter, before',
  begin: (facts, report) => {
    const all = new Map<string, Progress>();
    const of = (group: string, queue: QueueKey): Progress =>
      orNew(all, `${group} ${queue}`, () => ({ group, queue, handled: new Map(), commits: [], start: undefined, givenAgain: 0 }));
    const ends = new Map<QueueKey, number>();
    return {
      see(event, index) {
        if (event.kind === 'handled' && event.ok) {
          const { handled } = of(event.group, event.queue);
          if (!handled.has(event.offset)) handled.set(event.offset, index);
        } else if (event.kind === 'read') {
          for (const { queue, highWatermark } of event.queues) ends.set(queue, Math.max(highWatermark, ends.get(queue) ?? 0));
        } else if (event.kind === 'node' && event.state === 'powerCut' && facts.flush === 'async') {
          for (const progress of all.values())
            if (brokerOf(progress.queue) === event.node)
              progress.givenAgain = Math.max(progress.givenAgain, ends.get(progress.queue) ?? 0);
        } else if (event.kind === 'leases') {
          for (const { queue, start } of event.leases) of(event.group, queue).start ??= start;
        } else if (event.kind === 'committed') {
          for (const { queue, offset, code } of event.offsets)
            if (code === 'OK') of(event.group, queue).commits.push({ offset, index, event });
        }
      },
      end() {
        for (const progress of all.values()) if (!facts.movedForward.has(progress.group)) judge(facts, progress, report);
      },
    };
  },
};

function judge(facts: Facts, { group, queue, handled, commits, start, givenAgain }: Progress, report: Report): void {
  const declared = facts.groups.get(group);
  const log = facts.log.get(queue);
  if (declared?.mode !== 'clustering' || log === undefined || start === undefined) return;
  let frontier = start;
  for (const { offset: committed, index, event } of commits) {
    for (; frontier < committed; frontier++) {
      const value = log.get(frontier);
      if (value === undefined || frontier < givenAgain || (handled.get(frontier) ?? Number.POSITIVE_INFINITY) < index) continue;
      if (!passes(declared, topicOf(queue), facts.sends.get(value)?.invoked.tag)) continue;
      report(`${group}, ${queue}: ${event.member} committed ${committed}, and ${frontier} (${value}) was not handled`, event);
      return;
    }
  }
}
