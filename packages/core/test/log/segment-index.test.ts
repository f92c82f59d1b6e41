import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueueIndex } from '../../src/broker/log/queue-index.ts';
import { decodeSegmentIndex, encodeSegmentIndex } from '../../src/broker/log/segment-index.ts';
import { readBatchHeader } from '../../src/wire/batch.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, platform, type WorldOptions } from './log-world.ts';

const OPTIONS = { segmentBytes: 1_000 };

function opened(options: WorldOptions = {}, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld({ ...OPTIONS, ...options }, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

/** Thirty messages in three queues of two topics, and a snapshot behind most of them. */
function filled(serial = 0): LogWorld {
  const world = opened();
  for (let i = 0; i < 30; i++) {
    world.send(1 + (i % 2), i % 3, batchOf(Math.floor(i / 6), 1, 50, 1_000 + i, serial + i));
    world.commit();
    if (i === 24) world.log.snapshot([{ nextTopicId: 3, term: 1 }], () => {});
  }
  world.disk.pump();
  return world;
}

/** All that the index answers. */
const answersOf = (world: LogWorld): unknown =>
  [1, 2].flatMap((topic) =>
    [0, 1, 2].map((queue) => [
      world.log.bounds(topic, queue),
      world.readAll(topic, queue).map((batch) => readBatchHeader(batch).bodyChecksum),
      [900, 1_007, 1_020, 2_000].map((timeMs) => world.log.findByTime(topic, queue, timeMs)),
    ]),
  );

/** Bytes read from segments, headers of files left out. */
const scanned = (disk: FakeDisk, from: number): string[] =>
  disk.requests
    .slice(from)
    .flatMap((request) => (request.op === 'read' && request.name.endsWith('.seg') && request.length > 128 ? [request.name] : []));

const indexes = (disk: FakeDisk): string[] => [...disk.files.keys()].filter((name) => name.startsWith('index/')).sort();
const sealed = (disk: FakeDisk): string[] =>
  [...disk.files.keys()]
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .slice(0, -1);

describe('index files of segments', () => {
  it('are written when a segment is sealed, and spare a start the segments that the snapshot covers, and only those [QNT-LOG-018]', () => {
    const world = filled();
    expect(indexes(world.disk)).toHaveLength(sealed(world.disk).length);
    const from = world.disk.requests.length;
    const again = opened({}, world.disk);
    const covered = sealed(world.disk).slice(0, 4);
    expect(scanned(world.disk, from).filter((name) => covered.includes(name))).toEqual([]);
    expect(scanned(world.disk, from).length).toBeGreaterThan(0);
    expect(answersOf(again)).toEqual(answersOf(world));
    expect(again.applied).toEqual(world.applied.slice(25));
  });

  it('are made anew when they are missing, damaged in any byte, short, or of another segment', () => {
    const damages: ((disk: FakeDisk, name: string, other: string) => void)[] = [
      (disk, name) => void disk.files.delete(name),
      ...Array.from({ length: 40 }, (_, i) => (disk: FakeDisk, name: string) => disk.flip(name, i * 3, 1 << (i % 8))),
      (disk, name) => disk.cutTo(name, 60),
      (disk, name) => disk.cutTo(name, 0),
      (disk, name, other) => {
        const file = disk.files.get(other);
        if (file !== undefined) disk.files.set(name, file);
      },
      // Of a segment at the same place with as many bytes, which holds something else.
      (disk, name) => {
        const file = filled(100).disk.files.get(name);
        if (file !== undefined) disk.files.set(name, file);
      },
    ];
    const good = filled();
    const [name = '', other = ''] = indexes(good.disk);
    const bytes = good.disk.files.get(name)?.cache;
    for (const damage of damages) {
      const { disk } = filled();
      damage(disk, name, other);
      const again = opened({}, disk);
      expect(answersOf(again)).toEqual(answersOf(good));
      expect(disk.files.get(name)?.cache).toEqual(bytes);
      expect(again.reports.filter((line) => line.includes('log.index.damaged'))).toHaveLength(damage === damages[0] ? 0 : 1);
    }
  });

  it('hide no damage that a scan finds: without its index a damaged segment is refused with the place [QNT-LOG-009]', () => {
    const { disk } = filled();
    const [segment = ''] = sealed(disk);
    disk.flip(segment, 300);
    expect(new LogWorld(OPTIONS, disk).open()).toBeUndefined();
    disk.files.delete(indexes(disk)[0] as string);
    const error = new LogWorld(OPTIONS, disk).open();
    expect(error?.code).toBe('CORRUPT_LOG');
    expect(error?.message).toMatch(/^log\/0{20}\.seg: no whole entry at position \d+ \(byte \d+ of the file\)/);
  });

  it('of segments that are gone are removed', () => {
    const { disk } = filled();
    disk.files.set('index/00000000000000000007.idx', { cache: new Uint8Array(4), disk: new Uint8Array(4), dirtyFrom: 4 });
    opened({}, disk);
    expect(indexes(disk)).not.toContain('index/00000000000000000007.idx');
  });

  it('do not outlive what retention removes', () => {
    const world = opened({ retentionBytes: 500 });
    for (let i = 0; i < 40; i++) {
      world.send(1, 0, batchOf(i, 1, 50));
      world.commit();
      if (i % 5 === 4) {
        world.log.snapshot([{ nextTopicId: 2, term: 1 }], () => {});
        world.disk.pump();
      }
    }
    expect(indexes(world.disk).map((name) => name.slice(6, 26))).toEqual(sealed(world.disk).map((name) => name.slice(4, 24)));
    expect(world.log.bounds(1, 0)?.oldest).toBeGreaterThan(20);
  });

  it('hold every batch of any segment', () => {
    const batch = fc.record({
      topicId: fc.integer({ min: 1, max: 3 }),
      queue: fc.nat(2),
      length: fc.integer({ min: 64, max: 9_000_000 }),
      // Large steps make runs of their own: the columns have 32 bits.
      count: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 2 ** 31, max: 2 ** 33 })),
      timeStepMs: fc.oneof(fc.nat(100), fc.integer({ min: 2 ** 31, max: 2 ** 33 })),
    });
    fc.assert(
      fc.property(fc.array(batch, { size: 'max', maxLength: 200 }), fc.nat(2 ** 50), (batches, base) => {
        const index = new QueueIndex();
        const next = new Map<string, number>();
        let position = base;
        let timeMs = 1_700_000_000_000;
        for (const { topicId, queue, length, count, timeStepMs } of batches) {
          const key = `${topicId}/${queue}`;
          const offset = next.get(key) ?? 2 ** 40;
          timeMs += timeStepMs;
          index.add(topicId, queue, base, position, length, offset, count, timeMs);
          next.set(key, offset + count);
          position += length;
        }
        const all = (of: QueueIndex): unknown =>
          [...next.keys()].map((key) => {
            const [topicId = 0, queue = 0] = key.split('/').map(Number);
            const items: unknown[] = [];
            of.queue(topicId, queue)?.walk(0, (item) => items.push({ ...item }) > 0);
            return { items, next: of.queue(topicId, queue)?.next, time: of.queue(topicId, queue)?.findByTime(timeMs) };
          });
        const before = all(index);
        const segment = {
          base,
          end: position,
          previousChain: 5,
          chain: 6,
          lastTerm: 7,
          firstStoreTimeMs: 8,
          lastStoreTimeMs: timeMs,
        };
        const bytes = encodeSegmentIndex(platform, segment, index.seal(base));
        expect(all(index)).toEqual(before);
        const shifted = new Uint8Array(bytes.length + 1);
        shifted.set(bytes, 1);
        const decoded = decodeSegmentIndex(platform, shifted.subarray(1));
        expect(decoded).toMatchObject(segment);
        const loaded = new QueueIndex();
        loaded.addSealed(decoded?.runs ?? []);
        expect(all(loaded)).toEqual(before);
      }),
    );
  });
});
