import type { Place } from '../ports.ts';

const CAPACITY_MIN = 16;

/** Places in the order in which they came, 16 bytes each. */
export class PlaceQueue {
  #numbers = new Float64Array(2 * CAPACITY_MIN);
  #head = 0;
  #length = 0;
  /** How many were ever added. */
  pushed = 0;

  /** How many were ever taken. */
  get taken(): number {
    return this.pushed - this.#length;
  }

  get length(): number {
    return this.#length;
  }

  push(queue: number, offset: number): void {
    this.pushed++;
    if (2 * this.#length === this.#numbers.length) this.#grow();
    const at = this.#index(this.#length++);
    this.#numbers[at] = queue;
    this.#numbers[at + 1] = offset;
  }

  shift(): Place | undefined {
    if (this.#length === 0) return undefined;
    const place = this.#at(0);
    this.#head = this.#index(1);
    this.#length--;
    return place;
  }

  *[Symbol.iterator](): Generator<Place> {
    for (let i = 0; i < this.#length; i++) yield this.#at(i);
  }

  #at(i: number): Place {
    const at = this.#index(i);
    return { queue: this.#numbers[at] as number, offset: this.#numbers[at + 1] as number };
  }

  #index(i: number): number {
    return (this.#head + 2 * i) % this.#numbers.length;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#numbers.length);
    const tail = this.#numbers.subarray(this.#head);
    larger.set(tail);
    larger.set(this.#numbers.subarray(0, this.#head), tail.length);
    this.#numbers = larger;
    this.#head = 0;
  }
}
