import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Platform, portableCrc32 } from '@qanat/core';

/** Below this the call into native code costs more than the sum (measured on Node 20: about 160 ns a call). */
const NATIVE_CRC32_BYTES_MIN = 128;

const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What the core needs from Node. */
export const nodePlatform: Platform = {
  crc32: (bytes, seed) => (bytes.length < NATIVE_CRC32_BYTES_MIN ? portableCrc32(bytes, seed) : crc32(bytes, seed)),
  deflateRaw: (bytes) => plain(deflateRawSync(bytes)),
  inflateRaw: (bytes, bytesMax) => {
    // Node refuses a limit of 0.
    const inflated = inflateRawSync(bytes, { maxOutputLength: Math.max(1, bytesMax) });
    if (inflated.length > bytesMax) throw new RangeError(`more than ${bytesMax} bytes`);
    return plain(inflated);
  },
};
