import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TAIL_FILE } from '../../src/broker/log/tail-rewrite.ts';
import { Random } from '../../src/index.ts';
import { readBatchHeader } from '../../src/wire/batch.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, type WorldOptions } from './log-world.ts';

const FIRST = 'log/00000000000000000000.seg';

function opened(options: WorldOptions = {}, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld(options, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

/** Three groups of one batch each, at positions 0, 138 and 276 of the first segment. */
function threeGroups(): LogWorld {
  const world = opened();
  for (let i = 0; i < 3; i++) {
    world.send(1, 0, batchOf(i, 1, 10));
    world.commit();
  }
  return world;
}

describe('a damaged log (spec, chapter of the log entry: recovery)', () => {
  it('with any bit flipped in what is proven to be durable is refused and left as it is [QNT-LOG-001, QNT-LOG-009]', () => {
    const { disk } = threeGroups();
    for (let at = 64; at < 64 + 276; at++) {
      disk.flip(FIRST, at, 1 << (at % 8));
      const before = disk.contents();
      const error = new LogWorld({}, disk).open();
      expect(error?.code, `byte ${at}`).toBe('CORRUPT_LOG');
      expect(error?.message).toContain(FIRST);
      expect(error?.message).toContain(`position ${at < 64 + 138 ? 0 : 138} `);
      expect(error?.message).toContain('below position 276');
      expect(disk.contents()).toEqual(before);
      disk.flip(FIRST, at, 1 << (at % 8));
    }
    expect(new LogWorld({}, disk).open()).toBeUndefined();
  });

  it('is refused for a damaged segment header, a missing segment and one of another store', () => {
    const make = (): FakeDisk => {
      const world = opened({ segmentBytes: 400 });
      for (let i = 0; i < 7; i++) world.send(1, 0, batchOf(i, 1, 10));
      world.commit();
      return world.disk;
    };
    const names = [...make().files.keys()].filter((name) => name.startsWith('log/'));
    expect(names).toHaveLength(4);
    const damages: ((disk: FakeDisk) => void)[] = [
      ...names.map((name) => (disk: FakeDisk) => disk.flip(name, 10)),
      ...names.slice(0, -1).map((name) => (disk: FakeDisk) => void disk.files.delete(name)),
      (disk) => disk.cutTo(names[1] as string, 200),
      (disk) => {
        const other = opened({ newStoreId: new Uint8Array(16).fill(9) } as WorldOptions).disk.files.get(FIRST);
        if (other !== undefined) disk.files.set(FIRST, other);
      },
    ];
    for (const damage of damages) {
      const disk = make();
      damage(disk);
      const before = disk.contents();
      expect(new LogWorld({}, disk).open()?.code, damage.toString()).toBe('CORRUPT_LOG');
      expect(disk.contents()).toEqual(before);
    }
  });

  it('of more than one read of the scan is recovered whole, and refused when a bit in its middle flips', () => {
    const big = { segmentBytes: 2 ** 27, blockBytes: 2 ** 20 };
    const world = opened(big);
    for (let i = 0; i < 200; i++) {
      world.send(1, 0, batchOf(i, 1, 60_000 + i));
      if (i % 50 === 49) world.commit();
    }
    const again = opened(big, world.disk);
    expect(again.applied).toEqual(world.applied);
    world.disk.flip(FIRST, 6_000_000);
    const error = new LogWorld(big, world.disk).open();
    expect(error?.code).toBe('CORRUPT_LOG');
    expect(error?.message).toContain(`position ${99 * 60_128 + 4_851} `);
  });

  it('that ends before the snapshot, or follows another chain than it, is refused', () => {
    for (const damage of ['cut', 'other'] as const) {
      const world = threeGroups();
      world.log.snapshot([{}], () => {});
      world.disk.pump();
      const snapshots = [...world.disk.files].filter(([name]) => name.startsWith('snap/'));
      if (damage === 'cut') world.disk.cutTo(FIRST, 64 + 276);
      else {
        const other = opened();
        for (let i = 0; i < 3; i++) other.send(1, 0, batchOf(i, 1, 10, 2_000));
        other.commit();
        for (const [name, file] of snapshots) other.disk.files.set(name, file);
        world.disk.files.set(FIRST, other.disk.files.get(FIRST) as never);
      }
      expect(new LogWorld({}, world.disk).open()?.code).toBe('CORRUPT_LOG');
    }
  });
});

describe('a torn tail (spec, chapter of the log entry: recovery)', () => {
  it('is cut at the last whole entry, whatever its bytes are [QNT-LOG-001, QNT-LOG-010]', () => {
    const { disk } = threeGroups();
    const whole = disk.files.get(FIRST)?.cache.slice() as Uint8Array;
    for (let size = 64 + 276; size < whole.length; size++) {
      for (const fill of [undefined, 0, 0xff]) {
        disk.cutTo(FIRST, size);
        if (fill !== undefined) disk.append(FIRST, new Uint8Array(100).fill(fill));
        const world = opened({}, disk);
        expect(world.applied).toHaveLength(2);
        expect(world.log.endPosition).toBe(276);
        world.send(1, 0, batchOf(2, 1, 10));
        world.commit();
        expect(disk.files.get(FIRST)?.cache.length).toBe(whole.length);
        expect(opened({}, disk).applied).toHaveLength(3);
      }
    }
  });

  it('and a store that was never whole are no damage', () => {
    for (let size = 0; size < 64; size++) {
      const { disk } = opened();
      disk.cutTo(FIRST, size);
      const world = opened({}, disk);
      world.send(1, 0, batchOf(0, 1, 10));
      world.commit();
      expect(opened({}, disk).applied).toHaveLength(1);
    }
  });

  it('is written again before it is served: after a failed sync the cache shows what the disk does not have [QNT-LOG-011]', () => {
    const world = threeGroups();
    world.disk.failNext('sync');
    world.send(1, 0, batchOf(3, 1, 10));
    world.commit();
    expect(world.fatals).toHaveLength(1);
    world.disk.kill();
    const second = opened({}, world.disk);
    expect(second.applied).toHaveLength(4);
    world.disk.powerCut(1);
    expect(opened({}, world.disk).applied).toEqual(second.applied);
  });

  it('that was being written again when the process died is taken from its copy', () => {
    const { disk, applied } = threeGroups();
    const world = new LogWorld({}, disk);
    world.log.open(() => {});
    while (!disk.pending.some(({ op }) => op === 'append') && disk.step());
    expect(disk.files.get(FIRST)?.cache.length).toBe(64 + 276);
    disk.powerCut(2);
    expect(disk.files.has(TAIL_FILE)).toBe(true);
    expect(opened({}, disk).applied).toEqual(applied);
    expect(disk.files.has(TAIL_FILE)).toBe(false);
  });
});

/** What a run of random work promised. */
interface Ledger {
  readonly world: LogWorld;
  /** `lineOf` of the entries settled with OK, in order. */
  readonly settled: string[];
  readonly rejected: Set<number>;
}

/** Sends, commits, snapshots and disk failures at random; stops after `stepsMax` steps of the disk. */
function work(disk: FakeDisk, options: WorldOptions, random: Random, stepsMax: number): Ledger {
  const world = new LogWorld(options, disk);
  const settled: string[] = [];
  const rejected = new Set<number>();
  let open = false;
  let recovered = 0;
  world.log.open((error) => {
    expect(error).toBeUndefined();
    open = true;
    recovered = world.applied.length;
    world.log.term += 1;
  });
  let steps = disk.pump(stepsMax);
  const next = new Map<number, number>();
  const nextOf = (queue: number): number => next.get(queue) ?? world.log.bounds(1, queue)?.next ?? 0;
  let snapshotting = false;
  for (let i = 0; i < 200 && open && steps < stepsMax && world.fatals.length === 0; i++) {
    const roll = random.below(20);
    if (roll < 10) {
      const queue = random.below(3);
      const count = 1 + random.below(3);
      const base = nextOf(queue);
      const batch = batchOf(base, count, 1 + random.below(400), 1_000 + i, random.uint32());
      next.set(queue, base + count);
      const tag = readBatchHeader(batch).bodyChecksum;
      const applied = world.applied.length;
      world.log.appendBatch(1, queue, batch, (error) => {
        if (error === undefined) settled.push(world.applied[recovered + settled.length] as string);
        else {
          next.clear();
          if (error.code === 'STORAGE_REJECTED') rejected.add(tag);
        }
      });
      expect(world.applied).toHaveLength(applied);
    } else if (roll < 12) {
      world.log.appendState({ topicRemoved: { topicId: i } }, (error) => {
        if (error === undefined) settled.push(world.applied[recovered + settled.length] as string);
        else next.clear();
      });
    } else if (roll < 15) world.log.commit();
    else if (roll < 16 && random.below(4) === 0)
      disk.failNext((['append', 'short', 'create', 'replace'] as const)[random.below(4)] ?? 'append');
    else if (roll < 17 && !snapshotting && random.below(4) === 0) {
      snapshotting = true;
      world.log.snapshot([{}], () => {
        snapshotting = false;
      });
    } else {
      world.now += random.below(100);
      world.timers.tick(world.now);
      steps += disk.pump(Math.min(1 + random.below(4), stepsMax - steps));
    }
  }
  return { world, settled, rejected };
}

/** All entries of the log on the disk, snapshots left out; checks that queues are dense. */
function contentOf(disk: FakeDisk, options: WorldOptions): LogWorld {
  const world = opened(options, disk);
  for (let queue = 0; queue < 3; queue++) {
    let next = 0;
    for (const batch of world.readAll(1, queue)) {
      const header = readBatchHeader(batch);
      expect(header.baseOffset).toBe(next);
      next += header.recordCount;
    }
    expect(world.log.bounds(1, queue)?.next ?? 0).toBe(next);
  }
  return world;
}

const bodyChecksums = (world: LogWorld): Set<number> => {
  const sums = [0, 1, 2].flatMap((queue) => world.readAll(1, queue).map((batch) => readBatchHeader(batch).bodyChecksum));
  return new Set(sums);
};

const withoutSnapshots = (disk: FakeDisk): FakeDisk => {
  const copy = new FakeDisk();
  for (const [name, { cache }] of disk.files) {
    if (!name.startsWith('snap/')) copy.files.set(name, { cache: cache.slice(), disk: cache.slice(), dirtyFrom: cache.length });
  }
  return copy;
};

describe('a power cut at any step of the storage (spec, chapter of the log entry: recovery)', () => {
  const options = { segmentBytes: 2_000, blockBytes: 512, cacheBytes: 4_096, reserveBytes: 0 };

  it('keeps every entry that was settled, in order, dense, and nothing that was rejected [QNT-SND-002, QNT-LOG-004, QNT-LOG-010]', () => {
    let entries = 0;
    const property = fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 150 }),
      fc.constantFrom('sync', 'async'),
      (seed, stepsMax, flush) => {
        const random = new Random(seed);
        const disk = new FakeDisk();
        let promised: string[] = [];
        const rejected = new Set<number>();
        for (let life = 0; life < 3; life++) {
          const ledger = work(disk, { ...options, flush }, random, stepsMax);
          for (const sum of ledger.rejected) rejected.add(sum);
          promised.push(...ledger.settled.slice(0, flush === 'sync' ? undefined : 0));
          disk.powerCut(random.uint32());
          const found = contentOf(disk, { ...options, flush });
          const whole = contentOf(withoutSnapshots(disk), { ...options, flush });
          // In the second and third life the ledger counts from what the recovery applied.
          if (flush === 'sync') for (const line of promised) expect(whole.applied).toContain(line);
          expect(whole.applied.slice(whole.applied.length - found.applied.length)).toEqual(found.applied);
          const kept = bodyChecksums(whole);
          for (const sum of rejected) expect(kept.has(sum)).toBe(false);
          promised = flush === 'sync' ? [...whole.applied] : [];
          entries += whole.applied.length;
          disk.kill();
        }
      },
    );
    fc.assert(property, { numRuns: 400, seed: 1, size: 'max' } as fc.Parameters<[number, number, string]>);
    expect(entries).toBeGreaterThan(5_000);
  }, 240_000);

  it('in a recovery, at each of its steps, again and again, gives the same log [QNT-LOG-012]', () => {
    const property = fc.property(fc.nat(), fc.integer({ min: 10, max: 100 }), (seed, stepsMax) => {
      const random = new Random(seed);
      const disk = new FakeDisk();
      work(disk, { ...options, flush: 'sync' }, random, stepsMax);
      disk.powerCut(random.uint32());
      const expected = contentOf(cloneOf(disk), options).applied;
      for (let steps = 0; ; steps++) {
        const interrupted = cloneOf(disk);
        let ended = false;
        for (let again = 0; again < 3 && !ended; again++) {
          new LogWorld(options, interrupted).log.open(() => {
            ended = true;
          });
          interrupted.pump(steps);
          interrupted.powerCut(random.uint32());
        }
        expect(contentOf(interrupted, options).applied).toEqual(expected);
        if (ended) break;
      }
    });
    fc.assert(property, { numRuns: 100, seed: 2 });
  }, 240_000);
});

function cloneOf(disk: FakeDisk): FakeDisk {
  const copy = new FakeDisk();
  for (const [name, { cache }] of disk.files) {
    copy.files.set(name, { cache: cache.slice(), disk: cache.slice(), dirtyFrom: cache.length });
  }
  return copy;
}
