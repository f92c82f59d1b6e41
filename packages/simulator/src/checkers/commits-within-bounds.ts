import type { QueueKey } from '../history/index.ts';
import type { Checker } from './checker.ts';

export const commitsWithinBounds: Checker = {
  name: 'commits-within-bounds',
  rule: 'an offset that a broker takes lies between the oldest message of the queue and the high watermark that it has told',
  begin: (_facts, report) => {
    const ends = new Map<QueueKey, number>();
    const oldest = new Map<QueueKey, number>();
    const grow = (queue: QueueKey, end: number): void => void ends.set(queue, Math.max(end, ends.get(queue) ?? 0));
    return {
      see(event) {
        if (event.kind === 'stored' && event.base !== undefined) grow(event.queue, event.base + event.count);
        else if (event.kind === 'read')
          for (const result of event.queues) {
            grow(result.queue, result.highWatermark);
            oldest.set(result.queue, Math.max(result.oldest, oldest.get(result.queue) ?? 0));
          }
        else if (event.kind === 'leases') for (const { queue, start } of event.leases) grow(queue, start);
        else if (event.kind === 'committed')
          for (const { queue, offset, code } of event.offsets) {
            if (code !== 'OK') continue;
            const end = ends.get(queue) ?? 0;
            if (offset > end) report(`${event.group}, ${queue}: ${offset} was taken, and the queue ends at ${end}`, event);
          }
      },
    };
  },
};
