import { QanatError } from './errors.ts';
import type { Platform } from './platform.ts';

const POLYNOMIAL = 0xedb8_8320;
const SLICES = 8;

/** Eight tables of 256 in one array: table `n` gives the effect of a byte that lies `n` bytes back. */
function makeTables(): Uint32Array {
  const tables = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
    tables[byte] = value;
  }
  for (let at = 256; at < tables.length; at++) {
    const shorter = tables[at - 256] as number;
    tables[at] = (shorter >>> 8) ^ (tables[shorter & 0xff] as number);
  }
  return tables;
}

const T = makeTables();

/** CRC-32/ISO-HDLC without a platform function, eight bytes at a time. The same as `Platform.crc32`. */
export function portableCrc32(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  let at = 0;
  const last = bytes.length - (SLICES - 1);
  for (; at < last; at += SLICES) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (T[1792 + (low & 0xff)] as number) ^
      (T[1536 + ((low >>> 8) & 0xff)] as number) ^
      (T[1280 + ((low >>> 16) & 0xff)] as number) ^
      (T[1024 + (low >>> 24)] as number) ^
      (T[768 + (bytes[at + 4] as number)] as number) ^
      (T[512 + (bytes[at + 5] as number)] as number) ^
      (T[256 + (bytes[at + 6] as number)] as number) ^
      (T[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) crc = (T[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function noDeflate(): never {
  throw new QanatError('UNSUPPORTED_FEATURE', 'this platform has no deflate');
}

/** Runs anywhere; batches that are compressed cannot be made or read with it. */
export const portablePlatform: Platform = { crc32: portableCrc32, deflateRaw: noDeflate, inflateRaw: noDeflate };
