// The entry of the commit log (spec, chapter of the log entry): a header of 64 bytes and a record batch or a state record.
import type { Platform } from '../../platform.ts';
import { BATCH_HEADER_BYTES, verifyBatch } from '../../wire/batch.ts';
import { readUint16, readUint32, readUint53, writeUint16At, writeUint32At, writeUint53At } from '../../wire/bytes.ts';
import { LIMITS } from '../../wire/gen/registry.ts';

export const ENTRY_HEADER_BYTES = 64;
export const ENTRY_VERSION = 1;
/** Whole entry, header included; state records are held to the limit of batches. */
export const ENTRY_BYTES_MAX = ENTRY_HEADER_BYTES + LIMITS.BATCH_BYTES_MAX;

/** What the body of an entry is. */
export const EntryKind = { BATCH: 1, STATE: 2 } as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** Offsets of the fields in the header. */
export const ENTRY_AT = {
  length: 0,
  headerChecksum: 4,
  version: 8,
  kind: 9,
  flags: 10,
  topicId: 12,
  queue: 16,
  term: 20,
  position: 24,
  syncedPosition: 32,
  previousChain: 40,
  chain: 44,
  dueTime: 48,
  sourcePosition: 56,
} as const;

/** The header's part of the chain: length, version to position, due time and source position. What is local stays out. */
const CHAINED_BYTES = 4 + 24 + 16;
/** All of the header but its checksum. */
const CHECKED_BYTES = 4 + 56;

export interface EntryHeader {
  /** Bytes of the whole entry, this header included. */
  readonly length: number;
  readonly version: number;
  readonly kind: number;
  readonly flags: number;
  readonly topicId: number;
  readonly queue: number;
  readonly term: number;
  /** In the log, in bytes from its beginning. */
  readonly position: number;
  /** Everything below it was on stable storage when the entry was staged. */
  readonly syncedPosition: number;
  readonly previousChain: number;
  readonly chain: number;
}

/** Reads the header at `at`; checks nothing. */
export function readEntryHeader(b: Uint8Array, at: number): EntryHeader {
  return {
    length: readUint32(b, at + ENTRY_AT.length),
    version: b[at + ENTRY_AT.version] as number,
    kind: b[at + ENTRY_AT.kind] as number,
    flags: readUint16(b, at + ENTRY_AT.flags),
    topicId: readUint32(b, at + ENTRY_AT.topicId),
    queue: readUint32(b, at + ENTRY_AT.queue),
    term: readUint32(b, at + ENTRY_AT.term),
    position: readUint53(b, at + ENTRY_AT.position),
    syncedPosition: readUint53(b, at + ENTRY_AT.syncedPosition),
    previousChain: readUint32(b, at + ENTRY_AT.previousChain),
    chain: readUint32(b, at + ENTRY_AT.chain),
  };
}

/** Where an entry goes and what it follows. */
export interface EntryPlace {
  readonly kind: EntryKind;
  readonly topicId: number;
  readonly queue: number;
  readonly term: number;
  readonly position: number;
  readonly syncedPosition: number;
  readonly previousChain: number;
}

/**
 * Seals and checks entries. It gathers the bytes of a checksum first: a call of the platform costs more than copying a header.
 */
export class EntryCodec {
  readonly #platform: Platform;
  readonly #header = new Uint8Array(ENTRY_HEADER_BYTES);
  readonly #checked = new Uint8Array(CHECKED_BYTES);
  readonly #chained = new Uint8Array(CHAINED_BYTES + BATCH_HEADER_BYTES);
  readonly #chainedHeader = this.#chained.subarray(0, CHAINED_BYTES);

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** The header of an entry with `body`. It is valid until the next call; its chain stands in it. */
  seal(place: EntryPlace, body: Uint8Array): Uint8Array {
    const header = this.#header;
    writeUint32At(header, ENTRY_AT.length, ENTRY_HEADER_BYTES + body.length);
    header[ENTRY_AT.version] = ENTRY_VERSION;
    header[ENTRY_AT.kind] = place.kind;
    writeUint16At(header, ENTRY_AT.flags, 0);
    writeUint32At(header, ENTRY_AT.topicId, place.topicId);
    writeUint32At(header, ENTRY_AT.queue, place.queue);
    writeUint32At(header, ENTRY_AT.term, place.term);
    writeUint53At(header, ENTRY_AT.position, place.position);
    writeUint53At(header, ENTRY_AT.syncedPosition, place.syncedPosition);
    writeUint32At(header, ENTRY_AT.previousChain, place.previousChain);
    writeUint32At(header, ENTRY_AT.chain, this.#chainOf(header, 0, place.previousChain, body, 0, body.length));
    writeUint32At(header, ENTRY_AT.headerChecksum, this.#checksumOf(header, 0));
    return header;
  }

  /** The header at `at` with another synced position, which is not in the chain. It is valid until the next call. */
  restamp(b: Uint8Array, at: number, syncedPosition: number): Uint8Array {
    const header = this.#header;
    header.set(b.subarray(at, at + ENTRY_HEADER_BYTES));
    writeUint53At(header, ENTRY_AT.syncedPosition, syncedPosition);
    writeUint32At(header, ENTRY_AT.headerChecksum, this.#checksumOf(header, 0));
    return header;
  }

  /** Whether the 64 bytes at `at` are a header that was written for this position, whatever follows them. */
  headerHolds(b: Uint8Array, at: number, position: number): boolean {
    return (
      readUint53(b, at + ENTRY_AT.position) === position &&
      readUint32(b, at + ENTRY_AT.headerChecksum) === this.#checksumOf(b, at)
    );
  }

  /** Whether the body at `at` + 64 is the one that the header at `at` was sealed with. All its bytes are there. */
  bodyHolds(b: Uint8Array, at: number, header: EntryHeader): boolean {
    const from = at + ENTRY_HEADER_BYTES;
    const bodyLength = header.length - ENTRY_HEADER_BYTES;
    if (header.kind === EntryKind.BATCH && bodyLength < BATCH_HEADER_BYTES) return false;
    if (this.#chainOf(b, at, header.previousChain, b, from, bodyLength) !== header.chain) return false;
    return header.kind === EntryKind.STATE || verifyBatch(this.#platform, b.subarray(from, from + bodyLength)) === undefined;
  }

  #checksumOf(b: Uint8Array, at: number): number {
    const checked = this.#checked;
    for (let i = 0; i < 4; i++) checked[i] = b[at + i] as number;
    for (let i = 8; i < ENTRY_HEADER_BYTES; i++) checked[i - 4] = b[at + i] as number;
    return this.#platform.crc32(checked, 0);
  }

  #chainOf(b: Uint8Array, at: number, previousChain: number, body: Uint8Array, bodyAt: number, bodyLength: number): number {
    const chained = this.#chained;
    for (let i = 0; i < 4; i++) chained[i] = b[at + i] as number;
    for (let i = 8; i < 32; i++) chained[i - 4] = b[at + i] as number;
    for (let i = 48; i < ENTRY_HEADER_BYTES; i++) chained[i - 20] = b[at + i] as number;
    if (b[at + ENTRY_AT.kind] === EntryKind.BATCH) {
      // The batch header holds the checksum of the rest, so that the broker need not read every byte again.
      for (let i = 0; i < BATCH_HEADER_BYTES; i++) chained[CHAINED_BYTES + i] = body[bodyAt + i] as number;
      return this.#platform.crc32(chained, previousChain);
    }
    const seed = this.#platform.crc32(this.#chainedHeader, previousChain);
    return this.#platform.crc32(body.subarray(bodyAt, bodyAt + bodyLength), seed);
  }
}
