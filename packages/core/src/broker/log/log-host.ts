// What the commit log needs from the engine that it lives in, and what it tells the state that is made from it.
import type { LogFields, LogLevel } from '../../engine.ts';
import type { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { StorageRequest } from '../../storage.ts';
import type { Timers } from '../../timers.ts';
import type { Snapshot } from '../../wire/gen/messages.ts';

/** An entry as it is given to `apply`. */
export interface LogEntry {
  readonly kind: 'batch' | 'state';
  /** In the log, in bytes from its beginning. */
  readonly position: number;
  /** Bytes of the whole entry, its header included. */
  readonly length: number;
  readonly term: number;
  /** 0 for a state record. */
  readonly topicId: number;
  /** 0 for a state record. */
  readonly queue: number;
  /** The batch or the encoded state record; valid during the call only: copy what you keep. */
  readonly body: Uint8Array;
}

export interface LogHost {
  readonly timers: Timers;
  nowMs(): number;
  /** The wall clock, ms since 1970: for the age of messages. */
  wallMs(): number;
  /** Starts a request; `done` comes later, never before the call has returned. */
  storage(request: StorageRequest, done: (error: QanatError | undefined, result: unknown) => void): void;
  log(level: LogLevel, event: string, fields: LogFields): void;
  /**
   * The store failed in a way that only a restart can mend (a failed sync). Called once; every staged entry is settled with
   * STORAGE_FAILED first.
   */
  fatal(error: QanatError): void;
}

export interface LogObserver {
  /** First call of a recovery: the newest valid snapshot, or undefined for none. */
  restore(snapshot: Snapshot | undefined): void;
  /**
   * The entry is in the log for ever. In order of position; in recovery, and when a group has become durable (flush sync) or
   * written (flush async).
   */
  apply(entry: LogEntry): void;
  /**
   * All that was staged and not yet applied was cut off the log, or is another replica's matter: forget it. Their settles follow.
   */
  rolledBack(): void;
  /** Of a replicated log: what is written or stored has grown. */
  progressed?(): void;
  /** Of a replicated log: its last entries could not be written, and it ends before them; more of it may wait to be applied. */
  shortened?(): void;
  /** A segment that takes no more entries was found damaged. Nothing was changed. */
  damaged?(error: QanatError): void;
  /** Of a log that joins: it has come to its snapshot, so that the state is that of all applied entries. Once. */
  whole?(): void;
}

/**
 * Ends an append, after `apply` of its entry. STORAGE_REJECTED: it will never be visible. STORAGE_FAILED, MASTER_CHANGED: it may
 * be.
 */
export type Settle = (error: QanatError | undefined) => void;

/** When an append is settled: when its entry is applied, or when it is stored in this log, which a broker alone applies then. */
export type SettleAt = 'committed' | 'stored';

export interface CommitLogOptions {
  readonly platform: Platform;
  /** When an entry takes effect: as soon as it is on stable storage, or as soon as it is written. */
  readonly flush: 'sync' | 'async';
  /**
   * Whether other brokers have this log, too: entries are applied when they are stored and known to be committed (`commitTo`).
   * Default: what is stored is committed.
   */
  readonly replicated?: boolean;
  /**
   * `cut`: damage in durable data is cut off, with everything behind it (copies stay in `cut/`), and nothing of the rest counts
   * as committed but what a snapshot covers. For a replica that is not the master, which has the rest. Default: open refuses.
   */
  readonly repair?: 'cut';
  /**
   * Whether the log may end below its newest snapshot: it is being copied up to there, and what it says meanwhile is indexed and
   * no more, since the snapshot has it. Of a replica that began its log anew. Default: open refuses.
   */
  readonly joins?: boolean;
  /** Sixteen bytes, used when the store is empty: those of its master where it is to be a replica. */
  readonly newStoreId: Uint8Array;
  /** Size at which a new segment starts. Default 128 MiB; less than 4 GiB. */
  readonly segmentBytes?: number;
  /** Log behind the newest snapshot that asks for a new one. Default 64 MiB. */
  readonly snapshotBytes?: number;
  /** Memory for blocks of the log, the write buffers included. Default 64 MiB. */
  readonly cacheBytes?: number;
  /** Size of such a block. Default 1 MiB. */
  readonly blockBytes?: number;
  /**
   * Messages that are older leave the log, a segment at a time: one is kept for at most twice this time while messages come.
   * Default: for ever.
   */
  readonly retentionMs?: number;
  /** Bytes of the log above which its oldest segments leave it, once two snapshots cover them. Default: no limit. */
  readonly retentionBytes?: number;
  /** How fast old segments are read again in search of damage. Default 1 MiB a second; 0: never. */
  readonly scrubBytesPerSecond?: number;
  /** Free space under which the disk counts as full. Default 256 MiB. */
  readonly reserveBytes?: number;
  /** Longest time for which a written entry is not synced, with flush async. Default 200 ms. */
  readonly flushIntervalMs?: number;
  /** Written bytes that are synced at once, with flush async. Default 4 MiB. */
  readonly flushBytes?: number;
}
