import { brokerOf, type EventOf, type HistoryEvent } from '../history/index.ts';
import type { Facts } from './facts.ts';

/**
 * With asynchronous flush an acknowledgement that was under way when its broker lost its power may come later, and tell of
 * what is gone.
 */
export class PowerCuts {
  readonly #sends: Facts['sends'];
  /** By broker: index of the last one. */
  readonly #at = new Map<string, number>();

  constructor({ sends }: Facts) {
    this.#sends = sends;
  }

  see(event: HistoryEvent, index: number): void {
    if (event.kind === 'node' && event.state === 'powerCut') this.#at.set(event.node, index);
  }

  /** Whether the last power cut came between a send and this end of it. */
  cameBetween({ value, queue }: EventOf<'sendCompleted'>): boolean {
    const cutAt = queue === undefined ? undefined : this.#at.get(brokerOf(queue));
    const invokedAt = this.#sends.get(value)?.invokedAt;
    return cutAt !== undefined && invokedAt !== undefined && invokedAt < cutAt;
  }
}
