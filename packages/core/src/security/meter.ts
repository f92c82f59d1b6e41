import { QanatError } from '../errors.ts';
import type { RateLimit } from './principal.ts';

/** Up to one second's worth may come at once. */
const BURST_MS = 1_000;

/** A bucket that fills by `perSecond` and may go below zero: what was taken already is paid for later. */
class Bucket {
  readonly #perSecond: number;
  #level: number;
  #filledMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#level = perSecond;
    this.#filledMs = nowMs;
  }

  take(amount: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#level -= amount;
  }

  /** How long until there is one in it; 0: now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#level >= 1 ? 0 : Math.ceil(((1 - this.#level) * 1_000) / this.#perSecond);
  }

  #fill(nowMs: number): void {
    this.#level = Math.min(
      (this.#perSecond * BURST_MS) / 1_000,
      this.#level + ((nowMs - this.#filledMs) * this.#perSecond) / 1_000,
    );
    this.#filledMs = nowMs;
  }
}

/** What one principal has used of what it may, over all its connections to this server. */
export class Meter {
  readonly #requests: Bucket | undefined;
  readonly #bytes: Bucket | undefined;

  constructor({ requestsPerSecond, bytesPerSecond }: RateLimit, nowMs: number) {
    if (requestsPerSecond > 0) this.#requests = new Bucket(requestsPerSecond, nowMs);
    if (bytesPerSecond > 0) this.#bytes = new Bucket(bytesPerSecond, nowMs);
  }

  /** Counts a request. @throws QanatError TOO_MANY_REQUESTS with the time after which there is room again. */
  request(nowMs: number): void {
    const retryAfterMs = Math.max(this.#requests?.waitMs(nowMs) ?? 0, this.#bytes?.waitMs(nowMs) ?? 0);
    if (retryAfterMs > 0) throw new QanatError('TOO_MANY_REQUESTS', 'the rate limit of this user is reached', { retryAfterMs });
    this.#requests?.take(1, nowMs);
  }

  /** Counts bytes that came or went. */
  bytes(count: number, nowMs: number): void {
    this.#bytes?.take(count, nowMs);
  }
}
