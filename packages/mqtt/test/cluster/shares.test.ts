import { expect, test } from 'vitest';
import { startWorld, type TestBridge, text } from './bridges.ts';

const SHARE = { name: 'workers', filter: 'jobs/+' };

function settleAll(bridge: TestBridge, done = true): string[] {
  return bridge.given.splice(0).map(({ message, settle }) => {
    settle(done);
    return text(message);
  });
}

test('each message of a shared subscription goes to one bridge, and is given until it is settled', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  one.cluster.joinShare(SHARE);
  one.cluster.joinShare(SHARE);
  two.cluster.joinShare(SHARE);
  await world.cluster.advance(5_000);
  for (let i = 0; i < 60; i++) void one.publish(`jobs/${i}`, `${i}`);
  void one.publish('other', 'not selected');
  void one.publish('jobs/a/b', 'not selected');
  await world.cluster.advance(1_000);
  expect(one.given.length).toBeGreaterThan(0);
  expect(two.given.length).toBeGreaterThan(0);
  expect(one.given.every(({ share }) => share.name === 'workers')).toBe(true);
  const again = new Set(settleAll(one, false));
  const done = settleAll(two);
  await world.cluster.advance(1_000);
  const second = settleAll(one);
  expect(new Set(second)).toEqual(again);
  expect([...done, ...second].map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i));
  await world.cluster.advance(3_000);
  expect([...one.given, ...two.given]).toEqual([]);
});

test('what a bridge did not settle goes to others when it leaves, and when it dies', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const three = await world.bridge('three');
  for (const bridge of [one, two]) bridge.cluster.joinShare(SHARE);
  await world.cluster.advance(5_000);
  for (let i = 0; i < 40; i++) void three.publish(`jobs/${i}`, `${i}`);
  await world.cluster.advance(1_000);
  const handled = new Set<string>();
  for (const payload of settleAll(two)) handled.add(payload);
  expect(one.given.length).toBeGreaterThan(0);
  one.cluster.leaveShare(SHARE);
  await world.cluster.advance(5_000);
  // What it says afterwards does not count.
  settleAll(one);
  for (const payload of settleAll(two)) handled.add(payload);
  expect(handled.size).toBe(40);
  // The group's offset is written once a second: what was settled since comes again behind a death.
  await world.cluster.advance(2_000);
  for (let i = 40; i < 60; i++) void three.publish(`jobs/${i}`, `${i}`);
  await world.cluster.advance(1_000);
  expect(two.given.length).toBe(20);
  await two.kill();
  three.cluster.joinShare(SHARE);
  await world.cluster.advance(30_000);
  expect(new Set(settleAll(three)).size).toBe(20);
});

test('a share that everybody has left keeps its place, and goes on where it was', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  one.cluster.joinShare(SHARE);
  await world.cluster.advance(3_000);
  await one.publish('jobs/1', 'first');
  await world.cluster.advance(500);
  expect(settleAll(one)).toEqual(['first']);
  await world.cluster.advance(2_000);
  one.cluster.leaveShare(SHARE);
  await world.cluster.advance(1_000);
  await one.publish('jobs/2', 'while nobody was there');
  one.cluster.joinShare(SHARE);
  await world.cluster.advance(5_000);
  expect(settleAll(one)).toEqual(['while nobody was there']);
});
