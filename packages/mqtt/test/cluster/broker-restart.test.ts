import { expect, test } from 'vitest';
import { startWorld, text } from './bridges.ts';

test('a broker is killed and comes back: the tails skip nothing and repeat nothing, sessions get what they missed', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.offline('device', ['t/#']);
  const outcomes: string[] = [];
  const send = (i: number): void => {
    one.cluster.publish(
      {
        topic: `t/${i % 10}`,
        qos: 1,
        retain: false,
        payload: new TextEncoder().encode(`${i}`),
        clientId: 'p',
        properties: undefined,
      },
      (outcome) => outcomes.push(outcome),
    );
  };
  for (let i = 0; i < 100; i++) send(i);
  await cluster.advance(5);
  cluster.killBroker('broker-a');
  for (let i = 100; i < 200; i++) send(i);
  await cluster.advance(1_000);
  await cluster.startBroker('broker-a');
  for (let i = 200; i < 300; i++) send(i);
  await cluster.advance(10_000);
  expect(outcomes).toEqual(Array.from({ length: 300 }, () => 'success'));
  const expected = Array.from({ length: 300 }, (_, i) => i);
  for (const bridge of [one, two]) {
    expect(
      bridge.arrivals
        .map(text)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(expected);
  }
  const { backlog } = await two.claimed('device');
  expect((await two.read(backlog.places)).map(Number).sort((a, b) => a - b)).toEqual(expected);
});

test('sessions, retained messages and exchanges outlive a restart of every broker', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a']);
  await one.publishOnce('b', 'begun', 3, 'device');
  one.suspend('device', epoch);
  await one.publish('a', 'missed');
  await one.publish('kept', 'retained', { retain: true });
  await cluster.advance(300);
  for (const name of cluster.brokers) cluster.killBroker(name);
  await cluster.advance(500);
  for (const name of cluster.brokers) await cluster.startBroker(name);
  await cluster.advance(5_000);
  const two = await world.bridge('two');
  const { backlog, sessionPresent } = await two.claimed('device');
  expect(sessionPresent).toBe(true);
  expect(await two.read(backlog.places)).toEqual(['missed']);
  expect(await two.inbound('device')).toEqual([3]);
  expect([...two.cluster.retained('#')].map(text)).toEqual(['retained']);
  await two.publish('a', 'live');
  await cluster.advance(100);
  expect(one.arrivals.map(text)).toContain('live');
});

test('a session goes offline while the broker of its state is away: it is saved when that comes back', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const epochs = new Map<string, number>();
  for (let i = 0; i < 6; i++) epochs.set(`device-${i}`, await one.session(`device-${i}`, ['a']));
  cluster.killBroker('broker-b');
  await cluster.advance(500);
  for (const [clientId, epoch] of epochs) one.suspend(clientId, epoch);
  await cluster.advance(2_000);
  await cluster.startBroker('broker-b');
  await cluster.advance(5_000);
  await one.publish('a', 'missed');
  await cluster.advance(500);
  for (const clientId of epochs.keys()) {
    const { backlog } = await one.claimed(clientId);
    expect(await one.read(backlog.places)).toEqual(['missed']);
  }
});

test('a claim whose broker stays away for CLAIM_MS is refused, and what comes of it later does no harm', async () => {
  await using world = await startWorld({ brokers: 1 });
  const { cluster } = world;
  const one = await world.bridge('one');
  await one.offline('device', ['a']);
  cluster.killBroker('broker-a');
  expect(await one.claim('device')).toBe('unavailable');
  await cluster.startBroker('broker-a');
  await cluster.advance(15_000);
  await one.publish('a', 'missed');
  const { backlog, subscriptions } = await one.claimed('device');
  expect(subscriptions).toHaveLength(1);
  expect(await one.read(backlog.places)).toEqual(['missed']);
});
