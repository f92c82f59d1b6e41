// Single entries of a log, for people who look into it.
import type { Platform } from '../../platform.ts';
import { readBatchHeader } from '../../wire/batch.ts';
import { StateRecord } from '../../wire/gen/messages.ts';
import { ENTRY_HEADER_BYTES, EntryCodec, EntryKind } from './entry.ts';
import { LogScan } from './log-scan.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentBaseOf } from './segment.ts';
import { perform, type StorageTask } from './storage-task.ts';

export interface ListedEntry {
  readonly position: number;
  readonly length: number;
  readonly kind: 'batch' | 'state';
  readonly term: number;
  readonly syncedPosition: number;
  /** Of a batch. */
  readonly topicId?: number;
  readonly queue?: number;
  readonly baseOffset?: number;
  readonly records?: number;
  readonly storeTimeMs?: number;
  /** Of a state record: its kind, and what it says. */
  readonly record?: string;
  readonly content?: unknown;
}

/** Up to `count` entries from the first one at or behind `from` on. */
export function* listEntries(platform: Platform, from: number, count: number): StorageTask<ListedEntry[]> {
  const files = yield* perform({ op: 'list' });
  const segments = files
    .flatMap(({ name, size }) => {
      const base = segmentBaseOf(name);
      return base === undefined ? [] : [{ name, base, fileEnd: base + Math.max(0, size - SEGMENT_HEADER_BYTES) }];
    })
    .sort((a, b) => a.base - b.base);
  const listed: ListedEntry[] = [];
  for (const [i, segment] of segments.entries()) {
    const limit = segments[i + 1]?.base ?? segment.fileEnd;
    if (limit <= from || listed.length >= count) continue;
    const bytes = yield* perform({ op: 'read', name: segment.name, position: 0, length: SEGMENT_HEADER_BYTES });
    const header = decodeSegmentHeader(platform, bytes);
    if (header === undefined) return listed;
    const scan = new LogScan(new EntryCodec(platform), segment.base, header.previousChain, 0, (_segment, entry, window, at) => {
      if (entry.position < from || listed.length >= count) return;
      const body = window.subarray(at + ENTRY_HEADER_BYTES, at + entry.length);
      const { position, length, term, syncedPosition, topicId, queue } = entry;
      const common = { position, length, term, syncedPosition };
      if (entry.kind === EntryKind.BATCH) {
        const { baseOffset, recordCount: records, storeTimeMs } = readBatchHeader(body);
        listed.push({ ...common, kind: 'batch', topicId, queue, baseOffset, records, storeTimeMs });
      } else listed.push({ ...common, kind: 'state', ...contentOf(body) });
    });
    if (!(yield* scan.segment(segment, limit))) return listed;
  }
  return listed;
}

function contentOf(body: Uint8Array): Pick<ListedEntry, 'record' | 'content'> {
  const set = Object.entries(StateRecord.decode(body)).find(([, value]) => value !== undefined);
  return set === undefined ? { record: 'unknown' } : { record: set[0], content: set[1] };
}
