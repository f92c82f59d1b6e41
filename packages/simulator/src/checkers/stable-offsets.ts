import { brokerOf, type HistoryEvent, type QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf, mayHaveLost } from './facts.ts';
import { orNew } from './or-new.ts';
import { PowerCuts } from './power-cuts.ts';

/** Jepsen's inconsistent-offset. */
export const stableOffsets: Checker = {
  name: 'stable-offsets',
  rule: 'an offset of a queue has one message for ever, whoever tells of it',
  begin: (facts, report) => {
    const claims = new Map<QueueKey, Map<number, HistoryEvent & { readonly value: string | undefined }>>();
    const cuts = new PowerCuts(facts);
    const claim = (queue: QueueKey, offset: number, event: HistoryEvent & { readonly value: string | undefined }): void => {
      const queueClaims = orNew(claims, queue, () => new Map());
      const before = queueClaims.get(offset);
      if (before === undefined) queueClaims.set(offset, event);
      else if (before.value !== event.value)
        report(`${queue} ${offset} was ${before.value} and then ${event.value}`, before, event);
    };
    return {
      see(event, index) {
        cuts.see(event, index);
        // Where a power cut took what was not synced, a member may still hand out what it had fetched before.
        if (event.kind === 'delivered' && mayHaveLost(facts, event.queue)) return;
        if (event.kind === 'delivered' || event.kind === 'drained') claim(event.queue, event.offset, event);
        else if (event.kind === 'sendCompleted' && event.outcome === 'ok' && event.queue !== undefined) {
          const mayBeGone = facts.flush === 'async' && cuts.cameBetween(event);
          if (event.offset !== undefined && !mayBeGone) claim(event.queue, event.offset, event);
        }
        const loser = lossOf(facts, event);
        // What was not synced is gone, and its offsets are given again.
        if (loser !== undefined) for (const queue of claims.keys()) if (brokerOf(queue) === loser) claims.delete(queue);
      },
    };
  },
};
