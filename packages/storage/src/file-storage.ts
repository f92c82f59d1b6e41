import { closeSync, fdatasync, open, rename, statfs, unlink, write } from 'node:fs';
import { dirname, join } from 'node:path';
import { assertStoredName, QanatError, type Storage, type StorageDone, type StoredFile, TEMPORARY_SUFFIX } from '@qanat/core';
import { makeDirectory, syncDirectory } from './directory.ts';
import { type Finish, RequestQueue } from './request-queue.ts';
import type { Unlock } from './store-lock.ts';
import { StoredFileHandle } from './stored-file-handle.ts';

/** Files whose names begin so are appended to and synced all the time: zeros are written ahead of them. */
const LOG_FOLDER = 'log/';
const FILE_MODE = 0o640;

interface Entry {
  readonly name: string;
  readonly path: string;
  readonly queue: RequestQueue;
  /** Undefined while there is no such file. */
  handle: StoredFileHandle | undefined;
}

type Start<Result> = (entry: Entry, finish: Finish<Result>) => void;

/** How a request stands to the others on its file: as the methods of `RequestQueue`. */
type Manner = 'in turn' | 'beside' | 'passed';

/** The storage port on a directory. Made by `openFileStorage`. */
export class FileStorage implements Storage {
  readonly #directory: string;
  readonly #unlock: Unlock;
  readonly #entries = new Map<string, Entry>();
  /** Requests that belong to no file. */
  #others = 0;
  #closers: StorageDone<void>[] = [];
  #state: 'open' | 'closing' | 'closed' = 'open';

  /** @param files what is there. */
  constructor(directory: string, files: readonly StoredFile[], unlock: Unlock) {
    this.#directory = directory;
    this.#unlock = unlock;
    for (const { name, size } of files) this.#entry(name).handle = this.#handle(name, size);
  }

  list(done: StorageDone<readonly StoredFile[]>): void {
    this.#other('list the files', done, (finish) => {
      const files = [...this.#entries.values()].flatMap(({ name, handle }) =>
        handle === undefined ? [] : [{ name, size: handle.size }],
      );
      finish(
        null,
        files.sort((a, b) => (a.name < b.name ? -1 : 1)),
      );
    });
  }

  create(name: string, done: StorageDone<void>): void {
    this.#request('create', name, true, done, (entry, finish) => {
      const folder = dirname(entry.path);
      makeDirectory(folder, (folderError) => {
        if (folderError !== null) return finish(folderError, undefined);
        open(entry.path, 'wx', FILE_MODE, (error, fd) => {
          if (error !== null) return finish(error, undefined);
          closeSync(fd);
          entry.handle = this.#handle(name, 0);
          syncDirectory(folder, (syncError) => finish(syncError, undefined));
        });
      });
    });
  }

  append(name: string, parts: readonly Uint8Array[], done: StorageDone<void>): void {
    this.#request('append to', name, false, done, (entry, finish) => existing(entry).append(parts, finish));
  }

  read(name: string, position: number, length: number, done: StorageDone<Uint8Array>, into?: Uint8Array): void {
    const start: Start<Uint8Array> = (entry, finish) => existing(entry).read(position, length, finish, into);
    const entry = this.#entry(name);
    const isThere = entry.handle !== undefined && position + length <= entry.handle.size;
    this.#request('read', name, false, done, start, isThere && !entry.queue.mayShrink ? 'beside' : 'in turn');
  }

  sync(name: string, done: StorageDone<void>, beside = false): void {
    this.#request('sync', name, false, done, (entry, finish) => existing(entry).sync(finish), beside ? 'passed' : 'in turn');
  }

  truncate(name: string, size: number, done: StorageDone<void>): void {
    this.#request('truncate', name, true, done, (entry, finish) => existing(entry).truncate(size, finish));
  }

  unlink(name: string, done: StorageDone<void>): void {
    this.#request('unlink', name, true, done, (entry, finish) => {
      if (entry.handle === undefined) return finish(null, undefined);
      entry.handle.release();
      entry.handle = undefined;
      unlink(entry.path, (error) => {
        if (error !== null && error.code !== 'ENOENT') finish(error, undefined);
        else syncDirectory(dirname(entry.path), (syncError) => finish(syncError, undefined));
      });
    });
  }

  replace(name: string, bytes: Uint8Array, done: StorageDone<void>): void {
    this.#request('replace', name, true, done, (entry, finish) => {
      const folder = dirname(entry.path);
      makeDirectory(folder, (folderError) => {
        if (folderError !== null) return finish(folderError, undefined);
        writeAside(entry.path, bytes, (error) => {
          if (error !== null) return finish(error, undefined);
          entry.handle?.release();
          entry.handle = this.#handle(name, bytes.length);
          syncDirectory(folder, (syncError) => finish(syncError, undefined));
        });
      });
    });
  }

  freeSpace(done: StorageDone<number>): void {
    this.#other('ask for the free space', done, (finish) =>
      statfs(this.#directory, (error, stats) => finish(error, error === null ? stats.bavail * stats.bsize : 0)),
    );
  }

  close(done: StorageDone<void>): void {
    if (this.#state === 'closed') return void process.nextTick(done, undefined, undefined);
    this.#state = 'closing';
    this.#closers.push(done);
    this.#closeWhenIdle();
  }

  #request<Result>(
    what: string,
    name: string,
    exclusive: boolean,
    done: StorageDone<Result>,
    start: Start<Result>,
    manner: Manner = 'in turn',
  ): void {
    const entry = this.#entry(name);
    const failed = (error: Error): QanatError => storeError(`cannot ${what} ${name}`, error);
    const ended: Finish<Result> = (error, result) => done(error === null ? undefined : failed(error), result);
    const guarded = (finish: Finish<Result>): void => {
      try {
        start(entry, finish);
      } catch (error) {
        finish(error as Error, undefined as Result);
      }
    };
    if (this.#state !== 'open') process.nextTick(ended, new Error('the store is closed'), undefined);
    else if (manner === 'beside') entry.queue.addBeside(guarded, ended);
    else if (manner === 'passed') entry.queue.addPassed(guarded, ended);
    else entry.queue.add(exclusive, guarded, ended);
  }

  #other<Result>(what: string, done: StorageDone<Result>, start: (finish: Finish<Result>) => void): void {
    if (this.#state !== 'open') {
      process.nextTick(done, storeError(`cannot ${what}`, new Error('the store is closed')), undefined);
      return;
    }
    this.#others++;
    start((error, result) => {
      this.#others--;
      process.nextTick(done, error === null ? undefined : storeError(`cannot ${what}`, error), result);
      this.#closeWhenIdle();
    });
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      assertStoredName(name);
      const made: Entry = {
        name,
        path: join(this.#directory, name),
        queue: new RequestQueue(() => this.#whenQuiet(made)),
        handle: undefined,
      };
      entry = made;
      this.#entries.set(name, made);
    }
    return entry;
  }

  #handle(name: string, size: number): StoredFileHandle {
    return new StoredFileHandle(join(this.#directory, name), name.startsWith(LOG_FOLDER), size);
  }

  #whenQuiet(entry: Entry): void {
    const { handle, queue, name } = entry;
    if (this.#state === 'open' && handle?.wantsAhead) queue.addQuietly((finish) => handle.writeAhead(finish));
    else if (handle === undefined && queue.isIdle) this.#entries.delete(name);
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#state !== 'closing' || this.#others > 0) return;
    for (const { queue } of this.#entries.values()) if (!queue.isIdle) return;
    this.#state = 'closed';
    let failure: QanatError | undefined;
    for (const { name, handle } of this.#entries.values()) {
      try {
        handle?.close();
      } catch (error) {
        failure ??= storeError(`cannot close ${name}`, error as Error);
      }
    }
    this.#unlock(() => {
      for (const done of this.#closers.splice(0)) process.nextTick(done, failure, undefined);
    });
  }
}

function existing({ handle }: Entry): StoredFileHandle {
  if (handle === undefined) throw new Error('there is no such file');
  return handle;
}

function storeError(what: string, cause: Error): QanatError {
  return new QanatError('STORE_IO', `${what}: ${cause.message}`, { cause });
}

/** Writes a whole file under another name, durably, and renames it. The name itself is not durable yet. */
function writeAside(path: string, bytes: Uint8Array, done: (error: Error | null) => void): void {
  const aside = path + TEMPORARY_SUFFIX;
  open(aside, 'w', FILE_MODE, (openError, fd) => {
    if (openError !== null) return done(openError);
    const written = (error: Error | null): void => {
      closeSync(fd);
      if (error === null) rename(aside, path, done);
      else unlink(aside, () => done(error));
    };
    write(fd, bytes, 0, bytes.length, 0, (error, bytesWritten) => {
      if (error !== null) return written(error);
      if (bytesWritten !== bytes.length) return written(new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`));
      fdatasync(fd, written);
    });
  });
}
