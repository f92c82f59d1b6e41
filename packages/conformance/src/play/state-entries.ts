import { bytesOf, isObject, type Json, type JsonObject } from '../json.ts';
import { flagOf, numberOf, sizeOf, textOf } from './program.ts';

const HEADER_BYTES = 16;
const KEY_BYTES_MOST = 0xffff;

/**
 * State entries one behind the other: `key` (text), `value` (text), `valueHex` or `size`, `remove`, `expect`: the version that
 * the key must have.
 */
export const stateEntriesOf = (entries: readonly Json[]): Uint8Array =>
  Uint8Array.from(entries.filter(isObject).flatMap((entry) => [...entryOf(entry)]));

function entryOf(entry: JsonObject): Uint8Array {
  const key = new TextEncoder().encode(textOf(entry, 'key')).subarray(0, KEY_BYTES_MOST);
  const remove = flagOf(entry, 'remove');
  const value = remove ? new Uint8Array(0) : valueBytes(entry);
  const expects = typeof entry.expect === 'number';
  const bytes = new Uint8Array(HEADER_BYTES + key.length + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, key.length);
  view.setUint16(2, (remove ? 1 : 0) | (expects ? 2 : 0));
  view.setUint32(4, value.length);
  view.setBigUint64(8, BigInt(Math.max(0, Math.floor(numberOf(entry, 'expect', 0)))));
  bytes.set(key, HEADER_BYTES);
  bytes.set(value, HEADER_BYTES + key.length);
  return bytes;
}

function valueBytes(entry: JsonObject): Uint8Array {
  if (typeof entry.valueHex === 'string') return bytesOf(entry.valueHex);
  if (typeof entry.size === 'number') return new Uint8Array(sizeOf(entry, 'size')).fill(0x61);
  return new TextEncoder().encode(textOf(entry, 'value'));
}
