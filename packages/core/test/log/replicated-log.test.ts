import { describe, expect, it } from 'vitest';
import { COMMITTED_FILE } from '../../src/broker/log/committed-file.ts';
import type { LogPlace } from '../../src/broker/replication/replica-log.ts';
import { QanatError } from '../../src/index.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, type WorldOptions } from './log-world.ts';

const ENTRY = 138;
/** Segments of three entries, blocks of less than one. */
const REPLICATED: WorldOptions = { replicated: true, segmentBytes: 64 + 3 * ENTRY, blockBytes: 100, reserveBytes: 0 };
const FIRST = 'log/00000000000000000000.seg';

function opened(options: WorldOptions = REPLICATED, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld(options, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

/** A log in which `count` entries are stored, and `committed` of them applied. */
function stored(count: number, committed = 0, options: WorldOptions = REPLICATED): LogWorld {
  const world = opened(options);
  for (let i = 0; i < count; i++) world.send(1, 0, batchOf(i, 1, 10), `b${i}`);
  world.commit();
  world.log.commitTo(committed * ENTRY);
  world.disk.pump();
  return world;
}

function entriesOf(world: LogWorld, position = 0, bytesMax = 2 ** 30): Uint8Array {
  let bytes: Uint8Array | undefined;
  world.log.readEntries(position, bytesMax, (error, parts) => {
    if (error !== undefined) throw error;
    bytes = new Uint8Array(Buffer.concat(parts));
  });
  world.disk.pump();
  return bytes as Uint8Array;
}

function allEntriesOf(world: LogWorld, from = 0): Uint8Array {
  const all: Uint8Array[] = [];
  for (let position = from; ; ) {
    const bytes = entriesOf(world, position);
    if (bytes.length === 0) return new Uint8Array(Buffer.concat(all));
    all.push(bytes);
    position += bytes.length;
  }
}

function placeAt(world: LogWorld, position: number): LogPlace | undefined {
  let found: LogPlace | undefined;
  world.log.placeAt(position, (error, place) => {
    expect(error).toBeUndefined();
    found = place;
  });
  world.disk.pump();
  return found;
}

function cut(world: LogWorld, position: number): void {
  let ended = false;
  world.log.cutTo(position, (error) => {
    expect(error).toBeUndefined();
    ended = true;
  });
  world.disk.pump();
  expect(ended).toBe(true);
}

const positionsOf = (world: LogWorld): number[] => world.log.uncommittedPlaces().map(({ position }) => position);

/** The applied entries of a log that is no replica any more: all that it has. */
function whole(disk: FakeDisk): string[] {
  const copy = new FakeDisk();
  for (const [name, { cache }] of disk.files)
    copy.files.set(name, { cache: cache.slice(), disk: cache.slice(), dirtyFrom: cache.length });
  return opened({ ...REPLICATED, replicated: false }, copy).applied;
}

describe('a log with replicas', () => {
  it('applies and settles what is stored only when it is committed', () => {
    const world = opened();
    for (let i = 0; i < 3; i++) world.send(1, 0, batchOf(i, 1, 10), `b${i}`);
    world.commit();
    expect(world.events).toEqual(['restore nothing']);
    expect([world.log.written.position, world.log.storedPosition, world.log.committedPosition]).toEqual([
      3 * ENTRY,
      3 * ENTRY,
      0,
    ]);
    expect([world.log.stagedBytes, world.log.bounds(1, 0)]).toEqual([3 * ENTRY, undefined]);
    world.log.commitTo(2 * ENTRY + 5);
    world.log.commitTo(ENTRY);
    world.disk.pump();
    expect(world.events.slice(1)).toEqual(['apply 0', 'apply 138', 'settle b0 OK', 'settle b1 OK']);
    expect([world.log.stagedBytes, world.log.bounds(1, 0)]).toEqual([ENTRY, { oldest: 0, next: 2 }]);
    expect(positionsOf(world)).toEqual([2 * ENTRY, 3 * ENTRY]);
  });

  it('applies at once what is stored below a position that was committed before', () => {
    const world = opened();
    world.log.commitTo(10 * ENTRY);
    world.send(1, 0, batchOf(0, 1, 10), 'b0');
    world.commit();
    expect(world.events.slice(1)).toEqual(['apply 0', 'settle b0 OK']);
  });

  it('settles the ack level LEADER when the entry is stored, once', () => {
    const world = opened();
    const settle = (error?: QanatError): number => world.events.push(`settle early ${error?.code ?? 'OK'}`);
    world.log.appendBatch(1, 0, batchOf(0, 1, 10), settle, 'stored');
    world.send(1, 0, batchOf(1, 1, 10), 'late');
    world.log.commit();
    expect(world.events).toEqual(['restore nothing']);
    world.disk.pump();
    expect(world.events.slice(1)).toEqual(['settle early OK']);
    world.log.commitTo(2 * ENTRY);
    world.disk.pump();
    expect(world.events.slice(2)).toEqual(['apply 0', 'apply 138', 'settle late OK']);
  });

  it('tells its observer when what is written and what is stored has grown', () => {
    const world = opened();
    const seen: number[][] = [];
    world.progressed = () => seen.push([world.log.written.position, world.log.storedPosition]);
    world.send(1, 0, batchOf(0, 1, 10));
    world.commit();
    expect(seen).toEqual([
      [ENTRY, 0],
      [ENTRY, ENTRY],
    ]);
  });

  it('reads back for the state what left memory before it was committed', () => {
    const world = opened({ ...REPLICATED, cacheBytes: 200 });
    for (let i = 0; i < 20; i++) {
      world.send(1, 0, batchOf(i, 1, 10));
      world.commit();
    }
    const reads = world.disk.count('read');
    world.log.commitTo(20 * ENTRY);
    world.disk.pump();
    expect(world.applied).toHaveLength(20);
    expect(world.disk.count('read')).toBeGreaterThan(reads);
    expect(world.readAll(1, 0)).toEqual(Array.from({ length: 20 }, (_, i) => batchOf(i, 1, 10)));
  });

  it('lets the state forget a failed write only when what was written before is applied [QNT-LOG-004]', () => {
    const world = stored(2);
    world.send(1, 0, batchOf(2, 1, 10), 'failed');
    world.disk.failNext('short');
    world.commit();
    world.send(1, 0, batchOf(3, 1, 10), 'behind');
    world.commit();
    expect(world.events).toEqual(['restore nothing']);
    world.log.commitTo(2 * ENTRY);
    world.disk.pump();
    expect(world.events.slice(5)).toEqual(['rolledBack', 'settle failed STORAGE_REJECTED', 'settle behind STORAGE_REJECTED']);
    world.send(1, 0, batchOf(2, 1, 10), 'again');
    world.commit();
    expect([world.log.storedPosition, positionsOf(world)]).toEqual([3 * ENTRY, [2 * ENTRY, 3 * ENTRY]]);
  });

  it('steps down: everything staged is settled and stays in the log', () => {
    const world = stored(3, 1);
    world.log.stepDown(new QanatError('MASTER_CHANGED', 'there is a new master'));
    expect(world.events.slice(3)).toEqual(['rolledBack', 'settle b1 MASTER_CHANGED', 'settle b2 MASTER_CHANGED']);
    world.log.commitTo(3 * ENTRY);
    world.disk.pump();
    expect(world.events.slice(6)).toEqual(['apply 138', 'apply 276']);
  });

  it('settles at its close what is not committed, and has it at the next start', () => {
    const world = stored(3, 1);
    let closed = false;
    world.log.close(() => {
      closed = true;
    });
    world.disk.pump();
    expect([closed, world.events.slice(-1)]).toEqual([true, ['settle b2 MASTER_CHANGED']]);
    const again = opened(REPLICATED, world.disk);
    expect([again.applied.length, positionsOf(again)]).toEqual([1, [ENTRY, 2 * ENTRY, 3 * ENTRY]]);
  });

  it('is sealed and scrubbed no further than it is committed', () => {
    const world = stored(9);
    const indexes = (): string[] => [...world.disk.files.keys()].filter((name) => name.startsWith('index/'));
    expect(indexes()).toEqual([]);
    world.log.commitTo(4 * ENTRY);
    world.disk.pump();
    expect(indexes()).toEqual(['index/00000000000000000000.idx']);
    for (let i = 0; i < 5; i++) world.advance(60_000);
    cut(world, 4 * ENTRY);
    for (let i = 0; i < 5; i++) world.advance(60_000);
    expect(world.log.damagedSegments).toBe(0);
  });
});

describe('entries of another replica', () => {
  it('are taken whole, with a synced position of their own, and give the same state', () => {
    const master = stored(8, 8);
    const slave = opened({ ...REPLICATED, segmentBytes: 64 + 2 * ENTRY });
    const bytes = allEntriesOf(master);
    expect(bytes).toHaveLength(8 * ENTRY);
    for (let at = 0; at < bytes.length; at += 4 * ENTRY) {
      slave.log.appendEntries(bytes.subarray(at, at + 4 * ENTRY));
      slave.commit();
    }
    slave.log.commitTo(8 * ENTRY);
    slave.disk.pump();
    expect(slave.applied).toEqual(master.applied);
    expect(slave.log.written).toEqual(master.log.written);
    expect(slave.log.term).toBe(1);
    const copied = allEntriesOf(slave);
    const synced = (entries: Uint8Array, entry: number): number => new DataView(entries.buffer).getUint32(entry * ENTRY + 36);
    expect([synced(bytes, 7), synced(copied, 7)]).toEqual([0, 4 * ENTRY]);
    expect(opened(REPLICATED, slave.disk).log.written).toEqual(master.log.written);
  });

  it('are refused with a bit turned anywhere, and nothing is staged then', () => {
    const bytes = allEntriesOf(stored(2, 2));
    const slave = opened();
    for (let at = 0; at < bytes.length; at++) {
      const turned = bytes.slice();
      turned[at] = (turned[at] as number) ^ 0x10;
      expect(() => slave.log.appendEntries(turned)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }));
      expect(slave.log.endPosition).toBe(0);
    }
    slave.log.appendEntries(bytes);
    expect(slave.log.endPosition).toBe(2 * ENTRY);
  });

  it('are refused when they do not follow, are cut short, or are of a lower term', () => {
    const bytes = allEntriesOf(stored(2, 2));
    const slave = opened();
    const refused = (entries: Uint8Array): void =>
      expect(() => slave.log.appendEntries(entries)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }));
    refused(bytes.subarray(ENTRY));
    refused(bytes.subarray(0, ENTRY + 70));
    refused(bytes.subarray(0, 30));
    slave.log.appendEntries(bytes.subarray(0, ENTRY));
    refused(bytes.subarray(0, ENTRY));
    expect(slave.log.endPosition).toBe(ENTRY);
    const other = stored(1);
    other.log.term = 5;
    other.send(1, 0, batchOf(1, 1, 10));
    other.commit();
    other.log.term = 3;
    other.send(1, 0, batchOf(2, 1, 10));
    other.commit();
    refused(allEntriesOf(other, ENTRY));
  });

  it('are given from where one begins, at least one, no more bytes than asked for, to the end of a segment', () => {
    for (const cacheBytes of [200, 1 << 20])
      for (const committed of [0, 4, 9]) {
        const world = stored(9, committed, { ...REPLICATED, cacheBytes });
        const bytes = allEntriesOf(world);
        expect(bytes).toHaveLength(9 * ENTRY);
        expect(entriesOf(world, ENTRY, 1)).toEqual(bytes.subarray(ENTRY, 2 * ENTRY));
        expect(entriesOf(world, 0, 2 * ENTRY + 1)).toEqual(bytes.subarray(0, 2 * ENTRY));
        expect(entriesOf(world, ENTRY)).toEqual(bytes.subarray(ENTRY, 3 * ENTRY));
        expect(() => entriesOf(world, ENTRY + 1)).toThrow(expect.objectContaining({ code: 'CORRUPT_LOG' }));
        expect(() => entriesOf(world, 10 * ENTRY)).toThrow(expect.objectContaining({ code: 'CORRUPT_LOG' }));
      }
  });

  it('are known by their places, committed or not, in memory or not, and there is none inside of one', () => {
    const places = stored(9).log.uncommittedPlaces();
    for (const committed of [0, 4, 9]) {
      const world = stored(9, committed);
      for (const place of places) expect(placeAt(world, place.position)).toEqual(place);
      for (const position of [1, ENTRY - 1, 4 * ENTRY + 64, 9 * ENTRY + 1]) expect(placeAt(world, position)).toBeUndefined();
    }
  });
});

describe('cutting a log', () => {
  it('takes what is behind a place off, durably, and goes on with other entries there', () => {
    for (const [at, blockBytes] of [0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => [[i, 100] as const, [i, 4096] as const])) {
      const options = { ...REPLICATED, blockBytes, cacheBytes: 300 };
      const world = stored(7, 0, options);
      world.log.stepDown(new QanatError('MASTER_CHANGED', 'there is a new master'));
      cut(world, at * ENTRY);
      expect([world.log.endPosition, world.log.written.position, positionsOf(world).at(-1)]).toEqual(
        Array.from({ length: 3 }, () => at * ENTRY),
      );
      for (let i = at; i < 9; i++) world.send(1, 0, batchOf(i, 1, 10, 2_000, 100 + i));
      world.commit();
      world.log.commitTo(9 * ENTRY);
      world.disk.pump();
      const expected = Array.from({ length: 9 }, (_, i) => (i < at ? batchOf(i, 1, 10) : batchOf(i, 1, 10, 2_000, 100 + i)));
      expect(world.readAll(1, 0)).toEqual(expected);
      const again = opened(options, world.disk);
      again.log.commitTo(9 * ENTRY);
      again.disk.pump();
      expect(again.readAll(1, 0)).toEqual(expected);
    }
  });

  it('leaves a log without a gap at each of its steps, with a crash or a power cut there', () => {
    for (const [at, isPower] of [0, 1, 3, 4, 6].flatMap((i) => [[i, false] as const, [i, true] as const])) {
      for (let steps = 0, ended = false; !ended; steps++) {
        const world = stored(8);
        const before = whole(world.disk);
        world.log.cutTo(at * ENTRY, () => {
          ended = true;
        });
        world.disk.pump(steps);
        if (isPower) world.disk.powerCut(steps);
        else world.disk.kill();
        const left = whole(world.disk);
        expect(left).toEqual(before.slice(0, left.length));
        expect(left.length).toBeGreaterThanOrEqual(at);
        if (ended) expect(left).toHaveLength(at);
      }
    }
  });

  it('waits until nothing is being written, and cuts what was staged meanwhile', () => {
    const world = stored(1);
    world.send(1, 0, batchOf(1, 1, 10), 'written');
    world.log.commit();
    let cuts = 0;
    world.log.cutTo(ENTRY, () => cuts++);
    world.send(1, 0, batchOf(2, 1, 10), 'staged');
    expect(() => world.log.appendEntries(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }));
    world.disk.pump();
    expect([cuts, world.events.slice(1)]).toEqual([1, ['settle written MASTER_CHANGED', 'settle staged MASTER_CHANGED']]);
    expect(whole(world.disk)).toHaveLength(1);
  });

  it('never takes what is committed', () => {
    const world = stored(4, 2);
    expect(() => world.log.cutTo(ENTRY, () => {})).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => world.log.cutTo(2 * ENTRY + 1, () => {})).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    cut(world, 2 * ENTRY);
    expect(world.readAll(1, 0)).toHaveLength(2);
  });

  it('leaves no evidence of what was cut: a torn entry in its place is cut off at the next start [QNT-LOG-010]', () => {
    for (const flush of ['sync', 'async'] as const) {
      const world = stored(3, 0, { ...REPLICATED, flush });
      cut(world, ENTRY);
      for (let i = 1; i < 3; i++) {
        world.send(1, 0, batchOf(i, 1, 10, 2_000));
        world.commit();
      }
      world.disk.cutTo(FIRST, 64 + ENTRY + 100);
      expect(opened({ ...REPLICATED, flush }, world.disk).log.endPosition).toBe(ENTRY);
    }
  });

  it('that fails is the end of the store', () => {
    const world = stored(3);
    world.disk.failNext('truncate');
    let code: string | undefined;
    world.log.cutTo(ENTRY, (error) => {
      code = error?.code;
    });
    world.disk.pump();
    expect([code, world.events.at(-1)]).toEqual(['STORAGE_FAILED', 'fatal STORAGE_FAILED']);
  });
});

describe('the recovery of a replica', () => {
  it('applies what it knows to be committed, and leaves the rest to be committed or cut', () => {
    const world = stored(8, 5);
    world.advance(1_000);
    world.log.commitTo(6 * ENTRY);
    world.disk.pump();
    world.disk.kill();
    const again = opened(REPLICATED, world.disk);
    expect([again.applied, positionsOf(again)]).toEqual([world.applied.slice(0, 5), [5, 6, 7, 8].map((i) => i * ENTRY)]);
    expect(again.log.bounds(1, 0)).toEqual({ oldest: 0, next: 5 });
    expect(again.log.uncommittedPlaces()).toEqual(stored(8).log.uncommittedPlaces().slice(5));
    again.log.commitTo(8 * ENTRY);
    again.disk.pump();
    expect(again.readAll(1, 0)).toHaveLength(8);
  });

  it('takes a log that was alone: what its snapshot covers is committed', () => {
    const alone = stored(4, 4, { ...REPLICATED, replicated: false });
    alone.log.snapshot([{}], () => {});
    alone.disk.pump();
    alone.send(1, 0, batchOf(4, 1, 10));
    alone.commit();
    const replica = opened(REPLICATED, alone.disk);
    expect([replica.log.committedPosition, positionsOf(replica)]).toEqual([4 * ENTRY, [4 * ENTRY, 5 * ENTRY]]);
    replica.log.commitTo(5 * ENTRY);
    replica.disk.pump();
    expect(replica.readAll(1, 0)).toHaveLength(5);
  });

  it('is over when the log is opened alone: everything is applied, and what was known before is forgotten', () => {
    const world = stored(5, 2);
    world.advance(1_000);
    const alone = opened({ ...REPLICATED, replicated: false }, world.disk);
    expect(alone.applied).toHaveLength(5);
    expect(world.disk.files.has(COMMITTED_FILE)).toBe(false);
  });

  it('refuses a log that lost its committed end although that was on stable storage, and may cut it where it is told to', () => {
    const world = stored(3, 3);
    world.advance(1_000);
    world.disk.cutTo(FIRST, 64 + 2 * ENTRY);
    const refused = new LogWorld(REPLICATED, world.disk).open();
    expect([refused?.code, refused?.hint]).toEqual(['CORRUPT_LOG', expect.stringContaining('promote another replica')]);
    const cut = opened({ ...REPLICATED, repair: 'cut' }, world.disk);
    expect([cut.log.endPosition, cut.log.committedPosition]).toEqual([2 * ENTRY, 0]);
  });

  it('takes a log that lost its committed end by a power cut as it is, and does not take others for it later', () => {
    const lazy = { ...REPLICATED, flush: 'async' } as const;
    const world = stored(3, 3, lazy);
    world.advance(1_000);
    world.disk.cutTo(FIRST, 64 + 2 * ENTRY);
    const again = opened(lazy, world.disk);
    expect([again.log.committedPosition, again.reports]).toEqual([
      2 * ENTRY,
      expect.arrayContaining(['warn log.committed.lost']),
    ]);
    again.send(1, 0, batchOf(2, 2, 10));
    again.commit();
    expect(opened(lazy, world.disk).log.committedPosition).toBe(2 * ENTRY);
  });

  it('refuses a log of which something else was committed, and overlooks a damaged file', () => {
    const world = stored(3, 3);
    world.advance(1_000);
    const other = opened();
    for (let i = 0; i < 4; i++) other.send(1, 0, batchOf(i, 2, 10));
    other.commit();
    const file = world.disk.files.get(COMMITTED_FILE);
    if (file === undefined) throw new Error('there is no such file');
    other.disk.files.set(COMMITTED_FILE, file);
    expect(new LogWorld(REPLICATED, other.disk).open()?.code).toBe('CORRUPT_LOG');
    other.disk.flip(COMMITTED_FILE, 6);
    expect(opened(REPLICATED, other.disk).log.committedPosition).toBe(0);
  });

  it('cuts damage off where it is told to, and counts only what a snapshot covers as committed', () => {
    const damaged = (): LogWorld => {
      const world = stored(5, 2);
      world.log.snapshot([{}], () => {});
      world.log.commitTo(5 * ENTRY);
      world.disk.pump();
      world.advance(1_000);
      world.disk.flip(FIRST, 64 + 2 * ENTRY + 100);
      return world;
    };
    expect(new LogWorld(REPLICATED, damaged().disk).open()?.code).toBe('CORRUPT_LOG');
    const mended = opened({ ...REPLICATED, repair: 'cut' }, damaged().disk);
    expect([mended.log.committedPosition, mended.log.endPosition]).toEqual([2 * ENTRY, 2 * ENTRY]);
    const intact = stored(5, 2);
    expect(opened({ ...REPLICATED, repair: 'cut' }, intact.disk).log.endPosition).toBe(5 * ENTRY);
  });

  it('cuts a log that is shorter than its snapshot where it ends, and goes back to the state before', () => {
    const world = stored(3, 3);
    world.log.snapshot([{}], () => {});
    world.disk.pump();
    world.disk.cutTo(FIRST, 64 + ENTRY);
    expect(new LogWorld(REPLICATED, world.disk).open()?.code).toBe('CORRUPT_LOG');
    const mended = opened({ ...REPLICATED, repair: 'cut' }, world.disk);
    expect([mended.restored, mended.log.committedPosition, mended.log.endPosition]).toEqual([undefined, 0, ENTRY]);
  });

  it('writes down once a second at most what is committed', () => {
    const world = stored(6);
    for (let i = 1; i <= 5; i++) {
      world.log.commitTo(i * ENTRY);
      world.disk.pump();
      world.advance(250);
    }
    expect(
      world.disk.count('replace') - world.disk.requests.filter((r) => r.op === 'replace' && r.name !== COMMITTED_FILE).length,
    ).toBe(1);
  });
});
