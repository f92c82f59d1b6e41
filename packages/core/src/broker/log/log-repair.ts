// Cuts a damaged log where the damage begins. What is cut off is copied first; it is lost for the broker.
import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import { StateRecord } from '../../wire/gen/messages.ts';
import { EntryCodec, EntryKind } from './entry.ts';
import { LogScan } from './log-scan.ts';
import { type LogSurvey, surveyLog } from './log-survey.ts';
import { decodeSegmentHeader, fileOffset, positionDigits, SEGMENT_HEADER_BYTES, segmentBaseOf } from './segment.ts';
import { indexBaseOf } from './segment-index.ts';
import { decodeSnapshotFile, snapshotFiles } from './snapshot-store.ts';
import { perform, type StorageTask } from './storage-task.ts';
import { TAIL_FILE } from './tail-rewrite.ts';

/** Bytes that are copied at a time. */
const COPY_BYTES = 4 * 1024 * 1024;

export interface LogRepair {
  readonly position: number;
  readonly cutBytes: number;
  /** Where in the directory the copies are. */
  readonly copies: readonly string[];
  /** After the repair. */
  readonly survey: LogSurvey;
}

interface Cut {
  readonly file: StoredFile;
  /** The first byte that goes. */
  readonly from: number;
}

/**
 * Cuts the log at `position`, which must be that of its first damage, and every snapshot behind it.
 *
 * @param logsTerm whether a record of the highest term that is cut off goes to the end: not in a replica, which has no entries
 *   of its own.
 *
 * Errors: INVALID_ARGUMENT (nothing is damaged, or elsewhere, or nothing would be left to start from), STORE_IO.
 */
export function* repairLog(platform: Platform, position: number, logsTerm = true): StorageTask<LogRepair> {
  const { damage } = yield* surveyLog(platform, { whole: true });
  const refuse = (why: string): never => {
    throw new QanatError('INVALID_ARGUMENT', why, { hint: 'see "qanat log verify DIR"' });
  };
  if (damage === undefined) return refuse('nothing of the log is damaged: there is nothing to repair');
  if (damage.position !== position)
    return refuse(`the first damage is at position ${damage.position}, not ${position} (${damage.file}: ${damage.what})`);
  const files = yield* perform({ op: 'list' });
  if (files.some(({ name }) => name === TAIL_FILE))
    return refuse('a start of the broker was interrupted: start it once more first');
  const segments = files.filter(({ name }) => segmentBaseOf(name) !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  const kept = snapshotFiles(files).filter(({ name }) => Number(/\d+/.exec(name)?.[0]) <= position);
  const first = segmentBaseOf((segments[0] as StoredFile).name) as number;
  if (first > 0 && !(yield* hasWhole(platform, kept, first)))
    return refuse(`no whole snapshot between ${first} and ${position} is left: the state of the broker would be lost`);
  const term = yield* highestTerm(platform, segments, files, position);
  const cuts = cutsOf(segments, position);
  const newer = snapshotFiles(files).filter((file) => !kept.includes(file));
  const copies: string[] = [];
  for (const { file, from } of [...cuts, ...newer.map((snapshot) => ({ file: snapshot, from: 0 }))]) {
    const copy = `cut/${positionDigits(position)}/${file.name}`;
    yield* copyTo(copy, file, from);
    copies.push(copy);
  }
  for (const { name } of newer) yield* perform({ op: 'unlink', name });
  for (const { name } of files)
    if ((indexBaseOf(name) ?? -1) >= baseOf(segments, position)) yield* perform({ op: 'unlink', name });
  // The last first: what a crash leaves is again a log that is damaged at this position, or torn there.
  for (const { file, from } of cuts.reverse()) {
    if (from <= SEGMENT_HEADER_BYTES && segments.length > 1 && file !== segments[0])
      yield* perform({ op: 'unlink', name: file.name });
    else yield* perform({ op: 'truncate', name: file.name, size: Math.max(from, Math.min(file.size, SEGMENT_HEADER_BYTES)) });
  }
  if (logsTerm) yield* logTerm(platform, term);
  const cutBytes = cuts.reduce((sum, { file, from }) => sum + Math.max(0, file.size - Math.max(from, SEGMENT_HEADER_BYTES)), 0);
  return { position, cutBytes, copies, survey: yield* surveyLog(platform, { whole: true }) };
}

/** The base of the segment that `position` lies in. */
function baseOf(segments: readonly StoredFile[], position: number): number {
  const bases = segments.map(({ name }) => segmentBaseOf(name) as number).filter((base) => base <= position);
  return Math.max(...bases);
}

function cutsOf(segments: readonly StoredFile[], position: number): Cut[] {
  return segments.flatMap((file) => {
    const base = segmentBaseOf(file.name) as number;
    if (base + Math.max(0, file.size - SEGMENT_HEADER_BYTES) <= position && base < position) return [];
    return [{ file, from: base < position ? fileOffset(base, position) : 0 }];
  });
}

function* hasWhole(platform: Platform, snapshots: readonly StoredFile[], from: number): StorageTask<boolean> {
  for (const { name, size } of snapshots) {
    const snapshot = decodeSnapshotFile(platform, yield* perform({ op: 'read', name, position: 0, length: size }));
    if (snapshot !== undefined && snapshot.position >= from) return true;
  }
  return false;
}

/** Numbers of these terms are known to clients: the next life must begin above, though its record is cut off. */
function* highestTerm(
  platform: Platform,
  segments: readonly StoredFile[],
  files: readonly StoredFile[],
  position: number,
): StorageTask<number> {
  let highest = 0;
  for (const { name, size } of snapshotFiles(files)) {
    const snapshot = decodeSnapshotFile(platform, yield* perform({ op: 'read', name, position: 0, length: size }));
    highest = Math.max(highest, snapshot?.term ?? 0);
  }
  const scan = new LogScan(new EntryCodec(platform), 0, 0, 0, () => {});
  for (const { name, size } of segments) {
    const base = segmentBaseOf(name) as number;
    const segment = { name, base, fileEnd: base + Math.max(0, size - SEGMENT_HEADER_BYTES) };
    if (segment.fileEnd <= position) continue;
    highest = Math.max(highest, yield* scan.highestTerm(segment, Math.max(base, position)));
  }
  return highest;
}

function* copyTo(name: string, { name: from, size }: StoredFile, start: number): StorageTask<void> {
  yield* perform({ op: 'unlink', name });
  yield* perform({ op: 'create', name });
  for (let at = start; at < size; at += COPY_BYTES) {
    const bytes = yield* perform({ op: 'read', name: from, position: at, length: Math.min(COPY_BYTES, size - at) });
    yield* perform({ op: 'append', name, parts: [bytes] });
  }
  yield* perform({ op: 'sync', name });
}

/** Appends a record of the term at the end of what is left. */
function* logTerm(platform: Platform, term: number): StorageTask<void> {
  const codec = new EntryCodec(platform);
  const files = yield* perform({ op: 'list' });
  const last = files
    .filter(({ name }) => segmentBaseOf(name) !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .at(-1);
  if (last === undefined) return;
  const base = segmentBaseOf(last.name) as number;
  const header = decodeSegmentHeader(
    platform,
    yield* perform({ op: 'read', name: last.name, position: 0, length: SEGMENT_HEADER_BYTES }),
  );
  if (header === undefined) return;
  const end = base + last.size - SEGMENT_HEADER_BYTES;
  const scan = new LogScan(codec, base, header.previousChain, 0, () => {});
  yield* scan.segment({ name: last.name, base, fileEnd: end }, end);
  if (scan.position !== end || scan.term > term) return;
  const body = StateRecord.encode({ termStarted: { term, storeId: header.storeId } });
  const place = {
    kind: EntryKind.STATE,
    topicId: 0,
    queue: 0,
    term,
    position: end,
    syncedPosition: end,
    previousChain: scan.chain,
  };
  const sealed = codec.seal(place, body).slice();
  yield* perform({ op: 'append', name: last.name, parts: [sealed, body] });
  yield* perform({ op: 'sync', name: last.name });
}
