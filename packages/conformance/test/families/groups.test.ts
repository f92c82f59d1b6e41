import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { groups } from '../../src/families/groups/index.ts';
import { allocate, circle, stick } from '../../src/families/groups/oracle.ts';
import { checkFamily } from './family-check.ts';

checkFamily(groups);

interface VectorCase {
  readonly queues: number;
  readonly members: number;
  readonly shares: readonly (readonly number[])[];
  readonly owners: readonly number[];
}

interface StickyCase {
  readonly owners: readonly string[];
  readonly members: readonly string[];
  readonly held: readonly (string | null)[];
  readonly result: readonly string[];
}

const vector = <Case>(name: string): Case[] =>
  JSON.parse(readFileSync(new URL(`../../../../spec/v1/vectors/${name}.json`, import.meta.url), 'utf8')).cases;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const names = (count: number): string[] => numbers(count).map((number) => `m${String(number).padStart(3, '0')}`);

describe('the oracle of targets is that of the specification', () => {
  it.each(vector<VectorCase>('allocate-averagely'))(
    'averagely: $queues queues, $members members',
    ({ queues, members, shares }) => {
      const all = names(members);
      const expected = shares.map(([start = 0, count = 0]) => numbers(queues).slice(start, start + count));
      expect(all.map((member) => allocate(numbers(queues), all, member))).toEqual(expected);
    },
  );

  it.each(vector<VectorCase>('allocate-circle'))('by circle: $queues queues, $members members', ({ queues, members, owners }) => {
    const all = names(members);
    const shares = all.map((member) => circle(numbers(queues), all, member));
    expect(numbers(queues).map((queue) => shares.findIndex((share) => share.includes(queue)))).toEqual(owners);
  });

  it.each(vector<StickyCase>('allocate-sticky'))('sticky: $owners, $held', ({ owners, members, held, result }) => {
    const holders = held.map((holder) => holder ?? undefined);
    expect(stick(owners, members, holders)).toEqual(result);
  });
});
