import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QanatError, Storage } from '@qanat/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFileStorage, openStoreToRead } from '../src/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'qanat-read-only-'));
let owner: Storage;

const ended = <Result>(start: (done: (error: QanatError | undefined, result: Result) => void) => void): Promise<Result> =>
  new Promise((resolve, reject) => {
    start((error, result) => (error === undefined ? resolve(result) : reject(error)));
  });

beforeAll(async () => {
  owner = await openFileStorage(directory);
  await ended((done) => owner.replace('log/a', Uint8Array.of(1, 2, 3, 4), done));
});

afterAll(async () => {
  await ended((done) => owner.close(done));
  rmSync(directory, { recursive: true, force: true });
});

describe('a store that is opened to be read', () => {
  it('shows the files while another process owns them, and reads any part', async () => {
    const storage = await openStoreToRead(directory);
    expect(await ended((done) => storage.list(done))).toEqual([{ name: 'log/a', size: 4 }]);
    expect(await ended((done) => storage.read('log/a', 1, 2, done))).toEqual(Uint8Array.of(2, 3));
    expect(await ended((done) => storage.read('log/a', 3, 100, done))).toEqual(Uint8Array.of(4));
    await expect(ended((done) => storage.read('log/b', 0, 1, done))).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  it('changes nothing: no request, no half written file, no new directory', async () => {
    writeFileSync(join(directory, 'log', 'b.tmp'), 'half');
    const storage = await openStoreToRead(directory);
    const before = readdirSync(join(directory, 'log'));
    expect(before).toContain('b.tmp');
    const changes = [
      ended<void>((done) => storage.create('log/c', done)),
      ended<void>((done) => storage.append('log/a', [Uint8Array.of(9)], done)),
      ended<void>((done) => storage.sync('log/a', done)),
      ended<void>((done) => storage.truncate('log/a', 0, done)),
      ended<void>((done) => storage.unlink('log/a', done)),
      ended<void>((done) => storage.replace('log/a', new Uint8Array(0), done)),
    ];
    for (const change of changes) await expect(change).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(readdirSync(join(directory, 'log'))).toEqual(before);
    await expect(openStoreToRead(join(directory, 'none'))).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(existsSync(join(directory, 'none'))).toBe(false);
  });
});
