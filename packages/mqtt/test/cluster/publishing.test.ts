import { TopicRules } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { PUBLISH_BYTES_MAX, QOS0_BYTES_MAX } from '../../src/cluster/limits.ts';
import { publication, startWorld, text } from './bridges.ts';

test('calls of one client, topic and QoS are stored in their order, whatever is beside them [MQTT-4.6.0-5]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  await one.session('publisher', []);
  const outcomes: string[] = [];
  for (let i = 0; i < 200; i++) {
    const retain = i % 17 === 0;
    if (i % 13 === 0) one.cluster.publishOnce(publication('a', `${i}`, { qos: 2 }), i + 1, (outcome) => outcomes.push(outcome));
    else one.cluster.publish(publication('a', `${i}`, { retain }), (outcome) => outcomes.push(outcome));
    one.cluster.publish(publication(`b/${i}`, 'beside'), (outcome) => outcomes.push(outcome));
    if (i % 40 === 0) await world.cluster.advance(1);
  }
  expect(outcomes.length).toBeLessThan(400);
  await world.cluster.advance(500);
  expect(outcomes).toEqual(Array.from({ length: 400 }, () => 'success'));
  const all = Array.from({ length: 200 }, (_, i) => i);
  for (const qos of [1, 2] as const) {
    const stored = one.arrivals.filter((message) => message.topic === 'a' && message.qos === qos).map(text);
    expect(stored).toEqual(all.filter((i) => (i % 13 === 0) === (qos === 2)).map(String));
  }
});

test('what a turn publishes leaves in few batches', async () => {
  await using world = await startWorld({ brokers: 1 });
  const one = await world.bridge('one');
  let done = 0;
  for (let i = 0; i < 1_000; i++) one.cluster.publish(publication('a', `${i}`), () => done++);
  expect(done).toBe(0);
  await world.cluster.advance(30);
  expect(done).toBe(1_000);
  // One batch has one time of storing.
  expect(new Set(one.arrivals.map(({ storeTimeMs }) => storeTimeMs)).size).toBeLessThanOrEqual(2);
});

test('QoS 2 of a client whose session is elsewhere is not stored', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('device', []);
  await two.claimed('device');
  await world.cluster.advance(50);
  expect(await one.publishOnce('a', 'late', 1, 'device')).toBe('unspecified-error');
  expect(await two.publishOnce('a', 'now', 1, 'device')).toBe('success');
  await world.cluster.advance(50);
  expect(two.arrivals.map(text)).toEqual(['now']);
});

test('a topic without a rule, or one that only receives, takes nothing', async () => {
  const rules = new TopicRules([
    { match: 'up/#', topic: 'up', direction: 'up' },
    { match: 'down/#', topic: 'down', direction: 'down' },
  ]);
  await using world = await startWorld({}, rules);
  const one = await world.bridge('one');
  expect(await one.publish('other', 'x')).toBe('topic-name-invalid');
  expect(await one.publish('down/1', 'x')).toBe('topic-name-invalid');
  expect(await one.publish('up/1', 'x')).toBe('success');
  await world.cluster.advance(50);
  expect(one.arrivals).toEqual([]);
});

test('beyond PUBLISH_BYTES_MAX devices pause; QoS 0 that comes all the same is shed beyond QOS0_BYTES_MAX, and counted', async () => {
  await using world = await startWorld({ brokers: 1 });
  const one = await world.bridge('one');
  world.cluster.killBroker('broker-a');
  const payload = 'x'.repeat(250_000);
  expect(QOS0_BYTES_MAX).toBe(16 * PUBLISH_BYTES_MAX);
  const outcomes: string[] = [];
  for (let i = 0; i < 4; i++)
    expect(one.cluster.publish(publication('a', payload), (outcome) => outcomes.push(outcome))).toBe(true);
  const open: boolean[] = [];
  for (let i = 0; i < 320; i++) open.push(one.cluster.publish(publication('a', payload, { qos: 0 })));
  expect(open.indexOf(false)).toBeGreaterThan(8);
  expect(open.indexOf(false)).toBeLessThan(14);
  expect(open.at(-1)).toBe(false);
  const { shed } = one.cluster.figures();
  expect(shed).toBeGreaterThan(32);
  expect(shed).toBeLessThan(64);
  expect(one.readied).toBe(0);
  await world.cluster.startBroker('broker-a');
  await world.cluster.advance(5_000);
  expect(one.readied).toBe(1);
  expect(outcomes).toEqual(['success', 'success', 'success', 'success']);
  expect(one.cluster.figures().shed).toBe(shed);
});

test('a bridge that closes calls nothing any more', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a']);
  one.suspend('device', epoch);
  let calls = 0;
  await world.cluster.until(one.cluster.close());
  one.cluster.publish(publication('a', 'x'), () => calls++);
  const request = { clientId: 'other', cleanStart: true, expiryInterval: 0, will: undefined, principal: 'x' };
  one.cluster.claim({ ...request, maySubscribe: () => true, wanted: () => true }, () => calls++);
  await world.cluster.advance(20_000);
  expect(calls).toBe(0);
  expect(one.arrivals).toEqual([]);
});

test('a bridge closes though the broker of its sessions is away; they are found as those of one that died', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const clientIds = ['a', 'b', 'c', 'd', 'e', 'f'];
  const epochs = new Map<string, number>();
  for (const clientId of clientIds) epochs.set(clientId, await one.session(clientId, ['t']));
  await cluster.advance(1_500);
  cluster.killBroker('broker-b');
  await cluster.advance(100);
  for (const [clientId, epoch] of epochs) one.suspend(clientId, epoch);
  await cluster.until(one.cluster.close());
  await cluster.startBroker('broker-b');
  await cluster.advance(12_000);
  expect(two.cluster.figures().offlineSessions).toBe(clientIds.length);
  await two.publish('t', 'missed');
  await cluster.advance(500);
  for (const clientId of clientIds) expect(await two.read((await two.claimed(clientId)).backlog.places)).toEqual(['missed']);
});

test('a bridge knows whether it takes a topic: by a rule that is not of direction down [QNT-MQT-104]', async () => {
  const rules = new TopicRules([
    { match: 'up/#', topic: 'mqtt', direction: 'up' },
    { match: 'down/#', topic: 'mqtt', direction: 'down' },
  ]);
  await using world = await startWorld({}, rules);
  const one = await world.bridge('one');
  expect(['up/1', 'down/1', 'elsewhere'].map((topic) => one.cluster.takes(topic))).toEqual([true, false, false]);
});
