import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage, StorageDone } from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

// Faults that no ordinary file system makes on demand. Each is used up by the next call.
const faults = vi.hoisted(() => ({ shortWrite: false, syncError: false }));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const half = (length: number): number => Math.floor(length / 2);
  return {
    ...fs,
    writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
      const isShort = faults.shortWrite;
      faults.shortWrite = false;
      return fs.writeSync(fd, bytes, offset, isShort ? half(length) : length, position);
    },
    writev: (fd: number, parts: Uint8Array[], position: number, done: (error: Error | null, written: number) => void): void => {
      const isShort = faults.shortWrite;
      faults.shortWrite = false;
      fs.writev(fd, isShort ? parts.slice(0, 1) : parts, position, done);
    },
    fdatasync: (fd: number, done: (error: Error | null) => void): void => {
      const error = faults.syncError ? new Error('EIO: i/o error, fdatasync') : null;
      faults.syncError = false;
      if (error !== null) setImmediate(done, error);
      else fs.fdatasync(fd, done);
    },
  };
});

const LOG = 'log/1';
let directory = '';
let storage: Storage;

const run = <Result>(request: (done: StorageDone<Result>) => void): Promise<Result> =>
  new Promise((resolve, reject) => request((error, result) => (error === undefined ? resolve(result) : reject(error))));
const append = (length: number, value: number): Promise<void> =>
  run((done) => storage.append(LOG, [new Uint8Array(length / 2).fill(value), new Uint8Array(length / 2).fill(value)], done));
const sync = (): Promise<void> => run((done) => storage.sync(LOG, done));
const truncate = (size: number): Promise<void> => run((done) => storage.truncate(LOG, size, done));
const failed = (reason: string): object => ({ code: 'STORE_IO', message: expect.stringContaining(reason) });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'qanat-storage-'));
  storage = await openFileStorage(directory);
  await run<void>((done) => storage.create(LOG, done));
  await append(10, 1);
});
afterEach(async () => {
  faults.shortWrite = false;
  faults.syncError = false;
  await run<void>((done) => storage.close(done));
  rmSync(directory, { recursive: true });
});

describe('a failing disk', () => {
  it.each([100, 200_000])(
    'a short write of %i bytes is a failed append, and nothing follows it until the file is cut',
    async (length) => {
      faults.shortWrite = true;
      await expect(append(length, 2)).rejects.toMatchObject(failed(`only ${length / 2} of ${length} bytes`));
      expect(await run((done) => storage.list(done))).toEqual([{ name: LOG, size: 10 }]);
      await expect(append(10, 3)).rejects.toMatchObject(failed('only'));
      await expect(sync()).rejects.toMatchObject(failed('only'));
      await truncate(10);
      await append(20, 4);
      await sync();
      const bytes = await run<Uint8Array>((done) => storage.read(LOG, 0, 1_000, done));
      expect([...bytes]).toEqual([...new Uint8Array(10).fill(1), ...new Uint8Array(20).fill(4)]);
    },
  );

  it('nothing is believed of a file after a failed sync, although the system says that the next one works', async () => {
    faults.syncError = true;
    await expect(sync()).rejects.toMatchObject(failed('EIO'));
    await expect(sync()).rejects.toMatchObject(failed('EIO'));
    await expect(append(10, 2)).rejects.toMatchObject(failed('EIO'));
    await expect(truncate(0)).rejects.toMatchObject(failed('EIO'));
  });

  it('a failed sync of the cut is as final', async () => {
    faults.syncError = true;
    await expect(truncate(5)).rejects.toMatchObject(failed('EIO'));
    await expect(append(10, 2)).rejects.toMatchObject(failed('EIO'));
    await expect(truncate(5)).rejects.toMatchObject(failed('EIO'));
  });

  it('a replace that fails leaves the old content', async () => {
    await run<void>((done) => storage.replace('meta', Uint8Array.of(1), done));
    faults.syncError = true;
    await expect(run<void>((done) => storage.replace('meta', Uint8Array.of(2), done))).rejects.toMatchObject(failed('EIO'));
    expect([...(await run<Uint8Array>((done) => storage.read('meta', 0, 9, done)))]).toEqual([1]);
  });
});
