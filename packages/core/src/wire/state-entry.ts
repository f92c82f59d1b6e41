// Entries of a queue's keyed state as bytes: in requests, in answers, in the log (spec, chapter of keyed state).
import { QanatError } from '../errors.ts';
import { readUint16, readUint32, readUint53, writeUint16At, writeUint32At, writeUint53At } from './bytes.ts';
import { LIMITS } from './gen/registry.ts';

/** Key length, flags, value length and version stand before key and value. */
export const STATE_ENTRY_HEAD_BYTES = 16;

export const StateEntryFlag = {
  /** In a write: remove the key. In an answer: the key is not there. */
  REMOVED: 1,
  /** In a write: do it only when the key's version is the given one; 0 for a key that is not there. */
  EXPECTED: 2,
} as const;

const AT = { keyLength: 0, flags: 2, valueLength: 4, version: 8 } as const;
const KNOWN_FLAGS = StateEntryFlag.REMOVED | StateEntryFlag.EXPECTED;

/** One entry; `key` and `value` are bytes of whoever made it. */
export interface StateEntry {
  readonly key: Uint8Array;
  readonly flags: number;
  /** In an answer that of the entry, in a write the expected one, in a question 0. */
  readonly version: number;
  readonly value: Uint8Array;
}

export const stateEntryBytes = (keyLength: number, valueLength: number): number =>
  STATE_ENTRY_HEAD_BYTES + keyLength + valueLength;

/** Writes one entry, and gives the place behind it. */
export function writeStateEntry(target: Uint8Array, at: number, { key, flags, version, value }: StateEntry): number {
  writeUint16At(target, at + AT.keyLength, key.length);
  writeUint16At(target, at + AT.flags, flags);
  writeUint32At(target, at + AT.valueLength, value.length);
  writeUint53At(target, at + AT.version, version);
  target.set(key, at + STATE_ENTRY_HEAD_BYTES);
  target.set(value, at + STATE_ENTRY_HEAD_BYTES + key.length);
  return at + stateEntryBytes(key.length, value.length);
}

/** The entries one behind the other, in bytes of their own. */
export function encodeStateEntries(entries: readonly StateEntry[]): Uint8Array {
  let length = 0;
  for (const { key, value } of entries) length += stateEntryBytes(key.length, value.length);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const entry of entries) at = writeStateEntry(bytes, at, entry);
  return bytes;
}

/**
 * Reads all entries; keys and values are views of `bytes`.
 * @throws QanatError INVALID_ARGUMENT that says what is wrong with which entry.
 */
export function readStateEntries(bytes: Uint8Array): StateEntry[] {
  const entries: StateEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const entry = readStateEntry(bytes, at, entries.length);
    entries.push(entry);
    at += stateEntryBytes(entry.key.length, entry.value.length);
  }
  return entries;
}

function readStateEntry(bytes: Uint8Array, at: number, index: number): StateEntry {
  const bad = (why: string): never => {
    throw new QanatError('INVALID_ARGUMENT', `state entry ${index} ${why}`);
  };
  if (at + STATE_ENTRY_HEAD_BYTES > bytes.length) return bad('ends within its head');
  const keyLength = readUint16(bytes, at + AT.keyLength);
  const flags = readUint16(bytes, at + AT.flags);
  const valueLength = readUint32(bytes, at + AT.valueLength);
  const version = readUint53(bytes, at + AT.version);
  if (keyLength === 0 || keyLength > LIMITS.STATE_KEY_BYTES_MAX)
    return bad(`has a key of ${keyLength} bytes, 1 to ${LIMITS.STATE_KEY_BYTES_MAX} are taken (STATE_KEY_BYTES_MAX)`);
  if (valueLength > LIMITS.STATE_VALUE_BYTES_MAX)
    return bad(`has a value of ${valueLength} bytes, at most ${LIMITS.STATE_VALUE_BYTES_MAX} are taken (STATE_VALUE_BYTES_MAX)`);
  if ((flags & ~KNOWN_FLAGS) !== 0) return bad(`has flags 0x${flags.toString(16)}`);
  if (Number.isNaN(version)) return bad('has a version above 2^53-1');
  if ((flags & StateEntryFlag.REMOVED) !== 0 && valueLength > 0) return bad('is removed and has a value');
  const keyAt = at + STATE_ENTRY_HEAD_BYTES;
  const end = keyAt + keyLength + valueLength;
  if (end > bytes.length) return bad('ends behind the payload');
  return {
    key: bytes.subarray(keyAt, keyAt + keyLength),
    flags,
    version,
    value: bytes.subarray(keyAt + keyLength, end),
  };
}
