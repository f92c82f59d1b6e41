import { pbkdf2Sync } from 'node:crypto';
import type { Clock, DeriveKey, KeyRequest } from '@qanat/core';
import { hexOf } from '../json.ts';

const KEY_BYTES = 32;
/** Keys that are remembered: one password with one salt is asked for by every program. */
const KEPT_MAX = 10_000;

const kept = new Map<string, Uint8Array>();

/** PBKDF2-HMAC-SHA-256 of a password. Derived at once, so that virtual time does not go on meanwhile. */
export function saltedPassword({ password, salt, iterations }: KeyRequest): Uint8Array {
  const name = `${iterations} ${hexOf(salt)} ${password}`;
  const known = kept.get(name);
  if (known !== undefined) return known;
  const key = new Uint8Array(pbkdf2Sync(password, salt, iterations, KEY_BYTES, 'sha256'));
  if (kept.size >= KEPT_MAX) kept.clear();
  kept.set(name, key);
  return key;
}

/** What an engine of this process derives keys with. */
export const deriveKeyOn =
  (clock: Pick<Clock, 'at' | 'nowMs'>): DeriveKey =>
  (request, done) => {
    clock.at(clock.nowMs(), () => done(undefined, saltedPassword(request)));
  };
