// Walks over the entries of the log's segments and accepts what verifies (spec, chapter of the log entry: recovery).
import { QanatError } from '../../errors.ts';
import { readUint32 } from '../../wire/bytes.ts';
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
import { fileOffset } from './segment.ts';
import { perform, type StorageTask } from './storage-task.ts';

/** Bytes of one read of the scan. */
const WINDOW_BYTES = 4 * 1024 * 1024;

export interface ScannedSegment {
  readonly name: string;
  readonly base: number;
  /** The position that the end of the file stands for. */
  readonly fileEnd: number;
}

/** Takes an accepted entry; its bytes stand at `at`, valid during the call. */
export type AcceptEntry = (segment: ScannedSegment, header: EntryHeader, bytes: Uint8Array, at: number) => void;

/** The bytes of a segment's file around the place of the scan. */
class Window {
  readonly segment: ScannedSegment;
  readonly #readBytes: number;
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;

  constructor(segment: ScannedSegment, readBytes: number) {
    this.segment = segment;
    this.#readBytes = readBytes;
  }

  /** Makes `length` bytes from `position` on available in `bytes`. @returns false where the file ends before. */
  *reach(position: number, length: number): StorageTask<boolean> {
    if (position >= this.from && position + length <= this.from + this.bytes.length) return true;
    const { name, base, fileEnd } = this.segment;
    if (position + length > fileEnd) return false;
    const wanted = Math.min(Math.max(length, this.#readBytes), fileEnd - position);
    this.bytes = yield* perform({ op: 'read', name, position: fileOffset(base, position), length: wanted });
    this.from = position;
    return this.bytes.length >= length;
  }
}

export class LogScan {
  readonly #codec: EntryCodec;
  readonly #accept: AcceptEntry;
  readonly #readBytes: number;
  /** Position behind the last accepted entry, and its chain and term. */
  position: number;
  chain: number;
  term = 0;
  /** Everything below it was on stable storage once: what does not verify there is damaged, not torn. */
  evidence: number;
  /** Why the entry at `position` was not accepted. */
  fault = '';

  constructor(
    codec: EntryCodec,
    position: number,
    chain: number,
    evidence: number,
    accept: AcceptEntry,
    readBytes: number = WINDOW_BYTES,
  ) {
    this.#codec = codec;
    this.#readBytes = readBytes;
    this.#accept = accept;
    this.position = position;
    this.chain = chain;
    this.evidence = evidence;
  }

  /** Goes on behind entries that need not be read. */
  skipTo(position: number, chain: number, term: number): void {
    this.position = position;
    this.chain = chain;
    this.term = term;
  }

  /** Accepts the entries of a segment up to `limit` or the first that does not verify. @returns whether `limit` was reached. */
  *segment(segment: ScannedSegment, limit: number): StorageTask<boolean> {
    const window = new Window(segment, this.#readBytes);
    while (this.position < limit) {
      if (!(yield* window.reach(this.position, ENTRY_HEADER_BYTES))) return this.#refuse('the file ends');
      const header = this.#header(window);
      if (header === undefined) return false;
      if (this.position + header.length > limit) return this.#refuse('the entry is longer than its segment');
      if (!(yield* window.reach(this.position, header.length))) return this.#refuse('the file ends in the entry');
      const at = this.position - window.from;
      if (!this.#codec.bodyHolds(window.bytes, at, header)) return this.#refuse('a checksum of its body does not hold');
      this.#accept(segment, header, window.bytes, at);
      this.position += header.length;
      this.chain = header.chain;
      this.term = header.term;
      this.evidence = Math.max(this.evidence, header.syncedPosition);
    }
    return true;
  }

  /**
   * Looks behind the first bad entry for headers that were written for the place where they stand: what they say of stable
   * storage holds, whatever became of the bytes before them.
   */
  *lookForEvidence(segment: ScannedSegment): StorageTask<void> {
    const window = new Window(segment, this.#readBytes);
    let position = this.position;
    while (this.evidence <= this.position && (yield* window.reach(position, ENTRY_HEADER_BYTES))) {
      const end = window.from + window.bytes.length - ENTRY_HEADER_BYTES;
      for (; position <= end; position++) {
        const at = position - window.from;
        // Nearly every place fails at this byte, so that the rest costs nothing.
        if (window.bytes[at + ENTRY_AT.version] !== ENTRY_VERSION || !this.#codec.headerHolds(window.bytes, at, position))
          continue;
        const { syncedPosition } = readEntryHeader(window.bytes, at);
        if (syncedPosition <= position) this.evidence = Math.max(this.evidence, syncedPosition);
      }
    }
  }

  #header(window: Window): EntryHeader | undefined {
    const at = this.position - window.from;
    if (!this.#codec.headerHolds(window.bytes, at, this.position)) {
      const isEnd = readUint32(window.bytes, at) === 0;
      this.fault = isEnd ? 'there are zeros where its header should be' : 'its header is not whole, or of another position';
      return undefined;
    }
    const header = readEntryHeader(window.bytes, at);
    this.#refuseUnknown(window.segment, header);
    const follows = header.previousChain === this.chain && header.term >= this.term && header.syncedPosition <= this.position;
    if (follows && header.length >= ENTRY_HEADER_BYTES && header.length <= ENTRY_BYTES_MAX) return header;
    this.fault = 'it does not follow the entry before it';
    return undefined;
  }

  #refuse(fault: string): false {
    this.fault = fault;
    return false;
  }

  /**
   * The highest term in headers at and behind `position` that hold, whatever became of their entries: numbers drawn in these
   * terms may be out in the world.
   */
  *highestTerm(segment: ScannedSegment, position: number): StorageTask<number> {
    const window = new Window(segment, this.#readBytes);
    let highest = 0;
    let from = position;
    while (yield* window.reach(from, ENTRY_HEADER_BYTES)) {
      const end = window.from + window.bytes.length - ENTRY_HEADER_BYTES;
      for (; from <= end; from++) {
        const at = from - window.from;
        if (window.bytes[at + ENTRY_AT.version] !== ENTRY_VERSION || !this.#codec.headerHolds(window.bytes, at, from)) continue;
        highest = Math.max(highest, readEntryHeader(window.bytes, at).term);
      }
    }
    return highest;
  }

  /** A whole header with a version or kind that we do not know was written by a later release: nothing of it is torn. */
  #refuseUnknown(segment: ScannedSegment, header: EntryHeader): void {
    const known = header.kind === EntryKind.BATCH || header.kind === EntryKind.STATE;
    if (header.version === ENTRY_VERSION && known && header.flags === 0) return;
    const what = `version ${header.version}, kind ${header.kind}, flags ${header.flags}`;
    throw new QanatError(
      'CORRUPT_LOG',
      `${segment.name}: the entry at position ${this.position} has ${what}, which this release does not know`,
    );
  }
}
