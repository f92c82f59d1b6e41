// Reads and checks whole entries, for the copies of a log that other replicas have.
import { QanatError } from '../../errors.ts';
import { readUint32 } from '../../wire/bytes.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import {
  ENTRY_AT,
  ENTRY_BYTES_MAX,
  ENTRY_HEADER_BYTES,
  ENTRY_VERSION,
  type EntryCodec,
  type EntryHeader,
  EntryKind,
  readEntryHeader,
} from './entry.ts';
import { type LogBlocks, sliceOfBlocks } from './log-blocks.ts';
import type { LogHost } from './log-host.ts';
import type { LogReader } from './log-reader.ts';
import { fileOffset, type Segment } from './segment.ts';
import type { StagedEntries } from './staged-entries.ts';
import { perform, runTask, type StorageTask } from './storage-task.ts';

/** What is read first to find the entry that ends at a place; most entries are shorter. */
const NEAR_BYTES = 64 * 1024;

export type PlaceDone = (error: QanatError | undefined, place: LogPlace | undefined) => void;
export type EntriesDone = (error: QanatError | undefined, parts: readonly Uint8Array[]) => void;

export interface EntryReaderParts {
  readonly host: LogHost;
  readonly codec: EntryCodec;
  readonly blocks: LogBlocks;
  readonly reader: LogReader;
  readonly staged: StagedEntries;
  readonly segments: readonly Segment[];
  written(): number;
  committed(): LogPlace;
}

export class EntryReader {
  readonly #parts: EntryReaderParts;

  constructor(parts: EntryReaderParts) {
    this.#parts = parts;
  }

  /** As `ReplicaLog.placeAt`. */
  placeAt(position: number, done: PlaceDone): void {
    const { committed, host, segments, staged, written } = this.#parts;
    const oldest = segments[0] as Segment;
    const { position: applied } = committed();
    if (position < oldest.base || position > written()) return done(undefined, undefined);
    if (position === applied) return done(undefined, committed());
    if (position > applied) return done(undefined, staged.placeAt(position));
    // What the log began with before is gone, and its term with it.
    if (position === oldest.base) return done(undefined, { position, chain: oldest.previousChain, term: 0 });
    const segment = segments.findLast(({ base }) => base < position) as Segment;
    runTask<LogPlace | undefined>(host, this.#placeIn(segment, position), done);
  }

  /** As `ReplicaLog.readEntries`. */
  readEntries(position: number, bytesMax: number, done: EntriesDone): void {
    const { committed, segments, staged, written } = this.#parts;
    if (position === written()) return done(undefined, []);
    const segment = segments.findLast(({ base }) => base <= position);
    if (segment === undefined || position > written()) return done(noEntryAt(position), []);
    const limit = Math.min(segment.end, written());
    if (position < committed().position) return this.#readCommitted(segment, position, limit, bytesMax, done);
    const end = staged.endFrom(position, limit, bytesMax);
    if (end === position) return done(noEntryAt(position), []);
    this.#fetch(segment, position, end, done);
  }

  /** Reads until it is known where the entries end. */
  #readCommitted(segment: Segment, position: number, limit: number, bytesMax: number, done: EntriesDone): void {
    const { blocks, reader } = this.#parts;
    const to = Math.min(limit, position + Math.max(bytesMax, ENTRY_HEADER_BYTES));
    reader.fetch(segment.base, position, to, (error, blockAt) => {
      if (error !== undefined) return done(error, []);
      const walked = walk(blocks, blockAt, segment, position, to);
      if (walked === undefined) return done(noEntryAt(position), []);
      const { end, next } = walked;
      if (end > position) return give(partsOf(blocks, blockAt, segment, position, end), position, done);
      if (next === position || next > limit) return done(noEntryAt(position), []);
      this.#fetch(segment, position, next, done);
    });
  }

  #fetch(segment: Segment, position: number, end: number, done: EntriesDone): void {
    const { blocks, reader } = this.#parts;
    reader.fetch(segment.base, position, end, (error, blockAt) => {
      if (error !== undefined) done(error, []);
      else give(partsOf(blocks, blockAt, segment, position, end), position, done);
    });
  }

  *#placeIn({ name, base }: Segment, position: number): StorageTask<LogPlace | undefined> {
    for (const bytesMax of [NEAR_BYTES, ENTRY_BYTES_MAX]) {
      const from = Math.max(base, position - bytesMax);
      const bytes = yield* perform({ op: 'read', name, position: fileOffset(base, from), length: position - from });
      const place = this.#lastPlace(bytes, from);
      if (place !== undefined || from === base) return place;
    }
    return undefined;
  }

  /** The place behind an entry that ends with `bytes`: a header that holds for where it stands, and is of so many bytes. */
  #lastPlace(bytes: Uint8Array, from: number): LogPlace | undefined {
    for (let at = bytes.length - ENTRY_HEADER_BYTES; at >= 0; at--) {
      if (readUint32(bytes, at) !== bytes.length - at || !this.#parts.codec.headerHolds(bytes, at, from + at)) continue;
      const { chain, term } = readEntryHeader(bytes, at);
      return { position: from + bytes.length, chain, term };
    }
    return undefined;
  }
}

/**
 * The headers of whole entries that follow `place`.
 * @throws QanatError INVALID_BATCH.
 */
export function verifiedEntries(codec: EntryCodec, bytes: Uint8Array, place: LogPlace): EntryHeader[] {
  const headers: EntryHeader[] = [];
  let { position, chain, term } = place;
  for (let at = 0; at < bytes.length; ) {
    if (at + ENTRY_HEADER_BYTES > bytes.length || !codec.headerHolds(bytes, at, position))
      refuse(position, 'there is no header of an entry for it');
    const header = readEntryHeader(bytes, at);
    const { kind, length } = header;
    const known = kind === EntryKind.BATCH || kind === EntryKind.STATE;
    if (header.version !== ENTRY_VERSION || !known || header.flags !== 0) refuse(position, 'a later release wrote the entry');
    if (header.previousChain !== chain || header.term < term) refuse(position, 'the entry does not follow the one before');
    if (length < ENTRY_HEADER_BYTES || length > ENTRY_BYTES_MAX || at + length > bytes.length)
      refuse(position, 'the entry is not whole');
    if (!codec.bodyHolds(bytes, at, header)) refuse(position, 'a checksum of the body does not hold');
    headers.push(header);
    at += length;
    position += length;
    chain = header.chain;
    term = header.term;
  }
  return headers;
}

function refuse(position: number, why: string): never {
  throw new QanatError('INVALID_BATCH', `entries for position ${position} cannot be taken: ${why}`);
}

const noEntryAt = (position: number): QanatError =>
  new QanatError('CORRUPT_LOG', `no whole entry begins at position ${position} of the log`);

function give(parts: readonly Uint8Array[] | undefined, position: number, done: EntriesDone): void {
  if (parts === undefined) done(noEntryAt(position), []);
  else done(undefined, parts);
}

/**
 * Where the last entry ends of those in [position, to), and where the first one that does not does. undefined: what stands there
 * is no entry.
 */
function walk(
  blocks: LogBlocks,
  blockAt: (start: number) => Uint8Array,
  { base }: Segment,
  position: number,
  to: number,
): { readonly end: number; readonly next: number } | undefined {
  let end = position;
  while (end + ENTRY_HEADER_BYTES <= to) {
    const header = sliceOfBlocks(blocks, blockAt, base, end, ENTRY_HEADER_BYTES);
    if (header.length < ENTRY_HEADER_BYTES) return undefined;
    const length = readUint32(header, ENTRY_AT.length);
    const isHeader = length >= ENTRY_HEADER_BYTES && length <= ENTRY_BYTES_MAX && readEntryHeader(header, 0).position === end;
    if (!isHeader) return undefined;
    if (end + length > to) return { end, next: end + length };
    end += length;
  }
  return { end, next: end };
}

/** The bytes of [position, end), one slice a block; undefined where the file ends before. */
function partsOf(
  blocks: LogBlocks,
  blockAt: (start: number) => Uint8Array,
  { base }: Segment,
  position: number,
  end: number,
): Uint8Array[] | undefined {
  const parts: Uint8Array[] = [];
  for (let from = position; from < end; ) {
    const start = blocks.startOf(base, from);
    const to = Math.min(end, start + blocks.blockBytes);
    const part = blockAt(start).subarray(from - start, to - start);
    if (part.length < to - from) return undefined;
    parts.push(part);
    from = to;
  }
  return parts;
}
