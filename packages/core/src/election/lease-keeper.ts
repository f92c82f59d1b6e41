import type { Timer } from '../timers.ts';
import type { LeaseId } from './consensus.ts';
import { type ElectorHost, LEASE_MARGIN_MS } from './elector-options.ts';

/** A lease as the store granted it. */
export interface GrantedLease {
  readonly lease: LeaseId;
  readonly ttlMs: number;
  /** When it was asked for: it cannot end before `sentMs + ttlMs`. */
  readonly sentMs: number;
}

/** A store that did not answer is asked again after this, however long the lease lasts. */
const RETRY_MS = 500;

/**
 * Keeps the lease of a master alive, three times in each of its lives. A lease tells others that the master is gone; nothing that
 * is safe depends on it.
 */
export class LeaseKeeper {
  readonly #host: ElectorHost;
  #held: GrantedLease | undefined;
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(host: ElectorHost) {
    this.#host = host;
  }

  get lease(): LeaseId | undefined {
    return this.#held?.lease;
  }

  /** Until then no other replica can have been elected, but by an operator who took the lease away. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  hold(granted: GrantedLease): void {
    this.drop();
    this.#held = granted;
    this.#confirmed(granted.sentMs);
    this.#again(granted.ttlMs / 3);
  }

  /** Keeps it alive no longer; it ends by itself. */
  drop(): void {
    this.#timer?.cancel();
    this.#held = undefined;
    this.#deadlineMs = Number.NEGATIVE_INFINITY;
  }

  #confirmed(sentMs: number): void {
    this.#deadlineMs = sentMs + (this.#held?.ttlMs ?? 0) - LEASE_MARGIN_MS;
  }

  #again(inMs: number): void {
    this.#timer = this.#host.timers.at(this.#host.nowMs() + inMs, () => this.#keep());
  }

  #keep(): void {
    const held = this.#held as GrantedLease;
    const sentMs = this.#host.nowMs();
    this.#host.consensus({ op: 'keepAlive', lease: held.lease }, (error, result) => {
      if (this.#held !== held) return;
      if (error === undefined && !result.alive) return this.drop();
      if (error === undefined) this.#confirmed(sentMs);
      this.#again(error === undefined ? held.ttlMs / 3 : Math.min(RETRY_MS, held.ttlMs / 3));
    });
  }
}
