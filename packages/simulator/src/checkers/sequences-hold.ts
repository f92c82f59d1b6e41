import type { EventOf } from '../history/index.ts';
import type { Checker } from './checker.ts';

interface Written {
  readonly event: EventOf<'stored'>;
  /** Connections and lives of the broker that had ended by then. */
  readonly ends: number;
}

export const sequencesHold: Checker = {
  name: 'sequences-hold',
  rule: 'a numbered batch is stored once, at one offset, directly behind the one before it; no two batches share an offset',
  begin: (facts, report) => {
    const answers = new Map<string, EventOf<'stored'>>();
    const last = new Map<string, Written>();
    const ends = new Map<string, number>();
    return {
      see(event) {
        if (event.kind === 'connection' || event.kind === 'node') {
          if (event.kind === 'connection' && event.state !== 'closed') return;
          ends.set(event.node, (ends.get(event.node) ?? 0) + 1);
          if (event.kind === 'node' && event.state === 'powerCut' && facts.flush === 'async') {
            answers.clear();
            last.clear();
          }
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
        const node = event.queue.split('/')[1] as string;
        const written = last.get(producer);
        const count = ends.get(node) ?? 0;
        last.set(producer, { event, ends: count });
        // An answer that was lost with its connection was not seen here: then nobody can tell what is next.
        const next = written === undefined ? 0 : (written.event.sequence + written.event.count) >>> 0;
        if (written !== undefined && written.ends === count && event.sequence !== next && event.sequence > next)
          report(
            `${event.queue}: sequence ${event.sequence} of ${event.producerId} was stored where ${next} is next`,
            written.event,
            event,
          );
      },
    };
  },
};
