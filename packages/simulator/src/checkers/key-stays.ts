import type { EventOf, QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';
import type { Facts } from './facts.ts';

/** Below the time for which a broker that vanished keeps its place in any run. */
const ABSENCE_MS_MAX = 12_000;

const longAbsence = ({ spans }: Facts): boolean =>
  spans.some(
    ({ node, fromMs, toMs }) => node.startsWith('ns-') || (node.startsWith('broker-') && toMs - fromMs > ABSENCE_MS_MAX),
  );

export const keyStays: Checker = {
  name: 'key-stays',
  rule: 'all messages of a key go to one queue while no broker is away for long',
  begin: (facts, report) => {
    const queues = new Map<string, { readonly queue: QueueKey; readonly event: EventOf<'sendCompleted'> }>();
    const moves = longAbsence(facts);
    return {
      see(event) {
        if (moves || event.kind !== 'sendCompleted' || event.queue === undefined) return;
        const invoked = facts.sends.get(event.value)?.invoked;
        if (invoked?.key === undefined || invoked.placed) return;
        const name = `${invoked.topic} ${invoked.key}`;
        const before = queues.get(name);
        if (before === undefined) queues.set(name, { queue: event.queue, event });
        else if (before.queue !== event.queue)
          report(`${name} went to ${before.queue} and to ${event.queue}`, before.event, event);
      },
    };
  },
};
