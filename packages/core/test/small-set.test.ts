import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallSet } from '../src/small-set.ts';

const step = fc.oneof(
  { weight: 30, arbitrary: fc.constant('add' as const) },
  { weight: 10, arbitrary: fc.constant('delete' as const) },
  { weight: 1, arbitrary: fc.constant('take' as const) },
);
const steps = fc.array(fc.record({ step, item: fc.nat(40) }), { maxLength: 300, size: 'max' });

test('a small set holds what a Set would hold, in the same order, with few members and with many', () => {
  fc.assert(
    fc.property(steps, (list) => {
      const small = new SmallSet<number>();
      const set = new Set<number>();
      for (const { step, item } of list) {
        if (step === 'take') {
          expect([...small.take()]).toEqual([...set]);
          set.clear();
        } else {
          small[step](item);
          set[step](item);
        }
        expect([...small]).toEqual([...set]);
        expect(small.size).toBe(set.size);
      }
    }),
  );
});

test('members may go while they are looked at, and each is seen once', () => {
  for (const count of [3, 100]) {
    const small = new SmallSet<number>();
    for (let i = 0; i < count; i++) small.add(i);
    const seen: number[] = [];
    for (const item of small) {
      seen.push(item);
      small.delete(item);
    }
    expect(seen).toHaveLength(count);
    expect(small.size).toBe(0);
  }
});
