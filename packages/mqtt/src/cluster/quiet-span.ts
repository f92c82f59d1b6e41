import type { StoredPublication } from '../ports.ts';

/** Retained messages that wait for the indexer; beyond it they are read from the log again. */
export const QUIET_KEPT_MAX = 1_000;

/** The newest span of a queue, with what is retained of it: where no session is offline nothing else is to be indexed. */
export class QuietSpan {
  #from = 0;
  #to = 0;
  #retained: StoredPublication[] = [];

  /** One more batch, whose retained messages are these. */
  add(from: number, to: number, retained: readonly StoredPublication[]): void {
    if (from !== this.#to || this.#retained.length > QUIET_KEPT_MAX) this.forget(from);
    this.#to = to;
    this.#retained.push(...retained);
  }

  /** Up to where everything from this position on is known; the position itself: nothing is. */
  endFrom(position: number): number {
    return position >= this.#from && position < this.#to ? this.#to : position;
  }

  /** Takes the retained messages from a position on. What is below is needed no more. */
  take(position: number): readonly StoredPublication[] {
    const taken = this.#retained.filter(({ offset }) => offset >= position);
    this.forget(this.#to);
    return taken;
  }

  /** The span begins anew. */
  forget(from: number): void {
    this.#from = from;
    this.#to = from;
    this.#retained = [];
  }
}
