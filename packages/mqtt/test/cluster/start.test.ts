import { expect, test } from 'vitest';
import { startWorld, text } from './bridges.ts';

test('a bridge that starts while a broker is away waits for it, and does not take old messages for new ones', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  await one.offline('device', ['t/#']);
  for (let i = 0; i < 50; i++) void one.publish(`t/${i}`, `old ${i}`);
  await cluster.advance(500);
  cluster.killBroker('broker-a');
  await cluster.advance(200);
  let started = false;
  const starting = world.bridge('two').then((bridge) => {
    started = true;
    return bridge;
  });
  for (let i = 0; i < 30; i++) await cluster.advance(100);
  await cluster.startBroker('broker-a');
  const two = await cluster.until(starting);
  expect(started).toBe(true);
  await two.publish('t/1', 'new');
  await cluster.advance(500);
  expect(two.arrivals.map(text)).toEqual(['new']);
  const { backlog } = await two.claimed('device');
  expect(backlog.places).toHaveLength(51);
});

test('queues that are added to a topic are read from their first message on', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  await one.offline('device', ['t/#']);
  await cluster.until(one.client.admin.alterTopic('mqtt', { queues: 16 }));
  for (let i = 0; i < 200; i++) void one.publish(`t/${i}`, `${i}`);
  await cluster.advance(1_000);
  for (let i = 200; i < 400; i++) void one.publish(`t/${i}`, `${i}`);
  await cluster.advance(20_000);
  const expected = Array.from({ length: 400 }, (_, i) => i);
  expect(
    one.arrivals
      .map(text)
      .map(Number)
      .toSorted((a, b) => a - b),
  ).toEqual(expected);
  const { backlog } = await one.claimed('device');
  expect((await one.read(backlog.places)).map(Number).toSorted((a, b) => a - b)).toEqual(expected);
});

test('two bridges of one name are told so, and one that was started again is not', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const first = await world.bridge('one');
  await first.kill();
  const again = await world.bridge('one');
  const other = await world.bridge('other');
  await cluster.advance(20_000);
  expect([...again.logged, ...other.logged]).toEqual([]);
  const twin = await world.bridge('one');
  await cluster.advance(20_000);
  for (const { logged } of [again, twin]) {
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('mqtt-cluster-trouble');
    expect(logged[0]).toContain('another bridge runs by the name \\"one\\"');
  }
  expect(other.logged).toEqual([]);
});

test('an entry that a bridge cannot read hides no other one', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('mqtt-state'));
  const state = client.keyedState('mqtt-state');
  const home = await cluster.until(state.queueOf('device'));
  const value = new TextEncoder().encode('of a later version');
  for (const key of ['s/broken', 'r/broken', 'b/broken', 'i/broken']) await cluster.until(state.write(home, [{ key, value }]));
  const one = await world.bridge('one');
  await one.offline('device', ['a']);
  await one.publish('a', 'missed');
  await cluster.advance(300);
  const { backlog } = await one.claimed('device');
  expect(await one.read(backlog.places)).toEqual(['missed']);
  expect(one.logged.some((line) => line.includes('format'))).toBe(true);
});
