import { setTimeout as sleep } from 'node:timers/promises';

/** What was missed while the cluster was slow is made up for at most this far. */
const CATCH_UP_MS = 1_000;

/** Spreads work evenly over time. */
export class Pacer {
  readonly #stepMs: number;
  readonly #signal: AbortSignal;
  #dueMs: number | undefined;

  constructor(perSecond: number, signal: AbortSignal) {
    this.#stepMs = 1_000 / perSecond;
    this.#signal = signal;
  }

  /** Resolves when `count` more may start. @throws the reason of the signal. */
  async turn(count: number): Promise<void> {
    const nowMs = performance.now();
    const dueMs = Math.max(this.#dueMs ?? nowMs, nowMs - CATCH_UP_MS);
    this.#dueMs = dueMs + this.#stepMs * count;
    // A timer is not exact to the millisecond: what is nearly due starts now.
    if (dueMs - nowMs >= 1) {
      await sleep(dueMs - nowMs, undefined, { signal: this.#signal }).catch((error: unknown) => {
        this.#signal.throwIfAborted();
        throw error;
      });
    }
  }
}
