import type { Clock } from '@qanat/core';
import type { HistoryEvent, HistoryFact } from './events.ts';

/** Writes down what happens in a run, in order. */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  add(fact: HistoryFact): void {
    this.events.push({ ...fact, atMs: this.#clock.nowMs() });
  }
}
