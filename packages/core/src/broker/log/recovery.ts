// Makes the log and the state that follows from it out of what the storage holds (spec, chapter of the log entry: recovery).
import { QanatError } from '../../errors.ts';
import type { StoredFile } from '../../storage.ts';
import { readBatchHeader } from '../../wire/batch.ts';
import type { Snapshot } from '../../wire/gen/messages.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import { COMMITTED_FILE, readCommitted, writeCommitted } from './committed-file.ts';
import { ENTRY_HEADER_BYTES, type EntryCodec, type EntryHeader, EntryKind } from './entry.ts';
import type { IndexFiles } from './index-files.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { CommitLogOptions, LogHost, LogObserver } from './log-host.ts';
import { repairLog } from './log-repair.ts';
import { LogScan, type ScannedSegment } from './log-scan.ts';
import { surveyLog } from './log-survey.ts';
import type { QueueIndex } from './queue-index.ts';
import {
  decodeSegmentHeader,
  emptySegment,
  encodeSegmentHeader,
  fileOffset,
  SEGMENT_HEADER_BYTES,
  type Segment,
  type SegmentHeader,
  segmentBaseOf,
  segmentName,
} from './segment.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { type FoundEntries, type StagedEntry, unsettled } from './staged-entries.ts';
import { perform, type StorageTask } from './storage-task.ts';
import { resumeRewrite, rewriteTail } from './tail-rewrite.ts';

/** The place is the end of the log. */
export interface RecoveredLog extends FoundEntries {
  readonly storeId: Uint8Array;
  /** Everything before it is applied. */
  readonly committed: LogPlace;
  /** Of the newest snapshot; 0 without one. With `joins` it may lie behind the end. */
  readonly snapshotPosition: number;
  /** Of the entry before it. */
  readonly snapshotChain: number;
}

/** What is known of the entries of a segment. */
type SegmentMarks = Pick<Segment, 'lastTerm' | 'firstStoreTimeMs' | 'lastStoreTimeMs'>;

const CORRUPT_HINT =
  'nothing was changed; put the file back from a copy, or see "qanat log verify DIR" and "qanat log repair --help"';

const COMMIT_HINT =
  `nothing was changed; promote another replica, and this one takes from it what it lacks; where there is none with more, remove ` +
  `the file ${COMMITTED_FILE}: what has rotted is lost then`;

interface FoundSegment extends ScannedSegment {
  readonly header: SegmentHeader;
}

export interface RecoveryParts {
  readonly options: CommitLogOptions;
  readonly host: LogHost;
  readonly observer: LogObserver;
  readonly codec: EntryCodec;
  readonly blocks: LogBlocks;
  readonly index: QueueIndex;
  readonly indexFiles: IndexFiles;
  readonly snapshots: SnapshotStore;
}

/** One recovery. Everything is read and judged before the first byte is changed; repeating it at any point gives the same log. */
export class Recovery {
  readonly #parts: RecoveryParts;
  /** A segment file that a crash left without a whole header; it holds nothing, but what is before it was synced. */
  #unborn: { readonly name: string; readonly base: number } | undefined;

  /** By the base of each segment. */
  readonly #marks = new Map<number, SegmentMarks>();

  /** Bases of the segments whose index came from its file. */
  readonly #indexed = new Set<number>();

  /** What the file of a replicated log says. */
  #kept: Pick<LogPlace, 'position' | 'chain'> | undefined;
  /** Entries from here on are not known to be committed. */
  #committedTo = Number.POSITIVE_INFINITY;
  /** Where the first of them begins. */
  #committed: LogPlace | undefined;
  readonly #uncommitted: StagedEntry[] = [];

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  *run(): StorageTask<RecoveredLog> {
    const { options, snapshots, observer } = this.#parts;
    const before = yield* perform({ op: 'list' });
    const rewrittenTo = yield* resumeRewrite(options.platform, before);
    if (options.repair === 'cut') yield* this.#repair();
    const files = rewrittenTo === undefined && options.repair === undefined ? before : yield* perform({ op: 'list' });
    const segments = yield* this.#segments(files);
    const snapshot = yield* snapshots.newest(files);
    if (segments.length === 0) {
      // A snapshot of the very beginning says nothing but who the store is.
      if ((snapshot?.position ?? 0) > 0)
        corrupt(`there is a snapshot at position ${snapshot?.position}, but no segment of the log`);
      if ((this.#unborn?.base ?? 0) > 0) corrupt(`there is an empty segment ${this.#unborn?.name}, but none before it`);
      observer.restore(snapshot);
      return yield* this.#newStore(snapshot?.storeId ?? options.newStoreId);
    }
    const first = segments[0] as FoundSegment;
    const last = segments.at(-1) as FoundSegment;
    if (first.base > (snapshot?.position ?? 0)) corrupt(`the log begins with ${first.name}, but no snapshot goes so far`);
    if (snapshot !== undefined && !sameBytes(snapshot.storeId, first.header.storeId)) corrupt('the snapshot is of another store');
    yield* this.#readCommitted(files, snapshot);
    observer.restore(snapshot);
    const storedTo = options.joins === true ? 0 : (snapshot?.position ?? 0);
    const evidence = Math.max(last.base, this.#unborn?.base ?? 0, storedTo, rewrittenTo ?? 0, this.#storedByCommit);
    const byName = new Map(files.map((file) => [file.name, file]));
    const scan = yield* this.#scan(segments, byName, snapshot, evidence);
    yield* this.#mend(scan, first, last);
    yield* this.#keepCommitted(files, scan);
    yield* this.#loadTail(scan, last);
    this.#parts.host.log('info', 'log.recovered', {
      position: scan.position,
      segments: segments.length,
      snapshot: snapshot?.position,
    });
    const { position, chain } = scan;
    const snapshotPosition = snapshot?.position ?? 0;
    // What is copied up to the snapshot is of its term, or of earlier ones.
    const term = position < snapshotPosition ? scan.term : Math.max(scan.term, snapshot?.term ?? 0);
    const committed = this.#committed ?? { position, chain, term };
    return {
      storeId: first.header.storeId,
      segments: this.#sealed(segments, byName, position, committed.position),
      position,
      chain,
      term,
      committed,
      uncommitted: this.#uncommitted,
      snapshotPosition,
      snapshotChain: snapshot?.chain ?? 0,
    };
  }

  /** Cuts damage off. What was committed there, another replica has. */
  *#repair(): StorageTask<void> {
    const { platform } = this.#parts.options;
    const { damage } = yield* surveyLog(platform, { whole: true });
    // What it says was stored is the damage, or lies behind it.
    yield* perform({ op: 'unlink', name: COMMITTED_FILE });
    if (damage === undefined) return;
    this.#parts.host.log('warn', 'log.damage.cut', { file: damage.file, position: damage.position, what: damage.what });
    yield* repairLog(platform, damage.position, false);
  }

  /** The segments as the log has them from now on; those that had no index get one. */
  #sealed(found: readonly FoundSegment[], files: ReadonlyMap<string, StoredFile>, end: number, committed: number): Segment[] {
    const { indexFiles } = this.#parts;
    indexFiles.findStrays(files, new Set(found.map(({ base }) => base)));
    return found.map(({ base, header }, i) => {
      const next = found[i + 1];
      const marks = this.#marks.get(base);
      const segment: Segment = { ...emptySegment(base, header.previousChain, true), end: next?.base ?? end, ...marks };
      if (next !== undefined && next.base <= committed && !this.#indexed.has(base))
        indexFiles.seal(segment, next.header.previousChain);
      return segment;
    });
  }

  /** The segments with their headers, checked against each other. */
  *#segments(files: readonly StoredFile[]): StorageTask<FoundSegment[]> {
    const named = files.filter((file) => segmentBaseOf(file.name) !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    const found: FoundSegment[] = [];
    for (const [i, file] of named.entries()) {
      const base = segmentBaseOf(file.name) as number;
      const bytes = yield* perform({
        op: 'read',
        name: file.name,
        position: 0,
        length: SEGMENT_HEADER_BYTES + ENTRY_HEADER_BYTES,
      });
      const header = decodeSegmentHeader(this.#parts.options.platform, bytes);
      if (header === undefined) {
        // The header is synced before the first entry is written: with something behind it, it was whole once.
        const unborn = i === named.length - 1 && bytes.subarray(SEGMENT_HEADER_BYTES).every((byte) => byte === 0);
        if (!unborn) corrupt(`${file.name}: the header of the segment is damaged`);
        this.#unborn = { name: file.name, base };
        continue;
      }
      if (header.base !== base) corrupt(`${file.name}: its header says that it begins at position ${header.base}`);
      if (!sameBytes(header.storeId, (found[0]?.header ?? header).storeId)) corrupt(`${file.name}: it belongs to another store`);
      found.push({ name: file.name, base, fileEnd: base + Math.max(0, file.size - SEGMENT_HEADER_BYTES), header });
    }
    return found;
  }

  *#newStore(storeId: Uint8Array): StorageTask<RecoveredLog> {
    const { options } = this.#parts;
    if (this.#unborn !== undefined) yield* perform({ op: 'unlink', name: this.#unborn.name });
    const header: SegmentHeader = { storeId: storeId.slice(), base: 0, previousChain: 0, term: 0 };
    const name = segmentName(0);
    yield* perform({ op: 'create', name });
    yield* perform({ op: 'append', name, parts: [encodeSegmentHeader(options.platform, header)] });
    yield* perform({ op: 'sync', name });
    const begin: LogPlace = { position: 0, chain: 0, term: 0 };
    const segments = [emptySegment(0, 0, true)];
    return {
      ...begin,
      storeId: header.storeId,
      segments,
      committed: begin,
      uncommitted: [],
      snapshotPosition: 0,
      snapshotChain: 0,
    };
  }

  /** Reads every entry, but those of segments that the snapshot covers and whose index is whole. */
  *#scan(
    segments: readonly FoundSegment[],
    files: ReadonlyMap<string, StoredFile>,
    snapshot: Snapshot | undefined,
    evidence: number,
  ): StorageTask<LogScan> {
    const first = segments[0] as FoundSegment;
    const replayFrom = snapshot?.position ?? 0;
    const scan: LogScan = new LogScan(
      this.#parts.codec,
      first.base,
      first.header.previousChain,
      evidence,
      (segment, header, bytes, at) => {
        if (snapshot !== undefined && header.position === replayFrom) checkSnapshot(snapshot, scan.chain);
        this.#checkCommitted(scan, header.length);
        if (header.position >= this.#committedTo) return this.#leave(scan, header);
        this.#accept(segment, header, bytes.subarray(at + ENTRY_HEADER_BYTES, at + header.length), header.position >= replayFrom);
        if (header.position < replayFrom && header.position + header.length > replayFrom)
          checkSnapshot(snapshot, undefined, header);
      },
    );
    for (const [i, segment] of segments.entries()) {
      if (segment.header.previousChain !== scan.chain)
        corrupt(`${segment.name}: it does not follow the entry before position ${segment.base}`);
      const next = segments[i + 1];
      if (next !== undefined && next.base <= replayFrom && (yield* this.#useIndex(scan, segment, next, files))) continue;
      const whole = yield* scan.segment(segment, next?.base ?? segment.fileEnd);
      if (!whole) yield* scan.lookForEvidence(segment);
      if (scan.position < scan.evidence && (!whole || i === segments.length - 1)) {
        const place = `position ${scan.position} (byte ${fileOffset(segment.base, scan.position)} of the file)`;
        const durable = `everything below position ${scan.evidence} was on stable storage`;
        const isAll = scan.evidence > this.#storedByCommit;
        corrupt(`${segment.name}: no whole entry at ${place}, but ${durable}: ${scan.fault}`, isAll ? CORRUPT_HINT : COMMIT_HINT);
      }
      if (!whole) break;
    }
    if (snapshot !== undefined && scan.position === replayFrom) checkSnapshot(snapshot, scan.chain);
    this.#checkCommitted(scan, 0);
    return scan;
  }

  /** Takes the index of a segment from its file. @returns false where the segment is to be scanned. */
  *#useIndex(
    scan: LogScan,
    segment: FoundSegment,
    next: FoundSegment,
    files: ReadonlyMap<string, StoredFile>,
  ): StorageTask<boolean> {
    const { base, fileEnd, header } = segment;
    if (fileEnd < next.base) return false;
    const { previousChain } = header;
    const wanted = { base, end: next.base, previousChain, chain: next.header.previousChain };
    const found = yield* this.#parts.indexFiles.load(files, wanted);
    if (found === undefined) return false;
    this.#indexed.add(base);
    this.#parts.index.addSealed(found.runs);
    const { lastTerm, firstStoreTimeMs, lastStoreTimeMs } = found;
    this.#marks.set(base, { lastTerm, firstStoreTimeMs, lastStoreTimeMs });
    scan.skipTo(next.base, found.chain, lastTerm);
    return true;
  }

  *#readCommitted(files: readonly StoredFile[], snapshot: Snapshot | undefined): StorageTask<void> {
    const { options } = this.#parts;
    if (options.replicated !== true) return;
    this.#kept = yield* readCommitted(options.platform, files);
    this.#committedTo = Math.max(this.#kept?.position ?? 0, snapshot?.position ?? 0);
  }

  /** With flush sync nothing counts as committed before it is on stable storage here, too: what ends before has rotted. */
  get #storedByCommit(): number {
    return this.#parts.options.flush === 'sync' ? (this.#kept?.position ?? 0) : 0;
  }

  /** What the file says is of this log, so far as this goes. */
  #checkCommitted({ position, chain }: LogScan, length: number): void {
    const kept = this.#kept;
    if (kept === undefined || kept.position < position || kept.position > position + length) return;
    if (kept.position === position ? kept.chain === chain : kept.position === position + length) return;
    corrupt(`${COMMITTED_FILE}: another log was committed up to position ${kept.position}`);
  }

  /** Leaves an entry to be applied when it is known to be committed. */
  #leave({ chain, term }: LogScan, header: EntryHeader): void {
    this.#committed ??= { position: header.position, chain, term };
    const { kind, position, length, topicId, queue } = header;
    const { term: itsTerm, chain: itsChain } = header;
    this.#uncommitted.push({ kind, position, length, term: itsTerm, topicId, queue, chain: itsChain, settle: unsettled });
  }

  /** A log that is shorter than what was committed goes on otherwise; one that is no replica any more commits all it has. */
  *#keepCommitted(files: readonly StoredFile[], scan: LogScan): StorageTask<void> {
    const { options, host } = this.#parts;
    if (options.replicated !== true) {
      if (files.some(({ name }) => name === COMMITTED_FILE)) yield* perform({ op: 'unlink', name: COMMITTED_FILE });
    } else if (this.#kept !== undefined && this.#kept.position > scan.position) {
      host.log('warn', 'log.committed.lost', { position: scan.position, committed: this.#kept.position });
      yield* writeCommitted(options.platform, scan);
    }
  }

  #marksOf(base: number): SegmentMarks {
    let marks = this.#marks.get(base);
    if (marks === undefined) {
      marks = { lastTerm: 0, firstStoreTimeMs: 0, lastStoreTimeMs: 0 };
      this.#marks.set(base, marks);
    }
    return marks;
  }

  #accept(segment: ScannedSegment, header: EntryHeader, body: Uint8Array, replay: boolean): void {
    const { position, length, term, topicId, queue } = header;
    const batch = header.kind === EntryKind.BATCH;
    const marks = this.#marksOf(segment.base);
    marks.lastTerm = term;
    if (batch) {
      const { baseOffset, recordCount, storeTimeMs } = readBatchHeader(body);
      this.#parts.index.add(topicId, queue, segment.base, position, length, baseOffset, recordCount, storeTimeMs);
      if (marks.firstStoreTimeMs === 0) marks.firstStoreTimeMs = storeTimeMs;
      marks.lastStoreTimeMs = storeTimeMs;
    }
    if (replay) this.#parts.observer.apply({ kind: batch ? 'batch' : 'state', position, length, term, topicId, queue, body });
  }

  /** Cuts a torn tail off and writes again what is whole but not known to be on stable storage. */
  *#mend(scan: LogScan, first: FoundSegment, last: FoundSegment): StorageTask<void> {
    const { options, host } = this.#parts;
    if (this.#unborn !== undefined) yield* perform({ op: 'unlink', name: this.#unborn.name });
    if (last.fileEnd > scan.position) {
      host.log('warn', 'log.tail.torn', { segment: last.name, position: scan.position, bytes: last.fileEnd - scan.position });
    }
    // A log that was begun where another one begins was so with its first header on stable storage, and has nothing but that.
    const isBegun = options.joins === true && last === first;
    if (scan.position === last.base && !isBegun) {
      // Nothing in the segment tells that its header is on stable storage.
      yield* perform({ op: 'truncate', name: last.name, size: 0 });
      yield* perform({ op: 'append', name: last.name, parts: [encodeSegmentHeader(options.platform, last.header)] });
      yield* perform({ op: 'sync', name: last.name });
    } else if (scan.evidence < scan.position) {
      yield* rewriteTail(options.platform, last.name, last.base, scan.evidence, scan.position);
    } else if (last.fileEnd > scan.position) {
      yield* perform({ op: 'truncate', name: last.name, size: fileOffset(last.base, scan.position) });
    }
  }

  /** The block that the next entry goes into. */
  *#loadTail(scan: LogScan, last: FoundSegment): StorageTask<void> {
    const { blocks } = this.#parts;
    const start = blocks.startOf(last.base, scan.position);
    blocks.pinFrom(scan.position);
    if (start === scan.position) return;
    const length = scan.position - start;
    const bytes = yield* perform({ op: 'read', name: last.name, position: fileOffset(last.base, start), length });
    if (bytes.length !== length)
      throw new QanatError('STORE_IO', `${last.name}: read ${bytes.length} bytes instead of ${length}`);
    blocks.insert(start, bytes);
  }
}

function corrupt(why: string, hint = CORRUPT_HINT): never {
  throw new QanatError('CORRUPT_LOG', why, { hint });
}

/** A snapshot stands between two entries, and the chain of the one before it is in it. */
function checkSnapshot(snapshot: Snapshot | undefined, chain: number | undefined, header?: EntryHeader): void {
  if (snapshot === undefined || snapshot.chain === chain) return;
  const where =
    header === undefined ? 'follows another chain than the log' : `lies inside the entry at position ${header.position}`;
  corrupt(`the snapshot at position ${snapshot.position} ${where}`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
