import { type Platform, portableCrc32 } from '@qanat/core';
import { FetchedDeflate } from './fetched-deflate.ts';

/** Begins to fetch at the first call. */
export const browserDeflate = new FetchedDeflate();

let inflate: Platform['inflateRaw'] = () => {
  throw new Error('the decompressor was not fetched before');
};

/** Fetches what `inflateRaw` does; only who reads messages needs it. It may be called often. Rejects as `import` does. */
export async function fetchInflate(): Promise<void> {
  const { inflateRaw } = await import('./inflate-raw.ts');
  inflate = inflateRaw;
}

/**
 * What the core needs from a browser. All of it is JavaScript: what browsers themselves have for deflate is asynchronous. Nothing
 * inflates before `fetchInflate`.
 */
export const browserPlatform: Platform = {
  crc32: portableCrc32,
  deflateRaw: browserDeflate.deflateRaw,
  inflateRaw: (bytes, bytesMax) => inflate(bytes, bytesMax),
};
