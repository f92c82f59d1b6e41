import { brokerOf, type EventOf, type QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';
import { PowerCuts } from './power-cuts.ts';

interface Acked {
  readonly offset: number;
  readonly event: EventOf<'sendCompleted'>;
}

export const lostIsSuffix: Checker = {
  name: 'lost-is-suffix',
  rule: 'with asynchronous flush a power cut takes only the newest messages of a queue: what survives is a prefix of what was acknowledged',
  begin: (facts, report) => {
    /** Acknowledged since the last power cut. */
    let life = new Map<QueueKey, Acked[]>();
    const cuts = new PowerCuts(facts);
    const judge = (broker: string): void => {
      for (const [queue, acked] of life) {
        if (brokerOf(queue) !== broker || facts.refused.has(broker)) continue;
        life.delete(queue);
        const log = facts.log.get(queue);
        const oldest = facts.ends.get(queue)?.oldest ?? 0;
        let lost: Acked | undefined;
        for (const one of acked.sort((a, b) => a.offset - b.offset)) {
          if (one.offset < oldest) continue;
          const there = log?.get(one.offset) === one.event.value;
          if (there && lost !== undefined)
            report(
              `${queue}: ${lost.event.value} at ${lost.offset} was lost, and ${one.event.value} at ${one.offset} survived`,
              lost.event,
              one.event,
            );
          if (!there) lost ??= one;
        }
      }
    };
    return {
      see(event, index) {
        if (facts.flush !== 'async') return;
        cuts.see(event, index);
        if (event.kind === 'sendCompleted' && event.outcome === 'ok' && event.queue !== undefined && event.offset !== undefined) {
          if (cuts.cameBetween(event)) return;
          const acked = life.get(event.queue) ?? [];
          acked.push({ offset: event.offset, event });
          life.set(event.queue, acked);
        }
        const loser = lossOf(facts, event);
        if (loser !== undefined) judge(loser);
      },
      end() {
        life = new Map();
      },
    };
  },
};
