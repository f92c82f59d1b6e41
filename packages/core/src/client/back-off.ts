import type { Random } from '../random.ts';

/** Waits that double from `leastMs` to `mostMs`; each is drawn between half of it and the whole, so that many clients spread. */
export class BackOff {
  readonly #random: Random;
  readonly #leastMs: number;
  readonly #mostMs: number;
  #nextMs: number;

  constructor(random: Random, leastMs: number, mostMs: number) {
    this.#random = random;
    this.#leastMs = leastMs;
    this.#mostMs = mostMs;
    this.#nextMs = leastMs;
  }

  /** How long to wait now; the next wait is twice as long. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(ms * 2, this.#mostMs);
    return ms / 2 + (this.#random.fraction() * ms) / 2;
  }

  reset(): void {
    this.#nextMs = this.#leastMs;
  }
}
