import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../wire/bytes.ts';
import type { Principal } from './principal.ts';
import { SCRAM_ITERATIONS, type ScramKeys } from './scram.ts';

/** Everybody whom a server knows. Immutable: a change is a new table. */
export class UserTable {
  readonly #principals: ReadonlyMap<string, Principal>;
  readonly #secret: Uint8Array;

  /** @param secret makes the salts of names that do not exist; the same one for as long as the users are. */
  constructor(principals: Iterable<Principal>, secret: Uint8Array) {
    this.#principals = new Map(Array.from(principals, (principal) => [principal.name, principal]));
    this.#secret = secret;
  }

  get size(): number {
    return this.#principals.size;
  }

  find(name: string): Principal | undefined {
    return this.#principals.get(name);
  }

  /** Somebody has a password. */
  get hasPasswords(): boolean {
    for (const { scram } of this.#principals.values()) if (scram !== undefined) return true;
    return false;
  }

  /**
   * What proves the password of a name. A name without one gets keys that no password fits, always with the same salt: an answer
   * does not tell who exists (QNT-AUT-009).
   */
  keysOf(name: string): ScramKeys {
    const known = this.#principals.get(name)?.scram;
    if (known !== undefined) return known;
    const salt = hmac(sha256, this.#secret, utf8(`salt ${name}`)).subarray(0, 16);
    const nobody = hmac(sha256, this.#secret, utf8(`keys ${name}`));
    return { salt, iterations: SCRAM_ITERATIONS, storedKey: nobody, serverKey: nobody };
  }
}
