// What a broker has to say of a batch, from its bytes alone (spec, chapter 10: decode order). Written from the specification,
// not from the engines.
import { RecordReader } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';

const HEADER_BYTES = 64;
const RECORDS_MAX = 4096;
/** The broker's fields: base offset, term, header checksum, store time. */
export const BROKER_FIELDS = { from: 8, to: 32 } as const;

const RESERVED_BITS = 0x00e0;
const IGNORED_BITS = 0xfc00;
const TAG_COLUMN = 0x0100;
const KEY_COLUMN = 0x0200;

const u16 = (b: Uint8Array, at: number): number => ((b[at] as number) << 8) | (b[at + 1] as number);
const u32 = (b: Uint8Array, at: number): number => u16(b, at) * 0x1_0000 + u16(b, at + 2);
const u64 = (b: Uint8Array, at: number): number => u32(b, at) * 0x1_0000_0000 + u32(b, at + 4);
const isUint53 = (b: Uint8Array, at: number): boolean => u32(b, at) <= 0x1f_ffff;

const crc32 = (bytes: Uint8Array): number => nodePlatform.crc32(bytes, 0);
const compressionOf = (b: Uint8Array): number => u16(b, 36) & 7;
const headerBytesOf = (b: Uint8Array): number => (b[3] as number) * 8;

function columnBytesOf(b: Uint8Array): number {
  const columns = [TAG_COLUMN, KEY_COLUMN].filter((bit) => (u16(b, 36) & bit) !== 0).length;
  return columns * 4 * u32(b, 40);
}

interface Check {
  readonly line: number;
  readonly says: string;
  holds(batch: Uint8Array, batchBytesMax: number): boolean;
}

/** The lines of the table, in its order. */
const CHECKS: readonly Check[] = [
  { line: 1, says: 'at least 64 bytes', holds: (b) => b.length >= HEADER_BYTES },
  { line: 2, says: 'the magic', holds: (b) => u16(b, 0) === 0x5242 },
  { line: 3, says: 'version 1', holds: (b) => b[2] === 1 },
  {
    line: 4,
    says: 'a header of 64 bytes or more, within the batch',
    holds: (b) => headerBytesOf(b) >= HEADER_BYTES && headerBytesOf(b) <= b.length,
  },
  { line: 5, says: 'a length of all that follows', holds: (b) => u32(b, 4) === b.length - 8 },
  { line: 6, says: `1 to ${RECORDS_MAX} records`, holds: (b) => u32(b, 40) >= 1 && u32(b, 40) <= RECORDS_MAX },
  {
    line: 7,
    says: 'known compression and checksum, reserved bits 0',
    holds: (b) => compressionOf(b) <= 1 && (u16(b, 36) & 0x18) === 0 && (u16(b, 36) & RESERVED_BITS) === 0,
  },
  { line: 8, says: 'producer id and born time up to 2^53-1', holds: (b) => isUint53(b, 48) && isUint53(b, 56) },
  {
    line: 9,
    says: 'columns within the batch',
    holds: (b) => headerBytesOf(b) + columnBytesOf(b) + (compressionOf(b) === 0 ? 0 : 4) <= b.length,
  },
  { line: 10, says: 'not longer than batch_bytes_max', holds: (b, max) => b.length <= max },
  { line: 11, says: 'the body checksum', holds: (b) => crc32(b.subarray(36)) === u32(b, 32) },
];

const LINE_TOO_LARGE = 10;

/** The first line of the table that a batch fails. */
export interface Refusal {
  readonly line: number;
  readonly says: string;
  readonly code: 'INVALID_BATCH' | 'BATCH_TOO_LARGE';
}

/** Why a broker refuses a batch, or undefined where it takes it. */
export function refusalOf(batch: Uint8Array, batchBytesMax: number): Refusal | undefined {
  const failed = CHECKS.find((check) => !check.holds(batch, batchBytesMax));
  if (failed === undefined) return undefined;
  return { line: failed.line, says: failed.says, code: failed.line === LINE_TOO_LARGE ? 'BATCH_TOO_LARGE' : 'INVALID_BATCH' };
}

/** Only the reserved bits 5 to 7 are wrong in line 7. */
export const hasReservedBits = (b: Uint8Array): boolean =>
  (u16(b, 36) & RESERVED_BITS) !== 0 && compressionOf(b) <= 1 && (u16(b, 36) & 0x18) === 0;

/** The header of a batch of 64 bytes or more. */
export interface BatchFields {
  readonly baseOffset: number;
  readonly term: number;
  readonly headerChecksum: number;
  readonly storeTimeMs: number;
  readonly checksum: number;
  readonly epoch: number;
  readonly count: number;
  readonly base: number;
  readonly producerId: number;
}

export function fieldsOf(b: Uint8Array): BatchFields | undefined {
  if (b.length < HEADER_BYTES) return undefined;
  return {
    baseOffset: u64(b, 8),
    term: u32(b, 16),
    headerChecksum: u32(b, 20),
    storeTimeMs: u64(b, 24),
    checksum: u32(b, 32),
    epoch: u16(b, 38),
    count: u32(b, 40),
    base: u32(b, 44),
    producerId: u64(b, 48),
  };
}

/** What the header checksum of a stored batch has to be. */
export function headerChecksumOf(batch: Uint8Array): number {
  const bytes = batch.slice(0, BROKER_FIELDS.to);
  bytes.fill(0, 20, 24);
  return crc32(bytes);
}

/** The first byte in which two batches differ, but for the broker's fields; -1 where there is none. */
export function differsAt(a: Uint8Array, b: Uint8Array): number {
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (at === BROKER_FIELDS.from) at = BROKER_FIELDS.to;
    if (a[at] !== b[at]) return at;
  }
  return -1;
}

/** Cuts bytes that a broker served into whole batches. Undefined where they are not. */
export function wholeBatches(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const batches: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_BYTES || u16(bytes, at) !== 0x5242) return undefined;
    const end = at + 8 + u32(bytes, at + 4);
    if (end > bytes.length || end - at < HEADER_BYTES) return undefined;
    batches.push(bytes.subarray(at, end));
    at = end;
  }
  return batches;
}

/** What a batch has that a broker might stumble over, the most telling first. */
export type Oddity = 'ignored bits' | 'longer header' | "broker's fields" | 'compressed' | 'records';

/** Why somebody might refuse a batch that has to be taken. */
export function oddityOf(b: Uint8Array): Oddity | undefined {
  if ((u16(b, 36) & IGNORED_BITS) !== 0) return 'ignored bits';
  if (headerBytesOf(b) > HEADER_BYTES) return 'longer header';
  if (b.subarray(BROKER_FIELDS.from, BROKER_FIELDS.to).some((byte) => byte !== 0)) return "broker's fields";
  if (!canBeRead(b)) return 'records';
  return compressionOf(b) === 1 ? 'compressed' : undefined;
}

/** Whether a consumer gets all records out of it. */
function canBeRead(batch: Uint8Array): boolean {
  try {
    const reader = new RecordReader(nodePlatform, batch);
    while (reader.next());
    return true;
  } catch {
    return false;
  }
}

/** Tells batches apart by what their producer wrote: two that differ in their records differ in their checksum. */
export function keyOf(b: Uint8Array): string {
  let key = `${b.length}`;
  for (let at = 32; at < Math.min(b.length, HEADER_BYTES); at += 4) key += ` ${u32(b, at).toString(16)}`;
  return key;
}

/** Gives a batch the length and the checksum that its bytes have to have. */
export function sealed(batch: Uint8Array): Uint8Array {
  const bytes = batch.slice();
  const view = new DataView(bytes.buffer);
  if (bytes.length < HEADER_BYTES) return bytes;
  view.setUint32(4, bytes.length - 8);
  view.setUint32(32, crc32(bytes.subarray(36)));
  return bytes;
}
