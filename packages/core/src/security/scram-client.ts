import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { QanatError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from '../wire/base64.ts';
import { utf8 } from '../wire/bytes.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { attributes, clientProof, escapeName, GS2_HEADER, isNonce, sameBytes, serverSignature } from './scram.ts';

/** What the platform derives a key from (PBKDF2-HMAC-SHA-256, 32 bytes). */
export interface KeyRequest {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** A server that is not to be trusted, or is broken. */
const refuse = (why: string): never => {
  throw new QanatError('AUTH_FAILED', `the server's answer is not to be trusted: ${why}`, {
    outcome: 'not-sent',
    hint: 'is this the server that you mean? it may be another one, or somebody between',
  });
};

/** The client's side of one SCRAM exchange. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #bare: string;
  #seen = '';
  #combined = '';
  #expected: Uint8Array | undefined;

  /** @param nonce printable ASCII without a comma, at least 128 bits that nobody can guess. */
  constructor(user: string, password: string, nonce: string) {
    this.#password = password;
    this.#nonce = nonce;
    this.#bare = `n=${escapeName(user)},r=${nonce}`;
  }

  /** The first message. */
  first(): Uint8Array {
    return utf8(GS2_HEADER + this.#bare);
  }

  /** Takes the server's first message. @returns what the key is to be derived from. @throws QanatError AUTH_FAILED. */
  serverFirst(message: string): KeyRequest {
    const [nonce = '', saltText = '', rounds = ''] = attributes(message, 'rsi') ?? [];
    const salt = decodeBase64(saltText);
    const iterations = /^[1-9]\d{0,8}$/.test(rounds) ? Number(rounds) : 0;
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce || !isNonce(nonce)) refuse('it does not go on with our nonce');
    if (salt === undefined || salt.length === 0) return refuse('it has no salt');
    if (iterations < LIMITS.SCRAM_ITERATIONS_MIN || iterations > LIMITS.SCRAM_ITERATIONS_MAX)
      refuse(`${rounds} rounds of key derivation (SCRAM_ITERATIONS_MIN and SCRAM_ITERATIONS_MAX are the bounds)`);
    this.#combined = nonce;
    this.#seen = `${this.#bare},${message}`;
    return { password: this.#password, salt, iterations };
  }

  /** The last message. @param salted the key that was derived. */
  final(salted: Uint8Array): Uint8Array {
    const open = `c=${encodeBase64(utf8(GS2_HEADER))},r=${this.#combined}`;
    const transcript = `${this.#seen},${open}`;
    this.#expected = serverSignature(hmac(sha256, salted, utf8('Server Key')), transcript);
    return utf8(`${open},p=${encodeBase64(clientProof(salted, transcript))}`);
  }

  /** Takes the server's last message: it must know the keys too. @throws QanatError AUTH_FAILED. */
  serverFinal(message: string): void {
    const [text = ''] = attributes(message, 'v') ?? [];
    const signature = decodeBase64(text);
    if (signature === undefined || this.#expected === undefined || !sameBytes(this.#expected, signature))
      refuse('it does not know the password');
  }
}
