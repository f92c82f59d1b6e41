import { randomFillSync } from 'node:crypto';
import { MASK_BYTES } from './wire-format.ts';

const POOL_BYTES = 8_192;
const pool = new Uint8Array(POOL_BYTES);
let at = POOL_BYTES;

/** A new mask, which nobody can foresee (RFC 6455, section 5.3). Holds until the next one is asked for. */
export function nextMask(): Uint8Array {
  if (at === POOL_BYTES) {
    randomFillSync(pool);
    at = 0;
  }
  at += MASK_BYTES;
  return pool.subarray(at - MASK_BYTES, at);
}
