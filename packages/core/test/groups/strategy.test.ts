import { Strategy, topicTarget } from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupWorld, leasesOfLog } from './group-world.ts';
import { TestMember } from './test-member.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${String(i).padStart(2, '0')}`);
const shares = fc
  .array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 })
  .map((counts) => counts.map((queues, i) => ({ broker: `b${i}`, queues })));
const members = fc.integer({ min: 1, max: 9 }).map(names);
const holder = fc.option(fc.constantFrom(...names(9), 'gone'), { nil: undefined });
/** Who holds each queue, by broker. */
const held = fc.array(fc.array(holder, { minLength: 12, maxLength: 12 }), { minLength: 4, maxLength: 4 });

type Shares = readonly { readonly broker: string; readonly queues: number }[];
type Held = readonly (readonly (string | undefined)[])[];

const targets = (strategy: Strategy, ids: readonly string[], list: Shares, holds: Held): string[][] =>
  list.map(({ broker, queues }, i) => [
    ...topicTarget(ids, list, broker, queues, { strategy, holder: (queue) => holds[i]?.[queue] }).owners,
  ]);

const countOf = (owners: readonly string[], id: string): number => owners.filter((owner) => owner === id).length;

describe('the strategies of a group (chapter of groups)', () => {
  it.each([
    ['AVERAGELY', Strategy.AVERAGELY],
    ['CIRCLE', Strategy.CIRCLE],
    ['STICKY', Strategy.STICKY],
  ])(
    '%s gives every queue to one member, and shares differ by at most one [QNT-GRP-030, QNT-GRP-056, QNT-GRP-057]',
    (_, strategy) => {
      fc.assert(
        fc.property(members, shares, held, (ids, list, holds) => {
          const rows = targets(strategy, ids, list, holds);
          rows.forEach((owners, i) => {
            expect(owners.length).toBe(list[i]?.queues);
          });
          for (const owner of rows.flat()) expect(ids).toContain(owner);
          const counts = ids.map((id) => countOf(rows.flat(), id));
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          // Who sorts behind as many members as there are queues is idle, whatever the strategy.
          counts.forEach((count, index) => {
            expect(count === 0).toBe(index >= rows.flat().length);
          });
        }),
        { numRuns: 300 },
      );
    },
  );

  it('STICKY moves the fewest queues that the sizes of the shares allow [QNT-GRP-057]', () => {
    fc.assert(
      fc.property(members, shares, held, (ids, list, holds) => {
        const sticky = targets(Strategy.STICKY, ids, list, holds);
        const averagely = targets(Strategy.AVERAGELY, ids, list, holds);
        sticky.forEach((owners, i) => {
          const before = (holds[i] ?? []).slice(0, owners.length);
          const moved = owners.filter((owner, queue) => ids.includes(before[queue] ?? '') && owner !== before[queue]).length;
          let least = 0;
          for (const id of ids) {
            expect(countOf(owners, id)).toBe(countOf(averagely[i] ?? [], id));
            least += Math.max(0, before.filter((name) => name === id).length - countOf(owners, id));
          }
          expect(moved).toBe(least);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('STICKY leaves its own result as it is [QNT-GRP-057]', () => {
    fc.assert(
      fc.property(members, shares, held, (ids, list, holds) => {
        const once = targets(Strategy.STICKY, ids, list, holds);
        expect(targets(Strategy.STICKY, ids, list, once)).toEqual(once);
      }),
      { numRuns: 100 },
    );
  });
});

const SUBSCRIPTION = { topics: [{ topic: 'orders' }] };

function joinOneByOne(strategy: Strategy, count: number): { world: GroupWorld; members: TestMember[] } {
  const world = new GroupWorld();
  world.topic('orders', 6, 10);
  // Whoever joins sorts before all others, so that neighbouring runs would all shift.
  const joined = names(count)
    .reverse()
    .map((id) => new TestMember(world, id, { ...SUBSCRIPTION, strategy }));
  joined.forEach((_, i) => {
    for (let round = 0; round < 4; round++) {
      for (const member of joined.slice(0, i + 1)) {
        member.beat();
        member.releaseAll();
      }
      world.pass(300);
    }
    for (const member of joined.slice(0, i + 1)) member.beat();
  });
  return { world, members: joined };
}

const grants = (world: GroupWorld): number => world.log.filter((record) => record.leaseGranted !== undefined).length;

describe('a group with a strategy (chapter of groups)', () => {
  it('deals its queues out in turn [QNT-GRP-056]', () => {
    const { members: joined } = joinOneByOne(Strategy.CIRCLE, 3);
    expect(joined.toReversed().map(({ held: queues }) => queues)).toEqual([
      ['orders/0', 'orders/3'],
      ['orders/1', 'orders/4'],
      ['orders/2', 'orders/5'],
    ]);
  });

  it('keeps what it can where it is: six queues, then three to the second, then one of each to the third [QNT-GRP-057]', () => {
    const sticky = joinOneByOne(Strategy.STICKY, 3);
    expect(sticky.members.map(({ held: queues }) => queues.length)).toEqual([2, 2, 2]);
    expect(grants(sticky.world)).toBe(6 + 3 + 2);
    expect(grants(joinOneByOne(Strategy.AVERAGELY, 3).world)).toBeGreaterThan(11);
    expect(leasesOfLog(sticky.world.log).size).toBe(6);
  });

  it('moves only what a member leaves behind [QNT-GRP-057]', () => {
    const { world, members: joined } = joinOneByOne(Strategy.STICKY, 3);
    const [first, second, third] = joined as [TestMember, TestMember, TestMember];
    const kept = [...first.held, ...second.held];
    const before = grants(world);
    third.leave();
    for (let round = 0; round < 4; round++) {
      world.pass(300);
      for (const member of [first, second]) member.beat();
    }
    expect(grants(world) - before).toBe(2);
    for (const queue of kept) expect([...first.held, ...second.held]).toContain(queue);
    expect([first.held.length, second.held.length]).toEqual([3, 3]);
  });

  it('is still the same after a restart: nothing moves [QNT-GRP-046, QNT-GRP-057]', () => {
    const { world, members: joined } = joinOneByOne(Strategy.STICKY, 3);
    const before = grants(world);
    const heldBefore = joined.map((member) => member.held);
    world.restart();
    for (let round = 0; round < 15; round++) {
      for (const member of joined) {
        if (!member.session.alive || round === 0) member.reconnect();
        member.beat();
      }
      world.pass(1_000);
    }
    expect(grants(world)).toBe(before);
    expect(joined.map((member) => member.held)).toEqual(heldBefore);
  });
});
