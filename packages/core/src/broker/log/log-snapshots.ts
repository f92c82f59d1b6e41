// When a snapshot of the state is due, and how one is made (spec, chapter of the log entry: snapshots).
import { assert, QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { SnapshotInit } from '../../wire/gen/messages.ts';
import type { Background } from './background.ts';
import type { GroupCommit } from './group-commit.ts';
import type { LogHost } from './log-host.ts';
import type { Retention } from './retention.ts';
import { SnapshotFile } from './snapshot-file.ts';
import { type SnapshotStore, snapshotName } from './snapshot-store.ts';
import { perform, type StorageTask } from './storage-task.ts';

const MIB = 1024 * 1024;
const SNAPSHOT_BYTES = 64 * MIB;
/** A snapshot of many queues takes time to make: there is so much log between two for each of its bytes, up to a limit. */
const LOG_PER_SNAPSHOT_BYTE = 256;
const SNAPSHOT_BYTES_MAX = 192 * MIB;
const SNAPSHOT_RETRY_MS = 10_000;

/** Some bytes of the file of a snapshot. */
export interface SnapshotPiece {
  /** Of the snapshot; 0 where there is none. */
  readonly position: number;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

const NO_PIECE: SnapshotPiece = { position: 0, size: 0, bytes: new Uint8Array(0) };

export interface LogSnapshotsParts {
  readonly host: LogHost;
  readonly platform: Platform;
  readonly background: Background;
  readonly store: SnapshotStore;
  readonly storeId: Uint8Array;
  readonly commit: GroupCommit;
  readonly retention: Retention;
  /** Log behind the newest snapshot that asks for a new one; undefined: by the size of the last one. */
  readonly snapshotBytes: number | undefined;
}

export class LogSnapshots {
  readonly #parts: LogSnapshotsParts;
  /** Of the newest one; 0 without one. */
  #position: number;
  #running = false;
  /** Gives a snapshot up of which not all slices are taken. */
  #giveUp: (() => void) | undefined;
  #againMs = 0;

  constructor(parts: LogSnapshotsParts, position: number) {
    this.#parts = parts;
    this.#position = position;
  }

  get isDue(): boolean {
    const { commit, host, retention, snapshotBytes, store } = this.#parts;
    if (this.#running || host.nowMs() < this.#againMs) return false;
    const behindBytes = commit.applier.applied - this.#position;
    if (behindBytes > 0 && retention.wantsSnapshot) return true;
    if (snapshotBytes !== undefined) return behindBytes >= snapshotBytes;
    return behindBytes >= Math.min(SNAPSHOT_BYTES_MAX, Math.max(SNAPSHOT_BYTES, store.bytes * LOG_PER_SNAPSHOT_BYTE));
  }

  /** As `CommitLog.snapshot`. */
  take(slices: Iterable<SnapshotInit>, done: (error: QanatError | undefined) => void): void {
    assert(!this.#running, 'one snapshot at a time');
    const { background, commit, host, platform, retention, storeId } = this.#parts;
    const { position, chain } = commit.applier.place;
    this.#running = true;
    retention.wantsSnapshot = false;
    const ended = (error: QanatError | undefined): void => {
      this.#running = false;
      this.#giveUp = undefined;
      if (error === undefined) {
        this.#position = position;
        retention.check();
      } else if (error.code !== 'CLOSED') {
        this.#againMs = host.nowMs() + SNAPSHOT_RETRY_MS;
        host.log('warn', 'log.snapshot.failed', { position, error: error.message });
      }
      done(error);
    };
    const placed: SnapshotInit[] = [{ position, chain, storeId }];
    const file = new SnapshotFile(host, platform, chained(placed, slices), (bytes) => {
      this.#giveUp = undefined;
      background.run(this.#keep(position, bytes), ended);
    });
    if (file.isDone) return;
    this.#giveUp = () => {
      file.abandon();
      ended(new QanatError('CLOSED', 'the log is being closed'));
    };
  }

  /** As `CommitLog.readSnapshot`. */
  *piece(wanted: number, offset: number, bytesMax: number): StorageTask<SnapshotPiece> {
    const found = this.#parts.store.find(wanted);
    if (found === undefined && wanted === 0) return NO_PIECE;
    if (found === undefined || offset >= found.bytes) {
      const what = found === undefined ? 'there is no snapshot' : `no byte ${offset} is in the snapshot`;
      throw new QanatError('INVALID_ARGUMENT', `${what} at position ${wanted}`, { hint: 'begin again with the newest one' });
    }
    const { position, bytes: size } = found;
    const length = Math.min(bytesMax, size - offset);
    return { position, size, bytes: yield* perform({ op: 'read', name: snapshotName(position), position: offset, length }) };
  }

  stop(): void {
    this.#giveUp?.();
  }

  *#keep(position: number, bytes: Uint8Array): StorageTask<void> {
    const { commit, store } = this.#parts;
    // With flush async, a snapshot must not say more than the log that survives a power cut.
    if (commit.synced < position) yield* commit.syncWritten();
    if (commit.failure !== undefined) throw commit.failure;
    yield* store.write(position, bytes);
  }
}

function* chained<Item>(...lists: readonly Iterable<Item>[]): Generator<Item> {
  for (const list of lists) yield* list;
}
