// Begins a log anew where that of another replica begins, in the place of the one that is there.
import type { Platform } from '../../platform.ts';
import { COMMITTED_FILE } from './committed-file.ts';
import { encodeSegmentHeader, segmentName } from './segment.ts';
import { snapshotName } from './snapshot-store.ts';
import { perform, type StorageTask } from './storage-task.ts';

const FOLDERS = ['log/', 'index/', 'snap/'] as const;

/** Where a log begins, and the state at a place that it is yet to come to. */
export interface LogBeginning {
  readonly storeId: Uint8Array;
  /** Position of the oldest entry. */
  readonly oldest: number;
  /** Of the entry before it. */
  readonly chain: number;
  /** Undefined where the log begins with its first entry: no state is needed then. */
  readonly snapshot: { readonly position: number; readonly term: number; readonly bytes: Uint8Array } | undefined;
}

/** After a crash at any step it is to be run again. Errors: STORE_IO. */
export function* beginLog(platform: Platform, { storeId, oldest, chain, snapshot }: LogBeginning): StorageTask<void> {
  for (const { name } of yield* perform({ op: 'list' })) {
    const isOfLog = name === COMMITTED_FILE || FOLDERS.some((folder) => name.startsWith(folder));
    if (isOfLog) yield* perform({ op: 'unlink', name });
  }
  if (snapshot === undefined) return;
  yield* perform({ op: 'replace', name: snapshotName(snapshot.position), bytes: snapshot.bytes });
  const name = segmentName(oldest);
  const header = encodeSegmentHeader(platform, { storeId, base: oldest, previousChain: chain, term: snapshot.term });
  yield* perform({ op: 'create', name });
  yield* perform({ op: 'append', name, parts: [header] });
  yield* perform({ op: 'sync', name });
}
