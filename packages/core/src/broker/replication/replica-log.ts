// What replication needs of a log; the broker's CommitLog is one (spec, chapter of replication).
import type { QanatError } from '../../errors.ts';

/** A place between two entries of a log. */
export interface LogPlace {
  /** Bytes from the beginning of the log. */
  readonly position: number;
  /** Of the entry before; 0 at the beginning of the log. It names everything before the place. */
  readonly chain: number;
  /** Of the entry before; 0 at the beginning of the log. */
  readonly term: number;
}

/**
 * The log of one replica. committed ≤ stored ≤ written: what is committed is in the state and never taken back; what is stored is
 * on stable storage (flush sync) or written (flush async); what is written is not taken back while the process lives, but by
 * `cutTo`.
 */
export interface ReplicaLog {
  /** Sixteen bytes; all replicas of a broker group have the same. */
  readonly storeId: Uint8Array;
  /** Position of the oldest entry. */
  readonly oldestPosition: number;
  /** Where what is written ends. */
  readonly written: LogPlace;
  readonly storedPosition: number;
  readonly committedPosition: number;

  /** Everything below `position` is committed: applied to the state as soon as it is stored here. Lower positions are ignored. */
  commitTo(position: number): void;

  /**
   * The place at `position`, or undefined where no entry ends there (or it lies outside of what is written).
   * Errors: STORE_IO, CORRUPT_LOG.
   */
  placeAt(position: number, done: (error: QanatError | undefined, place: LogPlace | undefined) => void): void;

  /**
   * Whole written entries from `position` on, where an entry begins: at most `bytesMax`, but at least one where there is one. The
   * parts are lent as those of `CommitLog.read` are.
   * Errors: STORE_IO, CORRUPT_LOG.
   */
  readEntries(
    position: number,
    bytesMax: number,
    done: (error: QanatError | undefined, parts: readonly Uint8Array[]) => void,
  ): void;

  /**
   * Stages whole entries of another replica's log behind everything; copies the bytes, and writes its own synced position into
   * them.
   * @throws QanatError INVALID_BATCH where the entries do not follow, or do not verify; nothing is staged then.
   */
  appendEntries(entries: Uint8Array): void;

  /** The places from the committed one to the end, in order: what `cutTo` takes. */
  uncommittedPlaces(): readonly LogPlace[];

  /**
   * Cuts everything behind `position` off, durably, as soon as nothing is being written. It is one of `uncommittedPlaces`.
   * Errors: STORE_IO, STORAGE_FAILED.
   */
  cutTo(position: number, done: (error: QanatError | undefined) => void): void;
}
