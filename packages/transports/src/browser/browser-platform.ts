import { type Platform, portableCrc32 } from '@qanat/core';
import { deflateSync } from 'fflate';
import { inflateRaw } from './inflate-raw.ts';

/** What the core needs from a browser. All of it is JavaScript: what browsers themselves have for deflate is asynchronous. */
export const browserPlatform: Platform = {
  crc32: portableCrc32,
  deflateRaw: (bytes) => deflateSync(bytes),
  inflateRaw,
};
