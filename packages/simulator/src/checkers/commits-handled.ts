import { type EventOf, type QueueKey, topicOf } from '../history/index.ts';
import type { Checker, Report } from './checker.ts';
import { type Facts, mayHaveLost, passes } from './facts.ts';
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
}

/** G4 of the fault model. */
export const commitsHandled: Checker = {
  name: 'commits-handled',
  rule: 'nothing is committed that was not handled, or left out by the filter, before',
  begin: (facts, report) => {
    const all = new Map<string, Progress>();
    const of = (group: string, queue: QueueKey): Progress =>
      orNew(all, `${group} ${queue}`, () => ({ group, queue, handled: new Map(), commits: [], start: undefined }));
    return {
      see(event, index) {
        if (event.kind === 'handled' && event.ok) {
          const { handled } = of(event.group, event.queue);
          if (!handled.has(event.offset)) handled.set(event.offset, index);
        } else if (event.kind === 'leases') {
          for (const { queue, start } of event.leases) of(event.group, queue).start ??= start;
        } else if (event.kind === 'committed') {
          for (const { queue, offset, code } of event.offsets)
            if (code === 'OK') of(event.group, queue).commits.push({ offset, index, event });
        }
      },
      end() {
        for (const progress of all.values()) {
          // What a power cut took is handled, and its offsets may have other messages now, which a member that came so far
          // passes.
          if (!facts.movedForward.has(progress.group) && !mayHaveLost(facts, progress.queue)) judge(facts, progress, report);
        }
      },
    };
  },
};

function judge(facts: Facts, { group, queue, handled, commits, start }: Progress, report: Report): void {
  const declared = facts.groups.get(group);
  const log = facts.log.get(queue);
  if (declared?.mode !== 'clustering' || log === undefined || start === undefined) return;
  let frontier = start;
  for (const { offset: committed, index, event } of commits) {
    for (; frontier < committed; frontier++) {
      const value = log.get(frontier);
      if (value === undefined || (handled.get(frontier) ?? Number.POSITIVE_INFINITY) < index) continue;
      if (!passes(declared, topicOf(queue), facts.sends.get(value)?.invoked.tag)) continue;
      report(`${group}, ${queue}: ${event.member} committed ${committed}, and ${frontier} (${value}) was not handled`, event);
      return;
    }
  }
}
