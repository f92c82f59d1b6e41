// The files of the commit log: `log/<20 digits>.seg`, each a header of 64 bytes and then entries without a gap.
import type { Platform } from '../../platform.ts';
import { readUint32, readUint53, writeUint32At, writeUint53At } from '../../wire/bytes.ts';

export const SEGMENT_HEADER_BYTES = 64;
export const STORE_ID_BYTES = 16;
/** Positions in a segment have 32 bits in the index. */
export const SEGMENT_BYTES_MAX = 2 ** 32 - 1;

const SEGMENT_MAGIC = 0x51534547; // "QSEG"
const SEGMENT_VERSION = 1;
const AT = { magic: 0, version: 4, storeId: 8, base: 24, previousChain: 32, term: 36, checksum: 60 } as const;
const NAME = /^log\/(\d{20})\.seg$/;

/** A segment of the log; positions count entries only, so that they go on from one segment to the next. */
export interface Segment {
  readonly name: string;
  /** Position of its first entry. */
  readonly base: number;
  /** Chain of the entry before its first. */
  readonly previousChain: number;
  /** Position behind its last staged entry. */
  end: number;
  /** Its file exists and its header is on stable storage. */
  ready: boolean;
  /** Of its newest applied entry. */
  lastTerm: number;
  /** Of its first and its newest applied message; 0 while it has none. */
  firstStoreTimeMs: number;
  lastStoreTimeMs: number;
}

export interface SegmentHeader {
  readonly storeId: Uint8Array;
  readonly base: number;
  readonly previousChain: number;
  readonly term: number;
}

export const positionDigits = (position: number): string => String(position).padStart(20, '0');
export const segmentName = (base: number): string => `log/${positionDigits(base)}.seg`;

/** A segment without an entry. */
export function emptySegment(base: number, previousChain: number, ready: boolean): Segment {
  return { name: segmentName(base), base, previousChain, end: base, ready, lastTerm: 0, firstStoreTimeMs: 0, lastStoreTimeMs: 0 };
}

/** The base position in the name of a segment file, or undefined for any other name. */
export function segmentBaseOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  const base = digits === undefined ? Number.NaN : Number(digits);
  return Number.isSafeInteger(base) ? base : undefined;
}

/** Where a position of the log stands in the segment's file. */
export const fileOffset = (base: number, position: number): number => SEGMENT_HEADER_BYTES + position - base;

export function encodeSegmentHeader(platform: Platform, header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  writeUint32At(bytes, AT.magic, SEGMENT_MAGIC);
  bytes[AT.version] = SEGMENT_VERSION;
  bytes.set(header.storeId, AT.storeId);
  writeUint53At(bytes, AT.base, header.base);
  writeUint32At(bytes, AT.previousChain, header.previousChain);
  writeUint32At(bytes, AT.term, header.term);
  writeUint32At(bytes, AT.checksum, platform.crc32(bytes.subarray(0, AT.checksum), 0));
  return bytes;
}

/** @returns undefined when the bytes are no header of a segment. */
export function decodeSegmentHeader(platform: Platform, bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || readUint32(bytes, AT.magic) !== SEGMENT_MAGIC) return undefined;
  if (bytes[AT.version] !== SEGMENT_VERSION) return undefined;
  if (platform.crc32(bytes.subarray(0, AT.checksum), 0) !== readUint32(bytes, AT.checksum)) return undefined;
  return {
    storeId: bytes.slice(AT.storeId, AT.storeId + STORE_ID_BYTES),
    base: readUint53(bytes, AT.base),
    previousChain: readUint32(bytes, AT.previousChain),
    term: readUint32(bytes, AT.term),
  };
}
