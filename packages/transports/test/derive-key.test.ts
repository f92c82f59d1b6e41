import { webcrypto } from 'node:crypto';
import { type DeriveKey, isNonce, type KeyRequest, SCRAM_ITERATIONS } from '@qanat/core';
import { deriveKeyWith, drawNonce as drawInBrowser, deriveKey as inBrowser, type KeyDeriver } from '@qanat/transports/browser';
import { drawNonce as drawInNode, deriveKey as inNode } from '@qanat/transports/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const derived = (derive: DeriveKey, request: KeyRequest): Promise<Uint8Array> =>
  new Promise((resolve, reject) => derive(request, (error, key) => (key === undefined ? reject(error) : resolve(key))));

describe.each<[string, DeriveKey]>([
  ['Node', inNode],
  ['a browser', inBrowser],
  ['a page of a secure context', deriveKeyWith(webcrypto.subtle as KeyDeriver)],
  ['a page of another context', deriveKeyWith(undefined)],
])('the keys of %s', (_name, derive) => {
  it('are those of RFC 7914, chapter 11', async () => {
    const request = { password: 'passwd', salt: ascii('salt'), iterations: 1 };
    const key = await derived(derive, request);
    expect(Buffer.from(key).toString('hex')).toBe('55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc');
  });

  it('are those of Node for any password and salt', async () => {
    const password = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 100, size: 'max' });
    const salt = fc.uint8Array({ minLength: 1, maxLength: 100, size: 'max' });
    await fc.assert(
      fc.asyncProperty(password, salt, fc.integer({ min: 1, max: 50 }), async (word, bytes, iterations) => {
        const request = { password: word, salt: bytes, iterations };
        expect(await derived(derive, request)).toEqual(await derived(inNode, request));
      }),
      { numRuns: 50 },
    );
  });

  it('come in a later turn, with as many rounds as a new password has', async () => {
    const request = { password: 'secret', salt: ascii('salt'), iterations: SCRAM_ITERATIONS };
    let returned = false;
    await new Promise<void>((resolve) => {
      derive(request, (error, key) => {
        expect([error, key?.length, returned]).toEqual([undefined, 32, true]);
        resolve();
      });
      returned = true;
    });
  });
});

it('a derivation that the browser refuses fails the login, with why', async () => {
  const refusing = { importKey: () => Promise.reject(new Error('not here')), deriveBits: () => Promise.reject(new Error()) };
  const failed = derived(deriveKeyWith(refusing), { password: 'p', salt: ascii('s'), iterations: 1 });
  await expect(failed).rejects.toMatchObject({ code: 'INTERNAL', outcome: 'not-sent', message: /not here/ });
});

it.each([
  ['Node', drawInNode],
  ['a browser', drawInBrowser],
])('the nonces of %s are 144 bits, without a comma, and never the same', (_name, draw) => {
  const nonces = Array.from({ length: 1_000 }, draw);
  expect(new Set(nonces).size).toBe(1_000);
  for (const nonce of nonces) expect([isNonce(nonce), Buffer.from(nonce, 'base64').length]).toEqual([true, 18]);
});
