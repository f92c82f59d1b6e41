import type { Checker } from './checker.ts';
import type { SendFacts } from './facts.ts';

/** Jepsen's nonmonotonic-send. */
export const keepsOrder: Checker = {
  name: 'keeps-order',
  rule: 'messages of one producer and key stand in the order in which they were sent; so do two of a queue of which one was acknowledged before the other was sent',
  begin: (facts, report) => ({
    end() {
      for (const [queue, log] of facts.log) {
        const keyed = new Map<string, SendFacts>();
        const latest = new Map<string, SendFacts>();
        for (const offset of [...log.keys()].sort((a, b) => a - b)) {
          const send = facts.sends.get(log.get(offset) as string);
          if (send === undefined || !inOrder(send)) continue;
          const { producer, number, key, placed, value } = send.invoked;
          const last = latest.get(producer);
          if (last !== undefined && send.completedAt < last.invokedAt)
            report(
              `${queue}: ${value} was acknowledged before ${last.invoked.value} was sent, and stands behind it`,
              send.invoked,
              last.invoked,
            );
          if (last === undefined || send.invokedAt > last.invokedAt) latest.set(producer, send);
          if (key === undefined || placed) continue;
          const name = `${producer} ${key}`;
          const before = keyed.get(name);
          if (before !== undefined && before.invoked.number > number)
            report(`${queue}: ${value} stands behind ${before.invoked.value} of the same key`, before.invoked, send.invoked);
          keyed.set(name, send);
        }
      }
    },
  }),
};

/** Of a send without an acknowledgement nobody knows when it was stored. */
const inOrder = ({ invoked, completed }: SendFacts): boolean => invoked.ack !== 'none' && completed?.outcome === 'ok';
