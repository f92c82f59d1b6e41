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

/** Counts wrong passwords, so that nobody can try many. A right one costs nothing. */
export class WrongPasswords {
  readonly #allowance: Allowance;
  readonly #buckets = new Map<string, Bucket>();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }

  /** Whether the key may say another password now. */
  mayTry(key: string, nowMs: number): boolean {
    return this.#usedBy(key, nowMs) < this.#allowance.burst;
  }

  wrong(key: string, nowMs: number): void {
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
