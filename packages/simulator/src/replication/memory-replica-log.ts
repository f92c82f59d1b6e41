import { ENTRY_AT, ENTRY_HEADER_BYTES, type LogPlace, QanatError, type ReplicaLog, readUint32, writeUint32At } from '@qanat/core';

/** One entry of the model: it has no body, and takes as much room as a header does. */
export interface ModelEntry {
  readonly term: number;
  readonly value: number;
  /** Names this entry and everything before it. */
  readonly chain: number;
}

const BYTES = ENTRY_HEADER_BYTES;
/** Where the value stands in the bytes of an entry: the field is one that the chain covers. */
const VALUE_AT = ENTRY_AT.topicId;

export const positionOf = (count: number): number => count * BYTES;
export const countOf = (position: number): number => position / BYTES;

/** A chain that is cheap, and differs where the entries before do. */
function chainBehind(previous: number, term: number, value: number): number {
  let hash = Math.imul(previous ^ term, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ value, 0x85eb_ca77);
  return (hash ^ (hash >>> 13)) >>> 0 || 1;
}

export interface MemoryReplicaLogOptions {
  /** Stored is what is synced; otherwise what is written. */
  readonly sync: boolean;
  /** Runs `task` at some time to come, if the process lives so long. */
  readonly later: (task: () => void) => void;
  /** A rule of logs was broken. */
  readonly violation: (checker: string, message: string) => void;
}

/** A log in memory, of which one says when it writes, syncs and loses what is not synced. */
export class MemoryReplicaLog implements ReplicaLog {
  readonly storeId = new Uint8Array(16).fill(7);
  readonly oldestPosition = 0;
  readonly entries: ModelEntry[];
  writtenCount: number;
  syncedCount: number;
  /** As it was kept last: it may be behind. */
  keptCount: number;
  #committedTo: number;
  #committedCount: number;
  readonly #options: MemoryReplicaLogOptions;

  /** Opens what a crash has left. */
  constructor(options: MemoryReplicaLogOptions, entries: ModelEntry[] = [], keptCount = 0) {
    this.#options = options;
    this.entries = entries;
    this.writtenCount = entries.length;
    this.syncedCount = entries.length;
    this.keptCount = Math.min(keptCount, entries.length);
    this.#committedCount = this.keptCount;
    this.#committedTo = this.keptCount;
  }

  get written(): LogPlace {
    return this.#place(this.writtenCount);
  }

  get storedCount(): number {
    return this.#options.sync ? this.syncedCount : this.writtenCount;
  }

  get storedPosition(): number {
    return positionOf(this.storedCount);
  }

  get committedCount(): number {
    return this.#committedCount;
  }

  get committedPosition(): number {
    return positionOf(this.#committedCount);
  }

  append(term: number, value: number): ModelEntry {
    const entry = { term, value, chain: chainBehind(this.entries.at(-1)?.chain ?? 0, term, value) };
    this.entries.push(entry);
    return entry;
  }

  write(count: number): void {
    this.writtenCount = Math.max(this.writtenCount, Math.min(count, this.entries.length));
    this.#apply();
  }

  sync(): void {
    this.syncedCount = this.writtenCount;
    this.#apply();
  }

  commitTo(position: number): void {
    this.#committedTo = Math.max(this.#committedTo, countOf(position));
    this.#apply();
  }

  placeAt(position: number, done: (error: undefined, place: LogPlace | undefined) => void): void {
    const count = countOf(position);
    const place = Number.isInteger(count) && count <= this.writtenCount ? this.#place(count) : undefined;
    this.#options.later(() => done(undefined, place));
  }

  readEntries(position: number, bytesMax: number, done: (error: undefined, parts: readonly Uint8Array[]) => void): void {
    this.#options.later(() => {
      const from = countOf(position);
      const count = Math.min(this.writtenCount - from, Math.max(1, Math.floor(bytesMax / BYTES)));
      const bytes = new Uint8Array(positionOf(Math.max(0, count)));
      for (let i = 0; i < count; i++) this.#encode(from + i, bytes, positionOf(i));
      done(undefined, count > 0 ? [bytes] : []);
    });
  }

  appendEntries(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += BYTES) {
      if (readUint32(bytes, at + ENTRY_AT.previousChain) !== (this.entries.at(-1)?.chain ?? 0))
        throw new QanatError('INVALID_BATCH', 'the entries do not follow');
      const entry = this.append(readUint32(bytes, at + ENTRY_AT.term), readUint32(bytes, at + VALUE_AT));
      if (entry.chain !== readUint32(bytes, at + ENTRY_AT.chain)) throw new QanatError('INVALID_BATCH', 'an entry is damaged');
    }
  }

  uncommittedPlaces(): readonly LogPlace[] {
    const places: LogPlace[] = [];
    for (let count = this.#committedCount; count <= this.entries.length; count++) places.push(this.#place(count));
    return places;
  }

  cutTo(position: number, done: (error: undefined) => void): void {
    this.#options.later(() => {
      const count = countOf(position);
      if (count < this.#committedTo)
        this.#options.violation('replication-cut', `cut to ${count}, and ${this.#committedTo} are committed`);
      this.entries.length = Math.min(count, this.entries.length);
      this.writtenCount = Math.min(count, this.writtenCount);
      this.syncedCount = Math.min(count, this.syncedCount);
      done(undefined);
    });
  }

  #place(count: number): LogPlace {
    const before = this.entries[count - 1];
    return { position: positionOf(count), chain: before?.chain ?? 0, term: before?.term ?? 0 };
  }

  #encode(index: number, bytes: Uint8Array, at: number): void {
    const { term, value, chain } = this.entries[index] as ModelEntry;
    writeUint32At(bytes, at + ENTRY_AT.length, BYTES);
    writeUint32At(bytes, at + ENTRY_AT.term, term);
    writeUint32At(bytes, at + VALUE_AT, value);
    writeUint32At(bytes, at + ENTRY_AT.previousChain, this.entries[index - 1]?.chain ?? 0);
    writeUint32At(bytes, at + ENTRY_AT.chain, chain);
  }

  #apply(): void {
    this.#committedCount = Math.max(this.#committedCount, Math.min(this.#committedTo, this.storedCount));
  }
}
