// The entries that are in the log and not yet applied, and the end of the log that they make.
import { assert, type QanatError } from '../../errors.ts';
import { readUint32 } from '../../wire/bytes.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import { ENTRY_AT, ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES, type EntryCodec, type EntryHeader, type EntryKind } from './entry.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { Settle } from './log-host.ts';
import { emptySegment, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';

/** One entry on its way. There is one for each frame that is stored, none for a message. */
export interface StagedEntry {
  readonly kind: number;
  readonly position: number;
  readonly length: number;
  readonly term: number;
  readonly topicId: number;
  readonly queue: number;
  readonly chain: number;
  settle: Settle;
}

/** The log as recovery found it. */
export interface FoundEntries extends LogPlace {
  /** At least one; new ones are added when the last is full. */
  readonly segments: Segment[];
  /** The last entries, which are not applied yet. */
  readonly uncommitted: StagedEntry[];
}

/** For an entry of which nobody wants to know what becomes of it. */
export const unsettled: Settle = () => {};

const endOf = ({ position, length }: StagedEntry): number => position + length;

export class StagedEntries {
  readonly #codec: EntryCodec;
  readonly #blocks: LogBlocks;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #entries: StagedEntry[];
  /** Those that are settled when they are stored, though they are not applied yet. */
  #early: StagedEntry[] = [];
  #end: number;
  #chain: number;
  #term: number;
  #rolls = false;

  constructor(codec: EntryCodec, blocks: LogBlocks, segmentBytes: number, found: FoundEntries) {
    this.#codec = codec;
    this.#blocks = blocks;
    this.#segmentBytes = segmentBytes;
    this.#segments = found.segments;
    this.#entries = found.uncommitted;
    this.#end = found.position;
    this.#chain = found.chain;
    this.#term = found.term;
  }

  get end(): number {
    return this.#end;
  }

  get endPlace(): LogPlace {
    return { position: this.#end, chain: this.#chain, term: this.#term };
  }

  /** The next entry begins a new segment, if the last one has any. */
  roll(): void {
    this.#rolls = true;
  }

  /**
   * Copies the body into the blocks behind everything staged.
   * @param keptWithBytes of the body of the next entry, which goes into the same segment: they are written and cut together.
   * @param isKept it goes where the entry before it went.
   */
  add(
    kind: EntryKind,
    topicId: number,
    queue: number,
    term: number,
    syncedPosition: number,
    body: Uint8Array,
    settle: Settle,
    keptWithBytes = 0,
    isKept = false,
  ): StagedEntry {
    const position = this.#end;
    const length = ENTRY_HEADER_BYTES + body.length;
    assert(length <= ENTRY_BYTES_MAX, `an entry of ${length} bytes is above the limit`);
    const following = keptWithBytes === 0 ? 0 : ENTRY_HEADER_BYTES + keptWithBytes;
    const segment = isKept ? (this.#segments.at(-1) as Segment) : this.#segmentFor(length + following);
    const previousChain = this.#chain;
    const header = this.#codec.seal({ kind, topicId, queue, term, position, syncedPosition, previousChain }, body);
    const entry = { kind, position, length, term, topicId, queue, chain: readUint32(header, ENTRY_AT.chain), settle };
    this.#push(segment, entry, header, body);
    return entry;
  }

  /** Copies an entry of another log that follows here: its header, and the bytes at `at`, with a synced position of ours. */
  addCopy(entry: EntryHeader, bytes: Uint8Array, at: number, syncedPosition: number): void {
    const { kind, position, length, term, topicId, queue, chain } = entry;
    const header = this.#codec.restamp(bytes, at, syncedPosition);
    const body = bytes.subarray(at + ENTRY_HEADER_BYTES, at + length);
    const staged = { kind, position, length, term, topicId, queue, chain, settle: unsettled };
    this.#push(this.#segmentFor(length), staged, header, body);
  }

  /** `entry` is settled as soon as it is stored. */
  settleEarly(entry: StagedEntry): void {
    this.#early.push(entry);
  }

  /** Everything below `position` is stored. */
  storedTo(position: number): void {
    const early = this.#early;
    if (early.length === 0) return;
    let count = 0;
    while (count < early.length && endOf(early[count] as StagedEntry) <= position) count++;
    for (const entry of early.splice(0, count)) {
      const { settle } = entry;
      entry.settle = unsettled;
      settle(undefined);
    }
  }

  /** Takes the entries below `position` out, in order. */
  take(position: number): StagedEntry[] {
    const entries = this.#entries;
    let count = 0;
    while (count < entries.length && (entries[count] as StagedEntry).position < position) count++;
    if (count === entries.length) {
      this.#entries = [];
      return entries;
    }
    return entries.splice(0, count);
  }

  /** The place behind each entry, in order. */
  places(): LogPlace[] {
    return this.#entries.map((entry) => ({ position: endOf(entry), chain: entry.chain, term: entry.term }));
  }

  /** The place at which one of the entries ends. */
  placeAt(position: number): LogPlace | undefined {
    const entry = this.#entries[this.#indexOf(position) - 1];
    if (entry === undefined || endOf(entry) !== position) return undefined;
    return { position, chain: entry.chain, term: entry.term };
  }

  /**
   * Where as many of the entries from `from` on end as are within `limit`, and within `bytesMax` but for the first one; `from`
   * where none begins.
   */
  endFrom(from: number, limit: number, bytesMax: number): number {
    const entries = this.#entries;
    const first = this.#indexOf(from);
    if (entries[first]?.position !== from) return from;
    let end = from;
    for (let at = first; at < entries.length; at++) {
      const next = endOf(entries[at] as StagedEntry);
      if (next > limit || (next - from > bytesMax && end > from)) return end;
      end = next;
    }
    return end;
  }

  /** Cuts everything behind `place` off, where one of the entries or everything applied ends. @returns what was cut. */
  cut({ position, chain, term }: LogPlace): StagedEntry[] {
    const cut = this.#entries.splice(this.#indexOf(position));
    this.#early = this.#early.filter((entry) => endOf(entry) <= position);
    this.#end = position;
    this.#chain = chain;
    this.#term = term;
    this.#blocks.cut(position);
    const segments = this.#segments;
    // At the seam, a file that is there says that what is before it was synced; the segment before takes entries again otherwise.
    const isCut = ({ base, ready }: Segment): boolean => base > position || (base === position && !ready);
    while (segments.length > 1 && isCut(segments.at(-1) as Segment)) segments.pop();
    (segments.at(-1) as Segment).end = position;
    return cut;
  }

  /** Settles everything, and changes nothing in the log. */
  settleAll(error: QanatError): void {
    const settles = this.#entries.map(({ settle }) => settle);
    this.#early = [];
    for (const entry of this.#entries) entry.settle = unsettled;
    for (const settle of settles) settle(error);
  }

  /** The index of the first entry that begins at `position` or behind it. */
  #indexOf(position: number): number {
    const entries = this.#entries;
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((entries[middle] as StagedEntry).position >= position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #push(segment: Segment, entry: StagedEntry, header: Uint8Array, body: Uint8Array): void {
    this.#blocks.write(segment.base, entry.position, header);
    this.#blocks.write(segment.base, entry.position + ENTRY_HEADER_BYTES, body);
    this.#chain = entry.chain;
    this.#term = entry.term;
    this.#end = endOf(entry);
    segment.end = this.#end;
    this.#entries.push(entry);
  }

  #segmentFor(length: number): Segment {
    const last = this.#segments.at(-1) as Segment;
    const full = this.#rolls || SEGMENT_HEADER_BYTES + last.end - last.base + length > this.#segmentBytes;
    if (!full || last.end === last.base) return last;
    this.#rolls = false;
    const next = emptySegment(this.#end, this.#chain, false);
    this.#segments.push(next);
    return next;
  }
}
