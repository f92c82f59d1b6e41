import { expect, test } from 'vitest';
import {
  SHARE_PREFETCH_BYTES_MAX,
  SHARE_PREFETCH_BYTES_MIN,
  SHARES_BYTES_MAX,
  SHARES_PREFETCH_BYTES,
} from '../../src/cluster/limits.ts';
import { ShareMemory } from '../../src/cluster/share-memory.ts';
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

test('shared subscriptions divide SHARES_PREFETCH_BYTES: a few have SHARE_PREFETCH_BYTES_MAX, each has SHARE_PREFETCH_BYTES_MIN', () => {
  const memory = new ShareMemory();
  const begin = (): ReturnType<ShareMemory['begin']> => memory.begin({ pause: () => {}, resume: () => {} });
  const holds = Array.from({ length: 256 }, begin);
  const sizes = holds.map(({ prefetchBytes }) => prefetchBytes);
  expect(Math.max(...sizes)).toBe(SHARE_PREFETCH_BYTES_MAX);
  expect(Math.min(...sizes)).toBe(SHARE_PREFETCH_BYTES_MIN);
  const sum = sizes.reduce((all, one) => all + one, 0);
  expect(sum).toBeLessThanOrEqual(SHARES_PREFETCH_BYTES + 256 * SHARE_PREFETCH_BYTES_MIN);
  for (const hold of holds) hold.end();
  expect(begin().prefetchBytes).toBe(SHARE_PREFETCH_BYTES_MAX);
});

test('a message keeps the buffer that it came in: it is counted once, until the last message of it is settled', () => {
  const memory = new ShareMemory();
  const hold = memory.begin({ pause: () => {}, resume: () => {} });
  const buffer = new ArrayBuffer(1_000);
  const messages = [new Uint8Array(buffer, 0, 1), new Uint8Array(buffer, 500, 2)] as const;
  for (const message of messages) hold.add(message);
  expect(memory.bytes).toBe(1_000);
  hold.remove(messages[0]);
  expect(memory.bytes).toBe(1_000);
  hold.remove(messages[1]);
  expect(memory.bytes).toBe(0);
  hold.add(messages[0]);
  hold.end();
  hold.remove(messages[0]);
  expect(memory.bytes).toBe(0);
});

test('a paused shared subscription goes on with each message that is settled, and with all when there is room', () => {
  const memory = new ShareMemory();
  const heard: string[] = [];
  const [one, two] = ['one', 'two'].map((name) =>
    memory.begin({ pause: () => heard.push(`${name} pauses`), resume: () => heard.push(`${name} goes on`) }),
  ) as [ReturnType<ShareMemory['begin']>, ReturnType<ShareMemory['begin']>];
  const quarters = Array.from({ length: 4 }, () => new Uint8Array(SHARES_BYTES_MAX / 4));
  for (const quarter of quarters) one.add(quarter);
  const [small, other] = [new Uint8Array(1), new Uint8Array(1)];
  two.add(small);
  expect(heard).toEqual([]);
  one.add(other);
  expect(heard.splice(0)).toEqual(['one pauses']);
  one.remove(other);
  one.add(other);
  expect(heard.splice(0)).toEqual(['one goes on', 'one pauses']);
  two.remove(small);
  expect(heard).toEqual([]);
  for (const quarter of quarters) one.remove(quarter);
  expect(heard).toEqual(['one goes on']);
  expect(one.paused).toBe(false);
});

test('beyond SHARES_BYTES_MAX the shared subscriptions that hold most wait, and the others go on', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const shares = Array.from({ length: 40 }, (_, i) => ({ name: `frozen${i}`, filter: 'jobs/+' }));
  for (const share of shares) one.cluster.joinShare(share);
  one.cluster.joinShare({ name: 'reads', filter: 'small' });
  await world.cluster.advance(5_000);
  const payload = 'x'.repeat(500_000);
  for (let i = 0; i < 12; i++) await one.publish(`jobs/${i}`, payload);
  await world.cluster.advance(2_000);
  const held = one.cluster.figures().shareBytes;
  expect(held).toBeGreaterThan(SHARES_BYTES_MAX);
  // Each may have one more message than its part.
  expect(held).toBeLessThan(SHARES_BYTES_MAX + 41 * 600_000);
  const given = one.given.splice(0);
  await one.publish('small', 'goes on');
  await world.cluster.advance(1_000);
  expect(settleAll(one)).toEqual(['goes on']);
  // Once what is held is settled, everything comes, once for each.
  let count = 0;
  for (let batch = given; batch.length > 0; batch = one.given.splice(0)) {
    for (const { settle } of batch) settle(true);
    count += batch.length;
    await world.cluster.advance(2_000);
  }
  expect(count).toBe(12 * 40);
  expect(one.cluster.figures().shareBytes).toBe(0);
});
