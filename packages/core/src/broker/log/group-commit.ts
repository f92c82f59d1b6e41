// Group commit: one group of entries on its way to the disk, the next one gathering meanwhile.
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import { readBatchHeader } from '../../wire/batch.ts';
import { ENTRY_HEADER_BYTES, EntryKind } from './entry.ts';
import { type LogBlocks, sliceOfBlocks } from './log-blocks.ts';
import type { CommitLogOptions, LogHost, LogObserver } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import type { RecoveredLog } from './recovery.ts';
import { encodeSegmentHeader, fileOffset, type Segment } from './segment.ts';
import type { StagedEntries } from './staged-entries.ts';
import { perform, runTask, type StorageTask } from './storage-task.ts';

const FLUSH_INTERVAL_MS = 200;
const FLUSH_BYTES = 4 * 1024 * 1024;

export interface GroupCommitParts {
  readonly options: CommitLogOptions;
  readonly host: LogHost;
  readonly observer: LogObserver;
  readonly blocks: LogBlocks;
  readonly index: QueueIndex;
  readonly staged: StagedEntries;
  /** The term of new segments. */
  term(): number;
  /** A write failed: the disk may be full. */
  writeFailed(): void;
  /** So many bytes were written. */
  written(bytes: number): void;
  /** A segment was begun; the one before it takes no more entries, and all of it is applied and synced. */
  segmentBegun(segment: Segment, before: Segment): void;
}

export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #storeId: Uint8Array;
  readonly #segments: Segment[];
  readonly #blockAt: (start: number) => Uint8Array;
  /** Written, applied and settled up to here; never cut again. */
  #applied: number;
  #appliedChain: number;
  #synced: number;
  /** The newest term of which something is on stable storage. */
  #syncedTerm: number;
  #writing = false;
  #syncing = false;
  #syncTimer: Timer | undefined;
  #failure: QanatError | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(parts: GroupCommitParts, log: RecoveredLog) {
    this.#parts = parts;
    this.#storeId = log.storeId;
    this.#segments = log.segments;
    this.#applied = log.end;
    this.#appliedChain = log.chain;
    this.#synced = log.end;
    this.#syncedTerm = parts.term();
    this.#blockAt = (start) => parts.blocks.block(start) as Uint8Array;
  }

  get applied(): number {
    return this.#applied;
  }

  get appliedChain(): number {
    return this.#appliedChain;
  }

  /** Everything below it is on stable storage. */
  get synced(): number {
    return this.#synced;
  }

  /** Why the log takes nothing any more. */
  get failure(): QanatError | undefined {
    return this.#failure;
  }

  /** Starts a group if none is under way and something is staged. */
  start(): void {
    if (this.#writing || this.#failure !== undefined || this.#parts.staged.end === this.#applied) return;
    this.#writing = true;
    runTask(this.#parts.host, this.#write(), (error) => {
      this.#writing = false;
      // Failures of the storage were dealt with: this is a defect of the state.
      if (error !== undefined) throw error;
      for (const run of this.#whenIdle.splice(0)) run();
    });
  }

  /** Writes what is staged, then runs `idle`, at once where nothing is. */
  finish(idle: () => void): void {
    this.start();
    if (this.#writing) this.#whenIdle.push(idle);
    else idle();
  }

  /** What is applied is on stable storage when this ends; otherwise the log has failed. The next group does not wait for it. */
  *syncApplied(): StorageTask<void> {
    if (this.#synced === this.#applied) return;
    const written = this.#segments.findLast(({ ready, base }) => ready && base <= this.#applied) as Segment;
    yield* this.#sync(written.name, this.#applied, true);
  }

  stop(): void {
    this.#syncTimer?.cancel();
  }

  *#write(): StorageTask<void> {
    const { host, options, staged } = this.#parts;
    while (staged.end > this.#applied && this.#failure === undefined) {
      const segment = this.#segmentOf(this.#applied);
      const end = segment.end;
      const term = this.#parts.term();
      try {
        yield* this.#append(segment, end);
      } catch (error) {
        if (!QanatError.is(error) || error.code === 'INTERNAL') throw error;
        host.log('error', 'log.write.failed', { segment: segment.name, error: error.message });
        yield* this.#rollBack(segment, error);
        continue;
      }
      // However the broker flushes: a term that a power cut took back would begin again, and its ids and epochs with it.
      const flush = options.flush === 'sync' || term !== this.#syncedTerm;
      if (flush && this.#failure === undefined) yield* this.#sync(segment.name, end);
      if (this.#failure !== undefined) return;
      this.#syncedTerm = term;
      this.#applyTo(segment, end);
      if (options.flush === 'async') this.#syncLater();
    }
  }

  /** The segment in which the entry at `position` stands or will stand; at the seam of two, the later one. */
  #segmentOf(position: number): Segment {
    const segments = this.#segments;
    let at = segments.length - 1;
    while (at > 0 && (segments[at] as Segment).base > position) at--;
    return segments[at] as Segment;
  }

  /** Makes the file of a new segment. That it exists says that everything before it is on stable storage. */
  *#begin(segment: Segment): StorageTask<void> {
    const before = this.#segments[this.#segments.indexOf(segment) - 1] as Segment;
    if (this.#synced < segment.base) yield* this.#sync(before.name, segment.base);
    if (this.#failure !== undefined) return;
    const { name, base, previousChain } = segment;
    const header = encodeSegmentHeader(this.#parts.options.platform, {
      storeId: this.#storeId,
      base,
      previousChain,
      term: this.#parts.term(),
    });
    yield* perform({ op: 'create', name });
    yield* perform({ op: 'append', name, parts: [header] });
    // The header is whole before there is an entry, so that a damaged header is never taken for a torn one.
    yield* this.#sync(name, segment.base);
    if (this.#failure !== undefined) return;
    segment.ready = true;
    this.#parts.segmentBegun(segment, before);
  }

  *#append(segment: Segment, end: number): StorageTask<void> {
    if (!segment.ready) yield* this.#begin(segment);
    if (this.#failure !== undefined) return;
    const parts = this.#parts.blocks.parts(segment.base, this.#applied, end);
    yield* perform({ op: 'append', name: segment.name, parts });
    this.#parts.written(end - this.#applied);
  }

  #applyTo(segment: Segment, end: number): void {
    const { blocks, index, observer, staged } = this.#parts;
    const entries = staged.take(end);
    for (const { kind, position, length, term, topicId, queue, chain } of entries) {
      const body = sliceOfBlocks(blocks, this.#blockAt, segment.base, position + ENTRY_HEADER_BYTES, length - ENTRY_HEADER_BYTES);
      const batch = kind === EntryKind.BATCH;
      if (batch) {
        const { baseOffset, recordCount, storeTimeMs } = readBatchHeader(body);
        index.add(topicId, queue, segment.base, position, length, baseOffset, recordCount, storeTimeMs);
        if (segment.firstStoreTimeMs === 0) segment.firstStoreTimeMs = storeTimeMs;
        segment.lastStoreTimeMs = storeTimeMs;
      }
      segment.lastTerm = term;
      this.#applied = position + length;
      this.#appliedChain = chain;
      observer.apply({ kind: batch ? 'batch' : 'state', position, length, term, topicId, queue, body });
    }
    blocks.pinFrom(this.#applied);
    for (const { settle } of entries) settle(undefined);
  }

  /** Syncs a file whose bytes below `position` are written. A failure is the end: what a second try says proves nothing. */
  *#sync(name: string, position: number, beside = false): StorageTask<void> {
    try {
      yield* perform({ op: 'sync', name, beside });
      this.#synced = Math.max(this.#synced, position);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#fail('sync', name, error);
    }
  }

  /** Cuts off what was not written whole, durably; only then is it said to be rejected. */
  *#rollBack(segment: Segment, cause: QanatError): StorageTask<void> {
    const { host, observer, staged } = this.#parts;
    if (this.#failure !== undefined) return;
    const { name, base } = segment;
    try {
      if (segment.ready) yield* perform({ op: 'truncate', name, size: fileOffset(base, this.#applied) });
      else yield* perform({ op: 'unlink', name });
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#fail('truncate', name, error);
      return;
    }
    if (this.#failure !== undefined) return;
    const entries = staged.cut(this.#applied, this.#appliedChain);
    observer.rolledBack();
    const rejected = new QanatError('STORAGE_REJECTED', `${name}: the write failed and was cut off: ${cause.message}`, { cause });
    for (const { settle } of entries) settle(rejected);
    host.log('warn', 'log.rolled-back', { position: this.#applied, entries: entries.length });
    this.#parts.writeFailed();
  }

  #fail(step: string, name: string, cause: QanatError): void {
    if (this.#failure !== undefined) return;
    const failure = new QanatError('STORAGE_FAILED', `${name}: ${step} failed: ${cause.message}`, { cause });
    this.#failure = failure;
    this.stop();
    this.#parts.host.log('error', 'log.store.failed', { segment: name, step, error: cause.message });
    this.#parts.staged.abandon(failure);
    this.#parts.host.fatal(failure);
  }

  /** Flush async: bounds what a power cut takes, in time and in bytes. */
  #syncLater(): void {
    const { host, options } = this.#parts;
    if (this.#syncing || this.#synced === this.#applied) return;
    if (this.#applied - this.#synced >= (options.flushBytes ?? FLUSH_BYTES)) {
      this.#syncNow();
      return;
    }
    this.#syncTimer ??= host.timers.at(host.nowMs() + (options.flushIntervalMs ?? FLUSH_INTERVAL_MS), () => this.#syncNow());
  }

  #syncNow(): void {
    this.#syncTimer?.cancel();
    this.#syncTimer = undefined;
    if (this.#syncing || this.#failure !== undefined) return;
    this.#syncing = true;
    runTask(this.#parts.host, this.syncApplied(), () => {
      this.#syncing = false;
      if (this.#failure === undefined) this.#syncLater();
    });
  }
}
