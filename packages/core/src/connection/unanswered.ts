import { QanatError } from '../errors.ts';

/** Requests that went unanswered one after the other until the connection is given up. */
const UNANSWERED_MAX = 3;

/** Finds a server that answers PING and nothing else: it is as good as none (spec, chapter of correlation). */
export class Unanswered {
  #count = 0;
  /** When the last one was given up: what was sent before that was under way beside it, not after it. */
  #lastMs = 0;

  /** Something but PING was answered. */
  reset(): void {
    this.#count = 0;
  }

  /** A request other than PING was given up. */
  add(sentMs: number, nowMs: number): void {
    if (sentMs < this.#lastMs) return;
    this.#count++;
    this.#lastMs = nowMs;
  }

  get tooMany(): boolean {
    return this.#count >= UNANSWERED_MAX;
  }
}

/** A healthy master that waits for a slave of its in-sync set looks the same to who only sends. */
export const tooManyUnanswered = (address: string): QanatError =>
  new QanatError('TIMEOUT', `${address}: ${UNANSWERED_MAX} requests, one after the other, were not answered in time`, {
    hint: 'it hangs, or is a master that waits for a slave: "qanat cluster status" tells',
  });
