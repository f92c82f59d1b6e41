import { DEFAULT_RULES, TopicRules } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { RETAINED_BYTES_MAX, RETAINED_COMING_MS } from '../../src/cluster/limits.ts';
import { publication, startWorld, text } from './bridges.ts';

const kept = (bridge: Awaited<ReturnType<Awaited<ReturnType<typeof startWorld>>['bridge']>>, filter: string): string[] =>
  [...bridge.cluster.retained(filter)].map(text).sort();

test('a retained message is there when its publish is acknowledged, and at every bridge soon [MQTT-3.3.1-5]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.publish('a/b', 'first', { retain: true });
  expect(kept(one, 'a/b')).toEqual(['first']);
  await two.publish('a/c', 'other', { retain: true, qos: 0 });
  await world.cluster.advance(50);
  for (const filter of ['#', 'a/#', 'a/+', '+/+']) expect(kept(two, filter)).toEqual(['first', 'other']);
  expect(kept(two, '+')).toEqual([]);
  await one.publish('a/b', '', { retain: true });
  await world.cluster.advance(50);
  expect(kept(two, '#')).toEqual(['other']);
  // A bridge that starts later has them all.
  expect(kept(await world.bridge('three'), '#')).toEqual(['other']);
});

test('of two bridges the message that is stored later stays, whoever writes first', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  for (let round = 0; round < 20; round++) {
    const calls = [one.publish('t', `one ${round}`, { retain: true }), two.publish('t', `two ${round}`, { retain: true })];
    if (round % 2 === 0) calls.push(one.publish('t', `three ${round}`, { retain: true }));
    await world.cluster.until(Promise.all(calls));
    await world.cluster.advance(30);
    const last = text(one.arrivals.at(-1));
    expect(kept(one, 't')).toEqual([last]);
    expect(kept(two, 't')).toEqual([last]);
  }
});

test('what another client of the cluster sends to be retained is retained, and what a bridge could not finish', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const client = await world.cluster.connect();
  const message = { key: 'from/backend', body: 'config', properties: { 'mqtt.retain': '1' } };
  await world.cluster.until(client.producer().send('mqtt', message));
  await world.cluster.advance(500);
  expect(kept(one, 'from/+')).toEqual(['config']);
});

test('a message to be retained that has arrived is what new subscriptions get, before it is written down [MQTT-3.3.1-9]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const seen: string[][] = [];
  for (const bridge of [one, two]) bridge.arrived = () => queueMicrotask(() => seen.push(kept(bridge, '#')));
  for (const payload of ['on', 'off', '']) {
    await one.publish('state', payload, { retain: true });
    await world.cluster.advance(50);
    expect(seen.splice(0), payload).toEqual(payload === '' ? [[], []] : [[payload], [payload]]);
  }
});

test('what is too large to be retained is refused and not stored, of QoS 0 counted; what just fits is retained', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  // Behind the topic, the client id and the bytes that tell of them.
  const most = 'x'.repeat(RETAINED_BYTES_MAX - 19);
  for (const rest of [{}, { qos: 0 as const }]) {
    expect(await one.publish('large', `${most}x`, { retain: true, ...rest })).toBe('packet-too-large');
  }
  one.cluster.publish(publication('large', `${most}x`, { retain: true, qos: 0 }));
  await world.cluster.advance(100);
  expect(one.cluster.figures()).toMatchObject({ shed: 1, retained: 0 });
  expect(one.arrivals).toEqual([]);
  expect(await one.publish('large', most, { retain: true })).toBe('success');
  expect(await one.publish('plain', `${most}x`)).toBe('success');
  await world.cluster.advance(100);
  expect(one.arrivals.map(({ topic }) => topic).toSorted()).toEqual(['large', 'plain']);
  expect(kept(one, '#')).toHaveLength(1);
});

test('what nobody could write down is not retained for ever', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const properties = { 'mqtt.retain': '1' };
  const body = new Uint8Array(RETAINED_BYTES_MAX);
  await world.cluster.until((await world.cluster.connect()).producer().send('mqtt', { key: 'large', body, properties }));
  await world.cluster.advance(50);
  expect(kept(one, 'large')).toHaveLength(1);
  await world.cluster.advance(RETAINED_COMING_MS + 1_000);
  expect(kept(one, 'large')).toEqual([]);
});

test('an expired retained message is given to nobody, and its entry goes [MQTT-3.3.2-5]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const expiresAtMs = Math.floor(world.cluster.clock.wallMs()) + 5_000;
  await one.publish('t', 'for a while', { retain: true, properties: { expiresAtMs, contentType: 'text/plain' } });
  expect([...one.cluster.retained('t')][0]?.properties).toEqual({ expiresAtMs, contentType: 'text/plain' });
  await world.cluster.advance(6_000);
  expect(kept(one, '#')).toEqual([]);
  await world.cluster.advance(30_000);
  expect(one.cluster.figures().retained).toBe(0);
});

test('a topic that begins with $ is not selected by a wildcard in front, and a long one is kept too [MQTT-4.7.2-1]', async () => {
  const rules = new TopicRules([...DEFAULT_RULES, { match: '$sys/#', topic: 'mqtt' }]);
  await using world = await startWorld({}, rules);
  const one = await world.bridge('one');
  const long = `long/${'x'.repeat(2_000)}`;
  await one.publish('$sys/a', 'hidden', { retain: true });
  await one.publish(long, 'long', { retain: true });
  await one.publish('plain', 'plain', { retain: true });
  expect(kept(one, '#')).toEqual(['long', 'plain']);
  expect(kept(one, '$sys/#')).toEqual(['hidden']);
  expect(kept(one, long)).toEqual(['long']);
});
