import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/index.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld } from './log-world.ts';

function opened(options = {}, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld(options, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

describe('appending (spec, chapter of the log entry)', () => {
  it('gives back what was stored, and after a restart the same [QNT-LOG-001]', () => {
    const world = opened();
    for (let i = 0; i < 5; i++) world.send(1, 2, batchOf(i * 3, 3, 20 + i));
    world.log.appendState({ termStarted: { term: 1, storeId: new Uint8Array(16) } }, (error) =>
      world.events.push(`state ${error?.code ?? 'OK'}`),
    );
    world.commit();
    expect(world.log.bounds(1, 2)).toEqual({ oldest: 0, next: 15 });
    expect(world.log.bounds(1, 3)).toBeUndefined();
    expect(world.read(1, 2, 4)).toEqual({ batches: [1, 2, 3, 4].map((i) => batchOf(i * 3, 3, 20 + i)), nextOffset: 15 });
    const again = opened({}, world.disk);
    expect(again.applied).toEqual(world.applied);
    expect(again.log.bounds(1, 2)).toEqual({ oldest: 0, next: 15 });
    expect(again.read(1, 2, 0).batches).toEqual([0, 1, 2, 3, 4].map((i) => batchOf(i * 3, 3, 20 + i)));
    expect(again.log.storeId).toEqual(world.log.storeId);
    expect(again.log.endPosition).toBe(world.log.endPosition);
  });

  it('applies a whole group, then settles it, with one append and one sync for all', () => {
    const world = opened();
    const { disk } = world;
    const [appends, syncs] = [disk.count('append'), disk.count('sync')];
    for (let i = 0; i < 3; i++) world.send(1, 0, batchOf(i, 1, 10), `b${i}`);
    expect(disk.pending).toEqual([]);
    expect(world.log.stagedBytes).toBe(3 * (64 + 64 + 10));
    world.commit();
    expect(world.events.slice(1)).toEqual(['apply 0', 'apply 138', 'apply 276', 'settle b0 OK', 'settle b1 OK', 'settle b2 OK']);
    expect([disk.count('append') - appends, disk.count('sync') - syncs]).toEqual([1, 1]);
    expect(world.log.stagedBytes).toBe(0);
  });

  it('shows nothing before it is synced, and writes what gathered meanwhile as the next group', () => {
    const world = opened();
    world.send(1, 0, batchOf(0, 1, 10), 'first');
    world.log.commit();
    world.send(1, 0, batchOf(1, 1, 10), 'second');
    world.send(1, 0, batchOf(2, 1, 10), 'third');
    world.log.commit();
    world.disk.step();
    expect(world.events).toEqual(['restore nothing']);
    expect(world.log.bounds(1, 0)).toBeUndefined();
    world.disk.step();
    expect(world.events.slice(1)).toEqual(['apply 0', 'settle first OK']);
    world.disk.pump();
    expect(world.disk.count('append')).toBe(3);
    expect(world.events.slice(3)).toEqual(['apply 138', 'apply 276', 'settle second OK', 'settle third OK']);
  });

  it('takes the largest batch, and copies what it is given', () => {
    const world = opened({ blockBytes: 1 << 20, segmentBytes: 1 << 20 });
    const batch = batchOf(0, 1, LIMITS.BATCH_BYTES_MAX - 64);
    const original = batch.slice();
    world.send(1, 0, batch);
    batch.fill(0xdd);
    world.commit();
    const again = opened({ blockBytes: 1 << 20, segmentBytes: 1 << 20 }, world.disk);
    for (const { batches } of [world.read(1, 0, 0), again.read(1, 0, 0)])
      expect(Buffer.compare(batches[0] as Uint8Array, original)).toBe(0);
  });

  it('starts a new segment before an entry would pass the limit; entries never span segments', () => {
    const world = opened({ segmentBytes: 1000 });
    for (let i = 0; i < 20; i++) world.send(1, 0, batchOf(i, 1, 100));
    world.commit();
    const segments = [...world.disk.files].filter(([name]) => name.endsWith('.seg'));
    expect(segments.map(([name, file]) => [name, file.cache.length])).toEqual([
      ...[0, 912, 1824, 2736].map((base) => [`log/${String(base).padStart(20, '0')}.seg`, 64 + 4 * 228]),
      ['log/00000000000000003648.seg', 64 + 4 * 228],
    ]);
    const again = opened({ segmentBytes: 1000 }, world.disk);
    expect(again.applied).toEqual(world.applied);
    expect(again.readAll(1, 0)).toEqual(Array.from({ length: 20 }, (_, i) => batchOf(i, 1, 100)));
  });
});

describe('closing', () => {
  it('writes what is staged, and rejects what comes later', () => {
    const world = opened();
    world.send(1, 0, batchOf(0, 1, 10), 'staged');
    world.log.close((error) => world.events.push(`closed ${error?.code ?? 'OK'}`));
    world.send(1, 0, batchOf(1, 1, 10), 'late');
    world.disk.pump();
    expect(world.events.slice(1)).toEqual(['settle late STORAGE_REJECTED', 'apply 0', 'settle staged OK', 'closed OK']);
    world.advance(60_000);
    expect(world.timers.nextDeadlineMs()).toBeUndefined();
  });
});

describe('failures of the storage (spec, chapter of the log entry)', () => {
  for (const failure of ['append', 'short'] as const) {
    it(`cuts a failed write (${failure}) off before it rejects what was staged, and goes on [QNT-SND-005, QNT-LOG-004, QNT-LOG-005]`, () => {
      const world = opened();
      world.send(1, 0, batchOf(0, 1, 10), 'kept');
      world.commit();
      world.disk.failNext(failure);
      world.send(1, 0, batchOf(1, 1, 10), 'lost');
      world.log.commit();
      world.send(1, 0, batchOf(2, 1, 10), 'behind it');
      world.disk.step();
      expect(world.events).not.toContain('rolledBack');
      expect(world.disk.pending[0]).toMatchObject({ op: 'truncate', size: 64 + 138 });
      world.disk.pump();
      expect(world.events.slice(3)).toEqual(['rolledBack', 'settle lost STORAGE_REJECTED', 'settle behind it STORAGE_REJECTED']);
      expect(world.log.endPosition).toBe(138);
      world.send(1, 0, batchOf(1, 1, 10), 'again');
      world.commit();
      expect(world.events.slice(-2)).toEqual(['apply 138', 'settle again OK']);
      expect(opened({}, world.disk).applied).toEqual(world.applied);
      expect(world.fatals).toEqual([]);
    });
  }

  it('stops for ever after a failed sync: everything staged may or may not be stored [QNT-SND-006, QNT-LOG-006]', () => {
    const world = opened();
    world.disk.failNext('sync');
    world.send(1, 0, batchOf(0, 1, 10), 'a');
    world.log.commit();
    world.send(1, 0, batchOf(1, 1, 10), 'b');
    world.disk.pump();
    expect(world.events.slice(1)).toEqual(['settle a STORAGE_FAILED', 'settle b STORAGE_FAILED', 'fatal STORAGE_FAILED']);
    world.send(1, 0, batchOf(2, 1, 10), 'c');
    world.commit();
    expect(world.events.at(-1)).toBe('settle c STORAGE_REJECTED');
    expect(world.disk.count('append')).toBe(2);
  });

  it('stops for ever when the cut fails', () => {
    const world = opened();
    world.disk.failNext('append');
    world.disk.failNext('truncate');
    world.send(1, 0, batchOf(0, 1, 10), 'a');
    world.commit();
    expect(world.events.slice(1)).toEqual(['settle a STORAGE_FAILED', 'fatal STORAGE_FAILED']);
  });

  it('removes a new segment whose beginning failed, and begins it again', () => {
    for (const failure of ['create', 'append'] as const) {
      const world = opened({ segmentBytes: 400 });
      for (let i = 0; i < 2; i++) world.send(1, 0, batchOf(i, 1, 10));
      world.commit();
      world.disk.failNext(failure);
      world.send(1, 0, batchOf(2, 1, 10), 'lost');
      world.commit();
      expect(world.events.slice(-2)).toEqual(['rolledBack', 'settle lost STORAGE_REJECTED']);
      expect([...world.disk.files.keys()]).toEqual(['log/00000000000000000000.seg']);
      world.send(1, 0, batchOf(2, 1, 10), 'again');
      world.commit();
      expect(world.events.at(-1)).toBe('settle again OK');
      expect([...world.disk.files.keys()].filter((name) => name.startsWith('log/'))).toHaveLength(2);
      expect(opened({}, world.disk).applied).toEqual(world.applied);
    }
  });
});

/** The first group of a term, which is synced, is behind it. */
function inItsTerm(): ReturnType<typeof opened> {
  const world = opened({ flush: 'async' });
  world.send(1, 0, batchOf(0, 1, 10));
  world.commit();
  return world;
}

describe('flush async (spec, chapter of the log entry)', () => {
  it('settles what is written, and syncs after the interval', () => {
    const world = inItsTerm();
    const syncs = world.disk.count('sync');
    world.send(1, 0, batchOf(1, 1, 10), 'a');
    world.commit();
    expect(world.events.at(-1)).toBe('settle a OK');
    expect(world.disk.count('sync')).toBe(syncs);
    world.advance(199);
    expect(world.disk.count('sync')).toBe(syncs);
    world.advance(1);
    expect(world.disk.count('sync')).toBe(syncs + 1);
    world.advance(1_000);
    expect(world.disk.count('sync')).toBe(syncs + 1);
  });

  it('lets the next group pass the sync of the interval', () => {
    const world = inItsTerm();
    world.send(1, 0, batchOf(1, 1, 10), 'a');
    world.commit();
    world.now += 200;
    world.timers.tick(world.now);
    world.send(1, 0, batchOf(2, 1, 10), 'b');
    world.log.commit();
    expect(world.disk.pending).toEqual([
      expect.objectContaining({ op: 'sync', beside: true }),
      expect.objectContaining({ op: 'append' }),
    ]);
  });

  it('syncs before the interval when much is written, before a new segment, and at close', () => {
    const world = opened({ flush: 'async', flushBytes: 300 });
    const syncs = world.disk.count('sync');
    for (let i = 0; i < 3; i++) world.send(1, 0, batchOf(i, 1, 10));
    world.commit();
    expect(world.disk.count('sync')).toBe(syncs + 1);
    world.send(1, 0, batchOf(3, 1, 10), 'last');
    let closed: unknown = 'no';
    world.log.close((error) => {
      closed = error;
    });
    world.disk.pump();
    expect(closed).toBeUndefined();
    expect(world.events.at(-1)).toBe('settle last OK');
    world.disk.powerCut(1);
    expect(opened({}, world.disk).applied).toEqual(world.applied);
  });

  it('syncs the record of a new term before it takes effect, so that no power cut lets a term begin twice [QNT-LOG-003]', () => {
    const world = opened({ flush: 'async' });
    const term = world.log.term + 1;
    world.log.term = term;
    world.log.appendState({ termStarted: { term, storeId: world.log.storeId } }, () => {});
    world.commit();
    world.send(1, 0, batchOf(0, 1, 10));
    world.commit();
    world.disk.powerCut(1);
    expect(opened({}, world.disk).log.term).toBe(term);
  });

  it('is fatal when a sync fails', () => {
    const world = inItsTerm();
    world.send(1, 0, batchOf(1, 1, 10));
    world.commit();
    world.disk.failNext('sync');
    world.advance(200);
    expect(world.fatals.map(({ code }) => code)).toEqual(['STORAGE_FAILED']);
  });
});

describe('reading', () => {
  it('gives whole batches from the one with the offset on, at least one, at most the bytes asked for', () => {
    const world = opened();
    for (let i = 0; i < 10; i++) world.send(1, i % 2, batchOf(Math.floor(i / 2) * 4, 4, 36, 1_000, i));
    world.commit();
    expect(world.read(1, 0, 7, 1)).toEqual({ batches: [batchOf(4, 4, 36, 1_000, 2)], nextOffset: 8 });
    expect(world.read(1, 0, 4, 200).batches).toHaveLength(2);
    expect(world.read(1, 0, 4, 199)).toMatchObject({ batches: [expect.anything()], nextOffset: 8 });
    expect(world.read(1, 0, 20)).toEqual({ batches: [], nextOffset: 20 });
    expect(world.read(9, 0, 0)).toEqual({ batches: [], nextOffset: 0 });
  });

  it('answers at once from memory, and fetches whole blocks, each once, for what is not there', () => {
    const world = opened({ cacheBytes: 2048, segmentBytes: 3000 });
    for (let i = 0; i < 60; i++) {
      world.send(1, 0, batchOf(i, 1, 100 + (i % 7)));
      world.commit();
    }
    let reads = world.disk.count('read');
    expect(world.read(1, 0, 59).batches).toEqual([batchOf(59, 1, 100 + (59 % 7))]);
    expect(world.disk.count('read')).toBe(reads);
    const answers: (readonly Uint8Array[])[] = [];
    for (let i = 0; i < 2; i++) world.log.read(1, 0, 0, 300, (_, batches) => answers.push(batches));
    world.disk.pump();
    expect(answers).toEqual([[batchOf(0, 1, 100)], [batchOf(0, 1, 100)]]);
    expect(world.disk.count('read')).toBe(reads + 1);
    reads = world.disk.count('read');
    expect(world.readAll(1, 0)).toEqual(Array.from({ length: 60 }, (_, i) => batchOf(i, 1, 100 + (i % 7))));
    expect(world.disk.count('read')).toBeGreaterThan(reads);
  });

  it('reports a failed read, and reads again the next time', () => {
    const world = opened({ cacheBytes: 0 });
    for (let i = 0; i < 30; i++) {
      world.send(1, 0, batchOf(i, 1, 100));
      world.commit();
    }
    world.disk.failNext('read');
    expect(() => world.read(1, 0, 0, 1)).toThrow('read failed');
    expect(world.read(1, 0, 0, 1).batches).toEqual([batchOf(0, 1, 100)]);
  });

  it('finds the first batch of a time', () => {
    const world = opened({ segmentBytes: 700 });
    const times = [1_000, 1_000, 2_000, 9_000_000_000, 9_000_000_001];
    for (const [i, time] of times.entries()) world.send(1, 0, batchOf(i * 2, 2, 50, time));
    world.commit();
    const found = [0, 1_000, 1_001, 2_001, 9_000_000_001, 9_000_000_002].map((time) => world.log.findByTime(1, 0, time));
    expect(found).toEqual([0, 0, 4, 6, 8, undefined]);
    expect(world.log.findByTime(2, 0, 0)).toBeUndefined();
  });
});

describe('a full disk (spec, chapter of the broker)', () => {
  it('is full under the reserve, and free again only above twice the reserve', () => {
    const world = opened({ reserveBytes: 1_000 });
    const after = (freeBytes: number, ms: number): boolean => {
      world.disk.freeBytes = freeBytes;
      world.advance(ms);
      return world.log.diskFull;
    };
    expect(world.log.diskFull).toBe(false);
    expect(after(999, 9_999)).toBe(false);
    expect(after(999, 1)).toBe(true);
    expect(after(1_500, 1_000)).toBe(true);
    expect(after(2_000, 1_000)).toBe(true);
    expect(after(2_001, 1_000)).toBe(false);
    expect(after(1_500, 10_000)).toBe(false);
    expect(after(1_000, 1_000)).toBe(false);
    expect(after(999, 1_000)).toBe(true);
  });

  it('is looked at again after a failed write, and at the start', () => {
    const world = opened({ reserveBytes: 1_000 });
    world.disk.freeBytes = 0;
    world.disk.failNext('short');
    world.send(1, 0, batchOf(0, 1, 10));
    world.commit();
    expect(world.log.diskFull).toBe(true);
    expect(opened({ reserveBytes: 1_000 }, world.disk).log.diskFull).toBe(true);
  });
});

describe('snapshots (spec, chapter of the log entry)', () => {
  const snapshotOf = (world: LogWorld): string => {
    let result = 'none';
    world.log.snapshot([{ nextTopicId: 5, term: world.log.term }], (error) => {
      result = error?.code ?? 'OK';
    });
    world.disk.pump();
    return result;
  };

  it('with the entries behind it give the same sequence as the log alone', () => {
    const world = opened({ snapshotBytes: 500 });
    for (let i = 0; i < 4; i++) world.send(1, 0, batchOf(i, 1, 50));
    expect(world.log.wantsSnapshot).toBe(false);
    world.commit();
    expect(world.log.wantsSnapshot).toBe(true);
    expect(snapshotOf(world)).toBe('OK');
    expect(world.log.wantsSnapshot).toBe(false);
    for (let i = 4; i < 7; i++) world.send(1, 0, batchOf(i, 1, 50));
    world.commit();
    const again = opened({}, world.disk);
    expect(again.restored).toMatchObject({ position: 4 * 178, nextTopicId: 5, term: 1 });
    expect(again.applied).toEqual(world.applied.slice(4));
    expect(again.read(1, 0, 0).batches).toHaveLength(7);
  });

  it('are kept two, and a damaged one gives way to the one before [QNT-LOG-007]', () => {
    const world = opened();
    for (let i = 0; i < 3; i++) {
      world.send(1, 0, batchOf(i, 1, 50));
      world.commit();
      expect(snapshotOf(world)).toBe('OK');
    }
    const names = [...world.disk.files.keys()].filter((name) => name.startsWith('snap/'));
    expect(names).toEqual(['snap/00000000000000000356.snap', 'snap/00000000000000000534.snap']);
    world.disk.flip(names[1] as string, 9);
    const again = opened({}, world.disk);
    expect(again.restored?.position).toBe(356);
    expect(again.applied).toEqual(world.applied.slice(2));
    expect(again.reports).toContain('error log.snapshot.damaged');
    // The damaged one goes first, so that there are two whole ones again.
    again.send(1, 0, batchOf(3, 1, 50));
    again.commit();
    expect(snapshotOf(again)).toBe('OK');
    const left = [...again.disk.files.keys()].filter((name) => name.startsWith('snap/'));
    expect(left).toEqual(['snap/00000000000000000356.snap', 'snap/00000000000000000712.snap']);
  });

  it('never say more than the log that survives a power cut', () => {
    const world = opened({ flush: 'async' });
    world.send(1, 0, batchOf(0, 1, 50));
    world.commit();
    expect(snapshotOf(world)).toBe('OK');
    world.disk.powerCut(3);
    expect(opened({}, world.disk).restored?.position).toBe(178);
  });

  it('ask again only after a while when they failed', () => {
    const world = opened({ snapshotBytes: 1 });
    world.send(1, 0, batchOf(0, 1, 50));
    world.commit();
    world.disk.failNext('replace');
    expect(snapshotOf(world)).toBe('STORE_IO');
    expect(world.log.wantsSnapshot).toBe(false);
    world.advance(10_000);
    expect(world.log.wantsSnapshot).toBe(true);
  });
});
