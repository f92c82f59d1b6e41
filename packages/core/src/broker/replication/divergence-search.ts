import type { LogPlace } from './replica-log.ts';

/**
 * Finds the newest of a slave's places that its master's log has too, by halving: what is common is a beginning of both. The
 * last place is known not to be.
 */
export class DivergenceSearch {
  readonly #places: readonly LogPlace[];
  /** The newest that is known to be common; -1: none. */
  #common = -1;
  /** The oldest that is known not to be. */
  #foreign: number;

  constructor(places: readonly LogPlace[]) {
    this.#places = places;
    this.#foreign = places.length - 1;
  }

  /** The place to compare next; undefined: `common` is found. */
  get next(): LogPlace | undefined {
    const middle = (this.#common + this.#foreign) >> 1;
    return middle > this.#common ? this.#places[middle] : undefined;
  }

  /** The newest common place as far as it is known; undefined: none of them. */
  get common(): LogPlace | undefined {
    return this.#places[this.#common];
  }

  answered(common: boolean): void {
    const middle = (this.#common + this.#foreign) >> 1;
    if (common) this.#common = middle;
    else this.#foreign = middle;
  }
}
