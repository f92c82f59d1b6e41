import { assertStoredName, type Clock, QanatError, type Storage, type StorageDone, type StoredFile } from '@qanat/core';
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
}

interface Request {
  readonly start: () => void;
}

const FREE_BYTES = 2 ** 40;

/**
 * A storage in memory, on any clock. It knows what was written and what was synced, and loses the rest when the power is cut.
 * Requests on one file run one after the other; what a dead instance has under way never ends.
 */
export class MemoryStorage implements Storage {
  readonly #clock: Pick<Clock, 'at' | 'nowMs'>;
  readonly #options: MemoryStorageOptions;
  readonly #files: Map<string, MemoryFile>;
  /** The requests on each file that have not ended; the first is under way. Requests on no file have the name ''. */
  readonly #queues = new Map<string, Request[]>();
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

  /** The power is cut: this instance is dead, and the new one has what was synced. */
  crash(): MemoryStorage {
    this.#die();
    return this.#successor((file) => file.survivor());
  }

  /** The process is killed: this instance is dead, and the new one has everything that was written, synced or not. */
  kill(): MemoryStorage {
    this.#die();
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

  list(done: StorageDone<readonly StoredFile[]>): void {
    this.#request('', 0, done, () =>
      [...this.#files].map(([name, { size }]) => ({ name, size })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }

  create(name: string, done: StorageDone<void>): void {
    this.#onFile(name, this.#options.syncMs, done, () => {
      if (this.#files.has(name)) throw new QanatError('STORE_IO', `cannot create ${name}: it exists`);
      this.#files.set(name, new MemoryFile());
    });
  }

  append(name: string, parts: readonly Uint8Array[], done: StorageDone<void>): void {
    this.#onFile(name, this.#options.appendMs, done, () => this.#existing(name).append(parts));
  }

  read(name: string, position: number, length: number, done: StorageDone<Uint8Array>): void {
    this.#onFile(name, this.#options.readMs, done, () => this.#existing(name).read(position, length));
  }

  sync(name: string, done: StorageDone<void>): void {
    this.#onFile(name, this.#options.syncMs, done, () => {
      const file = this.#existing(name);
      file.sync(file.size);
    });
  }

  truncate(name: string, size: number, done: StorageDone<void>): void {
    this.#onFile(name, this.#options.syncMs, done, () => {
      const file = this.#existing(name);
      if (size > file.size) throw new QanatError('STORE_IO', `cannot truncate ${name} to ${size} bytes: it has ${file.size}`);
      file.truncate(size);
      // As the port says: the cut is durable, and so is what is left.
      file.sync(size);
    });
  }

  unlink(name: string, done: StorageDone<void>): void {
    this.#onFile(name, this.#options.syncMs, done, () => {
      this.#files.delete(name);
    });
  }

  replace(name: string, bytes: Uint8Array, done: StorageDone<void>): void {
    this.#onFile(name, this.#options.syncMs, done, () => {
      this.#files.set(name, new MemoryFile(bytes));
    });
  }

  freeSpace(done: StorageDone<number>): void {
    this.#request('', 0, done, () => {
      let usedBytes = 0;
      for (const { size } of this.#files.values()) usedBytes += size;
      return Math.max(0, (this.#options.freeBytes ?? FREE_BYTES) - usedBytes);
    });
  }

  close(done: StorageDone<void>): void {
    if (this.#state === 'dead') return;
    this.#closers.push(done);
    if (this.#state === 'open') this.#state = 'closing';
    this.#closeWhenIdle();
  }

  #onFile<Result>(name: string, takesMs: number | undefined, done: StorageDone<Result>, run: () => Result): void {
    assertStoredName(name);
    this.#request(name, takesMs ?? 0, done, run);
  }

  #request<Result>(queueName: string, takesMs: number, done: StorageDone<Result>, run: () => Result): void {
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
      queue.shift();
      if (queue.length > 0) queue[0]?.start();
      else this.#queues.delete(queueName);
      done(error, result as Result);
      this.#closeWhenIdle();
    };
    queue.push({ start: () => this.#clock.at(this.#clock.nowMs() + takesMs, end) });
    if (queue.length === 1) queue[0]?.start();
  }

  #closeWhenIdle(): void {
    if (this.#closers.length === 0 || this.#queues.size > 0) return;
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

  #die(): void {
    this.#state = 'dead';
    this.#queues.clear();
    this.#closers = [];
  }

  #successor(survive: (file: MemoryFile) => MemoryFile): MemoryStorage {
    return new MemoryStorage(this.#clock, this.#options, new Map([...this.#files].map(([name, file]) => [name, survive(file)])));
  }
}

function outcomeOf<Result>(run: () => Result): { error: QanatError | undefined; result: Result | undefined } {
  try {
    return { error: undefined, result: run() };
  } catch (error) {
    if (QanatError.is(error, 'STORE_IO')) return { error, result: undefined };
    throw error;
  }
}
