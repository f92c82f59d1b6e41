import { createHmac, randomBytes } from 'node:crypto';
import { type DeriveKey, isPassword, type ScramKeys, sameBytes, scramKeys } from '@qanat/core';

/** Passwords that were verified; a fleet that reconnects costs no derivation. */
export const VERIFIED_MAX = 20_000;
/** Derivations at a time: they share Node's pool of threads with the files. */
export const DERIVATIONS_MAX = 2;
/** Devices that wait for one. */
export const DERIVATIONS_WAITING_MAX = 4_096;

export type Verdict = 'right' | 'wrong' | 'busy';

interface Waiting {
  readonly digest: string;
  readonly password: string;
  readonly keys: ScramKeys;
  readonly done: ((verdict: Verdict) => void)[];
}

const SECRET_BYTES = 32;

/**
 * Checks passwords that are said in the clear against what a credentials file keeps of them. To derive a key takes
 * milliseconds on purpose (PBKDF2): that happens beside the event loop, for few at a time, and once for each password while it
 * holds.
 */
export class PasswordCheck {
  readonly #derive: DeriveKey;
  readonly #secret = randomBytes(SECRET_BYTES);
  /** By digest, with the key that it was verified against: a changed password is another key. The oldest stands first. */
  readonly #verified = new Map<string, Uint8Array>();
  /** By digest and in order: those whose derivation has not begun or not ended. */
  readonly #waiting = new Map<string, Waiting>();
  #running = 0;
  readonly #queue: Waiting[] = [];

  constructor(derive: DeriveKey) {
    this.#derive = derive;
  }

  /** Whether the password was verified before and its keys are the same: then it needs no derivation. */
  isKnown(user: string, password: Uint8Array, keys: ScramKeys): boolean {
    const verified = this.#verified.get(this.#digestOf(user, password));
    return verified !== undefined && sameBytes(verified, keys.storedKey);
  }

  /** @param done called in a later turn. `busy`: DERIVATIONS_WAITING_MAX others wait. */
  verify(user: string, password: Uint8Array, keys: ScramKeys, done: (verdict: Verdict) => void): void {
    const text = Buffer.from(password).toString('latin1');
    if (!isPassword(text)) return queueMicrotask(() => done('wrong'));
    if (this.isKnown(user, password, keys)) return queueMicrotask(() => done('right'));
    const digest = this.#digestOf(user, password);
    const same = this.#waiting.get(digest);
    if (same !== undefined && sameBytes(same.keys.storedKey, keys.storedKey)) {
      same.done.push(done);
      return;
    }
    if (this.#queue.length >= DERIVATIONS_WAITING_MAX) return queueMicrotask(() => done('busy'));
    const waiting: Waiting = { digest, password: text, keys, done: [done] };
    this.#waiting.set(digest, waiting);
    this.#queue.push(waiting);
    this.#begin();
  }

  #begin(): void {
    while (this.#running < DERIVATIONS_MAX) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#running++;
      const { password, keys } = next;
      this.#derive({ password, salt: keys.salt, iterations: keys.iterations }, (error, salted) => {
        this.#running--;
        if (error !== undefined || salted === undefined) this.#end(next, 'busy');
        else this.#end(next, this.#holds(next, salted) ? 'right' : 'wrong');
        this.#begin();
      });
    }
  }

  #holds({ digest, keys }: Waiting, salted: Uint8Array): boolean {
    const { storedKey } = scramKeys(salted, keys.salt, keys.iterations);
    if (!sameBytes(storedKey, keys.storedKey)) return false;
    this.#verified.delete(digest);
    this.#verified.set(digest, storedKey);
    if (this.#verified.size > VERIFIED_MAX) this.#verified.delete(this.#verified.keys().next().value as string);
    return true;
  }

  #end(waiting: Waiting, verdict: Verdict): void {
    if (this.#waiting.get(waiting.digest) === waiting) this.#waiting.delete(waiting.digest);
    for (const done of waiting.done) done(verdict);
  }

  /** Nothing that is kept tells a password: the secret is of this process. */
  #digestOf(user: string, password: Uint8Array): string {
    return createHmac('sha256', this.#secret).update(`${user}\0`).update(password).digest('base64');
  }
}
