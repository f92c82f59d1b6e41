import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Storage, StorageDone } from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LOG = 'log/00000000000000000000.seg';

let directory = '';
let storage: Storage | undefined;

const run = <Result>(request: (done: StorageDone<Result>) => void): Promise<Result> =>
  new Promise((resolve, reject) => request((error, result) => (error === undefined ? resolve(result) : reject(error))));
const at = (name: string): string => join(directory, name);
async function open(): Promise<Storage> {
  storage = await openFileStorage(directory);
  return storage;
}
async function close(): Promise<void> {
  const closing = storage;
  storage = undefined;
  if (closing !== undefined) await run<void>((done) => closing.close(done));
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'qanat-storage-'));
});
afterEach(async () => {
  await close();
  rmSync(directory, { recursive: true });
});

describe('zeros written ahead', () => {
  it('follow the first sync of a log, up to a step ahead, and are cut at a clean close', async () => {
    const store = await open();
    await run<void>((done) => store.create(LOG, done));
    await run<void>((done) => store.append(LOG, [new Uint8Array(100).fill(7)], done));
    await run<void>((done) => store.sync(LOG, done));
    await run<Uint8Array>((done) => store.read(LOG, 0, 200, done));
    const ahead = readFileSync(at(LOG));
    expect(ahead.length).toBeGreaterThan(1_000_000);
    expect(ahead.length).toBeLessThanOrEqual(100 + 1_048_576 + 4_096);
    expect(ahead.subarray(100).every((byte) => byte === 0)).toBe(true);
    await close();
    expect(statSync(at(LOG)).size).toBe(100);
  });

  it('are renewed before the log reaches their end', async () => {
    const store = await open();
    await run<void>((done) => store.create(LOG, done));
    for (let i = 1; i <= 40; i++) {
      await run<void>((done) => store.append(LOG, [new Uint8Array(60_000).fill(i)], done));
      await run<void>((done) => store.sync(LOG, done));
      await run<Uint8Array>((done) => store.read(LOG, 0, 1_000_000_000, done));
      expect(statSync(at(LOG)).size - i * 60_000).toBeGreaterThan(400_000);
    }
    await close();
    const bytes = readFileSync(at(LOG));
    expect(bytes.length).toBe(40 * 60_000);
    for (let i = 1; i <= 40; i++) expect(bytes.subarray((i - 1) * 60_000, i * 60_000).every((byte) => byte === i)).toBe(true);
  });

  it('are written anew after a truncate took them away', async () => {
    const store = await open();
    await run<void>((done) => store.create(LOG, done));
    const appendAndSync = async (): Promise<number> => {
      await run<void>((done) => store.append(LOG, [new Uint8Array(100)], done));
      await run<void>((done) => store.sync(LOG, done));
      await run<Uint8Array>((done) => store.read(LOG, 0, 10_000, done));
      return statSync(at(LOG)).size;
    };
    expect(await appendAndSync()).toBeGreaterThan(1_000_000);
    await run<void>((done) => store.truncate(LOG, 50, done));
    expect(statSync(at(LOG)).size).toBe(50);
    expect(await appendAndSync()).toBeGreaterThan(1_000_000);
  });

  it('are not written behind large appends, nor in files that are no logs', async () => {
    const store = await open();
    for (const [name, bytes] of [
      [LOG, 100_000],
      ['snap/1', 100],
    ] as const) {
      await run<void>((done) => store.create(name, done));
      await run<void>((done) => store.append(name, [new Uint8Array(bytes)], done));
      await run<void>((done) => store.sync(name, done));
      await run<Uint8Array>((done) => store.read(name, 0, 1_000_000, done));
      expect(statSync(at(name)).size).toBe(bytes);
    }
  });

  it('count as content after a crash, until the log is truncated', async () => {
    await mkdir(at('log'));
    writeFileSync(at(LOG), new Uint8Array(5_000));
    const store = await open();
    expect(await run((done) => store.list(done))).toEqual([{ name: LOG, size: 5_000 }]);
    await run<void>((done) => store.truncate(LOG, 100, done));
    expect(statSync(at(LOG)).size).toBe(100);
  });
});

describe('opening a directory', () => {
  it('removes what a crash left half written, and nothing that is not ours', async () => {
    await mkdir(at('meta'));
    for (const name of ['meta/names.tmp', 'meta/names', 'README', 'Notes.tmp', 'my file.tmp']) writeFileSync(at(name), 'x');
    const store = await open();
    expect(await run((done) => store.list(done))).toEqual([{ name: 'meta/names', size: 1 }]);
    expect(existsSync(at('meta/names.tmp'))).toBe(false);
    expect(readdirSync(directory).sort()).toEqual(['LOCK', 'Notes.tmp', 'README', 'meta', 'my file.tmp']);
  });

  it('makes the directory', async () => {
    directory = join(directory, 'a', 'b');
    await open();
    expect(existsSync(at('LOCK'))).toBe(true);
  });

  it('fails with STORE_IO where there can be no directory', async () => {
    writeFileSync(at('file'), 'x');
    await expect(openFileStorage(at('file'))).rejects.toMatchObject({ code: 'STORE_IO' });
  });
});

describe('the lock of a store', () => {
  it('names the process that holds it, and ends with a close [QNT-LOG-014]', async () => {
    await open();
    await expect(openFileStorage(join(directory, '.', '..', directory.split('/').at(-1) ?? ''))).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: `process ${process.pid} uses the store (${at('LOCK')})`,
    });
    await close();
    expect(existsSync(at('LOCK'))).toBe(false);
    await open();
  });

  it.runIf(process.platform === 'linux')('ends with its process, however that dies [QNT-LOG-014]', async () => {
    const holder = fork(new URL('./hold-lock.mjs', import.meta.url), [directory], { execArgv: [] });
    await new Promise((resolve) => holder.once('message', resolve));
    await expect(openFileStorage(directory)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringContaining(`process ${holder.pid} `),
    });
    const died = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await died;
    await open();
    expect(readFileSync(at('LOCK'), 'utf8')).toBe(`${process.pid}\n`);
  });
});

describe('failures of the file system', () => {
  it('are STORE_IO with the file, the reason and the cause', async () => {
    const store = await open();
    await expect(run((done) => store.read('log/none', 0, 1, done))).rejects.toMatchObject({
      code: 'STORE_IO',
      message: 'cannot read log/none: there is no such file',
      cause: expect.any(Error),
    });
  });

  it('a file that ends before its size is a failed read, not a short one', async () => {
    const store = await open();
    await run<void>((done) => store.create('a', done));
    await run<void>((done) => store.append('a', [new Uint8Array(100)], done));
    writeFileSync(at('a'), 'cut by somebody else');
    await expect(run((done) => store.read('a', 0, 100, done))).rejects.toMatchObject({ code: 'STORE_IO' });
  });
});
