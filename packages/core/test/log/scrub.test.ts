import { describe, expect, it } from 'vitest';
import type { FakeDisk } from './fake-disk.ts';
import { batchOf, LogWorld, type WorldOptions } from './log-world.ts';

const REST_MS = 60_000;
/** One read of a segment takes a second. */
const OPTIONS = { segmentBytes: 1_000, scrubBytesPerSecond: 256 * 1024 };

function filled(options: WorldOptions = {}): LogWorld {
  const world = new LogWorld({ ...OPTIONS, ...options });
  expect(world.open()).toBeUndefined();
  for (let i = 0; i < 30; i++) {
    world.send(1, 0, batchOf(i, 1, 50));
    world.commit();
  }
  return world;
}

const sealed = (disk: FakeDisk): string[] => [...disk.files.keys()].filter((name) => name.endsWith('.seg')).slice(0, -1);
const reads = (world: LogWorld, from: number): string[] =>
  world.disk.requests.slice(from).flatMap((request) => (request.op === 'read' ? [request.name] : []));

/** Time passes in small steps, and the disk works. */
function pass(world: LogWorld, ms: number): void {
  for (let passed = 0; passed < ms; passed += 500) world.advance(500);
}

describe('the scrub of old segments', () => {
  it('reads each sealed segment again, one a second, and begins anew after a rest', () => {
    const world = filled();
    const from = world.disk.requests.length;
    pass(world, REST_MS - 500);
    expect(reads(world, from)).toEqual([]);
    const names = sealed(world.disk);
    pass(world, 1_500);
    expect(reads(world, from)).toEqual(names.slice(0, 1));
    pass(world, 2_000);
    expect(reads(world, from)).toEqual(names.slice(0, 3));
    pass(world, names.length * 1_000);
    expect(reads(world, from)).toEqual(names);
    expect(world.log.damagedSegments).toBe(0);
    pass(world, REST_MS + names.length * 1_000);
    expect(reads(world, from)).toEqual([...names, ...names]);
  });

  it('tells once of a damaged file, changes nothing, serves on, and forgets it when the file is whole again', () => {
    const world = filled();
    const name = sealed(world.disk)[2] as string;
    world.disk.flip(name, 300);
    const before = world.disk.contents();
    const told = () => world.reports.filter((line) => line === 'error log.scrub.damaged').length;
    pass(world, REST_MS + 20_000);
    expect(told()).toBe(1);
    expect(world.log.damagedSegments).toBe(1);
    expect(world.disk.contents()).toEqual(before);
    expect(world.readAll(1, 0)).toHaveLength(30);
    pass(world, REST_MS + 20_000);
    expect(told()).toBe(1);
    world.disk.flip(name, 300);
    pass(world, REST_MS + 20_000);
    expect(world.log.damagedSegments).toBe(0);
  });

  it('ends with the log, can be switched off, and passes what retention removes', () => {
    const off = filled({ scrubBytesPerSecond: 0 });
    const from = off.disk.requests.length;
    pass(off, 2 * REST_MS);
    expect(reads(off, from)).toEqual([]);
    const closing = filled();
    pass(closing, REST_MS + 500);
    let closed = false;
    closing.log.close(() => {
      closed = true;
    });
    closing.disk.pump();
    expect(closed).toBe(true);
    const seen = closing.disk.requests.length;
    pass(closing, REST_MS);
    expect(closing.disk.requests.length).toBe(seen);
    const aged = filled({ retentionBytes: 500 });
    pass(aged, REST_MS + 500);
    for (let i = 30; i < 32; i++) {
      aged.send(1, 0, batchOf(i, 1, 50));
      aged.commit();
      aged.log.snapshot([{ nextTopicId: 1, term: 1 }], () => {});
      aged.disk.pump();
    }
    pass(aged, 2 * REST_MS);
    expect(aged.reports).not.toContain('error log.scrub.damaged');
    expect(sealed(aged.disk).length).toBeLessThan(3);
  });
});
