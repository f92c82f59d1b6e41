import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueSegments } from '../../src/broker/log/retention.ts';
import { emptySegment, type Segment } from '../../src/broker/log/segment.ts';
import { readBatchHeader } from '../../src/wire/batch.ts';
import { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, type WorldOptions } from './log-world.ts';

const HOUR_MS = 3_600_000;
/** Bytes of an entry with a batch of `batchOf(…, 50)`. */
const ENTRY_BYTES = 178;

function opened(options: WorldOptions = {}, disk = new FakeDisk()): LogWorld {
  const world = new LogWorld({ segmentBytes: 64 + 2 * ENTRY_BYTES, ...options }, disk);
  expect(world.open()).toBeUndefined();
  return world;
}

/** A batch of one message for queue 0 of topic 1, stored at the present wall clock. */
function store(world: LogWorld, offset: number, queue = 0): void {
  world.send(1, queue, batchOf(offset, 1, 50, world.now + world.wallOffsetMs));
  world.commit();
}

function snapshot(world: LogWorld): void {
  let outcome: string | undefined;
  world.log.snapshot([{ nextTopicId: 2, term: world.log.term }], (error) => {
    outcome = error?.code ?? 'OK';
  });
  world.disk.pump();
  expect(outcome).toBe('OK');
}

const segments = (world: LogWorld): number[] =>
  [...world.disk.files.keys()]
    .flatMap((name) => (name.endsWith('.seg') ? [Number(name.slice(4, -4)) / ENTRY_BYTES] : []))
    .sort((a, b) => a - b);

describe('retention (spec, chapter of the log entry)', () => {
  it('by size removes the oldest segments, those only that both snapshots cover [QNT-LOG-008]', () => {
    const world = opened({ retentionBytes: 3 * ENTRY_BYTES });
    for (let i = 0; i < 7; i++) store(world, i);
    world.advance(10_000);
    expect(segments(world)).toEqual([0, 2, 4, 6]);
    snapshot(world);
    store(world, 7);
    expect(segments(world)).toEqual([0, 2, 4, 6]);
    snapshot(world);
    // 8 entries; three of them may stay, and a segment stays as long as one of its entries does.
    expect(segments(world)).toEqual([6]);
    expect(world.log.bounds(1, 0)).toEqual({ oldest: 6, next: 8 });
  });

  it('does not trust an older snapshot that this life has not read: it may be damaged [QNT-LOG-007, QNT-LOG-008]', () => {
    const first = opened();
    for (let i = 0; i < 4; i++) store(first, i);
    snapshot(first);
    store(first, 4);
    snapshot(first);
    const again = opened({ retentionBytes: 1 }, first.disk);
    again.advance(10_000);
    expect(segments(again)).toEqual([0, 2, 4]);
    store(again, 5);
    snapshot(again);
    expect(segments(again)).toEqual([4]);
  });

  it('survives the loss of the newer snapshot at every moment [QNT-LOG-007, QNT-LOG-008]', () => {
    const world = opened({ retentionBytes: ENTRY_BYTES });
    for (let i = 0; i < 30; i++) {
      store(world, i);
      if (i % 3 === 2) snapshot(world);
      const newest = [...world.disk.files.keys()]
        .filter((name) => name.startsWith('snap/'))
        .sort()
        .at(-1);
      if (newest === undefined) continue;
      world.disk.flip(newest, 8);
      const again = opened({}, world.disk);
      expect(
        again
          .readAll(1, 0)
          .map((batch) => readBatchHeader(batch).baseOffset)
          .at(-1),
      ).toBe(i);
      world.disk.flip(newest, 8);
    }
    expect(segments(world)[0]).toBeGreaterThan(20);
  });

  it('by age counts from the newest message of a segment by the wall clock, and spares the last segment', () => {
    const world = opened({ retentionMs: HOUR_MS });
    world.wallOffsetMs = 1_700_000_000_000;
    for (let i = 0; i < 4; i++) {
      store(world, i);
      world.advance(HOUR_MS / 4);
      snapshot(world);
    }
    store(world, 4);
    snapshot(world);
    snapshot(world);
    // Offset 1 was stored at a quarter of an hour: the first segment is to go a quarter after the first hour.
    world.advance(HOUR_MS / 4);
    expect(segments(world)).toEqual([0, 2, 4]);
    world.advance(10_000);
    expect(segments(world)).toEqual([2, 4]);
    // A step of the wall clock is an input like any other.
    world.wallOffsetMs += HOUR_MS;
    world.advance(10_000);
    expect(segments(world)).toEqual([4]);
    expect(world.read(1, 0, 0).batches).toHaveLength(1);
  });

  it('by age begins a new segment when the last one holds old messages, and asks for the snapshots that let it go', () => {
    const world = opened({ retentionMs: HOUR_MS, segmentBytes: 1_000_000 });
    world.wallOffsetMs = 1_700_000_000_000;
    const round = (offset: number): void => {
      world.advance(10_000);
      if (world.log.wantsSnapshot) snapshot(world);
      store(world, offset);
    };
    for (let i = 0; i < 3; i++) store(world, i);
    world.advance(HOUR_MS + 1);
    for (let i = 3; i < 9; i++) round(i);
    expect(world.log.bounds(1, 0)?.oldest).toBe(3);
    // Without traffic it asks for no snapshot that could change nothing.
    for (let i = 0; i < 5; i++) {
      world.advance(10_000);
      if (world.log.wantsSnapshot) snapshot(world);
    }
    expect(world.log.wantsSnapshot).toBe(false);
  });

  it('forgets a queue that has nothing left; the next life numbers it on from the snapshot', () => {
    const world = opened({ retentionBytes: ENTRY_BYTES });
    store(world, 0, 1);
    for (let i = 0; i < 5; i++) store(world, i);
    snapshot(world);
    store(world, 5);
    snapshot(world);
    expect(world.log.bounds(1, 1)).toBeUndefined();
    expect(world.log.findByTime(1, 1, 0)).toBeUndefined();
    expect(world.read(1, 1, 0)).toEqual({ batches: [], nextOffset: 0 });
    expect(world.log.findByTime(1, 0, 0)).toBe(5);
    const again = opened({}, world.disk);
    expect(again.log.bounds(1, 1)).toBeUndefined();
    expect(again.log.bounds(1, 0)).toEqual({ oldest: 5, next: 6 });
    store(again, 6);
    expect(again.readAll(1, 0)).toHaveLength(2);
  });

  it('lets a read that is under way end before the file goes', () => {
    const world = opened({ retentionBytes: ENTRY_BYTES, cacheBytes: 1 });
    for (let i = 0; i < 6; i++) store(world, i);
    snapshot(world);
    store(world, 6);
    let offsets: number[] | undefined;
    world.log.read(1, 0, 0, 1_000, (error, batches) => {
      expect(error).toBeUndefined();
      offsets = batches.map((batch) => readBatchHeader(batch).baseOffset);
    });
    snapshot(world);
    expect(offsets?.[0]).toBe(0);
    expect(segments(world)[0]).toBeGreaterThan(0);
    expect(world.read(1, 0, 0).batches.map((batch) => readBatchHeader(batch).baseOffset)[0]).toBe(world.log.bounds(1, 0)?.oldest);
  });

  it('comes to a log without a gap when it is interrupted at any step [QNT-LOG-012, QNT-LOG-017]', () => {
    for (let steps = 0; steps < 12; steps++) {
      const world = opened({ retentionBytes: ENTRY_BYTES });
      for (let i = 0; i < 8; i++) store(world, i);
      snapshot(world);
      store(world, 8);
      world.log.snapshot([{ nextTopicId: 2, term: 1 }], () => {});
      world.disk.pump(steps);
      world.disk.powerCut(steps);
      const again = opened({}, world.disk);
      const offsets = again.readAll(1, 0).map((batch) => readBatchHeader(batch).baseOffset);
      expect(offsets).toEqual(Array.from(offsets, (_, i) => 9 - offsets.length + i));
      expect(offsets.length).toBeGreaterThan(0);
    }
  });

  it('goes on after a failed removal, and ends with the log', () => {
    const world = opened({ retentionBytes: ENTRY_BYTES });
    for (let i = 0; i < 6; i++) store(world, i);
    snapshot(world);
    store(world, 6);
    world.log.snapshot([{ nextTopicId: 2, term: 1 }], () => world.disk.failNext('unlink'));
    world.disk.pump();
    expect(world.reports).toContain('warn log.retention.failed');
    store(world, 7);
    world.advance(10_000);
    let closed = false;
    world.log.close(() => {
      closed = true;
    });
    world.disk.pump();
    expect(closed).toBe(true);
    expect(opened({}, world.disk).read(1, 0, 7).batches).toHaveLength(1);
  });
});

describe('which segments are due', () => {
  const log = fc
    .array(fc.record({ bytes: fc.integer({ min: 1, max: 1_000 }), timeMs: fc.integer({ min: 0, max: 1_000 }) }), { minLength: 1 })
    .map((parts) => {
      const made: Segment[] = [];
      let base = 0;
      for (const { bytes, timeMs } of parts) {
        const lastStoreTimeMs = Math.max(timeMs, made.at(-1)?.lastStoreTimeMs ?? 0);
        made.push({ ...emptySegment(base, 0, true), end: base + bytes, lastStoreTimeMs });
        base += bytes;
      }
      return made;
    });

  it('is a beginning of the log that is too old or too much, never the last segment, and as short as can be [QNT-LOG-008]', () => {
    fc.assert(
      fc.property(
        log,
        fc.nat(2_000),
        fc.option(fc.nat(2_000), { nil: undefined }),
        fc.option(fc.nat(100_000), { nil: undefined }),
        fc.nat(100_000),
        (parts, wallMs, retentionMs, retentionBytes, coveredTo) => {
          const applied = parts.at(-1)?.end ?? 0;
          const limits = {
            ...(retentionMs === undefined ? {} : { retentionMs }),
            ...(retentionBytes === undefined ? {} : { retentionBytes }),
          };
          const { due, removable } = dueSegments({ segments: parts, applied, coveredTo, wallMs }, limits);
          expect(due).toBeLessThan(parts.length);
          expect(removable).toBeLessThanOrEqual(due);
          for (const [i, { base, end, lastStoreTimeMs }] of parts.entries()) {
            const tooMuch = retentionBytes !== undefined && applied - base > retentionBytes;
            const tooOld = retentionMs !== undefined && wallMs - lastStoreTimeMs > retentionMs;
            expect(i < due).toBe((tooMuch || tooOld) && i < parts.length - 1);
            expect(i < removable).toBe(i < due && end <= coveredTo);
          }
        },
      ),
    );
  });
});
