import { type Platform, portableCrc32 } from '@qanat/core';
import { FetchedDeflate } from './fetched-deflate.ts';
import { inflateRaw } from './inflate-raw.ts';

/** Begins to fetch at the first call. */
export const browserDeflate = new FetchedDeflate();

/** What the core needs from a browser. All of it is JavaScript: what browsers themselves have for deflate is asynchronous. */
export const browserPlatform: Platform = {
  crc32: portableCrc32,
  deflateRaw: browserDeflate.deflateRaw,
  inflateRaw,
};
