import { createHash } from 'node:crypto';
import { NEW_SHARE_MS, NEW_SHARES_MAX, SHARES_KEPT_MAX } from './limits.ts';

/** Names have the length that clients give them. */
const digestOf = (key: string): string => createHash('sha256').update(key, 'utf8').digest('base64').slice(0, 16);

/**
 * Counts the shared subscriptions that are new to this bridge. Each makes a consumer group, which no request of the protocol
 * removes: a client that thinks up one name after the other must not fill the brokers.
 */
export class NewShares {
  readonly #known = new Set<string>();
  #used = 0;
  #atMs = 0;

  /** Whether a client may name a shared subscription: it was here before, or may be new now, which is counted. */
  take(key: string, nowMs: number): boolean {
    if (this.#known.has(digestOf(key))) return true;
    const used = this.#usedAt(nowMs);
    if (used + 1 > NEW_SHARES_MAX) return false;
    this.#used = used + 1;
    this.#atMs = nowMs;
    return true;
  }

  /** It is here; one of a session that goes on is not new to the cluster. */
  came(key: string): void {
    const digest = digestOf(key);
    this.#known.delete(digest);
    this.#known.add(digest);
    if (this.#known.size > SHARES_KEPT_MAX) this.#known.delete(this.#known.values().next().value as string);
  }

  #usedAt(nowMs: number): number {
    return Math.max(0, this.#used - (nowMs - this.#atMs) / NEW_SHARE_MS);
  }
}
