import { EngineContext, type FollowedMaster, QanatError, Random, SlaveReplica } from '@qanat/core';
import { MemoryReplicaLog } from '@qanat/simulator';
import { expect, test } from 'vitest';

const STORE = new Uint8Array(16).fill(7);

/** A slave whose master is the test. */
function slaveWorld(term = 1) {
  const context = new EngineContext(new Random(1));
  const tasks: (() => void)[] = [];
  const violations: string[] = [];
  const log = new MemoryReplicaLog({
    sync: true,
    later: (task) => tasks.push(task),
    violation: (_, text) => violations.push(text),
  });
  const asked: { header: Record<string, unknown>; done: (error: QanatError | undefined, response: unknown) => void }[] = [];
  const seen = { halted: 0, terms: [] as unknown[], suspected: 0, tooOld: [] as number[], dialled: [] as string[] };
  const slave = new SlaveReplica({
    host: context,
    log,
    broker: 'b',
    replica: 1,
    incarnation: 5,
    term,
    link: (address, events) => ({
      session: { request: (_name, header, _options, done) => void asked.push({ header: header as never, done: done as never }) },
      connect: () => {
        seen.dialled.push(address);
        events.onOpen();
      },
      close: () => {},
      suspect: () => void seen.suspected++,
    }),
    onHalted: () => void seen.halted++,
    onTermSeen: (other) => void seen.terms.push(other),
    onTooOld: (oldest) => void seen.tooOld.push(oldest),
    onCut: () => {},
  });
  const answer = (i: number, header: object, payload = new Uint8Array(0)): void =>
    asked[i]?.done(undefined, {
      header: { term: 1, committed: 0, logEnd: 0, oldest: 0, diverged: false, inSync: false, ...header },
      payload,
    });
  const work = (): void => {
    for (const task of tasks.splice(0)) task();
  };
  return { context, log, slave, asked, seen, answer, work, violations };
}

const master = (change: Partial<FollowedMaster> = {}): FollowedMaster => ({ replica: 0, term: 1, address: 'm:1', ...change });

/** Entries of a master's log. */
function entriesOf(count: number, term = 1): Uint8Array<ArrayBuffer> {
  const tasks: (() => void)[] = [];
  const log = new MemoryReplicaLog({ sync: true, later: (task) => tasks.push(task), violation: () => {} });
  for (let i = 0; i < count; i++) log.append(term, i + 1);
  log.write(count);
  let bytes = new Uint8Array(0);
  log.readEntries(0, 1e6, (_, [part]) => {
    bytes = new Uint8Array(part as Uint8Array);
  });
  for (const task of tasks) task();
  return bytes;
}

test('QNT-RPL-020 QNT-RPL-023 a slave says what it has stored when it is stored, though another request waits', () => {
  const { log, slave, asked, answer } = slaveWorld();
  slave.follow(master());
  answer(0, {}, entriesOf(3));
  expect(asked[1]?.header).toMatchObject({ storeId: STORE, position: 192, stored: 0 });
  log.write(3);
  slave.logProgressed();
  expect(asked).toHaveLength(2);
  log.sync();
  slave.logProgressed();
  expect(asked[2]?.header).toMatchObject({ position: 192, stored: 192 });
});

test('QNT-RPL-018 an answer to a request of another end, or of another term, is not used', () => {
  const { log, slave, asked, answer, seen } = slaveWorld();
  slave.follow(master());
  answer(0, {}, entriesOf(2));
  log.write(2);
  log.sync();
  slave.logProgressed();
  expect(asked).toHaveLength(3);
  answer(1, {}, entriesOf(2).subarray(0, 0));
  answer(2, { term: 2, committed: 128 });
  expect(log.committedPosition).toBe(0);
  expect(seen.terms).toEqual([2]);
});

test('QNT-RPL-018 what an answer says of a log that has grown since is not believed: nothing is looked for, nor cut', () => {
  const { log, slave, asked, answer, work } = slaveWorld();
  slave.follow(master());
  answer(0, {}, entriesOf(2));
  log.write(2);
  log.sync();
  slave.logProgressed();
  const late = asked.length - 2;
  expect([late, late + 1].map((i) => asked[i]?.header.position)).toEqual([128, 128]);
  answer(late + 1, {}, entriesOf(3).subarray(128));
  answer(late, { diverged: true });
  work();
  expect(asked.slice(late).map(({ header }) => header.probe)).not.toContain(true);
  expect(log.entries).toHaveLength(3);
});

test('QNT-RPL-019 a slave follows no master of a lower term', () => {
  const { slave, seen } = slaveWorld(4);
  slave.follow(master({ term: 3 }));
  expect(seen.dialled).toEqual([]);
  slave.follow(master({ term: 5 }));
  slave.stop();
  slave.follow(master({ term: 4 }));
  expect(seen.dialled).toEqual(['m:1']);
});

test('QNT-RPL-019 a slave leaves its master when there is one of a higher term, wherever that is', () => {
  const { slave, asked, answer } = slaveWorld();
  slave.follow(master());
  slave.termSeen(1);
  expect(slave.following).toMatchObject({ term: 1 });
  slave.termSeen(2);
  answer(0, {}, entriesOf(1));
  slave.follow(master());
  expect(slave.following).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test('QNT-RPL-021 a slave that has diverged finds the newest common place, and cuts to it', () => {
  const { log, slave, asked, answer, work } = slaveWorld();
  for (let i = 0; i < 9; i++) log.append(1, i);
  log.write(9);
  log.sync();
  slave.logShortened();
  slave.follow(master());
  answer(0, { diverged: true });
  for (let i = 1; asked[i]?.header.probe === true; i++) answer(i, { diverged: (asked[i]?.header.position as number) > 5 * 64 });
  work();
  expect(log.entries).toHaveLength(5);
  expect(asked.at(-1)?.header).toMatchObject({ probe: false, position: 5 * 64 });
});

test('QNT-RPL-022 a slave without a common place at or above its committed position halts', () => {
  const { log, slave, asked, answer, seen, work, violations } = slaveWorld();
  slave.follow(master());
  answer(0, { committed: 128 }, entriesOf(2));
  log.write(2);
  log.sync();
  slave.logProgressed();
  answer(1, { diverged: true });
  answer(2, { diverged: true });
  for (let i = 3; i < asked.length; i++) answer(i, { diverged: true });
  work();
  expect(seen.halted).toBe(1);
  expect(log.entries).toHaveLength(2);
  expect(violations).toEqual([]);
});

test('QNT-RPL-024 a master that does not answer in time gets a new connection', () => {
  const { slave, asked, seen } = slaveWorld();
  slave.follow(master());
  asked[0]?.done(new QanatError('TIMEOUT', 'late'), { header: undefined, payload: new Uint8Array(0) });
  expect(seen.suspected).toBe(1);
});

test('QNT-RPL-009 a slave whose log ends below the oldest entry of its master needs a snapshot, and does not cut', () => {
  const { slave, answer, seen, log } = slaveWorld();
  slave.follow(master());
  answer(0, { oldest: 64 });
  expect(seen.tooOld).toEqual([64]);
  expect(seen.halted).toBe(0);
  expect(log.entries).toEqual([]);
});
