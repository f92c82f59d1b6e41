import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedEntries } from '../../src/broker/keyed-state/sorted-entries.ts';

const VALUE = new Uint8Array(0);

describe('sorted entries', () => {
  it('are a map in the order of its keys, however chunks are cut and go: CHUNK_KEYS_MAX', () => {
    const step = fc.record({ from: fc.nat(5_000), count: fc.nat(900), stride: fc.constantFrom(1, 7, -1), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12, size: 'max' }), fc.nat(6_000), (steps, probe) => {
        const entries = new SortedEntries();
        const model = new Map<string, number>();
        let version = 0;
        for (const { from, count, stride, remove } of steps) {
          for (let i = 0; i < count; i++) {
            const key = `k${String(Math.abs(from + i * stride)).padStart(5, '0')}`;
            if (remove) {
              entries.delete(key);
              model.delete(key);
            } else {
              entries.set(key, { version: ++version, value: VALUE });
              model.set(key, version);
            }
          }
        }
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        const start = `k${String(probe).padStart(5, '0')}`;
        const found = Array.from(entries.from(start), ([key, entry]) => [key, entry.version]);
        expect(found).toEqual(sorted.filter(([key]) => key >= start));
        expect(entries.size).toBe(model.size);
        expect(entries.get(start)?.version).toBe(model.get(start));
        for (const { keys } of entries.chunks()) expect(keys.length).toBeLessThanOrEqual(512);
      }),
      { numRuns: 60 },
    );
  });
});
