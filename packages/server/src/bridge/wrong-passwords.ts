/** How many wrong passwords one key may say at once, and how soon it may say another. */
export interface Allowance {
  readonly burst: number;
  readonly refillMs: number;
}

/** Of one user from one address. */
export const WRONG_PER_USER: Allowance = { burst: 10, refillMs: 6_000 };
/** Of one address, whoever it says to be. */
export const WRONG_PER_ADDRESS: Allowance = { burst: 100, refillMs: 1_000 };
/** Keys that are remembered: beyond it the one that was wrong first is forgotten. */
export const WRONG_KEYS_MAX = 10_000;

interface Bucket {
  used: number;
  atMs: number;
}

/** `free`: the key may say a password now. `wait`: once some that are being checked have proved right. `full`: not now. */
export type Room = 'free' | 'wait' | 'full';

/** Counts wrong passwords, so that nobody can try many, and those that are being checked as if they were wrong. */
export class WrongPasswords {
  readonly #allowance: Allowance;
  readonly #buckets = new Map<string, Bucket>();
  /** How many are being checked. */
  readonly #begun = new Map<string, number>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Whether the key may say another password now. */
  room(key: string, nowMs: number): Room {
    const used = this.#usedBy(key, nowMs);
    // A part of one that is free again is not one.
    const most = this.#allowance.burst - 1;
    if (used > most) return 'full';
    return used + (this.#begun.get(key) ?? 0) <= most ? 'free' : 'wait';
  }

  /** A password is being checked: `ended` follows. */
  begin(key: string): void {
    this.#begun.set(key, (this.#begun.get(key) ?? 0) + 1);
  }

  /** @param wrong otherwise it costs nothing. */
  ended(key: string, wrong: boolean, nowMs: number): void {
    const begun = (this.#begun.get(key) ?? 0) - 1;
    if (begun > 0) this.#begun.set(key, begun);
    else this.#begun.delete(key);
    if (wrong) this.#wrong(key, nowMs);
  }

  #wrong(key: string, nowMs: number): void {
    const used = this.#usedBy(key, nowMs) + 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { used, atMs: nowMs });
    if (this.#buckets.size > WRONG_KEYS_MAX) this.#buckets.delete(this.#buckets.keys().next().value as string);
  }

  #usedBy(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.used - (nowMs - bucket.atMs) / this.#allowance.refillMs);
  }
}
