import { expect, test } from 'vitest';
import { SCAN_MESSAGES_MAX } from '../../src/cluster/limits.ts';
import { publication, startWorld, subscription, text } from './bridges.ts';

test('a command to an offline device is found by an exact and a wildcard filter without reading the log', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  await one.offline('exact', ['devices/exact/cmd']);
  await one.offline('wild', ['devices/+/cmd/#']);
  for (let i = 0; i < 3_000; i++) void one.publish(`telemetry/${i % 7}`, `${i}`);
  await one.publish('devices/exact/cmd', 'reset');
  for (let i = 0; i < 3_000; i++) void one.publish(`telemetry/${i % 7}`, `${i}`);
  await cluster.advance(3_000);
  // Another bridge, which has seen nothing of all that.
  const two = await world.bridge('two');
  for (const clientId of ['exact', 'wild']) {
    const before = cluster.nowMs();
    const { backlog } = await two.claimed(clientId);
    expect(cluster.nowMs() - before).toBeLessThan(200);
    expect(two.cluster.figures().fetches).toBe(clientId === 'exact' ? 0 : 1);
    expect(await two.read(backlog.places)).toEqual(['reset']);
  }
  expect(two.cluster.figures().fetches).toBe(2);
});

test('messages of one topic come back in their order, each once', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.offline('device', ['a/#']);
  const expected = Array.from({ length: 300 }, (_, i) => `${i}`);
  for (const payload of expected) {
    void one.publish('a/b', payload);
    void one.publish('x/y', payload);
    if (Number(payload) % 50 === 0) await world.cluster.advance(30);
  }
  await world.cluster.advance(500);
  const { backlog } = await two.claimed('device');
  expect(await two.read(backlog.places)).toEqual(expected);
});

test('a message between the end of the connection and the indexer that hears of it is not lost', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('device', ['a']);
  await two.publish('a', 'while it was there');
  await world.cluster.advance(50);
  // It arrived, and the engine says that it is settled.
  one.suspend('device', epoch);
  const stored = Promise.all(Array.from({ length: 20 }, (_, i) => two.publish('a', `${i}`)));
  await world.cluster.until(stored);
  // At once, before any index, and later, from the pointers.
  const { backlog, epoch: again } = await two.claimed('device');
  expect(await two.read(backlog.places)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  two.suspend('device', again, backlog);
  await world.cluster.advance(2_000);
  const third = await one.claimed('device');
  expect(third.backlog.places).toHaveLength(20);
});

test('what was left unsent comes back with its marks, and is gone once it is settled', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a']);
  for (let i = 0; i < 5; i++) await one.publish('a', `${i}`);
  await world.cluster.advance(50);
  const places = one.arrivals.map(({ queue, offset }) => ({ queue, offset }));
  const [, first, second] = places;
  if (first === undefined || second === undefined) throw new Error('nothing arrived');
  const maybeSent = [
    { ...second, packetId: 9 },
    { ...first, packetId: 7 },
  ];
  one.suspend('device', epoch, { places: places.slice(1), scanFrom: [], maybeSent, exchanges: [] });
  await world.cluster.advance(500);
  const { backlog, epoch: again } = await one.claimed('device');
  expect(await one.read(backlog.places)).toEqual(['1', '2', '3', '4']);
  expect(backlog.maybeSent).toEqual(maybeSent);
  one.suspend('device', again);
  await world.cluster.advance(500);
  expect((await one.claimed('device')).backlog).toEqual({ places: [], scanFrom: [], maybeSent: [], exchanges: [] });
});

test('QoS 0, other topics and own messages with No Local leave no pointers [MQTT-3.8.3-3]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  await one.offline('device', [subscription('a/#', { noLocal: true }), subscription('low/#', { qos: 0 })]);
  one.cluster.publish(publication('a/0', 'qos 0', { qos: 0 }));
  await one.publish('low/1', 'subscribed with 0');
  await one.publish('a/own', 'its own', { clientId: 'device' });
  await one.publish('b', 'another topic');
  await one.publish('a/yes', 'yes');
  await world.cluster.advance(500);
  const { backlog } = await one.claimed('device');
  expect(await one.read(backlog.places)).toEqual(['yes']);
});

test('a long absence with everything missed is scanned in bounded memory, and nothing is lost', async () => {
  await using world = await startWorld({ brokers: 1 });
  const one = await world.bridge('one');
  await one.offline('device', ['#']);
  for (let i = 0; i < 2_000; i++) void one.publish(`t/${i % 3}`, `${i}`);
  await world.cluster.advance(2_000);
  const two = await world.bridge('two');
  const { backlog } = await two.claimed('device');
  const found = await two.read(backlog.places);
  expect(backlog.scanFrom).toEqual([]);
  expect(new Set(found).size).toBe(2_000);
  expect(found).toHaveLength(2_000);
});

test('clean start forgets what the session before had [MQTT-3.1.2-4]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a']);
  expect(await one.publishOnce('b', 'begun', 7, 'device')).toBe('success');
  one.suspend('device', epoch);
  await one.publish('a', 'old');
  await world.cluster.advance(300);
  const fresh = await one.claimed('device', { cleanStart: true });
  expect(fresh).toMatchObject({ sessionPresent: false, subscriptions: [], backlog: { places: [] } });
  expect(await one.inbound('device')).toEqual([]);
  expect(await one.publishOnce('b', 'begun anew', 7, 'device')).toBe('success');
  expect(one.arrivals.map(text)).toContain('begun anew');
  one.suspend('device', fresh.epoch);
  await world.cluster.advance(300);
  expect((await one.claimed('device')).backlog.places).toEqual([]);
});

test('a session ends with its interval, and a later one finds nothing of it [MQTT-4.1.0-2]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a'], { expiryInterval: 10 });
  one.suspend('device', epoch, undefined, 10);
  await one.publish('a', 'missed');
  await world.cluster.advance(9_000);
  expect(one.cluster.figures().offlineSessions).toBe(1);
  await world.cluster.advance(3_000);
  expect(one.cluster.figures().offlineSessions).toBe(0);
  expect(await one.claimed('device')).toMatchObject({ sessionPresent: false, backlog: { places: [] } });
});

test('a look through a queue ends at SCAN_MESSAGES_MAX, and goes on from there without a gap', async () => {
  await using world = await startWorld({ brokers: 1 });
  const one = await world.bridge('one');
  for (let i = 0; i < 2_500; i++) void one.publish('t', `${i}`);
  await world.cluster.advance(1_000);
  const queue = one.arrivals[0]?.queue ?? 0;
  const found: string[] = [];
  let rounds = 0;
  for (let at = 0; at < 2_500; rounds++) {
    const { found: some, next } = await one.scan({ queue, offset: at }, ['t']);
    found.push(...some.map(text));
    expect(next.offset).toBeGreaterThan(at);
    at = next.offset;
  }
  expect(rounds).toBe(Math.ceil(2_500 / SCAN_MESSAGES_MAX));
  expect(found).toEqual(Array.from({ length: 2_500 }, (_, i) => `${i}`));
});
