// The record batch (spec, chapter of the record batch): producers build it, brokers store it, consumers read it.
import type { Platform } from '../platform.ts';
import { readUint16, readUint32, readUint53, writeUint32At, writeUint53At } from './bytes.ts';
import { LIMITS } from './gen/registry.ts';

export const BATCH_HEADER_BYTES = 64;
export const BATCH_MAGIC = 0x5242;
export const BATCH_VERSION = 1;

/** Offsets of the fields in the header. */
export const BATCH_AT = {
  magic: 0,
  version: 2,
  headerWords: 3,
  length: 4,
  baseOffset: 8,
  term: 16,
  headerChecksum: 20,
  storeTime: 24,
  bodyChecksum: 32,
  attributes: 36,
  producerEpoch: 38,
  recordCount: 40,
  baseSequence: 44,
  producerId: 48,
  bornTime: 56,
} as const;

/** The broker's part of the header ends here; the body checksum covers everything behind its own four bytes. */
export const BATCH_BROKER_BYTES = 32;
export const BATCH_BODY_AT = 36;

export const BatchAttribute = {
  COMPRESSION_MASK: 0x0007,
  CHECKSUM_MASK: 0x0018,
  TRANSACTIONAL: 0x0020,
  CONTROL: 0x0040,
  DELAYED: 0x0080,
  TAG_COLUMN: 0x0100,
  KEY_COLUMN: 0x0200,
} as const;

/** A broker that does not know them must not store such a batch as an ordinary one (QNT-BAT-007). */
const RESERVED_ATTRIBUTES = BatchAttribute.TRANSACTIONAL | BatchAttribute.CONTROL | BatchAttribute.DELAYED;

export const Compression = { NONE: 0, DEFLATE: 1 } as const;

export interface BatchHeader {
  /** Bytes of the whole batch. */
  readonly length: number;
  /** Bytes of the header; the columns follow. */
  readonly headerLength: number;
  readonly baseOffset: number;
  readonly term: number;
  readonly storeTimeMs: number;
  readonly bodyChecksum: number;
  readonly attributes: number;
  readonly producerEpoch: number;
  readonly recordCount: number;
  readonly baseSequence: number;
  /** 0: the batch has no producer id. */
  readonly producerId: number;
  readonly bornTimeMs: number;
}

/** Reads the header at `at`; checks nothing. At least BATCH_HEADER_BYTES must be there. */
export function readBatchHeader(b: Uint8Array, at = 0): BatchHeader {
  return {
    length: readUint32(b, at + BATCH_AT.length) + 8,
    headerLength: (b[at + BATCH_AT.headerWords] as number) * 8,
    baseOffset: readUint53(b, at + BATCH_AT.baseOffset),
    term: readUint32(b, at + BATCH_AT.term),
    storeTimeMs: readUint53(b, at + BATCH_AT.storeTime),
    bodyChecksum: readUint32(b, at + BATCH_AT.bodyChecksum),
    attributes: readUint16(b, at + BATCH_AT.attributes),
    producerEpoch: readUint16(b, at + BATCH_AT.producerEpoch),
    recordCount: readUint32(b, at + BATCH_AT.recordCount),
    baseSequence: readUint32(b, at + BATCH_AT.baseSequence),
    producerId: readUint53(b, at + BATCH_AT.producerId),
    bornTimeMs: readUint53(b, at + BATCH_AT.bornTime),
  };
}

export const hasColumn = (header: BatchHeader, column: number): boolean => (header.attributes & column) !== 0;

/** Bytes of the index columns behind the header. */
export function columnsLength(header: BatchHeader): number {
  const columns = (hasColumn(header, BatchAttribute.TAG_COLUMN) ? 1 : 0) + (hasColumn(header, BatchAttribute.KEY_COLUMN) ? 1 : 0);
  return columns * 4 * header.recordCount;
}

/**
 * Whether `bytes` is one whole batch in form: what a broker checks before it stores it (spec, chapter of the record batch,
 * decode order), but for the checksum. @returns why not, or undefined.
 */
export function batchFormError(bytes: Uint8Array): string | undefined {
  if (bytes.length < BATCH_HEADER_BYTES) return `${bytes.length} bytes are shorter than a batch header`;
  if (readUint16(bytes, BATCH_AT.magic) !== BATCH_MAGIC) return 'the magic number is wrong';
  if (bytes[BATCH_AT.version] !== BATCH_VERSION) return `batch version ${bytes[BATCH_AT.version]} is not known`;
  const header = readBatchHeader(bytes);
  if (header.headerLength < BATCH_HEADER_BYTES || header.headerLength > bytes.length)
    return `a header of ${header.headerLength} bytes`;
  if (header.length !== bytes.length) return `the length field says ${header.length} bytes, there are ${bytes.length}`;
  if (header.recordCount < 1 || header.recordCount > LIMITS.BATCH_RECORDS_MAX) return `${header.recordCount} records`;
  if ((header.attributes & BatchAttribute.COMPRESSION_MASK) > Compression.DEFLATE) return 'the compression is not known';
  if ((header.attributes & BatchAttribute.CHECKSUM_MASK) !== 0) return 'the checksum algorithm is not known';
  if ((header.attributes & RESERVED_ATTRIBUTES) !== 0) return 'transactional, control and delayed batches are not known';
  if (Number.isNaN(header.producerId) || Number.isNaN(header.bornTimeMs)) return 'an integer is above 2^53-1';
  const compressedLength = (header.attributes & BatchAttribute.COMPRESSION_MASK) === Compression.NONE ? 0 : 4;
  if (header.headerLength + columnsLength(header) + compressedLength > bytes.length) return 'the index columns run over the end';
  return undefined;
}

/** Whether the body checksum holds. The batch has the right form. */
export function bodyChecksumHolds(platform: Platform, bytes: Uint8Array): boolean {
  return platform.crc32(bytes.subarray(BATCH_BODY_AT), 0) === readUint32(bytes, BATCH_AT.bodyChecksum);
}

/** What the header checksum should be. */
export function headerChecksum(platform: Platform, bytes: Uint8Array): number {
  const before = platform.crc32(bytes.subarray(0, BATCH_AT.headerChecksum), 0);
  const zeros = platform.crc32(FOUR_ZEROS, before);
  return platform.crc32(bytes.subarray(BATCH_AT.headerChecksum + 4, BATCH_BROKER_BYTES), zeros);
}

const FOUR_ZEROS = new Uint8Array(4);

/** Sets the broker's fields in place: the only bytes of a batch that a broker changes. */
export function stampBatch(platform: Platform, bytes: Uint8Array, baseOffset: number, term: number, storeTimeMs: number): void {
  writeUint53At(bytes, BATCH_AT.baseOffset, baseOffset);
  writeUint32At(bytes, BATCH_AT.term, term);
  writeUint53At(bytes, BATCH_AT.storeTime, storeTimeMs);
  writeUint32At(bytes, BATCH_AT.headerChecksum, 0);
  writeUint32At(bytes, BATCH_AT.headerChecksum, platform.crc32(bytes.subarray(0, BATCH_BROKER_BYTES), 0));
}

/** Whether a stored batch is whole: form and both checksums. @returns why not, or undefined. */
export function verifyBatch(platform: Platform, bytes: Uint8Array): string | undefined {
  const form = batchFormError(bytes);
  if (form !== undefined) return form;
  if (headerChecksum(platform, bytes) !== readUint32(bytes, BATCH_AT.headerChecksum)) return 'the header checksum does not hold';
  return bodyChecksumHolds(platform, bytes) ? undefined : 'the body checksum does not hold';
}
