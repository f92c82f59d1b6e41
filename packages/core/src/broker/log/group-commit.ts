// Group commit: one group of entries on its way to the disk, the next one gathering meanwhile.
import { assert, QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import { EntryApplier } from './entry-applier.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { CommitLogOptions, LogHost, LogObserver } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import type { RecoveredLog } from './recovery.ts';
import { encodeSegmentHeader, fileOffset, type Segment } from './segment.ts';
import type { StagedEntries } from './staged-entries.ts';
import { perform, runTask, type StorageTask } from './storage-task.ts';
import { WriteTrouble } from './write-trouble.ts';

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
  /** More is applied. */
  applied(): void;
  /** A segment takes no more entries, and all of it is applied and synced; `chain` is that of its last one. */
  sealed(segment: Segment, chain: number): void;
}

interface Cut {
  readonly place: LogPlace;
  done(error: QanatError | undefined): void;
}

export class GroupCommit {
  readonly #parts: GroupCommitParts;
  readonly #storeId: Uint8Array;
  readonly #segments: Segment[];
  readonly applier: EntryApplier;
  /** In the files up to here; never cut again but by `cutTo`. */
  #written: number;
  /** On stable storage (flush sync) or written (flush async). */
  #stored: number;
  #synced: number;
  /** The newest term of which something is on stable storage. */
  #syncedTerm: number;
  #writing = false;
  #syncing = false;
  #syncTimer: Timer | undefined;
  readonly #trouble: WriteTrouble;
  #failure: QanatError | undefined;
  #cut: Cut | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(parts: GroupCommitParts, log: RecoveredLog) {
    this.#parts = parts;
    this.#trouble = new WriteTrouble(parts.host);
    this.#storeId = log.storeId;
    this.#segments = log.segments;
    this.#written = log.position;
    this.#stored = log.position;
    this.#synced = log.position;
    this.#syncedTerm = parts.term();
    const { host, observer, blocks, index, staged, applied, sealed } = parts;
    const shared = {
      replicated: this.#replicated,
      host,
      observer,
      blocks,
      index,
      staged,
      segments: log.segments,
      applied,
      sealed,
    };
    const failed = ({ name }: Segment, error: QanatError): void => this.#fail('read', name, error);
    this.applier = new EntryApplier({ ...shared, failed, idle: () => this.#resume() }, log);
  }

  get written(): number {
    return this.#written;
  }

  get stored(): number {
    return this.#stored;
  }

  /** Everything below it is on stable storage. */
  get synced(): number {
    return this.#synced;
  }

  /** The place at `position`, which is one between what is applied and the end. */
  placeAt(position: number): LogPlace {
    const place = position === this.applier.applied ? this.applier.place : this.#parts.staged.placeAt(position);
    assert(place !== undefined, `no entry ends at position ${position}, or it is committed`);
    return place;
  }

  /** Why the log takes nothing any more. */
  get failure(): QanatError | undefined {
    return this.#failure;
  }

  /** Starts a group if none is under way and something is staged. */
  start(): void {
    if (this.#writing || this.#failure !== undefined || !this.#hasWork) return;
    this.#writing = true;
    runTask(this.#parts.host, this.#write(), (error) => {
      this.#writing = false;
      // Failures of the storage were dealt with: this is a defect of the state.
      if (error !== undefined) throw error;
      this.#resume();
    });
  }

  /** Writes what is staged, then runs `idle`, at once where nothing is. */
  finish(idle: () => void): void {
    this.start();
    if (this.#busy) this.#whenIdle.push(idle);
    else idle();
  }

  /** A cut is asked for and not done. */
  get cutting(): boolean {
    return this.#cut !== undefined;
  }

  /** Cuts everything behind `place` off, as soon as nothing is being written or applied. */
  cutTo(place: LogPlace, done: (error: QanatError | undefined) => void): void {
    assert(this.#cut === undefined, 'one cut at a time');
    if (this.#failure !== undefined) return done(this.#failure);
    assert(place.position >= this.applier.decided, 'what is committed is never cut');
    this.#cut = { place, done };
    this.applier.cutTo(place.position);
    this.start();
  }

  /** What is written is on stable storage when this ends; otherwise the log has failed. The next group does not wait for it. */
  *syncWritten(): StorageTask<void> {
    if (this.#synced === this.#written) return;
    const written = this.#segments.findLast(({ ready, base }) => ready && base <= this.#written) as Segment;
    yield* this.#sync(written.name, this.#written, true);
  }

  stop(): void {
    this.#syncTimer?.cancel();
  }

  get #replicated(): boolean {
    return this.#parts.options.replicated === true;
  }

  get #busy(): boolean {
    return this.#writing || this.applier.busy || (this.#cut !== undefined && this.#failure === undefined);
  }

  get #hasWork(): boolean {
    if (this.#cut !== undefined) return !this.#syncing && !this.applier.busy;
    return this.#parts.staged.end > this.#written;
  }

  /** Something ended for which something may wait. */
  #resume(): void {
    if (this.#cut !== undefined) this.start();
    if (!this.#busy) for (const run of this.#whenIdle.splice(0)) run();
  }

  *#write(): StorageTask<void> {
    const { options } = this.#parts;
    while (this.#failure === undefined && this.#hasWork) {
      if (this.#cut !== undefined) {
        yield* this.#cutOff(this.#cut);
        continue;
      }
      const segment = this.#segmentOf(this.#written);
      const end = segment.end;
      const term = this.#parts.term();
      try {
        yield* this.#append(segment, end);
      } catch (error) {
        if (!QanatError.is(error) || error.code === 'INTERNAL') throw error;
        this.#trouble.failed(segment.name, error);
        yield* this.#rollBack(segment, error);
        continue;
      }
      // However the broker flushes: a term that a power cut took back would begin again, and its ids and epochs with it.
      const flush = options.flush === 'sync' || term !== this.#syncedTerm;
      if (flush && this.#failure === undefined) yield* this.#sync(segment.name, end);
      if (this.#failure !== undefined) return;
      this.#syncedTerm = term;
      this.#stored = end;
      this.#parts.observer.progressed?.();
      this.applier.storedTo(end);
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
    this.applier.seal();
  }

  *#append(segment: Segment, end: number): StorageTask<void> {
    if (!segment.ready) yield* this.#begin(segment);
    if (this.#failure !== undefined) return;
    const { blocks } = this.#parts;
    yield* perform({ op: 'append', name: segment.name, parts: blocks.parts(segment.base, this.#written, end) });
    this.#parts.written(end - this.#written);
    this.#trouble.written();
    this.#written = end;
    if (!this.#replicated) return;
    // What is written can be read back: however much is not committed, it need not stay in memory.
    blocks.pinFrom(end);
    this.#parts.observer.progressed?.();
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
    const { observer, staged } = this.#parts;
    if (this.#failure !== undefined) return;
    const { name, base } = segment;
    try {
      if (segment.ready) yield* perform({ op: 'truncate', name, size: fileOffset(base, this.#written) });
      else yield* perform({ op: 'unlink', name });
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#fail('truncate', name, error);
      return;
    }
    if (this.#failure !== undefined) return;
    const entries = staged.cut(this.placeAt(this.#written));
    const rejected = new QanatError('STORAGE_REJECTED', `${name}: the write failed and was cut off: ${cause.message}`, { cause });
    const settles = entries.map(({ settle }) => settle);
    if (this.#replicated) observer.shortened?.();
    this.applier.reject(settles, rejected);
    this.#trouble.rolledBack(this.#written, entries.length);
    this.#parts.writeFailed();
  }

  /** The newest file first: what a crash leaves at any step is a log without a gap. */
  *#cutOff({ place, done }: Cut): StorageTask<void> {
    const { position } = place;
    const segment = this.#segmentOf(position);
    let tail: Uint8Array | undefined;
    try {
      if (position < this.#written) {
        for (const { name, ready } of this.#segments.slice(this.#segments.indexOf(segment) + 1).reverse())
          if (ready) yield* perform({ op: 'unlink', name });
        if (segment.ready) yield* perform({ op: 'truncate', name: segment.name, size: fileOffset(segment.base, position) });
      }
      tail = yield* this.#tailOf(segment, position);
    } catch (error) {
      if (!QanatError.is(error) || error.code === 'INTERNAL') throw error;
      this.#fail('cut', segment.name, error);
    }
    if (this.#failure !== undefined) return;
    this.#forgetBehind(segment, place, tail);
    this.#cut = undefined;
    done(undefined);
  }

  /** The bytes of the block that the next entry goes into, where it left memory. */
  *#tailOf({ name, base }: Segment, position: number): StorageTask<Uint8Array | undefined> {
    const { blocks } = this.#parts;
    const start = blocks.startOf(base, position);
    if (start === position || blocks.has(start)) return undefined;
    const length = position - start;
    const bytes = yield* perform({ op: 'read', name, position: fileOffset(base, start), length });
    if (bytes.length === length) return bytes;
    throw new QanatError('STORE_IO', `${name}: read ${bytes.length} bytes instead of ${length}`);
  }

  #forgetBehind({ base }: Segment, place: LogPlace, tail: Uint8Array | undefined): void {
    const { blocks, host, staged } = this.#parts;
    const { position } = place;
    const before = staged.end;
    this.#written = Math.min(this.#written, position);
    this.#stored = Math.min(this.#stored, position);
    // What is written from now on must not say that the entries cut were on stable storage.
    this.#synced = Math.min(this.#synced, position);
    blocks.pinFrom(this.#written);
    const cut = staged.cut(place);
    if (tail !== undefined) blocks.insert(blocks.startOf(base, position), tail);
    this.applier.cutTo(position);
    host.log('info', 'log.cut', { position, bytes: before - position });
    const gone = new QanatError('MASTER_CHANGED', `the log was cut at position ${position}: another replica may have the entry`);
    for (const { settle } of cut) settle(gone);
  }

  #fail(step: string, name: string, cause: QanatError): void {
    if (this.#failure !== undefined) return;
    const failure = new QanatError('STORAGE_FAILED', `${name}: ${step} failed: ${cause.message}`, { cause });
    this.#failure = failure;
    this.stop();
    this.#parts.host.log('error', 'log.store.failed', { segment: name, step, error: cause.message });
    this.applier.end(failure);
    this.#cut?.done(failure);
    this.#parts.host.fatal(failure);
  }

  /** Flush async: bounds what a power cut takes, in time and in bytes. */
  #syncLater(): void {
    const { host, options } = this.#parts;
    if (this.#syncing || this.#synced === this.#written) return;
    if (this.#written - this.#synced >= (options.flushBytes ?? FLUSH_BYTES)) {
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
    runTask(this.#parts.host, this.syncWritten(), () => {
      this.#syncing = false;
      if (this.#failure === undefined) this.#syncLater();
      this.#resume();
    });
  }
}
