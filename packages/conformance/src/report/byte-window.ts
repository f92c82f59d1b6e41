import type { Mark } from './decode-tree.ts';

const ROW_BYTES = 16;
/** Bytes of the neighbourhood that are shown before and behind the offending ones. */
const AROUND_BYTES = 8;
const ROWS_MAX = 6;

/** Where the hex of a row begins: behind the indent, the place and two spaces. */
const HEX_AT = 10;
const TEXT_AT = HEX_AT + 3 * ROW_BYTES + 2;

/** Rows of bytes around the offending ones, each with its place in the frame, in hex and as text, and carets under the bytes. */
export function byteWindow(bytes: Uint8Array, mark: Mark | undefined): readonly string[] {
  if (mark === undefined) return [];
  const end = mark.at + Math.max(1, mark.length);
  const first = Math.floor(Math.max(0, mark.at - AROUND_BYTES) / ROW_BYTES);
  const last = Math.min(
    Math.floor((end - 1 + AROUND_BYTES) / ROW_BYTES),
    Math.floor(Math.max(bytes.length - 1, mark.at) / ROW_BYTES),
  );
  const rows = Math.min(last - first + 1, ROWS_MAX);
  const lines = Array.from({ length: rows }, (_, i) => rowLines(bytes, (first + i) * ROW_BYTES, mark.at, end)).flat();
  const where = mark.length === 0 ? `behind byte ${mark.at - 1}, the last one` : placeText(mark.at, end - 1);
  return [`  ${where}:`, ...lines, ...(rows < last - first + 1 ? ['    …'] : [])];
}

const placeText = (from: number, to: number): string => (from === to ? `byte ${from}` : `bytes ${from} to ${to}`);

function rowLines(bytes: Uint8Array, at: number, markedFrom: number, markedTo: number): readonly string[] {
  const row = [...bytes.subarray(at, at + ROW_BYTES)];
  const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const letters = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  const line = `    ${at.toString(16).padStart(4, '0')}  ${hex}`.padEnd(TEXT_AT - 1);
  const from = Math.max(markedFrom, at) - at;
  const count = Math.min(markedTo, at + ROW_BYTES) - at - from;
  if (count <= 0) return [`${line}|${letters}|`];
  const carets = `${' '.repeat(HEX_AT + 3 * from)}${'^'.repeat(3 * count - 1)}`;
  return [`${line}|${letters}|`, `${carets.padEnd(TEXT_AT + from)}${'^'.repeat(count)}`];
}
