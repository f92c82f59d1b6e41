// The entries that are in the log's blocks and not yet applied, and the end of the log that they make.
import { assert, type QanatError } from '../../errors.ts';
import { readUint32 } from '../../wire/bytes.ts';
import { ENTRY_AT, ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES, type EntryCodec, type EntryKind } from './entry.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { Settle } from './log-host.ts';
import { emptySegment, SEGMENT_HEADER_BYTES, type Segment } from './segment.ts';

/** One entry on its way. There is one for each frame that is stored, none for a message. */
export interface StagedEntry {
  readonly kind: EntryKind;
  readonly position: number;
  readonly length: number;
  readonly term: number;
  readonly topicId: number;
  readonly queue: number;
  readonly chain: number;
  readonly settle: Settle;
}

export class StagedEntries {
  readonly #codec: EntryCodec;
  readonly #blocks: LogBlocks;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #entries: StagedEntry[] = [];
  #end: number;
  #chain: number;
  #rolls = false;

  /** `segments` are those of the log, at least one; new ones are added when the last is full. */
  constructor(codec: EntryCodec, blocks: LogBlocks, segmentBytes: number, segments: Segment[], end: number, chain: number) {
    this.#codec = codec;
    this.#blocks = blocks;
    this.#segmentBytes = segmentBytes;
    this.#segments = segments;
    this.#end = end;
    this.#chain = chain;
  }

  get end(): number {
    return this.#end;
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
  ): void {
    const position = this.#end;
    const length = ENTRY_HEADER_BYTES + body.length;
    assert(length <= ENTRY_BYTES_MAX, `an entry of ${length} bytes is above the limit`);
    const following = keptWithBytes === 0 ? 0 : ENTRY_HEADER_BYTES + keptWithBytes;
    const segment = isKept ? (this.#segments.at(-1) as Segment) : this.#segmentFor(length + following);
    const previousChain = this.#chain;
    const header = this.#codec.seal({ kind, topicId, queue, term, position, syncedPosition, previousChain }, body);
    this.#blocks.write(segment.base, position, header);
    this.#blocks.write(segment.base, position + ENTRY_HEADER_BYTES, body);
    this.#chain = readUint32(header, ENTRY_AT.chain);
    this.#end = position + length;
    segment.end = this.#end;
    this.#entries.push({ kind, position, length, term, topicId, queue, chain: this.#chain, settle });
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

  /** Cuts everything staged off; the log ends at `position` with `chain` again. @returns what was staged. */
  cut(position: number, chain: number): StagedEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#end = position;
    this.#chain = chain;
    this.#blocks.cut(position);
    const segments = this.#segments;
    // The file of a segment that is not ready was removed; the segment before it takes entries again.
    while (segments.length > 1 && !(segments.at(-1) as Segment).ready) segments.pop();
    (segments.at(-1) as Segment).end = position;
    return entries;
  }

  /** Gives everything staged up without a change to the log: for a store that has failed. */
  abandon(error: QanatError): void {
    const entries = this.#entries;
    this.#entries = [];
    for (const { settle } of entries) settle(error);
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
