import { BRIDGE_DEAD_MS, BRIDGE_LOOK_GAP_MS } from './limits.ts';

/** For how long an entry was seen to stay as it is. Only looks that were answered count: a broker that is away tells nothing. */
export class StillSpan {
  #fromMs: number;
  #seenMs: number;

  constructor(nowMs: number) {
    this.#fromMs = nowMs;
    this.#seenMs = nowMs;
  }

  /** From the first of the looks to the last one, ms. */
  get ms(): number {
    return this.#seenMs - this.#fromMs;
  }

  /** Whether its bridge is dead: that stays so until the entry changes. */
  get isDead(): boolean {
    return this.ms >= BRIDGE_DEAD_MS;
  }

  /** Whether it is time to look. */
  isDue(nowMs: number, everyMs: number): boolean {
    return nowMs - this.#seenMs >= everyMs;
  }

  /** A look was answered: the entry is as it was. @returns false: for too long there was no answer, and the span begins anew. */
  seen(nowMs: number): boolean {
    const goesOn = this.isDead || nowMs - this.#seenMs <= BRIDGE_LOOK_GAP_MS;
    if (!goesOn) this.#fromMs = nowMs;
    this.#seenMs = nowMs;
    return goesOn;
  }
}
