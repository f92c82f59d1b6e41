import type { QanatError } from '../errors.ts';
import type { Storage, StorageDone, StoredFile } from '../storage.ts';
import { expect, expectEqual, TURNS_MAX } from './runner.ts';

/** A storage under test. Each test makes its own and ends it. */
export interface StorageHarness {
  /** Opens the storage on the same place each time. Rejects where another one is open and `locks` is set. */
  open(): Promise<Storage>;
  /** Lets time or the event loop go on a little. */
  turn(): Promise<void>;
  /** Frees what the harness holds, durable bytes included. */
  end(): Promise<void> | void;
  /** Whether a second `open` is refused while the first has not been closed. */
  readonly locks: boolean;
  /**
   * Turns that a test waits for something to happen. Default 200,000, which is much in virtual time. Real sockets and disks
   * take their
   * time whatever the turns: give Infinity, and let the runner's time-out end a test.
   */
  readonly turnsMax?: number;
  /** Where it can be done: cuts the power. The open storage is dead after that; the next `open` gives what was durable. */
  crash?(): void;
}

/** The outcome of one request. */
export interface Ended<Result> {
  readonly error: QanatError | undefined;
  readonly result: Result;
}

/** One open storage, with promises for what the port does by callbacks. */
export class StorageBench {
  readonly harness: StorageHarness;
  #storage: Storage | undefined;

  constructor(harness: StorageHarness) {
    this.harness = harness;
  }

  get storage(): Storage {
    if (this.#storage === undefined) throw new Error('the storage is not open');
    return this.#storage;
  }

  async open(): Promise<void> {
    this.#storage = await this.harness.open();
  }

  /** Closes and opens again. */
  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  async close(): Promise<void> {
    if (this.#storage === undefined) return;
    const storage = this.#storage;
    this.#storage = undefined;
    await this.ok<void>((done) => storage.close(done));
  }

  /** What is open is dead. */
  async crashAndOpen(crash: () => void): Promise<void> {
    crash();
    this.#storage = undefined;
    await this.open();
  }

  async ended<Result>(request: (done: StorageDone<Result>) => void): Promise<Ended<Result>> {
    let ended: Ended<Result> | undefined;
    let returned = false;
    request((error, result) => {
      expect(returned, 'done was called before the method had returned');
      expect(ended === undefined, 'done was called twice');
      ended = { error, result };
    });
    returned = true;
    for (let turns = 0; ended === undefined; turns++) {
      expect(turns < (this.harness.turnsMax ?? TURNS_MAX), 'a request does not end');
      await this.harness.turn();
    }
    return ended;
  }

  async ok<Result>(request: (done: StorageDone<Result>) => void): Promise<Result> {
    const { error, result } = await this.ended(request);
    if (error !== undefined) throw error;
    return result;
  }

  /** The request has to fail with STORE_IO. */
  async fails(what: string, request: (done: StorageDone<unknown>) => void): Promise<void> {
    const { error } = await this.ended(request);
    expectEqual(error?.code, 'STORE_IO', `code of ${what}`);
  }

  create = (name: string): Promise<void> => this.ok((done) => this.storage.create(name, done));
  append = (name: string, ...parts: Uint8Array[]): Promise<void> => this.ok((done) => this.storage.append(name, parts, done));
  sync = (name: string): Promise<void> => this.ok((done) => this.storage.sync(name, done));
  truncate = (name: string, size: number): Promise<void> => this.ok((done) => this.storage.truncate(name, size, done));
  unlink = (name: string): Promise<void> => this.ok((done) => this.storage.unlink(name, done));
  replace = (name: string, bytes: Uint8Array): Promise<void> => this.ok((done) => this.storage.replace(name, bytes, done));
  list = (): Promise<readonly StoredFile[]> => this.ok((done) => this.storage.list(done));
  read = (name: string, position: number, length: number): Promise<Uint8Array> =>
    this.ok((done) => this.storage.read(name, position, length, done));

  async expectFiles(wanted: Readonly<Record<string, number>>): Promise<void> {
    const files = await this.list();
    const text = (list: readonly (readonly [string, number])[]): string =>
      list.map(([name, size]) => `${name}=${size}`).join(' ');
    expectEqual(text(files.map(({ name, size }) => [name, size] as const)), text(Object.entries(wanted)), 'files');
  }
}
