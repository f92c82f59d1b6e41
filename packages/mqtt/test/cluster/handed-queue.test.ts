import type { QueueId } from '@qanat/core';
import { expect, test } from 'vitest';
import { HandedQueue } from '../../src/cluster/handed-queue.ts';
import { HANDED_MAX, STATE_PAGE } from '../../src/cluster/limits.ts';
import { shareGroup } from '../../src/cluster/shares.ts';
import { handedKey, queueName } from '../../src/cluster/state-keys.ts';
import type { StoredPublication } from '../../src/ports.ts';
import { startWorld, type TestBridge, text, type World } from './bridges.ts';

const SHARE = { name: 'workers', filter: 'jobs/+' };
const GROUP = shareGroup(SHARE);

/** A bridge with a session, and a message of QoS 2 that was given for it. */
async function given(world: World, expiryInterval = 86_400): Promise<{ one: TestBridge; epoch: number; queue: QueueId }> {
  const one = await world.bridge('one');
  const epoch = await one.session('worker', [], { expiryInterval });
  one.cluster.joinShare(SHARE);
  await world.cluster.advance(3_000);
  await one.publish('jobs/1', 'once', { qos: 2 });
  await world.cluster.advance(100);
  expect(one.given.map(({ message }) => text(message))).toEqual(['once']);
  return { one, epoch, queue: await world.cluster.until(one.client.keyedState('mqtt').queueOf('jobs/1')) };
}

const begins = (one: TestBridge, epoch: number, packetId: number, message: StoredPublication): Promise<boolean> => {
  const { queue, offset } = message;
  return one.exchange('worker', epoch, packetId, { packetId, queue, offset, released: false }, message);
};

/** The keys of what shares have handed, in all state queues. */
async function handedKeys({ cluster }: World, { client }: TestBridge): Promise<string[]> {
  const state = client.keyedState('mqtt-state');
  const keys: string[] = [];
  for (const queue of await cluster.until(state.queues())) {
    const { entries } = await cluster.until(state.scan(queue, { prefix: 'h/' }));
    keys.push(...entries.map(({ key }) => key));
  }
  return keys;
}

const messagesOf = (keys: readonly string[]): string[] => keys.filter((key) => !key.endsWith('/fence'));

test("a message that a share has handed to a session has an entry until the group's offset has passed it", async () => {
  await using world = await startWorld();
  const { one, epoch, queue } = await given(world);
  const [first] = one.given;
  if (first === undefined) throw new Error('nothing was given');
  expect(await begins(one, epoch, 1, first.message)).toBe(true);
  expect(messagesOf(await handedKeys(world, one))).toEqual([handedKey(GROUP, queueName(queue), first.message.offset)]);
  await world.cluster.advance(5_000);
  expect(messagesOf(await handedKeys(world, one))).toHaveLength(1);
  first.settle(true);
  await world.cluster.advance(5_000);
  expect(messagesOf(await handedKeys(world, one))).toEqual([]);
  one.cluster.leaveShare(SHARE);
  await world.cluster.advance(2_000);
  expect(await handedKeys(world, one)).toEqual([]);
});

test('whoever goes on with a queue knows what was handed, and what the one before still hands is refused [MQTT-4.8.2-5]', async () => {
  await using world = await startWorld();
  const { one, epoch, queue } = await given(world);
  const { clock } = world.cluster;
  const [first] = one.given.splice(0);
  if (first === undefined) throw new Error('nothing was given');
  const next = new HandedQueue(one.client.keyedState('mqtt-state'), clock, GROUP, queueName(queue));
  await world.cluster.until(next.begin(() => {}));
  expect(next.has(first.message.offset)).toBe(false);
  expect(await begins(one, epoch, 1, first.message)).toBe(false);
  expect(one.lost).toEqual([]);
  expect(messagesOf(await handedKeys(world, one))).toEqual([]);
  // It comes again, and the one that has it now is this bridge.
  first.settle(false);
  await world.cluster.advance(1_000);
  const [again] = one.given;
  if (again === undefined) throw new Error('nothing was given again');
  expect(await begins(one, epoch, 2, again.message)).toBe(true);
  const last = new HandedQueue(one.client.keyedState('mqtt-state'), clock, GROUP, queueName(queue));
  await world.cluster.until(last.begin(() => {}));
  expect(last.has(first.message.offset)).toBe(true);
  const { backlog } = await (await world.bridge('two')).claimed('worker');
  expect(backlog.exchanges.map(({ packetId }) => packetId)).toEqual([2]);
});

test('exchanges of a session beside a handing that is refused are written', async () => {
  await using world = await startWorld();
  const { one, epoch, queue } = await given(world);
  const [first] = one.given;
  if (first === undefined) throw new Error('nothing was given');
  const next = new HandedQueue(one.client.keyedState('mqtt-state'), world.cluster.clock, GROUP, queueName(queue));
  await world.cluster.until(next.begin(() => {}));
  const own = { packetId: 7, queue: first.message.queue, offset: 0, released: false };
  const both = Promise.all([begins(one, epoch, 6, first.message), one.exchange('worker', epoch, 7, own)]);
  expect(await world.cluster.until(both)).toEqual([false, true]);
  const { backlog } = await (await world.bridge('two')).claimed('worker');
  expect(backlog.exchanges.map(({ packetId }) => packetId)).toEqual([7]);
});

test('what was handed to a session that ended before it was sent is taken back, and given again [MQTT-4.8.2-5]', async () => {
  await using world = await startWorld();
  const { one, epoch } = await given(world, 0);
  const [first] = one.given.splice(0);
  if (first === undefined) throw new Error('nothing was given');
  expect(await begins(one, epoch, 1, first.message)).toBe(true);
  expect(messagesOf(await handedKeys(world, one))).toHaveLength(1);
  first.settle(false);
  await world.cluster.advance(1_000);
  expect(messagesOf(await handedKeys(world, one))).toEqual([]);
  expect(one.given.map(({ message }) => text(message))).toEqual(['once']);
});

test('beyond HANDED_MAX messages that the offset has not passed none of QoS 2 is given, others are', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const state = one.client.keyedState('mqtt-state');
  const queue = queueName(await world.cluster.until(one.client.keyedState('mqtt').queueOf('jobs/1')));
  const [home] = await world.cluster.until(state.queues());
  if (home === undefined) throw new Error('no state queue');
  const keys = Array.from({ length: HANDED_MAX }, (_, i) => handedKey(GROUP, queue, 1_000_000 + i));
  for (let at = 0; at < keys.length; at += STATE_PAGE) {
    const page = keys.slice(at, at + STATE_PAGE).map((key) => ({ key, value: new Uint8Array(1) }));
    await world.cluster.until(state.write(home, page));
  }
  one.cluster.joinShare(SHARE);
  await world.cluster.advance(3_000);
  await one.publish('jobs/1', 'waits', { qos: 2 });
  await one.publish('jobs/1', 'goes on', { qos: 1 });
  await world.cluster.advance(1_000);
  expect(one.given.map(({ message }) => text(message))).toEqual(['goes on']);
  one.cluster.leaveShare(SHARE);
  await world.cluster.until(state.write(home, [{ key: keys[0] as string, value: undefined }]));
  one.cluster.joinShare(SHARE);
  await world.cluster.advance(5_000);
  expect(one.given.map(({ message }) => text(message))).toContain('waits');
});
