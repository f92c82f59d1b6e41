import {
  assertStoredName,
  type Clock,
  QanatError,
  type Random,
  type Storage,
  type StorageDone,
  type StoredFile,
} from '@qanat/core';
import type { DiskFaults, DiskOperation } from './faults/disk-faults.ts';
import { MemoryFile } from './memory-file.ts';

export interface MemoryStorageOptions {
  /** Time of an append. Default 0: the next turn of the clock. */
  readonly appendMs?: number;
  /** Time of a sync, and of what changes names or sizes durably. Default 0. */
  readonly syncMs?: number;
  /** Time of a read. Default 0. */
  readonly readMs?: number;
  /** Default 1 TiB. The storage does not refuse to go beyond it. */
  readonly freeBytes?: number;
  /** What is wrong with the disk. Default: nothing. */
  readonly faults?: DiskFaults;
}

/** How a request stands to the others on its file: see `sync` of the port for `passed`. */
type Manner = 'in turn' | 'exclusive' | 'passed';

interface Request {
  readonly manner: Manner;
  underWay: boolean;
  readonly start: () => void;
  /** What a request that never ends has done by then: nothing, a part of it, or all. */
  readonly leave: (random: Random) => void;
}

const FREE_BYTES = 2 ** 40;

/**
 * A storage in memory, on any clock. It knows what was written and what was synced, and loses the rest when the power is cut.
 * Requests on one file run one after the other, but for a sync beside others; what a dead instance has under way never ends.
 */
export class MemoryStorage implements Storage {
  readonly #clock: Pick<Clock, 'at' | 'nowMs'>;
  readonly #options: MemoryStorageOptions;
  readonly #files: Map<string, MemoryFile>;
  /**
   * The requests on each file that have not ended; the first is under way, unless it is exclusive and waits for one that was
   * passed. Requests on no file have the name ''.
   */
  readonly #queues = new Map<string, Request[]>();
  /** How many requests on a file are under way that others may pass. */
  readonly #passed = new Map<string, number>();
  #closers: StorageDone<void>[] = [];
  #state: 'open' | 'closing' | 'closed' | 'dead' = 'open';

  constructor(
    clock: Pick<Clock, 'at' | 'nowMs'>,
    options: MemoryStorageOptions = {},
    files: ReadonlyMap<string, MemoryFile> = new Map(),
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#files = new Map(files);
  }

  /**
   * The power is cut: this instance is dead, and the new one has what was synced. With `random` also some of what was not,
   * torn at sectors, and what was under way is done, not done, or done in part.
   */
  crash(random?: Random): MemoryStorage {
    this.#die(random);
    return this.#successor((file) => file.survivor(random));
  }

  /**
   * The process is killed: this instance is dead, and the new one has everything that was written, synced or not; with `random`
   * also of what was under way.
   */
  kill(random?: Random): MemoryStorage {
    this.#die(random);
    return this.#successor((file) => file);
  }

  /** The same files after a close. */
  reopen(): MemoryStorage {
    if (this.#state === 'open' || this.#state === 'closing')
      throw new QanatError('STORE_LOCKED', 'the memory storage is still open');
    return this.#successor((file) => file);
  }

  /** How much of a file survives a power cut now. */
  durableSize(name: string): number | undefined {
    return this.#files.get(name)?.durableSize;
  }

  /** The names of the files, sorted. */
  get names(): readonly string[] {
    return [...this.#files.keys()].sort();
  }

  /** Bytes of all files. */
  get usedBytes(): number {
    let usedBytes = 0;
    for (const { size } of this.#files.values()) usedBytes += size;
    return usedBytes;
  }

  /** A file as it is, for damaging it. */
  file(name: string): MemoryFile | undefined {
    return this.#files.get(name);
  }

  list(done: StorageDone<readonly StoredFile[]>): void {
    this.#request('', 0, done, () => this.names.map((name) => ({ name, size: this.#existing(name).size })), NOTHING);
  }

  create(name: string, done: StorageDone<void>): void {
    this.#onFile('create', name, this.#options.syncMs, done, () => {
      if (this.#files.has(name)) throw new QanatError('STORE_IO', `cannot create ${name}: it exists`);
      this.#assertRoom(name, 1);
      this.#files.set(name, new MemoryFile());
    });
  }

  append(name: string, parts: readonly Uint8Array[], done: StorageDone<void>): void {
    const append = (bytesMax: number): void => this.#existing(name).append(firstBytes(parts, bytesMax));
    const run = (): void => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const free = this.#options.faults === undefined ? Number.POSITIVE_INFINITY : this.#freeBytes();
      append(free);
      if (bytes > free) throw new QanatError('STORE_IO', `cannot append to ${name}: no space left on the device`);
    };
    this.#onFile('append', name, this.#options.appendMs, done, run, (random) => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      if (this.#files.has(name)) append(random.below(bytes + 1));
    });
  }

  read(name: string, position: number, length: number, done: StorageDone<Uint8Array>): void {
    this.#onFile('read', name, this.#options.readMs, done, () => this.#existing(name).read(position, length), NOTHING);
  }

  sync(name: string, done: StorageDone<void>, beside = false): void {
    let size = Number.POSITIVE_INFINITY;
    const begin = (): void => {
      size = this.#files.get(name)?.size ?? 0;
    };
    const run = (): void => {
      const file = this.#existing(name);
      const pages = this.#options.faults?.takesSync();
      if (pages === 'drop') file.loseUnsynced();
      if (pages !== undefined) throw new QanatError('STORE_IO', `cannot sync ${name}: input/output error`);
      file.sync(size);
    };
    this.#onFile('sync', name, this.#options.syncMs, done, run, NOTHING, beside ? 'passed' : 'in turn', begin);
  }

  truncate(name: string, size: number, done: StorageDone<void>): void {
    this.#onFile('truncate', name, this.#options.syncMs, done, () => {
      const file = this.#existing(name);
      if (size > file.size) throw new QanatError('STORE_IO', `cannot truncate ${name} to ${size} bytes: it has ${file.size}`);
      file.truncate(size);
      // As the port says: the cut is durable, and so is what is left.
      file.sync(size);
    });
  }

  unlink(name: string, done: StorageDone<void>): void {
    this.#onFile('unlink', name, this.#options.syncMs, done, () => {
      this.#files.delete(name);
    });
  }

  replace(name: string, bytes: Uint8Array, done: StorageDone<void>): void {
    this.#onFile('replace', name, this.#options.syncMs, done, () => {
      this.#assertRoom(name, bytes.length);
      this.#files.set(name, new MemoryFile(bytes));
    });
  }

  freeSpace(done: StorageDone<number>): void {
    this.#request('', 0, done, () => this.#freeBytes(), NOTHING);
  }

  close(done: StorageDone<void>): void {
    if (this.#state === 'dead') return;
    this.#closers.push(done);
    if (this.#state === 'open') this.#state = 'closing';
    this.#closeWhenIdle();
  }

  /** @param leave what is left of a request that never ends; without it, half of the time everything. */
  #onFile<Result>(
    operation: DiskOperation,
    name: string,
    takesMs: number | undefined,
    done: StorageDone<Result>,
    run: () => Result,
    leave: (random: Random) => void = (random) => {
      if (random.fraction() < 0.5) outcomeOf(run);
    },
    manner: Manner = TAKES_AWAY.has(operation) ? 'exclusive' : 'in turn',
    begin: () => void = NOTHING,
  ): void {
    assertStoredName(name);
    const { faults } = this.#options;
    if (faults === undefined) return this.#request(name, takesMs ?? 0, done, run, leave, manner, begin);
    const runOrFail = (): Result => {
      if (!faults.takes(operation)) return run();
      if (operation === 'append') leave(faults.random);
      throw new QanatError('STORE_IO', `cannot ${operation} ${name}: input/output error`);
    };
    this.#request(name, takesMs ?? 0, done, runOrFail, leave, manner, begin);
  }

  #request<Result>(
    queueName: string,
    takesMs: number,
    done: StorageDone<Result>,
    run: () => Result,
    leave: (random: Random) => void,
    manner: Manner = 'in turn',
    begin: () => void = NOTHING,
  ): void {
    if (this.#state === 'dead') return;
    if (this.#state !== 'open') {
      const error = new QanatError('STORE_IO', 'the store is closed');
      this.#clock.at(this.#clock.nowMs(), () => done(error, undefined as Result));
      return;
    }
    const queue = this.#queues.get(queueName) ?? [];
    this.#queues.set(queueName, queue);
    const end = (): void => {
      if (this.#state === 'dead') return;
      const { error, result } = outcomeOf(run);
      if (manner === 'passed') this.#countPassed(queueName, -1);
      else queue.shift();
      this.#startNext(queueName);
      done(error, result as Result);
      this.#closeWhenIdle();
    };
    const start = (): void => {
      begin();
      this.#after(takesMs, end);
      if (manner !== 'passed') return;
      this.#countPassed(queueName, 1);
      queue.shift();
      this.#startNext(queueName);
    };
    queue.push({ manner, underWay: false, start, leave });
    this.#startNext(queueName);
  }

  #startNext(queueName: string): void {
    const next = this.#queues.get(queueName)?.[0];
    if (next === undefined) this.#queues.delete(queueName);
    else if (!next.underWay && (next.manner !== 'exclusive' || !this.#passed.has(queueName))) {
      next.underWay = true;
      next.start();
    }
  }

  #countPassed(queueName: string, by: 1 | -1): void {
    const count = (this.#passed.get(queueName) ?? 0) + by;
    if (count === 0) this.#passed.delete(queueName);
    else this.#passed.set(queueName, count);
  }

  /** As long as the disk is slow, it takes longer. */
  #after(takesMs: number, end: () => void): void {
    const { faults } = this.#options;
    const inMs = (ms: number, run: () => void): (() => void) => this.#clock.at(this.#clock.nowMs() + ms, run);
    if (faults === undefined || faults.slowFactor === 1 || takesMs === 0) {
      inMs(takesMs, end);
      return;
    }
    const ended = faults.slowed(() => {
      cancel();
      inMs(takesMs, end);
    });
    const cancel = inMs(takesMs * faults.slowFactor, () => {
      ended();
      end();
    });
  }

  #closeWhenIdle(): void {
    if (this.#closers.length === 0 || this.#queues.size > 0 || this.#passed.size > 0) return;
    this.#state = 'closed';
    const closers = this.#closers;
    this.#closers = [];
    this.#clock.at(this.#clock.nowMs(), () => {
      for (const done of closers) done(undefined, undefined);
    });
  }

  #existing(name: string): MemoryFile {
    const file = this.#files.get(name);
    if (file === undefined) throw new QanatError('STORE_IO', `there is no file ${name}`);
    return file;
  }

  #freeBytes(): number {
    const { usedBytes } = this;
    const freeBytes = Math.max(0, (this.#options.freeBytes ?? FREE_BYTES) - usedBytes);
    return Math.min(freeBytes, this.#options.faults?.freeBytesAfter(usedBytes) ?? freeBytes);
  }

  #assertRoom(name: string, bytes: number): void {
    if (this.#options.faults !== undefined && bytes > this.#freeBytes())
      throw new QanatError('STORE_IO', `cannot write ${name}: no space left on the device`);
  }

  #die(random: Random | undefined): void {
    this.#state = 'dead';
    if (random !== undefined) for (const [first] of this.#queues.values()) if (first?.underWay === true) first.leave(random);
    this.#queues.clear();
    this.#closers = [];
  }

  #successor(survive: (file: MemoryFile) => MemoryFile): MemoryStorage {
    return new MemoryStorage(this.#clock, this.#options, new Map([...this.#files].map(([name, file]) => [name, survive(file)])));
  }
}

const NOTHING = (): void => {};
/** What waits for a sync that others may pass. */
const TAKES_AWAY: ReadonlySet<DiskOperation> = new Set(['create', 'truncate', 'unlink', 'replace']);

function firstBytes(parts: readonly Uint8Array[], bytesMax: number): readonly Uint8Array[] {
  const first: Uint8Array[] = [];
  let left = bytesMax;
  for (const part of parts) {
    if (part.length > left) {
      first.push(part.subarray(0, left));
      return first;
    }
    first.push(part);
    left -= part.length;
  }
  return first;
}

function outcomeOf<Result>(run: () => Result): { error: QanatError | undefined; result: Result | undefined } {
  try {
    return { error: undefined, result: run() };
  } catch (error) {
    if (QanatError.is(error, 'STORE_IO')) return { error, result: undefined };
    throw error;
  }
}
