import { hexOf } from '../../json.ts';

const HEADER_BYTES = 16;
const KEY_BYTES_MAX = 512;
const VALUE_BYTES_MAX = 1_048_576;
const REMOVED = 1;
const EXPECTED = 2;

/** One state entry, read by the kit's own reader; bytes are hex. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly removed: boolean;
  readonly expected: boolean;
  /** All that it takes. */
  readonly bytes: number;
}

/** Undefined for bytes that are no list of state entries. */
export function readEntries(payload: Uint8Array): readonly Entry[] | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const entries: Entry[] = [];
  for (let at = 0; at < payload.length; ) {
    if (payload.length - at < HEADER_BYTES) return undefined;
    const keyBytes = view.getUint16(at);
    const flags = view.getUint16(at + 2);
    const valueBytes = view.getUint32(at + 4);
    const version = view.getBigUint64(at + 8);
    const bytes = HEADER_BYTES + keyBytes + valueBytes;
    const isTooLong = keyBytes === 0 || keyBytes > KEY_BYTES_MAX || valueBytes > VALUE_BYTES_MAX || bytes > payload.length - at;
    const removed = (flags & REMOVED) !== 0;
    if (isTooLong || flags > (REMOVED | EXPECTED) || version > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
    if (removed && valueBytes > 0) return undefined;
    const key = payload.subarray(at + HEADER_BYTES, at + HEADER_BYTES + keyBytes);
    entries.push({
      key: hexOf(key),
      value: hexOf(payload.subarray(at + HEADER_BYTES + keyBytes, at + bytes)),
      version: Number(version),
      removed,
      expected: (flags & EXPECTED) !== 0,
      bytes,
    });
    at += bytes;
  }
  return entries;
}

/** An offset as the value of a dedup id. */
export const offsetValue = (offset: number): string => offset.toString(16).padStart(16, '0');

/** What a duplicate says of its place: the value where it is an offset. */
export function offsetOf(value: string): number {
  const offset = value.length === 16 ? BigInt(`0x${value}`) : -1n;
  return offset >= 0n && offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(offset) : Number.MAX_SAFE_INTEGER;
}

/** A text as a key. */
export const hexOfText = (text: string): string => hexOf(new TextEncoder().encode(text));
