import type { QanatError } from '../../errors.ts';
import { type StateEntry, StateEntryFlag } from '../../wire/state-entry.ts';
import { ChangeRing } from './change-ring.ts';
import { bytesOfKey, keyOfBytes } from './key-text.ts';
import { type Chunk, SortedEntries, type StoredEntry } from './sorted-entries.ts';

/** What an entry counts beside its key and its value (STATE_QUEUE_BYTES_MAX). */
export const ENTRY_OVERHEAD_BYTES = 128;

/** One key that a write changes; `value` is undefined where it is removed. */
export interface KeyChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A write on its way to the log. */
export interface StagedWrite {
  readonly version: number;
  readonly keys: readonly string[];
  /** Called when it has taken effect, or never will. */
  readonly waiting: ((error: QanatError | undefined) => void)[];
}

/** What a key will have when everything staged is in the log. */
interface StagedKey {
  readonly write: StagedWrite;
  /** 0: it will not be there. */
  readonly bytes: number;
}

const costOf = (key: string, value: Uint8Array): number => key.length + value.length + ENTRY_OVERHEAD_BYTES;

/** The keyed state of one queue: what is in the log, and what is staged over it. */
export class QueueState {
  readonly topicId: number;
  readonly queue: number;
  readonly entries = new SortedEntries();
  /** Of the newest write that took effect. */
  version = 0;
  ring = new ChangeRing(0);
  #bytes = 0;
  #stagedBytes = 0;
  #staged = new Map<string, StagedKey>();
  #writes: StagedWrite[] = [];

  constructor(topicId: number, queue: number) {
    this.topicId = topicId;
    this.queue = queue;
  }

  /** Keys, values and ENTRY_OVERHEAD_BYTES for each entry, with everything staged. */
  get bytes(): number {
    return this.#stagedBytes;
  }

  get(key: string): StoredEntry | undefined {
    return this.entries.get(key);
  }

  /** The version that the key has behind everything staged; 0 where it is not there. */
  stagedVersion(key: string): number {
    const staged = this.#staged.get(key);
    if (staged === undefined) return this.entries.get(key)?.version ?? 0;
    return staged.bytes === 0 ? 0 : staged.write.version;
  }

  /** The staged write that makes the key be there; undefined where what is in the log decides. */
  stagedWriteOf(key: string): StagedWrite | undefined {
    const staged = this.#staged.get(key);
    return staged === undefined || staged.bytes === 0 ? undefined : staged.write;
  }

  /** How many bytes there are when the changes are made behind everything staged. */
  bytesWith(changes: readonly KeyChange[]): number {
    let bytes = this.#stagedBytes;
    for (const { key, value } of changes) bytes += (value === undefined ? 0 : costOf(key, value)) - this.#stagedCost(key);
    return bytes;
  }

  stage(version: number, changes: readonly KeyChange[]): StagedWrite {
    const write: StagedWrite = { version, keys: changes.map(({ key }) => key), waiting: [] };
    this.#stagedBytes = this.bytesWith(changes);
    for (const { key, value } of changes) this.#staged.set(key, { write, bytes: value === undefined ? 0 : costOf(key, value) });
    this.#writes.push(write);
    return write;
  }

  /**
   * A write is in the log for ever; copies what it keeps.
   * @param touch is called before a chunk is changed.
   */
  apply(version: number, entries: readonly StateEntry[], touch: (chunk: Chunk) => void): void {
    for (const { key: bytes, flags, value } of entries) {
      const key = keyOfBytes(bytes);
      const chunk = this.entries.chunkOf(key);
      if (chunk !== undefined) touch(chunk);
      const removed = (flags & StateEntryFlag.REMOVED) !== 0;
      this.#change(key, removed ? undefined : { version, value: value.slice() });
      this.ring.add(key, version);
    }
    this.version = version;
    this.#settle(version);
  }

  /** What was staged is cut off the log, or nobody knows what became of it. */
  cut(error: QanatError): void {
    const writes = this.#writes;
    this.#writes = [];
    this.#staged.clear();
    this.#stagedBytes = this.#bytes;
    for (const { waiting } of writes) for (const done of waiting) done(error);
  }

  /** Takes a part of a snapshot: entries in order, behind those that were restored before. */
  restore(version: number, entries: readonly StateEntry[]): void {
    for (const { key, version: own, value } of entries) this.#change(keyOfBytes(key), { version: own, value: value.slice() });
    this.#stagedBytes = this.#bytes;
    this.version = version;
    this.ring = new ChangeRing(version);
  }

  #stagedCost(key: string): number {
    const staged = this.#staged.get(key);
    return staged === undefined ? this.#cost(key) : staged.bytes;
  }

  #cost(key: string): number {
    const entry = this.entries.get(key);
    return entry === undefined ? 0 : costOf(key, entry.value);
  }

  #change(key: string, entry: StoredEntry | undefined): void {
    this.#bytes += (entry === undefined ? 0 : costOf(key, entry.value)) - this.#cost(key);
    if (entry === undefined) this.entries.delete(key);
    else this.entries.set(key, entry);
  }

  #settle(version: number): void {
    const write = this.#writes[0];
    if (write?.version !== version) {
      // In a recovery nothing was staged.
      this.#stagedBytes = this.#bytes;
      return;
    }
    this.#writes.shift();
    for (const key of write.keys) if (this.#staged.get(key)?.write === write) this.#staged.delete(key);
    for (const done of write.waiting) done(undefined);
  }
}

/** An entry as an answer holds it. */
export const answered = (key: string, entry: StoredEntry | undefined, removedBy = 0): StateEntry =>
  entry === undefined
    ? { key: bytesOfKey(key), flags: StateEntryFlag.REMOVED, version: removedBy, value: NO_VALUE }
    : { key: bytesOfKey(key), flags: 0, version: entry.version, value: entry.value };

const NO_VALUE = new Uint8Array(0);
