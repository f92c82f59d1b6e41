// Applies what is stored and committed to the state, and settles it. A broker alone commits what it stores.
import { QanatError } from '../../errors.ts';
import { readBatchHeader } from '../../wire/batch.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import { ENTRY_HEADER_BYTES, EntryKind } from './entry.ts';
import { type LogBlocks, sliceOfBlocks } from './log-blocks.ts';
import type { LogHost, LogObserver, Settle } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import type { RecoveredLog } from './recovery.ts';
import { fileOffset, type Segment } from './segment.ts';
import type { StagedEntries } from './staged-entries.ts';
import { perform, runTask, type StorageTask } from './storage-task.ts';

/** Bytes that a replica applies at once; a reading of what is not in memory any more holds no more. */
const APPLY_BYTES = 4 * 1024 * 1024;

type BlockAt = (start: number) => Uint8Array;

export interface EntryApplierParts {
  readonly replicated: boolean;
  readonly host: LogHost;
  readonly observer: LogObserver;
  readonly blocks: LogBlocks;
  readonly index: QueueIndex;
  readonly staged: StagedEntries;
  readonly segments: readonly Segment[];
  /** More is applied. */
  applied(): void;
  /** A segment takes no more entries, and all of it is applied; `chain` is that of its last one. */
  sealed(segment: Segment, chain: number): void;
  /** What is written could not be read, or is not what the state was made from. */
  failed(segment: Segment, error: QanatError): void;
  /** What was to be applied is. */
  idle(): void;
}

export class EntryApplier {
  readonly #parts: EntryApplierParts;
  readonly #blockAt: BlockAt;
  #applied: number;
  #chain: number;
  #term: number;
  #stored: number;
  #committedTo: number;
  /** The oldest segment that is not sealed. */
  #unsealed: Segment;
  /** The state has everything below it already; what the chain must be there. */
  readonly #stateFrom: number;
  readonly #stateChain: number;
  #applying = false;
  #ended = false;
  /** What waits for the state to forget what was cut off the log. */
  #rejected: Settle[] = [];
  #rejection: QanatError | undefined;

  constructor(parts: EntryApplierParts, { committed, position: stored, snapshotPosition, snapshotChain }: RecoveredLog) {
    const { segments } = parts;
    this.#parts = parts;
    this.#blockAt = (start) => parts.blocks.block(start) as Uint8Array;
    this.#applied = committed.position;
    this.#chain = committed.chain;
    this.#term = committed.term;
    this.#stored = stored;
    this.#committedTo = parts.replicated ? committed.position : Number.POSITIVE_INFINITY;
    this.#stateFrom = snapshotPosition;
    this.#stateChain = snapshotChain;
    this.#unsealed = segments.findLast(({ base }) => base <= this.#applied) as Segment;
  }

  get applied(): number {
    return this.#applied;
  }

  /** The state is that of all applied entries. */
  get whole(): boolean {
    return this.#applied >= this.#stateFrom;
  }

  /** Where what is applied, or about to be, ends. */
  get decided(): number {
    return this.#parts.staged.endFrom(this.#applied, this.#target, Number.POSITIVE_INFINITY);
  }

  get place(): LogPlace {
    return { position: this.#applied, chain: this.#chain, term: this.#term };
  }

  get busy(): boolean {
    return this.#applying;
  }

  /** A write failed, and the state has not forgotten yet what was cut off: appends are rejected. */
  get rollingBack(): boolean {
    return this.#rejection !== undefined;
  }

  /** Everything below `position` is stored. */
  storedTo(position: number): void {
    this.#stored = position;
    this.#apply();
    this.#parts.staged.storedTo(position);
  }

  /** Everything below `position` is committed. */
  commitTo(position: number): void {
    if (position <= this.#committedTo) return;
    this.#committedTo = position;
    this.#apply();
  }

  /** The log ends at `position`: nothing behind it is stored, or known to be committed. */
  cutTo(position: number): void {
    this.#stored = Math.min(this.#stored, position);
    if (this.#parts.replicated) this.#committedTo = Math.min(this.#committedTo, position);
  }

  /** Tells of segments that take no more entries. */
  seal(): void {
    const { segments } = this.#parts;
    while (this.#unsealed !== segments.at(-1)) {
      const next = segments[segments.indexOf(this.#unsealed) + 1] as Segment;
      if (!next.ready || next.base > this.#applied) return;
      const sealed = this.#unsealed;
      this.#unsealed = next;
      this.#parts.sealed(sealed, next.previousChain);
    }
  }

  /**
   * What was staged with these is not in the log and never will be. The state forgets it once everything else that was staged is
   * applied, since it cannot tell the two apart; until then nothing is staged.
   */
  reject(settles: readonly Settle[], error?: QanatError): void {
    this.#rejected.push(...settles);
    this.#rejection ??= error;
    if (this.#applied === this.#parts.staged.end) this.endRollBack();
  }

  /** The state forgets everything staged. */
  endRollBack(): void {
    const rejection = this.#rejection;
    if (rejection === undefined) return;
    const settles = this.#rejected;
    this.#rejected = [];
    this.#rejection = undefined;
    this.#parts.observer.rolledBack();
    for (const settle of settles) settle(rejection);
  }

  /** Everything staged is settled and forgotten by the state; it stays in the log, and is applied if it is committed. */
  stepDown(error: QanatError): void {
    if (this.#rejection === undefined) this.#parts.observer.rolledBack();
    else this.endRollBack();
    this.#parts.staged.settleAll(error);
  }

  /** The store has failed: nothing is applied any more. */
  end(failure: QanatError): void {
    this.#ended = true;
    const settles = this.#rejected;
    this.#rejected = [];
    for (const settle of settles) settle(this.#rejection);
    this.#parts.staged.settleAll(failure);
  }

  get #target(): number {
    return this.#ended ? this.#applied : Math.min(this.#stored, this.#committedTo);
  }

  /** The log has come to the state; is it the one that the state was made from? */
  #join(segment: Segment): void {
    if (this.#chain === this.#stateChain) this.#parts.observer.whole?.();
    else this.#parts.failed(segment, otherLog(this.#stateFrom));
  }

  #apply(): void {
    if (this.#applying || this.#target <= this.#applied) return;
    this.#applying = true;
    runTask(this.#parts.host, this.#run(), (error) => {
      this.#applying = false;
      // A read that fails was dealt with: this is a defect of the state.
      if (error !== undefined) throw error;
      this.#parts.idle();
    });
  }

  *#run(): StorageTask<void> {
    const { replicated, segments, staged } = this.#parts;
    while (this.#target > this.#applied) {
      const segment = segments.findLast(({ base }) => base <= this.#applied) as Segment;
      const limit = Math.min(this.#target, segment.end, this.whole ? Number.POSITIVE_INFINITY : this.#stateFrom);
      const end = replicated ? staged.endFrom(this.#applied, limit, APPLY_BYTES) : limit;
      // Inside an entry, which is applied when all of it is committed.
      if (end === this.#applied && limit !== this.#stateFrom) return;
      if (end === this.#applied) return this.#parts.failed(segment, otherLog(this.#stateFrom));
      const blockAt = replicated ? yield* this.#fetched(segment, end) : this.#blockAt;
      if (blockAt === undefined || this.#ended) continue;
      this.#applyTo(segment, end, blockAt);
      if (end === this.#stateFrom) this.#join(segment);
    }
  }

  /** The blocks of [applied, end), read back where they left memory. undefined: they cannot be read. */
  *#fetched(segment: Segment, end: number): StorageTask<BlockAt | undefined> {
    const { blocks } = this.#parts;
    const held = new Map<number, Uint8Array>();
    const begun = blocks.loans.begin();
    try {
      for (let start = blocks.startOf(segment.base, this.#applied); start < end; start += blocks.blockBytes)
        held.set(start, blocks.block(start) ?? (yield* this.#read(segment, start, end)));
    } catch (error) {
      if (!QanatError.is(error) || error.code === 'INTERNAL') throw error;
      this.#parts.failed(segment, error);
      return undefined;
    } finally {
      blocks.loans.end(begun);
    }
    return (start) => held.get(start) as Uint8Array;
  }

  *#read({ name, base }: Segment, start: number, end: number): StorageTask<Uint8Array> {
    const { blockBytes } = this.#parts.blocks;
    const bytes = yield* perform({ op: 'read', name, position: fileOffset(base, start), length: blockBytes });
    if (bytes.length < Math.min(end - start, blockBytes))
      throw new QanatError('STORE_IO', `${name}: the file ends before position ${end}, up to which it was written`);
    return bytes;
  }

  #applyTo(segment: Segment, end: number, blockAt: BlockAt): void {
    const { blocks, index, observer, replicated, staged } = this.#parts;
    const entries = staged.take(end);
    for (const { kind, position, length, term, topicId, queue, chain } of entries) {
      const body = sliceOfBlocks(blocks, blockAt, segment.base, position + ENTRY_HEADER_BYTES, length - ENTRY_HEADER_BYTES);
      const batch = kind === EntryKind.BATCH;
      if (batch) {
        const { baseOffset, recordCount, storeTimeMs } = readBatchHeader(body);
        index.add(topicId, queue, segment.base, position, length, baseOffset, recordCount, storeTimeMs);
        if (segment.firstStoreTimeMs === 0) segment.firstStoreTimeMs = storeTimeMs;
        segment.lastStoreTimeMs = storeTimeMs;
      }
      segment.lastTerm = term;
      this.#applied = position + length;
      this.#chain = chain;
      this.#term = term;
      if (position >= this.#stateFrom)
        observer.apply({ kind: batch ? 'batch' : 'state', position, length, term, topicId, queue, body });
    }
    if (!replicated) blocks.pinFrom(this.#applied);
    this.#parts.applied();
    this.seal();
    for (const { settle } of entries) settle(undefined);
    if (this.#rejection !== undefined && this.#applied === staged.end) this.endRollBack();
  }
}

const otherLog = (position: number): QanatError =>
  new QanatError('CORRUPT_LOG', `the snapshot at position ${position} is of another log than the one that was copied`);
