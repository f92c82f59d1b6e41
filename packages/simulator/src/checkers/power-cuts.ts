import { brokerOf, type EventOf, type HistoryEvent } from '../history/index.ts';
import { type Facts, lossOf } from './facts.ts';

/**
 * With asynchronous flush an acknowledgement that was under way when its broker lost its power may come later, and tell of
 * what is gone.
 */
export class PowerCuts {
  readonly #facts: Facts;
  /** By broker: index of the last one. */
  readonly #at = new Map<string, number>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  see(event: HistoryEvent, index: number): void {
    const loser = lossOf(this.#facts, event);
    if (loser !== undefined) this.#at.set(loser, index);
  }

  /** Whether the last power cut came between a send and this end of it. */
  cameBetween({ value, queue }: EventOf<'sendCompleted'>): boolean {
    const cutAt = queue === undefined ? undefined : this.#at.get(brokerOf(queue));
    const invokedAt = this.#facts.sends.get(value)?.invokedAt;
    return cutAt !== undefined && invokedAt !== undefined && invokedAt < cutAt;
  }
}
