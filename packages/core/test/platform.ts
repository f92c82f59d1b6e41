import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Platform } from '@qanat/core';

/** The platform functions of Node, for tests of the core. */
export const testPlatform: Platform = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  deflateRaw: (bytes) => deflateRawSync(bytes),
  inflateRaw: (bytes, bytesMax) => inflateRawSync(bytes, { maxOutputLength: Math.max(1, bytesMax) }),
};
