import {
  allocateAveragely,
  canonicalFilter,
  fmix32,
  nameError,
  parseFilter,
  passes,
  queueHash,
  queueOfKey,
  tagError,
} from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testPlatform } from '../platform.ts';

describe('allocation averagely (spec, chapter of groups)', () => {
  it('gives every queue to one member, the longer runs first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 50 }), (queues, members) => {
        const shares = Array.from({ length: members }, (_, i) => allocateAveragely(queues, members, i));
        const given = shares.flatMap(({ start, count }) => Array.from({ length: count }, (_, i) => start + i));
        expect(given).toEqual(Array.from({ length: queues }, (_, i) => i));
        const counts = shares.map((share) => share.count);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect([...counts].sort((a, b) => b - a)).toEqual(counts);
      }),
    );
  });

  it('divides five queues between two members as three and two', () => {
    expect([0, 1].map((i) => allocateAveragely(5, 2, i))).toEqual([
      { start: 0, count: 3 },
      { start: 3, count: 2 },
    ]);
  });
});

describe('order by key (spec, chapter of send)', () => {
  it('moves only the keys of the queue that goes', () => {
    const hashes = Array.from({ length: 12 }, (_, i) => queueHash(testPlatform, `broker-${i % 3}`, Math.floor(i / 3)));
    const keys = Array.from({ length: 3_000 }, (_, i) => fmix32(i));
    const gone = 7;
    const rest = hashes.filter((_, i) => i !== gone);
    for (const key of keys) {
      const before = queueOfKey(key, hashes);
      const after = queueOfKey(key, rest);
      if (before !== gone) expect(rest[after]).toBe(hashes[before]);
    }
  });

  it('spreads a few sequential keys over the brokers', () => {
    const hashes = ['broker-a', 'broker-b'].flatMap((broker) =>
      [0, 1, 2, 3].map((queue) => queueHash(testPlatform, broker, queue)),
    );
    const brokerOf = (key: string): number =>
      Math.floor(queueOfKey(testPlatform.crc32(new TextEncoder().encode(key), 0), hashes) / 4);
    let together = 0;
    for (let order = 0; order < 1_000; order++) {
      const brokers = new Set([0, 1, 2, 3].map((item) => brokerOf(`order-${order}-${item}`)));
      if (brokers.size === 1) together++;
    }
    expect(together).toBeLessThan(200); // by chance: 125
  });

  it('spreads keys evenly', () => {
    const hashes = Array.from({ length: 8 }, (_, i) => queueHash(testPlatform, 'a', i));
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const at = queueOfKey(testPlatform.crc32(new TextEncoder().encode(`key-${i}`), 0), hashes);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(1_700);
  });
});

describe('names and filters (spec, chapters of names and of pull)', () => {
  it('refuses names that could be paths or prototypes of something else', () => {
    for (const name of ['', '.', '..', '../x', 'a/b', 'a b', '-a', '.a', 'ä', 'x'.repeat(128), 'a\u0000'])
      expect(nameError(name), name).toBeDefined();
    for (const name of ['a', 'orders', '__proto__', 'a.b-c_d', '7', 'x'.repeat(127)])
      expect(nameError(name), name).toBeUndefined();
  });

  it('reads tags joined by ||', () => {
    expect(parseFilter('*')).toBeUndefined();
    expect(parseFilter('  ')).toBeUndefined();
    expect([...(parseFilter(' b || a||b ') ?? [])]).toEqual(['b', 'a']);
    expect(canonicalFilter('b||a || b')).toBe('a || b');
    for (const text of ['a ||', '|| a', 'a | b', '* || a', 'a\n']) expect(() => parseFilter(text), text).toThrow(/filter/);
    expect(tagError('a b')).toBeUndefined();
  });

  it('lets a message without a tag through only when everything passes', () => {
    expect(passes(undefined, undefined)).toBe(true);
    expect(passes(parseFilter('a'), undefined)).toBe(false);
    expect(passes(parseFilter('a||b'), 'b')).toBe(true);
  });
});
