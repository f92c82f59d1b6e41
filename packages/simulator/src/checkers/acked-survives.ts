import { brokerOf, type QueueKey, topicOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { anyMayHaveLost, type Facts, mayHaveLost } from './facts.ts';

/** Of a batch that went to several queues nobody told which message is where. */
const anyIsUnread = ({ downAtEnd }: Facts, queue: QueueKey | undefined): boolean =>
  queue === undefined ? downAtEnd.size > 0 : downAtEnd.has(brokerOf(queue));

const anyWasDropped = ({ ends }: Facts, topic: string): boolean =>
  [...ends].some(([queue, { oldest }]) => oldest > 0 && topicOf(queue) === topic);

/** Jepsen's unseen-at-end. */
export const ackedSurvives: Checker = {
  name: 'acked-survives',
  rule: 'a message whose send ended with OK is in the log at the end, at the offset that was told',
  begin: (facts, report) => ({
    end() {
      for (const [value, { invoked, completed }] of facts.sends) {
        if (completed?.outcome !== 'ok' || invoked.ack === 'none') continue;
        const { queue, offset } = completed;
        if (anyIsUnread(facts, queue)) continue;
        if (queue === undefined || offset === undefined) {
          const found = facts.places.has(value) || anyMayHaveLost(facts) || anyWasDropped(facts, invoked.topic);
          if (!found) report(`${value} was acknowledged and is in no queue`, invoked, completed);
          continue;
        }
        const end = facts.ends.get(queue);
        if (mayHaveLost(facts, queue) || (end !== undefined && offset < end.oldest)) continue;
        if (facts.log.get(queue)?.get(offset) === value) continue;
        const where =
          facts.places
            .get(value)
            ?.map((place) => `${place.queue} ${place.offset}`)
            .join(', ') ?? 'nowhere';
        report(`${value} was acknowledged at ${queue} ${offset} and is ${where}`, invoked, completed);
      }
    },
  }),
};
