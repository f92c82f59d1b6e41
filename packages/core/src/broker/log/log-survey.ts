// Looks at a log without changing it: what is there, and where the first damage is. For tools, while no broker writes.
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import { readBatchHeader } from '../../wire/batch.ts';
import { type Snapshot, StateRecord } from '../../wire/gen/messages.ts';
import { ENTRY_HEADER_BYTES, EntryCodec, type EntryHeader, EntryKind } from './entry.ts';
import { LogScan, type ScannedSegment } from './log-scan.ts';
import { QueueIndex } from './queue-index.ts';
import { decodeSegmentHeader, fileOffset, SEGMENT_HEADER_BYTES, type SegmentHeader, segmentBaseOf } from './segment.ts';
import { decodeSegmentIndex, indexName, type SegmentIndex } from './segment-index.ts';
import { decodeSnapshotFile, snapshotFiles, snapshotName } from './snapshot-store.ts';
import { perform, type StorageTask } from './storage-task.ts';
import { TAIL_FILE } from './tail-rewrite.ts';

export interface LogDamage {
  readonly file: string;
  /** In the log. */
  readonly position: number;
  /** In the file. */
  readonly byte: number;
  /** Everything below this position was on stable storage once. */
  readonly durableTo: number;
  readonly what: string;
}

export interface SurveyedSegment {
  readonly file: string;
  readonly base: number;
  readonly end: number;
  readonly bytes: number;
  /** Term in which it was begun; undefined when its header is damaged. */
  readonly term: number | undefined;
  /** Its index file; `open` for the last segment, which has none. */
  readonly index: 'whole' | 'missing' | 'damaged' | 'open';
}

export interface SurveyedSnapshot {
  readonly file: string;
  readonly position: number;
  readonly bytes: number;
  readonly whole: boolean;
  readonly term: number;
  readonly topics: number;
  readonly groups: number;
  readonly producers: number;
}

export interface SurveyedQueue {
  /** Undefined for a topic that was removed. */
  readonly topic: string | undefined;
  readonly topicId: number;
  readonly queue: number;
  readonly oldest: number;
  readonly next: number;
  readonly messages: number;
  readonly batches: number;
}

export interface LogSurvey {
  /** Hex; undefined for an empty store. */
  readonly storeId: string | undefined;
  readonly begin: number;
  /** Behind the last whole entry that was found. */
  readonly end: number;
  readonly term: number;
  readonly segments: readonly SurveyedSegment[];
  readonly snapshots: readonly SurveyedSnapshot[];
  /** By topic and queue; of what lies before the damage. */
  readonly queues: readonly SurveyedQueue[];
  /** Entries that were read one by one. */
  readonly entriesRead: number;
  /** Bytes behind the end that the next start of the broker cuts off: a write that a crash interrupted. */
  readonly tornBytes: number;
  readonly damage: LogDamage | undefined;
}

export interface SurveyOptions {
  /** Reads every entry. Otherwise those only that a start of the broker reads. */
  readonly whole: boolean;
  readonly onProgress?: (position: number, end: number) => void;
}

interface Found extends ScannedSegment {
  readonly bytes: number;
  readonly header: SegmentHeader | undefined;
  readonly index: SegmentIndex | undefined;
  readonly indexState: 'missing' | 'damaged' | 'whole';
}

export function* surveyLog(platform: Platform, options: SurveyOptions): StorageTask<LogSurvey> {
  const files = yield* perform({ op: 'list' });
  return yield* new Survey(platform, options).run(files);
}

class Survey {
  readonly #platform: Platform;
  readonly #options: SurveyOptions;
  readonly #index = new QueueIndex();
  readonly #topics = new Map<number, string>();
  #snapshot: Snapshot | undefined;
  #entries = 0;
  #damage: LogDamage | undefined;

  constructor(platform: Platform, options: SurveyOptions) {
    this.#platform = platform;
    this.#options = options;
  }

  *run(files: readonly StoredFile[]): StorageTask<LogSurvey> {
    const snapshots = yield* this.#snapshots(files);
    for (const { topicId, topic } of this.#snapshot?.topics ?? []) this.#topics.set(topicId, topic);
    const found = yield* this.#segments(files);
    const first = found[0];
    const last = found.at(-1);
    const scan = new LogScan(new EntryCodec(this.#platform), first?.base ?? 0, first?.header?.previousChain ?? 0, 0, (...entry) =>
      this.#accept(scan, ...entry),
    );
    // As in a recovery: that a file was begun, and a snapshot written, says that everything before was synced.
    scan.evidence = Math.max(last?.base ?? 0, this.#snapshot?.position ?? 0);
    yield* this.#walk(scan, found);
    const isInterrupted = files.some(({ name }) => name === TAIL_FILE);
    if (first !== undefined && first.base > (this.#snapshot?.position ?? 0)) {
      this.#damage ??= damageAt(first, first.base, scan.evidence, 'the log begins here, but no whole snapshot goes so far');
    }
    const storeId = first?.header?.storeId;
    return {
      storeId: storeId && Array.from(storeId, (byte) => byte.toString(16).padStart(2, '0')).join(''),
      begin: first?.base ?? 0,
      end: scan.position,
      term: Math.max(scan.term, this.#snapshot?.term ?? 0),
      segments: found.map((segment, i) => surveyed(segment, found[i + 1]?.base, scan.position)),
      snapshots,
      queues: this.#queues(),
      entriesRead: this.#entries,
      tornBytes:
        this.#damage !== undefined || isInterrupted || last === undefined ? 0 : Math.max(0, last.fileEnd - scan.position),
      damage: this.#damage,
    };
  }

  *#snapshots(files: readonly StoredFile[]): StorageTask<SurveyedSnapshot[]> {
    const surveys: SurveyedSnapshot[] = [];
    for (const { name, size } of snapshotFiles(files)) {
      const bytes = yield* perform({ op: 'read', name, position: 0, length: size });
      const decoded = decodeSnapshotFile(this.#platform, bytes);
      const snapshot = decoded !== undefined && snapshotName(decoded.position) === name ? decoded : undefined;
      if (snapshot !== undefined) this.#snapshot = snapshot;
      surveys.push({
        file: name,
        position: Number(/\d+/.exec(name)?.[0]),
        bytes: size,
        whole: snapshot !== undefined,
        term: snapshot?.term ?? 0,
        topics: snapshot?.topics.length ?? 0,
        groups: snapshot?.groups.length ?? 0,
        producers: snapshot?.producers.length ?? 0,
      });
    }
    return surveys;
  }

  *#segments(files: readonly StoredFile[]): StorageTask<Found[]> {
    const named = files.filter(({ name }) => segmentBaseOf(name) !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    const byName = new Map(files.map((file) => [file.name, file]));
    const found: Found[] = [];
    for (const { name, size } of named) {
      const base = segmentBaseOf(name) as number;
      const bytes = yield* perform({ op: 'read', name, position: 0, length: SEGMENT_HEADER_BYTES });
      const header = decodeSegmentHeader(this.#platform, bytes);
      const indexFile = byName.get(indexName(base));
      let index: SegmentIndex | undefined;
      if (indexFile !== undefined) {
        const content = yield* perform({ op: 'read', name: indexFile.name, position: 0, length: indexFile.size });
        index = decodeSegmentIndex(this.#platform, content);
      }
      const indexState = indexFile === undefined ? 'missing' : index === undefined ? 'damaged' : 'whole';
      const fileEnd = base + Math.max(0, size - SEGMENT_HEADER_BYTES);
      found.push({ name, base, fileEnd, bytes: size, header: header?.base === base ? header : undefined, index, indexState });
    }
    return found;
  }

  *#walk(scan: LogScan, found: readonly Found[]): StorageTask<void> {
    const end = found.at(-1)?.fileEnd ?? 0;
    for (const [i, segment] of found.entries()) {
      const next = found[i + 1];
      this.#options.onProgress?.(segment.base, end);
      if (segment.header === undefined) {
        // Nothing behind the header: it was never whole, and the next start removes it.
        if (next === undefined && segment.fileEnd === segment.base) return;
        this.#damage = damageAt(segment, segment.base, scan.evidence, 'the header of the file is damaged', 0);
        return;
      }
      if (segment.base !== scan.position || segment.header.previousChain !== scan.chain) {
        this.#damage = damageAt(
          segment,
          segment.base,
          scan.evidence,
          `it does not follow position ${scan.position}: a file is missing`,
        );
        return;
      }
      if (!this.#options.whole && this.#skip(scan, segment, next)) continue;
      const whole = yield* scan.segment(segment, next?.base ?? segment.fileEnd);
      if (this.#damage !== undefined) return;
      if (!whole) yield* scan.lookForEvidence(segment);
      if (scan.position < scan.evidence && (!whole || next === undefined))
        this.#damage = damageAt(segment, scan.position, scan.evidence, whole ? 'the file ends' : scan.fault);
      if (!whole) return;
    }
  }

  #skip(scan: LogScan, { index, fileEnd }: Found, next: Found | undefined): boolean {
    if (index === undefined || next?.header === undefined || next.base > (this.#snapshot?.position ?? 0)) return false;
    if (fileEnd < next.base || index.end !== next.base || index.chain !== next.header.previousChain) return false;
    this.#index.addSealed(index.runs);
    scan.skipTo(index.end, index.chain, index.lastTerm);
    return true;
  }

  #accept(scan: LogScan, segment: ScannedSegment, header: EntryHeader, bytes: Uint8Array, at: number): void {
    const { position, length, topicId, queue } = header;
    const body = bytes.subarray(at + ENTRY_HEADER_BYTES, at + length);
    this.#entries++;
    if (header.kind === EntryKind.STATE) {
      const { topicChanged } = StateRecord.decode(body);
      if (topicChanged !== undefined) this.#topics.set(topicChanged.topicId, topicChanged.topic);
      return;
    }
    const { baseOffset, recordCount, storeTimeMs } = readBatchHeader(body);
    const wanted = this.#index.queue(topicId, queue)?.next;
    if (wanted !== undefined && wanted !== baseOffset) {
      const what = `queue ${queue} of topic ${topicId} goes on with offset ${baseOffset}, not ${wanted}`;
      this.#damage ??= damageAt(segment, position, scan.evidence, what);
    }
    this.#index.add(topicId, queue, segment.base, position, length, baseOffset, recordCount, storeTimeMs);
  }

  #queues(): SurveyedQueue[] {
    const queues = Array.from(this.#index.all(), ({ topicId, queue, indexed }) => ({
      topic: this.#topics.get(topicId),
      topicId,
      queue,
      oldest: indexed.oldest,
      next: indexed.next,
      messages: indexed.next - indexed.oldest,
      batches: indexed.runs.reduce((sum, { count }) => sum + count, 0),
    }));
    return queues.sort((a, b) => a.topicId - b.topicId || a.queue - b.queue);
  }
}

function damageAt(
  { name, base }: ScannedSegment,
  position: number,
  durableTo: number,
  what: string,
  byte = fileOffset(base, position),
): LogDamage {
  return { file: name, position, byte, durableTo: Math.max(durableTo, position), what };
}

function surveyed(
  { name, base, fileEnd, bytes, header, indexState }: Found,
  next: number | undefined,
  end: number,
): SurveyedSegment {
  const reached = end > base ? Math.min(end, fileEnd) : fileEnd;
  return { file: name, base, end: next ?? reached, bytes, term: header?.term, index: next === undefined ? 'open' : indexState };
}
