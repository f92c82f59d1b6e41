import { expect, test } from 'vitest';
import { startWorld, text } from './bridges.ts';

test('a message is stored, and arrives at every bridge', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  expect(await one.publish('a/b', 'hello')).toBe('success');
  await world.cluster.advance(50);
  expect(one.arrivals.map(text)).toEqual(['hello']);
  expect(two.arrivals.map(text)).toEqual(['hello']);
  expect([...one.logged, ...two.logged]).toEqual([]);
});

test('an offline session gets what it missed by its pointers', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.offline('device', ['commands/device/#']);
  for (let i = 0; i < 50; i++) void one.publish(`other/${i}`, `${i}`);
  await one.publish('commands/device/reset', 'now');
  for (let i = 0; i < 50; i++) void one.publish(`other/${i}`, `${i}`);
  await world.cluster.advance(1_000);
  const { backlog, sessionPresent, subscriptions } = await two.claimed('device');
  expect(sessionPresent).toBe(true);
  expect(subscriptions.map(({ filter }) => filter)).toEqual(['commands/device/#']);
  expect(await two.read(backlog.places)).toEqual(['now']);
  expect(backlog.scanFrom).toEqual([]);
  expect([...one.logged, ...two.logged]).toEqual([]);
});
