import { EngineContext, type GroupRecord, MasterReplica, QanatError, Random } from '@qanat/core';
import { MemoryReplicaLog } from '@qanat/simulator';
import { describe, expect, test } from 'vitest';
import { CatchUp } from '../../../src/broker/replication/catch-up.ts';
import { NumberUse } from '../../../src/broker/replication/number-use.ts';

const STORE = new Uint8Array(16).fill(7);
const LAG_MS = 10_000;

/** A master, whose slaves and register are the test. */
function masterWorld(minInSync = 1, slaves: readonly number[] = [], catchUpBytesPerSecond = 0, manual = false) {
  const context = new EngineContext(new Random(1));
  const tasks: (() => void)[] = [];
  const log = new MemoryReplicaLog({ sync: true, later: (task) => tasks.push(task), violation: () => {} });
  const puts: { record: GroupRecord; done: (error: QanatError | undefined) => void }[] = [];
  const fenced: (number | undefined)[] = [];
  const inSync = [0, ...slaves].map((replica) => ({ replica, incarnation: 100 + replica }));
  const master = new MasterReplica({
    host: context,
    log,
    register: { put: (record, done) => void puts.push({ record, done }) },
    broker: 'b',
    record: { storeId: STORE, term: 2, master: 0, version: 1, inSync },
    incarnation: 100,
    minInSync,
    lagMs: LAG_MS,
    catchUp: new CatchUp(context, catchUpBytesPerSecond),
    numbers: manual ? new NumberUse(context, 'b') : undefined,
    fenced: (term) => void fenced.push(term),
  });
  const work = (): void => {
    while (tasks.length > 0) for (const task of tasks.splice(0)) task();
  };
  const grow = (count: number): void => {
    for (let i = 0; i < count; i++) log.append(2, i);
    log.write(log.entries.length);
    log.sync();
    master.logProgressed();
    work();
  };
  const session = { frameBytesMax: 1e6, blocked: false };
  /** One REPLICATE; what it asks of the log is not done yet. */
  const begin = (header: object) => {
    const answers: { header?: Record<string, unknown>; bytes?: number; error?: string }[] = [];
    const count = ((header as { position?: number }).position ?? 0) / 64;
    const own = { broker: 'b', storeId: STORE, replica: 1, incarnation: 101, term: 2, position: 0, stored: 0 };
    const chain = log.entries[count - 1]?.chain ?? 0;
    const request = {
      header: { ...own, chain, probe: false, waitMs: 1_000, maxBytes: 0, ...header },
      session,
      oneWay: false,
      respond: (ok: Record<string, unknown>, parts: Uint8Array[] = []) =>
        void answers.push({ header: ok, bytes: parts.reduce((sum, part) => sum + part.length, 0) }),
      fail: (error: QanatError) => void answers.push({ error: error.code }),
    };
    try {
      master.replicate(request as never);
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      answers.push({ error: error.code });
    }
    return answers;
  };
  const ask = (header: object) => {
    const answers = begin(header);
    work();
    return answers;
  };
  /** The log does what it was asked for by now, and time goes on. */
  const step = (): void => {
    for (const task of tasks.splice(0)) task();
    context.timers.tick(context.nowMs());
  };
  const pass = (ms: number, ticks = 1): void => {
    for (let i = 0; i < ticks; i++) {
      context.enter(context.nowMs() + ms / ticks);
      context.timers.tick(context.nowMs());
      work();
    }
  };
  const warnings = (): string[] =>
    context.drain().flatMap((output) => (output.kind === 'log' && output.level === 'warn' ? [output.event] : []));
  return { context, log, master, puts, fenced, grow, begin, step, work, ask, pass, warnings };
}

test('QNT-RPL-002 a REPLICATE of a lower term is fenced, and one of a higher term ends the master', () => {
  const { ask, fenced } = masterWorld();
  expect(ask({ term: 1 })).toEqual([{ error: 'TERM_FENCED' }]);
  expect(fenced).toEqual([]);
  expect(ask({ term: 3 })).toEqual([{ error: 'NOT_MASTER' }]);
  expect(fenced).toEqual([3]);
});

test('QNT-RPL-003 a REPLICATE for another broker, another store, of the master itself or with too long a wait is refused', () => {
  const { ask } = masterWorld();
  expect(ask({ broker: 'c' })).toEqual([{ error: 'WRONG_BROKER' }]);
  expect(ask({ storeId: new Uint8Array(16) })).toEqual([{ error: 'WRONG_BROKER' }]);
  expect(ask({ replica: 0 })).toEqual([{ error: 'INVALID_ARGUMENT' }]);
  expect(ask({ waitMs: 30_001 })).toEqual([{ error: 'INVALID_ARGUMENT' }]);
});

test('QNT-RPL-004 QNT-RPL-005 another chain is answered as diverged, and acknowledges nothing', () => {
  const { ask, grow, master } = masterWorld();
  grow(2);
  expect(ask({ position: 128, chain: 1, stored: 128 })).toMatchObject([{ header: { diverged: true }, bytes: 0 }]);
  expect(ask({ position: 128, stored: 128, probe: true })).toMatchObject([{ header: { diverged: false }, bytes: 0 }]);
  expect(master.describe()).toHaveLength(1);
});

test('QNT-RPL-006 QNT-RPL-008 a REPLICATE waits for written entries, for the committed position, or its time', () => {
  const { ask, grow, pass } = masterWorld();
  const first = ask({});
  expect(first).toMatchObject([{ bytes: 0 }]);
  const second = ask({});
  expect(second).toEqual([]);
  grow(3);
  expect(second).toMatchObject([{ bytes: 192, header: { logEnd: 192 } }]);
  expect(ask({ position: 64, maxBytes: 100 })).toMatchObject([{ bytes: 64 }]);
  const third = ask({ position: 192, stored: 192 });
  pass(1_000);
  expect(third).toMatchObject([{ bytes: 0 }]);
});

test('QNT-RPL-006 a REPLICATE that must not wait gets the entries that are there, however long they take to be read', () => {
  const { begin, step, work, grow } = masterWorld();
  grow(2);
  const asked = begin({ waitMs: 0 });
  step();
  step();
  work();
  expect(asked).toMatchObject([{ bytes: 128 }]);
});

test('QNT-RPL-006 a REPLICATE that must not wait gets entries once more that were sent on the connection', () => {
  const { ask, grow } = masterWorld();
  grow(2);
  expect(ask({})).toMatchObject([{ bytes: 128 }]);
  expect(ask({ waitMs: 0 })).toMatchObject([{ bytes: 128 }]);
});

test('QNT-RPL-006 a REPLICATE whose time was over while entries for an older one were read is answered then', () => {
  const { begin, step, work, grow, ask } = masterWorld();
  grow(2);
  ask({ position: 128, stored: 128 });
  const older = begin({});
  const newer = begin({ position: 128, waitMs: 0 });
  step();
  expect([older, newer]).toMatchObject([[{ bytes: 0 }], []]);
  work();
  expect([older, newer]).toMatchObject([[{ bytes: 0 }], [{ bytes: 0 }]]);
});

test('QNT-RPL-007 a newer REPLICATE of a replica ends the one that waits', () => {
  const { ask } = masterWorld();
  ask({});
  const older = ask({});
  const newer = ask({});
  expect(older).toMatchObject([{ bytes: 0 }]);
  expect(newer).toEqual([]);
});

test('QNT-RPL-072 slaves that are not in sync have their entries in turn, at the rate that is set; those in sync at once', () => {
  // An entry is 64 bytes: one each second.
  const { ask, grow, pass } = masterWorld(1, [1], 64);
  grow(5);
  const joins = (replica: number, position: number) => ask({ replica, incarnation: 1, position, waitMs: 5_000 });
  expect(joins(2, 0)).toMatchObject([{ bytes: 64 }]);
  const [second, other] = [joins(2, 64), joins(3, 0)];
  expect([second, other]).toEqual([[], []]);
  expect(ask({ position: 0 })).toMatchObject([{ bytes: 320 }]);
  pass(999);
  expect([second, other]).toEqual([[], []]);
  pass(1);
  expect([second, other]).toMatchObject([[{ bytes: 64 }], []]);
  joins(2, 128);
  pass(1_000);
  expect(other).toMatchObject([{ bytes: 64 }]);
});

test('QNT-RPL-072 a REPLICATE that waits for its turn is answered after its time, and the turn is for the next one', () => {
  const { ask, grow, pass } = masterWorld(1, [], 64);
  grow(5);
  const joins = (waitMs: number, position = 64) => ask({ position, waitMs });
  expect(joins(1_000)).toMatchObject([{ bytes: 64 }]);
  const first = joins(600);
  pass(600);
  expect(first).toMatchObject([{ bytes: 0 }]);
  const next = joins(600);
  pass(400);
  expect(next).toMatchObject([{ bytes: 64 }]);
  // A turn that comes while nothing is asked is no loss.
  joins(100, 128);
  pass(100);
  pass(10_000);
  expect(joins(600, 128)).toMatchObject([{ bytes: 64 }]);
});

test('QNT-RPL-072 what is read at once for a slave that is not in sync is a quarter of a second of the rate', () => {
  const { ask, grow } = masterWorld(1, [1], 1_024);
  grow(5);
  expect(ask({ replica: 2, incarnation: 1 })).toMatchObject([{ bytes: 256 }]);
  expect(ask({})).toMatchObject([{ bytes: 320 }]);
});

test('QNT-RPL-010 QNT-RPL-012 committed is what every member of both sets has stored, in the life that is on record', () => {
  const { ask, grow, log, puts } = masterWorld(1, [1]);
  grow(2);
  expect(log.committedCount).toBe(0);
  ask({ position: 128, stored: 64 });
  expect(log.committedCount).toBe(1);
  ask({ position: 128, stored: 128, incarnation: 999 });
  expect(log.committedCount).toBe(1);
  expect(puts[0]?.record).toMatchObject({ term: 2, version: 2, inSync: [{ replica: 0 }, { replica: 1, incarnation: 999 }] });
  puts[0]?.done(undefined);
  expect(log.committedCount).toBe(2);
});

test('QNT-RPL-010 a slave that joins counts from the moment it is proposed', () => {
  const { ask, grow, log, puts } = masterWorld();
  grow(1);
  ask({ position: 64, stored: 64 });
  expect(puts).toHaveLength(1);
  grow(1);
  expect(log.committedCount).toBe(1);
});

test('QNT-RPL-011 nothing is committed with fewer members than min_in_sync', () => {
  const { ask, grow, log, puts, master } = masterWorld(2);
  grow(1);
  expect([log.committedCount, master.enoughInSync]).toEqual([0, false]);
  ask({ position: 64, stored: 64 });
  expect(log.committedCount).toBe(0);
  puts[0]?.done(undefined);
  expect([log.committedCount, master.enoughInSync]).toEqual([1, true]);
});

test('QNT-RPL-015 a set that the register refuses for the life of a slave is withdrawn, and the slave joins in its next life', () => {
  const { ask, grow, log, puts, master, fenced } = masterWorld();
  grow(1);
  ask({ position: 64, stored: 64 });
  grow(1);
  expect(log.committedCount).toBe(1);
  puts[0]?.done(new QanatError('REPLICA_BEHIND', 'replica 1 has begun another life'));
  // The set before holds again: what waited for the slave is committed.
  expect([log.committedCount, puts.length, fenced.length]).toEqual([2, 1, 0]);
  expect(master.describe().map(({ replica }) => replica)).toEqual([0]);
  ask({ position: 128, stored: 128, incarnation: 102 });
  expect(puts[1]?.record).toMatchObject({ version: 2, inSync: [{ replica: 0 }, { replica: 1, incarnation: 102 }] });
  puts[1]?.done(undefined);
  expect(master.record.version).toBe(2);
});

test('QNT-RPL-013 QNT-RPL-015 a member that lags is dropped when that is on record, and the same record is put until it is', () => {
  const { grow, log, puts, pass } = masterWorld(1, [1]);
  grow(1);
  pass(LAG_MS + 500, 20);
  expect(puts).toHaveLength(1);
  expect(log.committedCount).toBe(0);
  puts[0]?.done(new QanatError('TIMEOUT', 'nobody knows'));
  pass(300);
  expect(puts[1]?.record).toBe(puts[0]?.record);
  puts[1]?.done(undefined);
  expect(log.committedCount).toBe(1);
});

test('QNT-RPL-014 a slave that lacks something of what was there when the term began is not proposed', () => {
  const { ask, grow, puts } = masterWorld();
  grow(2);
  ask({ position: 128, stored: 64 });
  expect(puts).toEqual([]);
  ask({ position: 128, stored: 128 });
  expect(puts).toHaveLength(1);
});

test('QNT-RPL-016 a record that the register refuses ends the master', () => {
  const { ask, puts, fenced } = masterWorld();
  ask({});
  puts[0]?.done(new QanatError('TERM_FENCED', 'another record is there'));
  expect(fenced).toEqual([undefined]);
  expect(ask({})).toEqual([{ error: 'NOT_MASTER' }]);
});

test('QNT-RPL-017 a master that stood still drops no slave for the time that it was away', () => {
  const { ask, pass, puts } = masterWorld(1, [1]);
  ask({});
  pass(60_000);
  ask({});
  pass(2_000);
  expect(puts).toEqual([]);
});

describe('QNT-RPL-095 a replica number', () => {
  const A = { incarnation: 101 };
  const B = { incarnation: 202 };
  const codes = (world: ReturnType<typeof masterWorld>, ...heard: readonly object[]) =>
    heard.map((life) => world.ask({ ...life, waitMs: 0 })[0]?.error ?? 'served');

  test('of two processes is left to the one that was heard of later, and one warning says so', () => {
    const world = masterWorld(1, [], 0, true);
    expect(codes(world, A, B, A, B, A, B, A)).toEqual([
      'served',
      'served',
      'served',
      'served',
      'NAME_IN_USE',
      'served',
      'NAME_IN_USE',
    ]);
    expect(world.warnings()).toEqual(['replication.number-taken']);
  });

  test('whose two processes take turns changes the set on record a few times and no more', () => {
    const world = masterWorld(1, [1], 0, true);
    for (let turn = 0; turn < 50; turn++) {
      codes(world, A, B);
      for (const { done } of world.puts.slice(turn === 0 ? 0 : -1)) done(undefined);
    }
    expect(world.puts.length).toBeLessThan(8);
  });

  test('of a process that is started again and again is its own, also where a request of the life before comes late', () => {
    const world = masterWorld(1, [], 0, true);
    const C = { incarnation: 303 };
    expect(new Set(codes(world, A, A, B, A, C, C, B, C, C))).toEqual(new Set(['served']));
  });

  test('is not looked at where an election has done so', () => {
    expect(new Set(codes(masterWorld(), A, B, A, B, A, B))).toEqual(new Set(['served']));
  });
});
