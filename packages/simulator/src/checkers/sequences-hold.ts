import type { EventOf } from '../history/index.ts';
import type { Checker } from './checker.ts';
import { lossOf } from './facts.ts';

/** Records between two batches of one producer that the log has room for: their answers may have been lost with a connection. */
const roomBetween = (before: EventOf<'stored'>, after: EventOf<'stored'>): number =>
  before.base === undefined || after.base === undefined ? Number.POSITIVE_INFINITY : after.base - before.base - before.count;

export const sequencesHold: Checker = {
  name: 'sequences-hold',
  rule: 'a numbered batch is stored once, at one offset, directly behind the one before it; no two batches share an offset',
  begin: (facts, report) => {
    const answers = new Map<string, EventOf<'stored'>>();
    const last = new Map<string, EventOf<'stored'>>();
    return {
      see(event) {
        if (lossOf(facts, event) !== undefined) {
          answers.clear();
          last.clear();
        }
        if (event.kind !== 'stored' || event.producerId === 0) return;
        const producer = `${event.producerId} ${event.queue}`;
        const name = `${producer} ${event.sequence}`;
        const before = answers.get(name);
        if (before === undefined) answers.set(name, event);
        else if (before.checksum !== event.checksum || (event.base !== undefined && before.base !== event.base))
          report(
            `${event.queue}: sequence ${event.sequence} of ${event.producerId} is at ${before.base} and at ${event.base}`,
            before,
            event,
          );
        else if (!event.duplicate && !before.duplicate) return;
        if (event.duplicate) return;
        const written = last.get(producer);
        last.set(producer, event);
        if (written === undefined) return;
        const next = (written.sequence + written.count) >>> 0;
        if (event.sequence > next && roomBetween(written, event) < event.sequence - next)
          report(
            `${event.queue}: sequence ${event.sequence} of ${event.producerId} was stored where ${next} is next`,
            written,
            event,
          );
      },
    };
  },
};
