// Fixed-width integers, varints and strings at a place in a byte array: what the record batch and the commit log are made of.
import { util } from 'protobufjs/minimal.js';

const HIGH = 0x1_0000_0000;

export function readUint32(b: Uint8Array, at: number): number {
  return (((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)) >>> 0;
}

export function writeUint32At(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}

export function readUint16(b: Uint8Array, at: number): number {
  return ((b[at] as number) << 8) | (b[at + 1] as number);
}

export function writeUint16At(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}

/** A 64-bit integer of 0 … 2^53−1; NaN when it is larger. */
export function readUint53(b: Uint8Array, at: number): number {
  const high = readUint32(b, at);
  return high > 0x1f_ffff ? Number.NaN : high * HIGH + readUint32(b, at + 4);
}

export function writeUint53At(b: Uint8Array, at: number, value: number): void {
  writeUint32At(b, at, Math.floor(value / HIGH));
  writeUint32At(b, at + 4, value >>> 0);
}

/** Bytes that `value` takes as an unsigned LEB128 varint; at most 2^53−1. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let rest = value;
  let length = 1;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    length++;
  }
  return length;
}

/** Writes an unsigned varint and gives the place behind it. */
export function writeVarint(b: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    b[at] = value;
    return at + 1;
  }
  if (value < 0x4000) {
    b[at] = (value & 0x7f) | 0x80;
    b[at + 1] = value >>> 7;
    return at + 2;
  }
  let rest = value;
  let to = at;
  while (rest >= 0x80) {
    b[to++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  b[to++] = rest;
  return to;
}

/** ZigZag: small negative numbers become small positive ones. */
export const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

export const utf8Length = (text: string): number => util.utf8.length(text);

/** Half of a surrogate pair is no character and has no UTF-8: U+FFFD is sent in its place, which is as long (QNT-TYP-009). */
export const wellFormed = (text: string): string => (SURROGATE.test(text) ? text.replace(LONE_SURROGATES, '\ufffd') : text);

const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Writes `text` as UTF-8 and gives the place behind it. */
export const writeUtf8 = (b: Uint8Array, at: number, text: string): number => at + util.utf8.write(wellFormed(text), b, at);

export const readUtf8 = (b: Uint8Array, from: number, to: number): string => util.utf8.read(b, from, to);

export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text));
  writeUtf8(bytes, 0, text);
  return bytes;
}
