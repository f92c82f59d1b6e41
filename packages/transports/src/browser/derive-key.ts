import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { type DeriveKey, type KeyRequest, QanatError } from '@qanat/core';

const KEY_BYTES = 32;
const utf8 = new TextEncoder();

/** Of `crypto.subtle`, what is used of it. */
export interface KeyDeriver {
  importKey(format: 'raw', key: Uint8Array, algorithm: 'PBKDF2', extractable: false, uses: ['deriveBits']): Promise<CryptoKey>;
  deriveBits(
    algorithm: { readonly name: 'PBKDF2'; readonly hash: 'SHA-256'; readonly salt: Uint8Array; readonly iterations: number },
    key: CryptoKey,
    bits: number,
  ): Promise<ArrayBuffer>;
}

type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/**
 * PBKDF2-HMAC-SHA-256 (RFC 8018) in a browser.
 * @param subtle `crypto.subtle`, which derives outside of the page's thread. Only pages of secure contexts (https, localhost)
 *   have it; undefined: it is JavaScript, which lets the page do something every 10 ms.
 */
export const deriveKeyWith =
  (subtle: KeyDeriver | undefined): DeriveKey =>
  (request, done) => {
    const derived = subtle === undefined ? inJavaScript(request) : outside(subtle, request);
    derived.then(
      (key) => done(undefined, key),
      (cause) =>
        done(new QanatError('INTERNAL', `the key could not be derived: ${String(cause)}`, { cause, outcome: 'not-sent' })),
    );
  };

export const deriveKey: DeriveKey = deriveKeyWith(globalThis.crypto.subtle as KeyDeriver | undefined);

const inJavaScript = ({ password, salt, iterations }: KeyRequest): Promise<Uint8Array> =>
  pbkdf2Async(sha256, password, salt, { c: iterations, dkLen: KEY_BYTES });

async function outside(subtle: KeyDeriver, { password, salt, iterations }: KeyRequest): Promise<Uint8Array> {
  const key = await subtle.importKey('raw', utf8.encode(password), 'PBKDF2', false, ['deriveBits']);
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations } as const;
  return new Uint8Array(await subtle.deriveBits(algorithm, key, 8 * KEY_BYTES));
}
