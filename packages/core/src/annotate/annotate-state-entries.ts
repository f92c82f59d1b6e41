// Explains entries of keyed state (spec, chapter of keyed state).
import { readUint16, readUint32, readUint53, readUtf8 } from '../wire/bytes.ts';
import { STATE_ENTRY_HEAD_BYTES, StateEntryFlag } from '../wire/state-entry.ts';
import type { PartReader } from './part.ts';

const VALUE_LINE_BYTES = 16;

/** Adds the parts of all entries, or of what there is of them. */
export function annotateStateEntries(reader: PartReader): void {
  while (reader.left > 0) {
    if (!reader.needs(STATE_ENTRY_HEAD_BYTES, 'the head of a state entry')) return;
    const head = reader.peek(STATE_ENTRY_HEAD_BYTES);
    const keyBytes = readUint16(head, 0);
    const valueBytes = readUint32(head, 4);
    const version = readUint53(head, 8);
    const text = `state entry, ${flagNames(readUint16(head, 2))}: a key of ${keyBytes} bytes, a value of ${valueBytes}`;
    if (Number.isNaN(version)) reader.takeWrong(STATE_ENTRY_HEAD_BYTES, `${text}, a version above 2^53-1`);
    else reader.take(STATE_ENTRY_HEAD_BYTES, `${text}, version ${version}`);
    if (!reader.needs(keyBytes, 'the key', 1)) return;
    if (keyBytes > 0) reader.take(keyBytes, `key ${keyText(reader.peek(keyBytes))}`, 1);
    if (!reader.needs(valueBytes, 'the value', 1)) return;
    for (let left = valueBytes; left > 0; left -= VALUE_LINE_BYTES)
      reader.take(Math.min(VALUE_LINE_BYTES, left), left === valueBytes ? 'value' : '', 1);
  }
}

function flagNames(flags: number): string {
  const names = Object.entries(StateEntryFlag).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
  const unknown = flags & ~(StateEntryFlag.REMOVED | StateEntryFlag.EXPECTED);
  if (unknown !== 0) names.push(`0x${unknown.toString(16)}`);
  return names.join('+') || 'no flag';
}

const keyText = (bytes: Uint8Array): string => JSON.stringify(readUtf8(bytes, 0, bytes.length));
