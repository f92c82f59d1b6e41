import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { assertStoredName, QanatError, type Storage, type StorageDone, type StoredFile } from '@qanat/core';
import { filesOf } from './open-file-storage.ts';

/**
 * The files of a store as they are now, for tools that look and change nothing. It takes no lock, so a broker may run meanwhile:
 * what it writes later is not seen, and what it removes fails to be read.
 * @throws QanatError STORE_IO when the directory cannot be read.
 */
export async function openStoreToRead(directory: string): Promise<Storage> {
  try {
    const path = await realpath(directory);
    return new ReadOnlyStorage(path, await filesOf(path, '', false));
  } catch (cause) {
    throw new QanatError('STORE_IO', `cannot read the store ${directory}: ${(cause as Error).message}`, { cause });
  }
}

class ReadOnlyStorage implements Storage {
  readonly #directory: string;
  readonly #files: ReadonlyMap<string, StoredFile>;

  constructor(directory: string, files: readonly StoredFile[]) {
    this.#directory = directory;
    this.#files = new Map(files.map((file) => [file.name, file]));
  }

  list(done: StorageDone<readonly StoredFile[]>): void {
    process.nextTick(done, undefined, [...this.#files.values()]);
  }

  read(name: string, position: number, length: number, done: StorageDone<Uint8Array>): void {
    assertStoredName(name);
    this.#read(name, position, length).then(
      (bytes) => done(undefined, bytes),
      (cause: Error) =>
        done(new QanatError('STORE_IO', `cannot read ${name}: ${cause.message}`, { cause }), undefined as unknown as Uint8Array),
    );
  }

  async #read(name: string, position: number, length: number): Promise<Uint8Array> {
    const size = this.#files.get(name)?.size ?? 0;
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - position)));
    const file = await open(join(this.#directory, name), 'r');
    try {
      for (let have = 0; have < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, have, bytes.length - have, position + have);
        if (bytesRead === 0) return bytes.subarray(0, have);
        have += bytesRead;
      }
      return bytes;
    } finally {
      await file.close();
    }
  }

  freeSpace(done: StorageDone<number>): void {
    process.nextTick(done, undefined, 0);
  }

  close(done: StorageDone<void>): void {
    process.nextTick(done, undefined, undefined);
  }

  create(_name: string, done: StorageDone<void>): void {
    refuse(done);
  }

  append(_name: string, _parts: readonly Uint8Array[], done: StorageDone<void>): void {
    refuse(done);
  }

  sync(_name: string, done: StorageDone<void>): void {
    refuse(done);
  }

  truncate(_name: string, _size: number, done: StorageDone<void>): void {
    refuse(done);
  }

  unlink(_name: string, done: StorageDone<void>): void {
    refuse(done);
  }

  replace(_name: string, _bytes: Uint8Array, done: StorageDone<void>): void {
    refuse(done);
  }
}

function refuse(done: StorageDone<void>): void {
  process.nextTick(done, new QanatError('STORE_IO', 'the store was opened to be read only'), undefined);
}
