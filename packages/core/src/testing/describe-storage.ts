import { QanatError } from '../errors.ts';
import { expect, expectBytes, expectEqual, type Runner } from './runner.ts';
import { StorageBench, type StorageHarness } from './storage-bench.ts';
import { testFrame } from './transport-bench.ts';

const LOG = 'log/00000000000000000000.seg';
const MIB = 1_048_576;

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const filled = (length: number, seed: number): Uint8Array => testFrame(length, seed).subarray(4);

type Test = (title: string, run: (bench: StorageBench) => Promise<void>) => void;

/**
 * The contract of the port `Storage`, as tests that every adapter runs.
 * @param setup makes what one test needs: an empty place. It is ended after the test.
 */
export function describeStorage(name: string, runner: Runner, setup: () => Promise<StorageHarness> | StorageHarness): void {
  const test: Test = (title, run) =>
    runner.it(title, async () => {
      const harness = await setup();
      const bench = new StorageBench(harness);
      try {
        await bench.open();
        await run(bench);
        await bench.close();
      } finally {
        await harness.end();
      }
    });

  runner.describe(`${name} keeps the contract of a storage`, () => {
    describeContent(test);
    describeOrder(test);
    describeNames(test);
    describeEnd(test);
    describePowerCut(test);
  });
}

function describeContent(test: Test): void {
  test('appends parts of every size at the end and reads them back', async (bench) => {
    await bench.create(LOG);
    const sizes = [1, 0, 4_095, 65_536, 65_537, 3 * MIB, 10];
    const whole = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const [i, size] of sizes.entries()) {
      const content = filled(size, i);
      const cuts = [Math.floor(size / 3), Math.floor(size / 2)] as const;
      await bench.append(LOG, content.subarray(0, cuts[0]), content.subarray(cuts[0], cuts[1]), content.subarray(cuts[1]));
      expectBytes(content, filled(size, i), 'the bytes given');
      whole.set(content, at);
      at += size;
    }
    await bench.expectFiles({ [LOG]: whole.length });
    expectBytes(await bench.read(LOG, 0, whole.length), whole, 'the whole file');
    for (const [from, length] of [
      [0, 1],
      [1, 4_095],
      [60_000, 20_000],
      [whole.length - 10, 10],
    ] as const) {
      expectBytes(await bench.read(LOG, from, length), whole.subarray(from, from + length), `${length} bytes at ${from}`);
    }
  });

  test('appends an empty list of parts', async (bench) => {
    await bench.create('a');
    await bench.append('a');
    await bench.expectFiles({ a: 0 });
  });

  test('gives fewer bytes at the logical end only, also where more lies ahead', async (bench) => {
    await bench.create(LOG);
    await bench.append(LOG, filled(100, 1));
    await bench.sync(LOG);
    await bench.append(LOG, filled(100, 2));
    await bench.sync(LOG);
    expectEqual((await bench.read(LOG, 0, 10_000)).length, 200, 'bytes read past the end');
    expectEqual((await bench.read(LOG, 150, 10_000)).length, 50, 'bytes read from the middle past the end');
    expectEqual((await bench.read(LOG, 200, 10)).length, 0, 'bytes read at the end');
    expectEqual((await bench.read(LOG, 5_000, 10)).length, 0, 'bytes read behind the end');
    expectEqual((await bench.read(LOG, 0, 0)).length, 0, 'bytes of an empty read');
    await bench.expectFiles({ [LOG]: 200 });
  });

  test('the result of a read is the caller’s', async (bench) => {
    await bench.create('a');
    await bench.append('a', bytes(1, 2, 3));
    (await bench.read('a', 0, 3)).fill(9);
    expectBytes(await bench.read('a', 0, 3), bytes(1, 2, 3), 'the file after the caller wrote into its result');
  });

  test('truncates, and appends at the new end', async (bench) => {
    await bench.create(LOG);
    await bench.append(LOG, filled(100_000, 1));
    await bench.sync(LOG);
    await bench.truncate(LOG, 50_000);
    await bench.expectFiles({ [LOG]: 50_000 });
    await bench.append(LOG, bytes(1, 2, 3));
    const wanted = new Uint8Array([...filled(100_000, 1).subarray(0, 50_000), 1, 2, 3]);
    expectBytes(await bench.read(LOG, 0, 100_000), wanted, 'the file');
    await bench.truncate(LOG, 50_003);
    await bench.truncate(LOG, 0);
    await bench.expectFiles({ [LOG]: 0 });
    await bench.fails('a truncate to more than there is', (done) => bench.storage.truncate(LOG, 1, done));
    await bench.expectFiles({ [LOG]: 0 });
  });

  test('replaces whole files, longer or shorter, and makes them', async (bench) => {
    for (const content of [bytes(1, 2, 3), filled(70_000, 1), bytes(), bytes(9)]) {
      await bench.replace('meta/names', content);
      expectBytes(await bench.read('meta/names', 0, 100_000), content, 'the content');
      await bench.expectFiles({ 'meta/names': content.length });
    }
    await bench.reopen();
    expectBytes(await bench.read('meta/names', 0, 100), bytes(9), 'the content after a reopen');
    await bench.append('meta/names', bytes(10));
    expectBytes(await bench.read('meta/names', 0, 100), bytes(9, 10), 'the content after an append');
  });
}

function describeOrder(test: Test): void {
  test('ends the requests on one file in the order in which they were made, each with the effect of those before', async (bench) => {
    const { storage } = bench;
    const ended: string[] = [];
    const reads: Uint8Array[] = [];
    const note =
      (what: string) =>
      (error: QanatError | undefined): void => {
        ended.push(error === undefined ? what : `${what}: ${error.message}`);
      };
    const read =
      (what: string) =>
      (error: QanatError | undefined, result: Uint8Array): void => {
        note(what)(error);
        reads.push(result);
      };
    const large = filled(200_000, 3);
    storage.create(LOG, note('create'));
    storage.append(LOG, [bytes(1)], note('append 1'));
    storage.append(LOG, [large], note('append large'));
    storage.append(LOG, [bytes(2)], note('append 2'));
    storage.read(LOG, 0, 300_000, read('read all'));
    storage.sync(LOG, note('sync'));
    storage.append(LOG, [bytes(3)], note('append 3'));
    storage.truncate(LOG, 1, note('truncate'));
    storage.append(LOG, [bytes(4)], note('append 4'));
    storage.read(LOG, 0, 10, read('read 2'));
    storage.read(LOG, 0, 1, read('read 1'));
    storage.sync(LOG, note('sync again'));
    storage.unlink(LOG, note('unlink'));
    storage.create(LOG, note('create again'));
    storage.replace(LOG, bytes(5), note('replace'));
    await bench.ok<Uint8Array>((done) => storage.read(LOG, 0, 10, done)).then((result) => reads.push(result));
    const wanted =
      'create, append 1, append large, append 2, read all, sync, append 3, truncate, append 4, read 2, read 1, sync again, ';
    expectEqual(ended.join(', '), `${wanted}unlink, create again, replace`, 'order of the ends');
    expectBytes(reads[0], new Uint8Array([1, ...large, 2]), 'the first read');
    expectBytes(reads[1], bytes(1, 4), 'the read after the truncate');
    expectBytes(reads[2], bytes(1), 'the short read after the truncate');
    expectBytes(reads[3], bytes(5), 'the read after the replace');
  });

  test('long reads see the file as it was when they were asked for, and end in their place', async (bench) => {
    const { storage } = bench;
    const old = filled(4 * MIB, 1);
    await bench.create(LOG);
    await bench.append(LOG, old);
    const ended: string[] = [];
    const reads: Uint8Array[] = [];
    const note =
      (what: string) =>
      (error: QanatError | undefined): void => {
        ended.push(error === undefined ? what : `${what}: ${error.message}`);
      };
    const read = (what: string, position: number, length: number): void =>
      storage.read(LOG, position, length, (error, result) => {
        note(what)(error);
        reads.push(result);
      });
    read('long', 0, old.length);
    read('short', 0, 10);
    storage.append(LOG, [bytes(1)], note('append'));
    read('tail', old.length - 10, 10);
    storage.truncate(LOG, 5, note('truncate'));
    storage.append(LOG, [bytes(2, 3, 4, 5, 6)], note('append again'));
    read('after', 0, 10);
    read('long again', 0, 10);
    storage.unlink(LOG, note('unlink'));
    await bench.ended((done) => storage.read(LOG, 0, 1, done));
    expectEqual(
      ended.join(', '),
      'long, short, append, tail, truncate, append again, after, long again, unlink',
      'order of the ends',
    );
    const after = new Uint8Array([...old.subarray(0, 5), 2, 3, 4, 5, 6]);
    const wanted = [old, old.subarray(0, 10), old.subarray(old.length - 10), after, after];
    for (const [i, content] of wanted.entries()) expectBytes(reads[i], content, `read ${i}`);
  });

  test('ends a sync beside others, whatever passes it, and before bytes are taken away', async (bench) => {
    const { storage } = bench;
    await bench.create(LOG);
    await bench.append(LOG, bytes(1));
    const ended: string[] = [];
    const note = (what: string) => (): void => void ended.push(what);
    storage.sync(LOG, note('sync'), true);
    storage.append(LOG, [bytes(2)], note('append'));
    storage.truncate(LOG, 1, note('truncate'));
    await bench.append(LOG, bytes(3));
    expectEqual(ended.slice(0, 2).sort().join(', '), 'append, sync', 'what ended first');
    expectEqual(ended[2], 'truncate', 'what ended then');
    expectBytes(await bench.read(LOG, 0, 9), bytes(1, 3), 'the file');
  });

  test('keeps hundreds of appends and syncs apart', async (bench) => {
    await bench.create(LOG);
    let ended = 0;
    let late = '';
    for (let i = 0; i < 400; i++) {
      const count = (error: QanatError | undefined): void => {
        if (error !== undefined || ended !== i) late += ` ${i} as ${ended}`;
        if (i % 2 === 1) return;
        ended += 2;
      };
      if (i % 2 === 0) bench.storage.append(LOG, [filled(1_000, i)], count);
      else bench.storage.sync(LOG, () => undefined);
    }
    await bench.sync(LOG);
    expectEqual(late, '', 'requests out of order');
    await bench.expectFiles({ [LOG]: 200_000 });
    for (let i = 0; i < 200; i++) expectBytes(await bench.read(LOG, i * 1_000, 1_000), filled(1_000, 2 * i), `append ${i}`);
  });

  test('keeps files apart', async (bench) => {
    const names = Array.from({ length: 20 }, (_, i) => `log/${String(i).padStart(2, '0')}.seg`);
    await Promise.all(names.map((name) => bench.create(name)));
    await Promise.all(names.flatMap((name, i) => [bench.append(name, filled(10_000 + i, i)), bench.sync(name)]));
    await bench.expectFiles(Object.fromEntries(names.map((name, i) => [name, 10_000 + i])));
    await Promise.all(
      names.map(async (name, i) =>
        expectBytes(await bench.read(name, 0, 20_000), filled(10_000 + i, i), `the content of ${name}`),
      ),
    );
  });
}

function describeNames(test: Test): void {
  test('lists nothing in an empty place, and files in order of their names', async (bench) => {
    await bench.expectFiles({});
    for (const name of ['snap/2', 'log/1', 'a', 'snap/10', 'log/deep/er/0-1_2.x']) await bench.create(name);
    await bench.expectFiles({ a: 0, 'log/1': 0, 'log/deep/er/0-1_2.x': 0, 'snap/10': 0, 'snap/2': 0 });
  });

  test('creates a file only once', async (bench) => {
    await bench.create('a');
    await bench.append('a', bytes(1));
    await bench.fails('a second create', (done) => bench.storage.create('a', done));
    expectBytes(await bench.read('a', 0, 9), bytes(1), 'the file after a second create');
  });

  test('fails on a file that is missing, but to unlink it', async (bench) => {
    const { storage } = bench;
    await bench.fails('an append', (done) => storage.append('no', [bytes(1)], done));
    await bench.fails('a read', (done) => storage.read('no', 0, 1, done));
    await bench.fails('a sync', (done) => storage.sync('no', done));
    await bench.fails('a truncate', (done) => storage.truncate('no', 0, done));
    await bench.unlink('no');
    await bench.expectFiles({});
  });

  test('unlinks a file, whose name is free then', async (bench) => {
    await bench.create('log/1');
    await bench.append('log/1', filled(1_000, 1));
    await bench.unlink('log/1');
    await bench.unlink('log/1');
    await bench.expectFiles({});
    await bench.fails('a read', (done) => bench.storage.read('log/1', 0, 1, done));
    await bench.create('log/1');
    await bench.append('log/1', bytes(7));
    expectBytes(await bench.read('log/1', 0, 9), bytes(7), 'the new file');
  });

  test('takes a name of any other form for a defect', async (bench) => {
    for (const name of ['', '/a', 'a/', 'a//b', '../a', 'a/../b', '.', 'A', 'a b', 'ä', 'a\\b', 'a\0', 'a.tmp']) {
      let thrown: unknown;
      try {
        bench.storage.create(name, () => undefined);
      } catch (error) {
        thrown = error;
      }
      expect(QanatError.is(thrown, 'INTERNAL'), `the name "${name}" was taken`);
    }
  });

  test('tells the free space', async (bench) => {
    const free = await bench.ok<number>((done) => bench.storage.freeSpace(done));
    expect(Number.isFinite(free) && free > 0, `free space: ${free}`);
  });
}

function describeEnd(test: Test): void {
  test('a reopened storage has what was written, with exact sizes after a close', async (bench) => {
    await bench.create(LOG);
    for (let i = 0; i < 20; i++) {
      await bench.append(LOG, filled(100, i));
      await bench.sync(LOG);
    }
    await bench.replace('meta', bytes(1));
    await bench.create('empty');
    await bench.reopen();
    await bench.expectFiles({ empty: 0, [LOG]: 2_000, meta: 1 });
    for (let i = 0; i < 20; i++) expectBytes(await bench.read(LOG, i * 100, 100), filled(100, i), `append ${i}`);
    await bench.append(LOG, bytes(1));
    await bench.reopen();
    await bench.expectFiles({ empty: 0, [LOG]: 2_001, meta: 1 });
  });

  test('close ends what is under way, and refuses what comes later', async (bench) => {
    const { storage } = bench;
    const ended: string[] = [];
    const note =
      (what: string) =>
      (error: QanatError | undefined): void => {
        ended.push(`${what} ${error?.code ?? 'ok'}`);
      };
    storage.create('a', note('create'));
    storage.append('a', [filled(300_000, 1)], note('append'));
    storage.sync('a', note('sync'));
    storage.read('a', 0, 10, note('read'));
    const closed = bench.close();
    await bench.fails('an append after close', (done) => storage.append('a', [bytes(1)], done));
    await bench.fails('a list after close', (done) => storage.list(done));
    await closed;
    expectEqual(ended.join(', '), 'create ok, append ok, sync ok, read ok', 'what ended before the close');
    await bench.fails('a read after close', (done) => storage.read('a', 0, 1, done));
    await bench.ok<void>((done) => storage.close(done));
    await bench.open();
    await bench.expectFiles({ a: 300_000 });
  });

  test('refuses a second opening where it locks', async (bench) => {
    if (!bench.harness.locks) return;
    const second = await bench.harness.open().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(QanatError.is(second, 'STORE_LOCKED'), `the second opening gave ${String(second)}`);
    await bench.create('a');
    await bench.reopen();
    await bench.expectFiles({ a: 0 });
  });
}

function describePowerCut(test: Test): void {
  test('after a power cut, what was synced is there and what was not is gone or a prefix', async (bench) => {
    const crash = bench.harness.crash?.bind(bench.harness);
    if (crash === undefined) return;
    await bench.create(LOG);
    await bench.append(LOG, bytes(1, 2, 3));
    await bench.sync(LOG);
    await bench.append(LOG, bytes(4, 5));
    await bench.create('gone');
    await bench.unlink('gone');
    await bench.replace('meta', bytes(6));
    await bench.replace('meta', bytes(7));
    await bench.create('cut');
    await bench.append('cut', filled(100, 1));
    await bench.sync('cut');
    await bench.truncate('cut', 10);
    await bench.create('left');
    await bench.append('left', filled(100, 1));
    await bench.truncate('left', 20);
    await bench.crashAndOpen(crash);
    await bench.expectFiles({ cut: 10, left: 20, [LOG]: 3, meta: 1 });
    expectBytes(await bench.read(LOG, 0, 9), bytes(1, 2, 3), 'the log');
    expectBytes(await bench.read('meta', 0, 9), bytes(7), 'the replaced file');
  });
}
