// A replica's log under random work, cuts, disk failures and power cuts, against a list of what it must hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QanatError, Random } from '../../src/index.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, platform, type WorldOptions } from './log-world.ts';

const OPTIONS: WorldOptions = { replicated: true, segmentBytes: 1_500, blockBytes: 512, cacheBytes: 1_024, reserveBytes: 0 };
const HEADER_BYTES = 64;

/** An entry as the model knows it. */
interface Kept {
  readonly line: string;
  readonly position: number;
  readonly end: number;
  /** The offset behind it. */
  readonly next: number;
}

/** One life of the log and what it must hold. */
class Life {
  readonly disk: FakeDisk;
  readonly world: LogWorld;
  readonly #random: Random;
  /** All that is staged. */
  log: Kept[];
  /** What a cut that is under way takes: all of it or a beginning of it may still be there. */
  cutting: Kept[] | undefined;
  /** Positions up to which something is promised. */
  stored = 0;
  applied = 0;
  open = false;
  steps = 0;

  constructor(disk: FakeDisk, flush: 'sync' | 'async', random: Random, log: Kept[]) {
    this.disk = disk;
    this.#random = random;
    this.log = log;
    this.world = new LogWorld({ ...OPTIONS, flush }, disk);
    this.world.log.open((error) => {
      expect(error).toBeUndefined();
      this.open = true;
      this.world.log.term += 1;
    });
  }

  pump(steps: number): void {
    this.steps += this.disk.pump(steps);
    this.check();
  }

  /** Positions are in order, what is applied is a beginning of the log, and the places are those of its entries. */
  check(): void {
    if (!this.open) return;
    const { log } = this.world;
    expect(log.committedPosition).toBeGreaterThanOrEqual(this.applied);
    expect(log.storedPosition).toBeGreaterThanOrEqual(log.committedPosition);
    expect(log.written.position).toBeGreaterThanOrEqual(log.storedPosition);
    this.applied = log.committedPosition;
    if (this.world.fatals.length > 0) return;
    if (this.cutting === undefined) this.stored = log.storedPosition;
    const known = this.log.filter(({ end }) => end <= log.committedPosition).map(({ line }) => line);
    expect(known.slice(known.length - this.world.applied.length)).toEqual(this.world.applied);
  }

  /** Random work until `stepsMax` steps of the disk. */
  run(stepsMax: number): void {
    this.pump(stepsMax);
    for (let i = 0; i < 150 && this.open && this.steps < stepsMax && this.world.fatals.length === 0; i++) {
      this.#act(i);
      this.check();
      this.pump(Math.min(this.#random.below(4), stepsMax - this.steps));
    }
  }

  #act(serial: number): void {
    const { log } = this.world;
    const roll = this.#random.below(20);
    if (roll < 8) this.#append(serial);
    else if (roll < 12) log.commit();
    else if (roll < 14) log.commitTo(this.#random.below(log.endPosition + 1));
    else if (roll < 15) log.stepDown(new QanatError('MASTER_CHANGED', 'there is a new master'));
    else if (roll < 16) this.#cut();
    else if (roll < 17)
      this.disk.failNext((['append', 'short', 'create', 'replace'] as const)[this.#random.below(4)] ?? 'append');
    else this.world.advance(0);
    if (roll >= 17) {
      this.world.now += this.#random.below(600);
      this.world.timers.tick(this.world.now);
    }
  }

  #append(serial: number): void {
    const { log } = this.world;
    if (this.cutting !== undefined) return;
    const last = this.log.at(-1);
    const base = last?.next ?? 0;
    const batch = batchOf(base, 1, 1 + this.#random.below(500), 1_000, (this.#random.uint32() + serial) >>> 0);
    const position = log.endPosition;
    log.appendBatch(1, 0, batch, (error) => {
      if (error?.code !== 'STORAGE_REJECTED') return;
      this.log = this.log.filter((entry) => entry.position < position);
    });
    // Refused: what failed before is not forgotten yet.
    if (log.endPosition === position) return;
    const end = log.endPosition;
    const body = platform.crc32(batch, 0);
    const line = `batch ${position}+${HEADER_BYTES + batch.length} term ${log.term} 1/0 ${body}`;
    this.log = [...this.log.filter((entry) => entry.position < position), { line, position, end, next: base + 1 }];
  }

  #cut(): void {
    const { log } = this.world;
    if (this.cutting !== undefined) return;
    log.stepDown(new QanatError('MASTER_CHANGED', 'there is a new master'));
    // What is decided to be committed is applied first where it is in memory; the rest is not cut.
    this.pump(1_000);
    if (this.world.fatals.length > 0) return;
    const places = log.uncommittedPlaces();
    const { position } = places[this.#random.below(places.length)] as { position: number };
    this.cutting = this.log;
    this.log = this.log.filter(({ end }) => end <= position);
    this.stored = Math.min(this.stored, position);
    log.cutTo(position, (error) => {
      if (error === undefined) this.cutting = undefined;
    });
  }
}

function cloneOf(disk: FakeDisk): FakeDisk {
  const copy = new FakeDisk();
  for (const [name, { cache }] of disk.files)
    copy.files.set(name, { cache: cache.slice(), disk: cache.slice(), dirtyFrom: cache.length });
  return copy;
}

/** What there is in the log on the disk, committed or not. */
function linesOf(disk: FakeDisk): string[] {
  const world = new LogWorld({ ...OPTIONS, replicated: false }, cloneOf(disk));
  expect(world.open()).toBeUndefined();
  return world.applied;
}

describe('a log with replicas, with a power cut at any step of the storage', () => {
  it('holds a beginning of what was staged, with all that was stored, and never anything that was cut', () => {
    let lives = 0;
    let cuts = 0;
    const property = fc.property(
      fc.nat(),
      fc.integer({ min: 20, max: 200 }),
      fc.constantFrom('sync' as const, 'async' as const),
      (seed, stepsMax, flush) => {
        const random = new Random(seed);
        const disk = new FakeDisk();
        let log: Kept[] = [];
        for (let life = 0; life < 4; life++) {
          const one = new Life(disk, flush, random, log);
          one.run(stepsMax);
          disk.powerCut(random.uint32());
          const lines = linesOf(disk);
          const staged = one.cutting ?? one.log;
          if (one.cutting !== undefined) cuts++;
          // Written, and the answer was on its way when the power went: the model saw it only as staged.
          expect(lines).toEqual(staged.slice(0, lines.length).map(({ line }) => line));
          const promised = flush === 'sync' ? one.log.filter(({ end }) => end <= one.stored).length : 0;
          expect(lines.length).toBeGreaterThanOrEqual(promised);
          log = staged.slice(0, lines.length);
          lives++;
        }
      },
    );
    fc.assert(property, { numRuns: 150, seed: 1, size: 'max' } as fc.Parameters<[number, number, 'sync' | 'async']>);
    expect([lives, cuts > 5]).toEqual([600, true]);
  }, 240_000);
});
