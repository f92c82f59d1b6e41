// The commit log of a broker: one sequence of entries for messages and state (spec, chapter of the log entry).
import { assert, QanatError } from '../../errors.ts';
import { BATCH_HEADER_BYTES } from '../../wire/batch.ts';
import { type SnapshotInit, StateRecord, type StateRecordInit } from '../../wire/gen/messages.ts';
import type { LogPlace, ReplicaLog } from '../replication/replica-log.ts';
import { Background } from './background.ts';
import { EntryCodec, EntryKind } from './entry.ts';
import { type EntriesDone, type PlaceDone, verifiedEntries } from './entry-reader.ts';
import { FreeSpaceWatch } from './free-space.ts';
import type { GroupCommit } from './group-commit.ts';
import { IndexFiles } from './index-files.ts';
import type { BegunTurn } from './loans.ts';
import { LogBlocks } from './log-blocks.ts';
import type { CommitLogOptions, LogHost, LogObserver, Settle, SettleAt } from './log-host.ts';
import { LogReader, type ReadDone } from './log-reader.ts';
import type { SnapshotPiece } from './log-snapshots.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { QueueIndex } from './queue-index.ts';
import { type RecoveredLog, Recovery } from './recovery.ts';
import { SEGMENT_BYTES_MAX, type Segment, STORE_ID_BYTES } from './segment.ts';
import { SnapshotStore } from './snapshot-store.ts';
import { unsettled } from './staged-entries.ts';
import { runTask, type StorageTask } from './storage-task.ts';

/** What is known only when a log is opened. */
export type OpenChange = Pick<CommitLogOptions, 'newStoreId' | 'repair' | 'joins'>;

export type { CommitLogOptions, LogEntry, LogHost, LogObserver, Settle, SettleAt } from './log-host.ts';

const MIB = 1024 * 1024;
const SEGMENT_BYTES = 128 * MIB;
const CACHE_BYTES = 64 * MIB;
const BLOCK_BYTES = MIB;
const RESERVE_BYTES = 256 * MIB;
/** A log of 10 GB is read in about three hours. */
const SCRUB_BYTES_PER_SECOND = MIB;

/**
 * Keeps entries in the order in which they are staged, and gives them to its observer once they are in the log for ever. Pure:
 * it asks its host for storage and time.
 */
export class CommitLog implements ReplicaLog {
  /** Set by the broker after open, before the first append; until then that of the newest entry. Never decreases. */
  term = 0;
  readonly #options: CommitLogOptions;
  readonly #host: LogHost;
  readonly #observer: LogObserver;
  readonly #codec: EntryCodec;
  readonly #blocks: LogBlocks;
  readonly #index = new QueueIndex();
  readonly #reader: LogReader;
  readonly #snapshots: SnapshotStore;
  readonly #space: FreeSpaceWatch;
  readonly #background: Background;
  readonly #indexFiles: IndexFiles;
  #open: OpenLog | undefined;
  #closing = false;

  constructor(options: CommitLogOptions, host: LogHost, observer: LogObserver) {
    assert((options.segmentBytes ?? SEGMENT_BYTES) <= SEGMENT_BYTES_MAX, 'a segment has less than 4 GiB');
    assert(options.newStoreId.length === STORE_ID_BYTES, `a store id has ${STORE_ID_BYTES} bytes`);
    this.#options = options;
    this.#host = host;
    this.#observer = observer;
    this.#codec = new EntryCodec(options.platform);
    this.#blocks = new LogBlocks(options.blockBytes ?? BLOCK_BYTES, options.cacheBytes ?? CACHE_BYTES);
    this.#reader = new LogReader(host, this.#blocks, this.#index);
    this.#snapshots = new SnapshotStore(host, options.platform);
    this.#background = new Background(host);
    this.#indexFiles = new IndexFiles(host, options.platform, this.#background, this.#index);
    this.#space = new FreeSpaceWatch(host, options.reserveBytes ?? RESERVE_BYTES);
  }

  /**
   * Recovers, then takes entries. Once.
   * @param change what differs from the options: a slave has the store id of its master.
   *
   * Errors: CORRUPT_LOG (durable data is damaged; it names the place, and nothing was changed), STORE_IO.
   */
  open(done: (error: QanatError | undefined) => void, change: Partial<OpenChange> = {}): void {
    const recovery = new Recovery({
      options: { ...this.#options, ...change },
      host: this.#host,
      observer: this.#observer,
      codec: this.#codec,
      blocks: this.#blocks,
      index: this.#index,
      indexFiles: this.#indexFiles,
      snapshots: this.#snapshots,
    });
    runTask(this.#host, recovery.run(), (error, log) => {
      if (log === undefined) {
        done(error);
        return;
      }
      this.#begin(log);
      this.#space.check(() => done(undefined));
    });
  }

  /** Sixteen bytes that name the store for its whole life. */
  get storeId(): Uint8Array {
    return this.#opened.storeId;
  }

  /** The position behind everything staged. */
  get endPosition(): number {
    return this.#opened.staged.end;
  }

  /** Bytes that are staged and not yet applied. */
  get stagedBytes(): number {
    const { staged, commit } = this.#opened;
    return staged.end - commit.applier.applied;
  }

  get oldestPosition(): number {
    return (this.#opened.segments[0] as Segment).base;
  }

  /** Of the entry before the oldest one. */
  get chainBefore(): number {
    return (this.#opened.segments[0] as Segment).previousChain;
  }

  get written(): LogPlace {
    const { commit } = this.#opened;
    return commit.placeAt(commit.written);
  }

  /** Nothing while the log joins: a state that is not whole cannot stand in for another. */
  get storedPosition(): number {
    return this.whole ? this.#opened.commit.stored : 0;
  }

  /** The state is that of all applied entries; not so while a log that joins is below its snapshot. */
  get whole(): boolean {
    return this.#opened.commit.applier.whole;
  }

  get committedPosition(): number {
    return this.#opened.commit.applier.applied;
  }

  /** Free space is under the reserve: the broker takes no messages, state records still go. */
  get diskFull(): boolean {
    return this.#space.full;
  }

  /** Files of the log that the scrub found damaged. */
  get damagedSegments(): number {
    return this.#open?.scrub.damaged ?? 0;
  }

  /**
   * Stages a batch that is stamped already (offset, term, store time, header checksum); copies the bytes.
   *
   * `settle` comes after `apply` of the entry, or with STORAGE_REJECTED (cut off the log, and the cut synced), STORAGE_FAILED (it
   * may be in the log) or MASTER_CHANGED (it may be in the log of another replica). With `at` stored it does not wait for others.
   */
  appendBatch(topicId: number, queue: number, batch: Uint8Array, settle: Settle, at: SettleAt = 'committed'): void {
    assert(batch.length >= BATCH_HEADER_BYTES, 'a batch has a header');
    this.#append(EntryKind.BATCH, topicId, queue, batch, settle, at);
  }

  /** Stages a state record; `settle` as for a batch. */
  appendState(record: StateRecordInit, settle: Settle): void {
    this.#append(EntryKind.STATE, 0, 0, StateRecord.encode(record), settle);
  }

  /** Stages a state record and, directly behind it, a batch: both are in the log or none is. `settle` as for a batch. */
  appendMarkedBatch(
    record: StateRecordInit,
    topicId: number,
    queue: number,
    batch: Uint8Array,
    settle: Settle,
    at: SettleAt = 'committed',
  ): void {
    assert(batch.length >= BATCH_HEADER_BYTES, 'a batch has a header');
    if (this.#refuses(settle)) return;
    const { staged, commit } = this.#opened;
    const mark = StateRecord.encode(record);
    staged.add(EntryKind.STATE, 0, 0, this.term, commit.synced, mark, unsettled, batch.length);
    const entry = staged.add(EntryKind.BATCH, topicId, queue, this.term, commit.synced, batch, settle, 0, true);
    if (at === 'stored' && this.#options.replicated === true) staged.settleEarly(entry);
  }

  /** Starts writing what is staged if nothing is in flight. To be called once after each burst of inputs. */
  commit(): void {
    this.#open?.commit.start();
  }

  // ---- one of several replicas ----

  commitTo(position: number): void {
    const { commit } = this.#opened;
    // What is to be cut may lie below.
    if (!commit.cutting) commit.applier.commitTo(position);
  }

  placeAt(position: number, done: PlaceDone): void {
    this.#opened.entries.placeAt(position, done);
  }

  readEntries(position: number, bytesMax: number, done: EntriesDone): void {
    this.#opened.entries.readEntries(position, bytesMax, done);
  }

  /** They are written at the next `commit`, as what is appended is. `term` becomes that of the last of them. */
  appendEntries(entries: Uint8Array): void {
    const { commit, staged } = this.#opened;
    const refusal = commit.cutting ? 'the log is being cut' : this.#refusal()?.message;
    if (refusal !== undefined) throw new QanatError('INVALID_BATCH', refusal);
    const headers = verifiedEntries(this.#codec, entries, staged.endPlace);
    // Who takes entries of others has nothing of its own on the way.
    commit.applier.endRollBack();
    let at = 0;
    for (const header of headers) {
      staged.addCopy(header, entries, at, commit.synced);
      at += header.length;
    }
    this.term = Math.max(this.term, staged.endPlace.term);
  }

  uncommittedPlaces(): readonly LogPlace[] {
    const { commit, staged } = this.#opened;
    return [commit.applier.place, ...staged.places()];
  }

  /** Whoever appended what is cut was told so by `stepDown` before; what is not settled yet is, with MASTER_CHANGED. */
  cutTo(position: number, done: (error: QanatError | undefined) => void): void {
    const { commit } = this.#opened;
    commit.cutTo(commit.placeAt(position), done);
  }

  /** Settles all that is staged and not committed with `error`: it stays in the log, and others decide what becomes of it. */
  stepDown(error: QanatError): void {
    this.#opened.commit.applier.stepDown(error);
  }

  // ---- readers ----

  /** The offsets of a queue, of applied entries only. undefined: nothing is stored. */
  bounds(topicId: number, queue: number): { oldest: number; next: number } | undefined {
    const indexed = this.#index.queue(topicId, queue);
    return indexed === undefined ? undefined : { oldest: indexed.oldest, next: indexed.next };
  }

  /** Base offset of the first batch with a store time of `timeMs` or later, or undefined when there is none. */
  findByTime(topicId: number, queue: number, timeMs: number): number | undefined {
    return this.#index.queue(topicId, queue)?.findByTime(timeMs);
  }

  /**
   * Whole batches from the one that contains `offset` on (the oldest one, where that is behind it): at least one if there is one,
   * at most `bytesMax` bytes otherwise, fewer where many blocks would have to be fetched. `nextOffset` is that of the batch
   * behind
   * them. `done` may be called at once. The slices must not be changed; they stay valid until the turn ends, or until the turn
   * ends
   * in which `endReading` is called for a reading that began before them.
   *
   * Errors: STORE_IO, CORRUPT_LOG.
   */
  read(topicId: number, queue: number, offset: number, bytesMax: number, done: ReadDone): void {
    this.#reader.read(topicId, queue, offset, bytesMax, done);
  }

  /** Begins a reading of several calls of `read`. @returns what to give to `endReading`. */
  beginReading(): BegunTurn {
    return this.#blocks.loans.begin();
  }

  endReading(begun: BegunTurn): void {
    this.#blocks.loans.end(begun);
  }

  /** The turn ends: what was read and given away in it has been sent. */
  nextTurn(): void {
    this.#blocks.loans.nextTurn();
  }

  /** So much of the log lies behind the newest snapshot that the broker should call `snapshot`. */
  get wantsSnapshot(): boolean {
    return this.#open?.snapshots.isDue === true;
  }

  /**
   * Keeps the state that follows from all entries that are applied now; `slices` say it, and are taken over several turns of the
   * event loop. Position, chain and store id are filled in. Not inside `apply`, and one at a time.
   *
   * Errors: STORE_IO; the log goes on, and asks again after 10 s. STORAGE_FAILED. CLOSED: the log was closed before its end.
   */
  snapshot(slices: Iterable<SnapshotInit>, done: (error: QanatError | undefined) => void): void {
    this.#opened.snapshots.take(slices, done);
  }

  /**
   * At most `bytesMax` bytes from `offset` on of the file of the snapshot at `position`, or of the newest one (0), if there is
   * one.
   * Errors: INVALID_ARGUMENT (it is gone, or shorter), STORE_IO.
   */
  readSnapshot(
    position: number,
    offset: number,
    bytesMax: number,
    done: (error: QanatError | undefined, piece: SnapshotPiece | undefined) => void,
  ): void {
    this.#background.run(this.#opened.snapshots.piece(position, offset, bytesMax), done);
  }

  /** Writes and syncs what is staged, then `done`; the storage stays open. What is appended from now on is rejected. */
  close(done: (error: QanatError | undefined) => void): void {
    this.#closing = true;
    this.#space.stop();
    const commit = this.#open?.commit;
    if (commit === undefined) {
      done(undefined);
      return;
    }
    this.#open?.retention.stop();
    this.#open?.scrub.stop();
    this.#open?.committedFile?.stop();
    this.#open?.snapshots.stop();
    commit.finish(() => {
      commit.stop();
      if (this.stagedBytes > 0) this.stepDown(new QanatError('MASTER_CHANGED', 'the log was closed before this was committed'));
      this.#background.stop(() => {
        if (commit.failure !== undefined) done(commit.failure);
        else runTask(this.#host, this.#end(commit), () => done(commit.failure));
      });
    });
  }

  *#end(commit: GroupCommit): StorageTask<void> {
    yield* commit.syncWritten();
    const file = this.#open?.committedFile;
    if (file !== undefined && commit.failure === undefined) yield* file.task();
  }

  get #opened(): OpenLog {
    assert(this.#open !== undefined, 'the log is not open');
    return this.#open;
  }

  #begin(log: RecoveredLog): void {
    const { segmentBytes = SEGMENT_BYTES, scrubBytesPerSecond = SCRUB_BYTES_PER_SECOND } = this.#options;
    const parts = {
      options: this.#options,
      segmentBytes,
      scrubBytesPerSecond,
      host: this.#host,
      observer: this.#observer,
      codec: this.#codec,
      blocks: this.#blocks,
      index: this.#index,
      reader: this.#reader,
      store: this.#snapshots,
      space: this.#space,
      background: this.#background,
      indexFiles: this.#indexFiles,
      term: () => this.term,
    };
    this.#open = openLog(parts, log);
    this.term = log.term;
    this.#indexFiles.write();
  }

  #append(kind: EntryKind, topicId: number, queue: number, body: Uint8Array, settle: Settle, at?: SettleAt): void {
    if (this.#refuses(settle)) return;
    const { staged, commit } = this.#opened;
    const entry = staged.add(kind, topicId, queue, this.term, commit.synced, body, settle);
    if (at === 'stored' && this.#options.replicated === true) staged.settleEarly(entry);
  }

  #refuses(settle: Settle): boolean {
    const { applier } = this.#opened.commit;
    const refusal = this.#refusal();
    if (refusal !== undefined) settle(refusal);
    else if (applier.rollingBack) applier.reject([settle]);
    else return false;
    return true;
  }

  #refusal(): QanatError | undefined {
    const { failure } = this.#opened.commit;
    if (failure !== undefined) return new QanatError('STORAGE_REJECTED', `nothing is written since ${failure.message}`);
    return this.#closing ? new QanatError('STORAGE_REJECTED', 'the log is closed') : undefined;
  }
}
