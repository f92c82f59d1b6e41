// What works on a log once it is recovered, put together.
import type { QanatError } from '../../errors.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import type { Background } from './background.ts';
import { CommittedFile } from './committed-file.ts';
import type { EntryCodec } from './entry.ts';
import { EntryReader } from './entry-reader.ts';
import type { FreeSpaceWatch } from './free-space.ts';
import { GroupCommit } from './group-commit.ts';
import type { IndexFiles } from './index-files.ts';
import type { LogBlocks } from './log-blocks.ts';
import type { CommitLogOptions, LogHost, LogObserver } from './log-host.ts';
import type { LogReader } from './log-reader.ts';
import { LogSnapshots } from './log-snapshots.ts';
import type { QueueIndex } from './queue-index.ts';
import type { RecoveredLog } from './recovery.ts';
import { Retention } from './retention.ts';
import { Scrub } from './scrub.ts';
import type { Segment } from './segment.ts';
import type { SnapshotStore } from './snapshot-store.ts';
import { StagedEntries } from './staged-entries.ts';

export interface OpenLogParts {
  readonly options: CommitLogOptions;
  readonly segmentBytes: number;
  readonly scrubBytesPerSecond: number;
  readonly host: LogHost;
  readonly observer: LogObserver;
  readonly codec: EntryCodec;
  readonly blocks: LogBlocks;
  readonly index: QueueIndex;
  readonly reader: LogReader;
  readonly store: SnapshotStore;
  readonly space: FreeSpaceWatch;
  readonly background: Background;
  readonly indexFiles: IndexFiles;
  term(): number;
}

export interface OpenLog {
  readonly storeId: Uint8Array;
  readonly segments: readonly Segment[];
  readonly staged: StagedEntries;
  readonly commit: GroupCommit;
  readonly retention: Retention;
  readonly scrub: Scrub;
  readonly snapshots: LogSnapshots;
  readonly entries: EntryReader;
  /** Of a replicated log. */
  readonly committedFile: CommittedFile | undefined;
}

export function openLog(parts: OpenLogParts, log: RecoveredLog): OpenLog {
  const { options, host, observer, codec, blocks, index, reader, store, space, background, indexFiles, term } = parts;
  const { platform, snapshotBytes } = options;
  const { storeId, segments } = log;
  const staged = new StagedEntries(codec, blocks, parts.segmentBytes, log);
  const sealed = (segment: Segment, chain: number): void => {
    indexFiles.seal(segment, chain);
    indexFiles.write();
    retention.check();
  };
  const commit: GroupCommit = new GroupCommit(
    {
      options,
      host,
      observer,
      blocks,
      index,
      staged,
      term,
      writeFailed: () => space.check(),
      written: (bytes) => space.written(bytes),
      applied: () => committedFile?.moved(),
      sealed,
    },
    log,
  );
  const committed = (): LogPlace => commit.applier.place;
  const applied = (): number => commit.applier.applied;
  const retention = new Retention({
    limits: options,
    host,
    background,
    blocks,
    index,
    segments,
    applied,
    coveredTo: () => store.coveredTo,
    roll: () => staged.roll(),
    removed: (segment) => indexFiles.remove(segment),
  });
  const { scrubBytesPerSecond: bytesPerSecond } = parts;
  const damaged = (error: QanatError): void => observer.damaged?.(error);
  const scrub = new Scrub({ bytesPerSecond, host, background, codec, segments, applied, damaged });
  const snapshots = new LogSnapshots(
    { host, platform, background, store, storeId, commit, retention, snapshotBytes },
    log.snapshotPosition,
  );
  const entries = new EntryReader({ host, codec, blocks, reader, staged, segments, written: () => commit.written, committed });
  const committedFile = options.replicated === true ? new CommittedFile({ host, platform, background, committed }) : undefined;
  return { storeId, segments, staged, commit, retention, scrub, snapshots, entries, committedFile };
}
