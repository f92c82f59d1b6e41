import { expect, test } from 'vitest';
import { UNSEEN_MS_MAX, Unseen } from '../../src/cluster/unseen.ts';

test('what was stored counts for UNSEEN_BYTES_MAX until the tail of its queue has come behind it', () => {
  const unseen = new Unseen();
  unseen.stored(0, 10, 100, 0);
  unseen.stored(0, 20, 30, 0);
  unseen.stored(1, 5, 7, 0);
  expect(unseen.bytes).toBe(137);
  unseen.seen(0, 9);
  expect(unseen.bytes).toBe(137);
  unseen.seen(0, 10);
  expect(unseen.bytes).toBe(37);
  unseen.seen(2, 100);
  unseen.seen(0, 25);
  unseen.seen(1, 5);
  expect(unseen.bytes).toBe(0);
});

test('beyond UNSEEN_MS_MAX a queue whose tail stands still holds nobody up for ever', () => {
  const unseen = new Unseen();
  unseen.stored(0, 10, 100, 0);
  unseen.stored(0, 20, 30, 1_000);
  unseen.forget(UNSEEN_MS_MAX);
  expect(unseen.bytes).toBe(130);
  unseen.forget(UNSEEN_MS_MAX + 1);
  expect(unseen.bytes).toBe(30);
  unseen.seen(0, 20);
  expect(unseen.bytes).toBe(0);
});
