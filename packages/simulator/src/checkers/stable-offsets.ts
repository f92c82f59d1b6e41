import { brokerOf, type HistoryEvent, type QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { mayHaveLost } from './facts.ts';
import { orNew } from './or-new.ts';

/** Jepsen's inconsistent-offset. */
export const stableOffsets: Checker = {
  name: 'stable-offsets',
  rule: 'an offset of a queue has one message for ever, whoever tells of it',
  begin: (facts, report) => {
    const claims = new Map<QueueKey, Map<number, HistoryEvent & { readonly value: string | undefined }>>();
    /** By broker: index of the last power cut that took what was not synced. */
    const cutAt = new Map<string, number>();
    const claim = (queue: QueueKey, offset: number, event: HistoryEvent & { readonly value: string | undefined }): void => {
      const queueClaims = orNew(claims, queue, () => new Map());
      const before = queueClaims.get(offset);
      if (before === undefined) queueClaims.set(offset, event);
      else if (before.value !== event.value)
        report(`${queue} ${offset} was ${before.value} and then ${event.value}`, before, event);
    };
    /** The answer may have been under way when the power was cut, and tell of what is gone. */
    const spansCut = ({ value, queue }: { readonly value: string; readonly queue: QueueKey }): boolean =>
      (facts.sends.get(value)?.invokedAt ?? Number.POSITIVE_INFINITY) < (cutAt.get(brokerOf(queue)) ?? 0);
    return {
      see(event, index) {
        // Where a power cut took what was not synced, a member may still hand out what it had fetched before.
        if (event.kind === 'delivered' && mayHaveLost(facts, event.queue)) return;
        if (event.kind === 'delivered' || event.kind === 'drained') claim(event.queue, event.offset, event);
        else if (event.kind === 'sendCompleted' && event.outcome === 'ok' && event.queue !== undefined) {
          const { value, queue, offset } = event;
          if (offset !== undefined && !spansCut({ value, queue })) claim(queue, offset, event);
        } else if (event.kind === 'node' && event.state === 'powerCut' && facts.flush === 'async') {
          // What was not synced is gone, and its offsets are given again.
          cutAt.set(event.node, index);
          for (const queue of claims.keys()) if (brokerOf(queue) === event.node) claims.delete(queue);
        }
      },
    };
  },
};
