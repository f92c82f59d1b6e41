import { expect, it } from 'vitest';
import { Lateness } from '../../src/ground/lateness.ts';

/** Looks at the times that are given, and tells the worst lateness since another. */
function latenessAt(looksMs: readonly number[]): { readonly sinceMs: (fromMs: number) => number } {
  let nowMs = 0;
  const lateness = new Lateness(() => nowMs);
  for (const atMs of looksMs) {
    nowMs = atMs;
    lateness.look();
  }
  return lateness;
}

it('tells how much later than its period it was looked at, at the worst', () => {
  expect(latenessAt([20, 40, 260, 280, 310]).sinceMs(0)).toBe(200);
});

it('tells the worst since a time, and not what was before', () => {
  const lateness = latenessAt([20, 240, 260, 290, 310]);
  expect(lateness.sinceMs(241)).toBe(10);
  expect(lateness.sinceMs(305)).toBe(0);
});

it('counts what is late right now and was not looked at yet', () => {
  let nowMs = 0;
  const lateness = new Lateness(() => nowMs);
  nowMs = 520;
  expect(lateness.sinceMs(0)).toBe(500);
});
