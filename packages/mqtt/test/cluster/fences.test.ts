import type { KeyedState } from '@qanat/client';
import type { QueueId } from '@qanat/core';
import { expect, test } from 'vitest';
import { withCheckpoint } from '../../src/cluster/claims.ts';
import { decodeLiveness, encodeLiveness, Liveness } from '../../src/cluster/liveness.ts';
import { QueueTable } from '../../src/cluster/queue-table.ts';
import { indexedFor } from '../../src/cluster/resume.ts';
import { encodeExchange, encodeFinished, SessionStore } from '../../src/cluster/session-entries.ts';
import type { SessionRecord } from '../../src/cluster/session-record.ts';
import { bridgeKey, exchangeKey, finishedKey } from '../../src/cluster/state-keys.ts';
import { startWorld, text, type World } from './bridges.ts';

const QUEUE: QueueId = { topic: 'mqtt', broker: 'broker-a', queue: 0 };

const recordOf = (rest: Partial<SessionRecord>): SessionRecord => ({
  clientId: 'device',
  claim: 1,
  owner: undefined,
  offlineSinceMs: 0,
  expiryInterval: 1,
  principal: '',
  subscriptions: [],
  cursor: new Map([['mqtt/broker-a/0', 10]]),
  pointersFrom: 1,
  checkpointsFrom: 0,
  inbound: false,
  will: undefined,
  willDueMs: 0,
  ...rest,
});

function livenessOf(world: World, instance: string): Liveness {
  const nobody = {} as KeyedState; // it never writes
  return new Liveness(nobody, world.cluster.clock, instance, () => {});
}

test('an index counts only for sessions that its indexer had heard of', () => {
  const seen = new Map([['mqtt-state/broker-a/0', 7]]);
  const indexes = new Map([[3, { queue: 'mqtt/broker-a/0', position: 100, seen }]]);
  expect(indexedFor(indexes, 'mqtt-state/broker-a/0', 7)).toEqual(new Map([[3, 100]]));
  expect(indexedFor(indexes, 'mqtt-state/broker-a/0', 8)).toEqual(new Map());
  expect(indexedFor(indexes, 'mqtt-state/broker-b/0', 1)).toEqual(new Map());
});

test('the checkpoint of a dead bridge counts from the one on at which the session was settled', async () => {
  await using world = await startWorld();
  const liveness = livenessOf(world, 'me');
  const positions = new Map([['mqtt/broker-a/0', 50]]);
  const checkpoint = { number: 4, positions };
  expect(decodeLiveness(encodeLiveness(1, checkpoint))).toEqual(checkpoint);
  liveness.changed(bridgeKey('other'), encodeLiveness(1, checkpoint), 1, QUEUE);
  const at = (checkpointsFrom: number) => withCheckpoint(recordOf({ owner: 'other', checkpointsFrom }), liveness);
  for (const from of [0, 5]) {
    expect(at(from).record.cursor.get('mqtt/broker-a/0')).toBe(10);
    expect(at(from).pointersHold).toBe(true);
  }
  for (const from of [3, 4]) {
    expect(at(from).record.cursor.get('mqtt/broker-a/0')).toBe(50);
    expect(at(from).pointersHold).toBe(false);
  }
});

test('of several bridges one does a task, and when it stands still another one does', async () => {
  await using world = await startWorld();
  const names = ['one', 'two', 'three'];
  const all = names.map((name) => livenessOf(world, name));
  const beat = (beats: number, of: readonly string[]): void => {
    for (const liveness of all)
      for (const name of of)
        liveness.changed(bridgeKey(name), encodeLiveness(beats, { number: 0, positions: new Map() }), beats, QUEUE);
  };
  const tasks = Array.from({ length: 60 }, (_, i) => `task ${i}`);
  const doers = (task: string) => all.filter((liveness) => liveness.isMine(task)).map(({ instance }) => instance);
  beat(1, names);
  for (const task of tasks) expect(doers(task)).toHaveLength(1);
  expect(new Set(tasks.flatMap(doers))).toEqual(new Set(names));
  await world.cluster.advance(4_000);
  beat(2, ['one', 'two']);
  await world.cluster.advance(1_500);
  const alive = all.slice(0, 2);
  for (const task of tasks) expect(alive.filter((liveness) => liveness.isMine(task))).toHaveLength(1);
  expect(all[0]?.isAlive('three')).toBe(false);
  // Who was never seen has as long to be seen.
  expect(all[0]?.isAlive('four')).toBe(true);
  await world.cluster.advance(5_000);
  expect(all[0]?.isAlive('four')).toBe(false);
});

test('what a bridge writes of exchanges after another one has the session does not count', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('mqtt-state'));
  const state = client.keyedState('mqtt-state');
  const queues = new QueueTable();
  const queue = queues.numberOf(QUEUE);
  const store = new SessionStore(state, cluster.clock, queues);
  const home = await cluster.until(store.queueOf('device'));
  const exchange = (packetId: number) => ({ packetId, queue, offset: packetId, released: false });
  const writes = [
    { key: exchangeKey('device', 1), value: encodeExchange(1, exchange(1), queues) },
    { key: exchangeKey('device', 2), value: encodeExchange(2, exchange(2), queues) },
    { key: finishedKey('device'), value: encodeFinished(1, [{ queue, offset: 9 }], queues) },
  ];
  await cluster.until(state.write(home, writes));
  const entries = await cluster.until(store.entriesOf(home, recordOf({ claim: 2 })));
  expect(entries.exchanges).toEqual([exchange(2)]);
  expect(entries.finished).toEqual([]);
  expect(entries.keys).toHaveLength(3);
});

test('a bridge that is behind claims a session once it has seen what the one before has sent', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const brokerOf = async (topic: string, text: string) =>
    (await cluster.until(one.client.keyedState(topic).queueOf(text))).broker;
  let clientId = 'device';
  while ((await brokerOf('mqtt-state', clientId)) !== 'broker-b') clientId += '.';
  let topic = 't';
  while ((await brokerOf('mqtt', topic)) !== 'broker-a') topic += '.';
  const epoch = await one.session(clientId, [topic]);
  await cluster.advance(100);
  cluster.cut('client-2', 'broker-a');
  expect(await one.publish(topic, 'sent by the first')).toBe('success');
  await cluster.advance(20);
  expect(one.arrivals.map(text)).toEqual(['sent by the first']);
  one.suspend(clientId, epoch);
  await cluster.advance(20);
  let claimed = false;
  const claim = new Promise<number>((resolve) => {
    const request = { clientId, cleanStart: false, expiryInterval: 100, will: undefined, principal: '' };
    two.cluster.claim(request, (result) => {
      claimed = true;
      resolve(typeof result === 'string' ? -1 : result.backlog.places.length + two.arrivals.length * 10);
    });
  });
  await cluster.advance(300);
  expect(claimed).toBe(false);
  cluster.heal('client-2', 'broker-a');
  // It arrived before, and is not in the backlog: the session does not get it again.
  expect(await cluster.until(claim)).toBe(10);
});
