import { expect, test } from 'vitest';
import { QUIET_KEPT_MAX, QuietSpan } from '../../src/cluster/quiet-span.ts';
import type { StoredPublication } from '../../src/ports.ts';
import { publication, startWorld, subscription, text } from './bridges.ts';

test('what nobody listens to is passed over, kept nowhere, and read from the log once somebody needs it', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  one.listening = false;
  for (let i = 0; i < 10; i++) expect(await one.publish('a', `quiet ${i}`)).toBe('success');
  await world.cluster.advance(500);
  expect(one.arrivals).toEqual([]);
  const { recentBytes, indexLag } = one.cluster.figures();
  expect({ recentBytes, indexLag }).toEqual({ recentBytes: 0, indexLag: 0 });
  one.listening = true;
  await one.publish('a', 'loud');
  await world.cluster.advance(50);
  expect(one.arrivals.map(text)).toEqual(['loud']);
  const { queue } = one.arrivals[0] as StoredPublication;
  const { found } = await one.scan({ queue, offset: 0 }, ['#']);
  expect(found.map(text)).toEqual([...Array.from({ length: 10 }, (_, i) => `quiet ${i}`), 'loud']);
});

test('a session that goes offline while nobody listens misses nothing', async () => {
  await using world = await startWorld();
  const [one, two] = [await world.bridge('one'), await world.bridge('two')];
  one.listening = false;
  two.listening = false;
  const epoch = await one.session('device', [subscription('a')]);
  await one.publish('a', 'before');
  await world.cluster.advance(200);
  one.suspend('device', epoch);
  const during = one.publish('a', 'during');
  await during;
  await world.cluster.advance(500);
  await two.publish('a', 'after');
  await world.cluster.advance(500);
  const { backlog } = await two.claimed('device');
  expect((await two.read(backlog.places)).sort()).toEqual(['after', 'during']);
});

test('what another client sends to be retained is retained although nobody listens', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  one.listening = false;
  await one.publish('from/device', 'x');
  const producer = one.client.producer();
  await world.cluster.until(
    producer.send('mqtt', { key: 'from/backend', body: 'config', properties: { 'mqtt.retain': '1', other: 'x' } }),
  );
  await world.cluster.advance(1_000);
  expect([...one.cluster.retained('#')].map(text)).toEqual(['config']);
});

test('a quiet span with more than QUIET_KEPT_MAX retained messages is read from the log again', () => {
  const message = (offset: number): StoredPublication => ({
    ...publication('a', 'x'),
    queue: 0,
    offset,
    storeTimeMs: 0,
  });
  const span = new QuietSpan();
  span.add(0, 10, [message(3)]);
  span.add(10, 20, [message(15)]);
  expect(span.endFrom(0)).toBe(20);
  expect(span.take(5).map(({ offset }) => offset)).toEqual([15]);
  expect(span.endFrom(20)).toBe(20);
  span.add(20, 30, []);
  expect(span.endFrom(20)).toBe(30);
  span.add(40, 50, []);
  expect(span.endFrom(30)).toBe(30);
  expect(span.endFrom(40)).toBe(50);
  span.add(
    50,
    2_000,
    Array.from({ length: QUIET_KEPT_MAX + 1 }, (_, i) => message(50 + i)),
  );
  span.add(2_000, 2_001, []);
  expect(span.endFrom(40)).toBe(40);
});
