import { pbkdf2 } from 'node:crypto';
import { type DeriveKey, QanatError } from '@qanat/core';

const KEY_BYTES = 32;

/** PBKDF2-HMAC-SHA-256 in Node's pool of threads. */
export const deriveKey: DeriveKey = ({ password, salt, iterations }, done) => {
  pbkdf2(password, salt, iterations, KEY_BYTES, 'sha256', (cause, key) => {
    if (cause === null) done(undefined, new Uint8Array(key));
    else done(new QanatError('INTERNAL', `the key could not be derived: ${cause.message}`, { cause, outcome: 'not-sent' }));
  });
};
