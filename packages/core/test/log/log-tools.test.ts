import { describe, expect, it } from 'vitest';
import {
  type ListedEntry,
  type LogRepair,
  type LogSurvey,
  listStoreEntries,
  type QanatError,
  repairStore,
  type Storage,
  surveyStore,
} from '../../src/index.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, platform, type WorldOptions } from './log-world.ts';

const OPTIONS = { segmentBytes: 1_000 };
const ENTRY_BYTES = 178;

function opened(options: WorldOptions = {}, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld({ ...OPTIONS, ...options }, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

/** The storage port on a fake disk. */
function storageOf(disk: FakeDisk): Storage {
  const ask =
    (op: string) =>
    (...args: unknown[]) => {
      const done = args.find((arg) => typeof arg === 'function') as (error: QanatError | undefined, result: unknown) => void;
      const [name, a, b] = args.filter((arg) => arg !== done);
      const fields = { read: { position: a, length: b }, append: { parts: a }, truncate: { size: a }, replace: { bytes: a } };
      disk.storage({ op, name, ...fields[op as keyof typeof fields] } as never, done);
    };
  return new Proxy({}, { get: (_target, op) => ask(String(op)) }) as Storage;
}

function wait<Result>(
  disk: FakeDisk,
  start: (done: (error: QanatError | undefined, result: Result | undefined) => void) => void,
): Result {
  let outcome: { error: QanatError | undefined; result: Result | undefined } | undefined;
  start((error, result) => {
    outcome = { error, result };
  });
  disk.pump();
  if (outcome?.error !== undefined) throw outcome.error;
  return outcome?.result as Result;
}

const survey = (disk: FakeDisk, whole = true): LogSurvey =>
  wait(disk, (done) => surveyStore(storageOf(disk), platform, { whole }, done));
const repair = (disk: FakeDisk, position: number): LogRepair =>
  wait(disk, (done) => repairStore(storageOf(disk), platform, position, done));
const list = (disk: FakeDisk, from: number, count: number): readonly ListedEntry[] =>
  wait(disk, (done) => listStoreEntries(storageOf(disk), platform, from, count, done));

/** Thirty messages in two queues of a topic, with snapshots behind the 10th and the 20th. */
function filled(): FakeDisk {
  const world = opened();
  world.log.appendState({ topicChanged: { topicId: 1, topic: 'orders', queues: 2 } }, () => {});
  for (let i = 0; i < 30; i++) {
    world.send(1, i % 2, batchOf(Math.floor(i / 2), 1, 50, 1_000 + i));
    world.commit();
    if (i % 10 !== 9 || i === 29) continue;
    const topics = [{ topicId: 1, topic: 'orders' }];
    world.log.snapshot([{ nextTopicId: 2, term: world.log.term, topics }], () => {});
    world.disk.pump();
  }
  return world.disk;
}

const segmentsOf = (disk: FakeDisk): string[] => [...disk.files.keys()].filter((name) => name.endsWith('.seg')).sort();
const positionOf = (name: string): number => Number(/\d{20}/.exec(name)?.[0]);

describe('a survey of a log', () => {
  it('shows segments, snapshots and queues, and changes nothing', () => {
    const disk = filled();
    const before = disk.contents();
    for (const whole of [true, false]) {
      const found = survey(disk, whole);
      expect(found).toMatchObject({ storeId: '07'.repeat(16), begin: 0, term: 1, tornBytes: 0, damage: undefined });
      expect(found.segments.map(({ file }) => file)).toEqual(segmentsOf(disk));
      expect(found.segments.map(({ index }) => index)).toEqual([...found.segments.slice(1).map(() => 'whole'), 'open']);
      expect(found.segments.at(-1)?.end).toBe(found.end);
      expect(found.snapshots.map(({ whole: isWhole, topics }) => [isWhole, topics])).toEqual([
        [true, 1],
        [true, 1],
      ]);
      expect(found.queues).toEqual(
        [0, 1].map((queue) => ({ topic: 'orders', topicId: 1, queue, oldest: 0, next: 15, messages: 15, batches: 15 })),
      );
      if (whole) expect(found.entriesRead).toBe(31);
      else expect(found.entriesRead).toBeLessThan(20);
    }
    expect(disk.contents()).toEqual(before);
  });

  it('names file, position and byte of the first damage, wherever a bit of an entry flips [QNT-LOG-009]', () => {
    const disk = filled();
    const { segments, end } = survey(disk);
    for (const { file, base, end: segmentEnd } of segments) {
      // Behind the last synced position there is no proof that anything was durable.
      for (let at = 64; at < 64 + Math.min(segmentEnd, end - ENTRY_BYTES) - base; at += 37) {
        disk.flip(file, at, 1 << (at % 8));
        const { damage } = survey(disk);
        disk.flip(file, at, 1 << (at % 8));
        expect(damage?.file).toBe(file);
        expect(damage?.byte).toBe(64 + (damage?.position ?? 0) - base);
        expect(damage?.byte).toBeLessThanOrEqual(at);
        expect(damage?.byte).toBeGreaterThan(at - ENTRY_BYTES);
        expect(damage?.what).not.toBe('');
      }
    }
    expect(survey(disk).damage).toBeUndefined();
  });

  it('tells a torn tail, a missing file, a damaged header and a damaged snapshot apart', () => {
    const torn = filled();
    const last = segmentsOf(torn).at(-1) as string;
    torn.append(last, new Uint8Array(40).fill(1));
    expect(survey(torn)).toMatchObject({ damage: undefined, tornBytes: 40 });
    const gap = filled();
    const [first = '', second = ''] = segmentsOf(gap);
    gap.files.delete(second);
    expect(survey(gap).damage).toMatchObject({ file: first, position: positionOf(second), what: 'the file ends' });
    const header = filled();
    header.flip(second, 9);
    expect(survey(header).damage).toMatchObject({ file: second, byte: 0, position: positionOf(second) });
    const snapshot = filled();
    snapshot.flip([...snapshot.files.keys()].filter((name) => name.startsWith('snap/')).sort()[1] as string, 6);
    expect(survey(snapshot).snapshots.map(({ whole }) => whole)).toEqual([true, false]);
    expect(survey(snapshot).damage).toBeUndefined();
    expect(survey(new FakeDisk())).toMatchObject({ storeId: undefined, segments: [], damage: undefined });
  });

  it('lists entries from a position on', () => {
    const disk = filled();
    const [state, first, second] = list(disk, 0, 3);
    expect(state).toMatchObject({
      position: 0,
      kind: 'state',
      record: 'topicChanged',
      content: { topic: 'orders', topicId: 1, queues: 2 },
    });
    expect(first).toMatchObject({ kind: 'batch', topicId: 1, queue: 0, baseOffset: 0, records: 1, storeTimeMs: 1_000 });
    expect(list(disk, (first?.position ?? 0) + 1, 1)).toEqual([second]);
    expect(list(disk, 0, 100)).toHaveLength(31);
    expect(list(disk, 10 ** 9, 1)).toEqual([]);
  });
});

describe('the repair of a log', () => {
  it('cuts at the damage, keeps copies, and leaves a log that starts, with all before it and a higher term', () => {
    for (const which of [2, 4, 5]) {
      const disk = filled();
      const file = segmentsOf(disk)[which] as string;
      const original = disk.files.get(file)?.cache.slice();
      disk.flip(file, 64 + ENTRY_BYTES + 100);
      const { damage } = survey(disk);
      const position = damage?.position ?? 0;
      expect(position).toBe(positionOf(file) + ENTRY_BYTES);
      const result = repair(disk, position);
      expect(result.survey.damage).toBeUndefined();
      const again = opened({}, disk);
      const messages = [0, 1].flatMap((queue) => again.readAll(1, queue));
      expect(messages).toHaveLength(result.survey.queues.reduce((sum, queue) => sum + queue.messages, 0));
      expect(again.log.endPosition).toBeGreaterThanOrEqual(position);
      expect(again.log.term).toBeGreaterThanOrEqual(1);
      const folder = `cut/${String(position).padStart(20, '0')}`;
      expect(result.copies).toContain(`${folder}/${file}`);
      expect(disk.files.get(`${folder}/${file}`)?.cache).toHaveLength((original?.length ?? 0) - 64 - ENTRY_BYTES);
      expect(disk.files.get(`${folder}/${segmentsOf(disk).at(-1)}`) ?? disk.files.get(`${folder}/${file}`)).toBeDefined();
      again.send(1, 0, batchOf(again.log.bounds(1, 0)?.next ?? 0, 1, 50));
      again.commit();
      expect(again.events.at(-1)).toBe('settle batch OK');
      expect(survey(disk).damage).toBeUndefined();
    }
  });

  it('begins above every term that was cut off', () => {
    const world = opened();
    for (let i = 0; i < 12; i++) {
      world.log.term = 1 + i;
      world.send(1, 0, batchOf(i, 1, 50));
      world.commit();
    }
    world.disk.flip(segmentsOf(world.disk)[0] as string, 64 + 2 * ENTRY_BYTES + 100);
    repair(world.disk, 2 * ENTRY_BYTES);
    expect(opened({}, world.disk).log.term).toBe(12);
  });

  it('refuses a whole log, another place than the first damage, and to lose the state, and changes nothing then', () => {
    const whole = filled();
    const before = whole.contents();
    expect(() => repair(whole, 178)).toThrow('there is nothing to repair');
    whole.flip(segmentsOf(whole)[1] as string, 200);
    const { damage } = survey(whole);
    expect(() => repair(whole, 1)).toThrow(`the first damage is at position ${damage?.position}, not 1`);
    whole.flip(segmentsOf(whole)[1] as string, 200);
    expect(whole.contents()).toEqual(before);
    const cut = filled();
    const [first = '', second = ''] = segmentsOf(cut);
    cut.files.delete(first);
    cut.flip(second, 64 + 100);
    expect(() => repair(cut, survey(cut).damage?.position ?? 0)).toThrow('the state of the broker would be lost');
  });

  it('that a crash interrupts at any step can be made again', () => {
    for (let steps = 1; ; steps++) {
      const disk = filled();
      const file = segmentsOf(disk)[4] as string;
      disk.flip(file, 64 + ENTRY_BYTES + 100);
      const position = survey(disk).damage?.position ?? 0;
      let ended = false;
      repairStore(storageOf(disk), platform, position, () => {
        ended = true;
      });
      disk.pump(steps);
      if (ended) break;
      disk.kill();
      const { damage } = survey(disk);
      if (damage !== undefined) {
        expect(damage.position).toBe(position);
        repair(disk, position);
      }
      const again = opened({}, disk);
      expect([0, 1].flatMap((queue) => again.readAll(1, queue)).length).toBeGreaterThan(19);
      expect(survey(disk).damage).toBeUndefined();
    }
  });
});
