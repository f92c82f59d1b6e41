import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startWorld, text } from './bridges.ts';

type World = Awaited<ReturnType<typeof startWorld>>;

test('[QNT-MQT-018] what a broker has acknowledged and not committed reaches no device before it is', async () => {
  await using world = await startWorld({ brokers: 1, slaves: 1 });
  const { cluster } = world;
  const bridge = await world.bridge('one', 'leader');
  await bridge.publish('t', 'committed');
  await cluster.advance(100);
  cluster.cut('broker-a', 'broker-a-1');
  expect(await bridge.publish('t', 'held back')).toBe('success');
  await cluster.advance(100);
  expect(bridge.arrivals.map(text)).toEqual(['committed']);
  cluster.heal('broker-a', 'broker-a-1');
  await cluster.advance(5_000);
  expect(bridge.arrivals.map(text)).toEqual(['committed', 'held back']);
});

/** The keys of exchanges of QoS 2 that the queues of the topic hold, by another client of the cluster. */
async function exchanges({ cluster }: World): Promise<string[]> {
  const client = await cluster.connect();
  const state = client.keyedState('mqtt');
  const keys: string[] = [];
  const { queues } = await cluster.until(client.admin.describeTopic('mqtt'));
  for (const { broker, queue } of queues) {
    const { entries } = await cluster.until(state.scan({ topic: 'mqtt', broker, queue }, { prefix: 'd/' }));
    keys.push(...entries.map(({ key }) => key));
  }
  return keys.sort();
}

/** Such a key without the name of the session's exchanges, and that name. */
function partsOf(key: string): { readonly rest: string; readonly name: string } {
  const [once, client, name = '', last] = key.split('/');
  return { rest: `${once}/${client}/${last}`, name };
}

test('[QNT-MQT-024] a publication of QoS 2 is stored under a key of its client, session and packet identifier', async () => {
  await using world = await startWorld();
  const bridge = await world.bridge('one');
  const long = 'x'.repeat(161);
  for (const clientId of ['plain', 'a/1%#', long]) {
    await bridge.session(clientId, []);
    expect(await bridge.publishOnce('t', clientId, 5, clientId)).toBe('success');
  }
  const hash = createHash('sha256').update(long).digest('hex').slice(0, 32);
  const keys = (await exchanges(world)).map(partsOf);
  expect(keys.map(({ rest }) => rest)).toEqual(['d/a%2F1%25%23/5.0', `d/#${hash}/5.0`, 'd/plain/5.0'].sort());
  for (const { name } of keys) expect(name).toMatch(/^[A-Za-z0-9.]{1,40}$/);
});

test('[QNT-MQT-024] a session keeps the name in its keys at another bridge; the next session of the client has another one', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  await one.session('device', []);
  await one.publishOnce('t', 'first', 1, 'device');
  await one.kill();
  const two = await world.bridge('two');
  await two.claimed('device');
  await two.publishOnce('t', 'second', 2, 'device');
  const kept = (await exchanges(world)).map(partsOf);
  expect(kept.map(({ rest }) => rest)).toEqual(['d/device/1.0', 'd/device/2.0']);
  expect(kept[0]?.name).toBe(kept[1]?.name);
  await two.claimed('device', { cleanStart: true });
  await two.publishOnce('t', 'third', 1, 'device');
  await world.cluster.advance(100);
  const next = (await exchanges(world)).map(partsOf);
  expect(next.map(({ rest }) => rest)).toEqual(['d/device/1.0']);
  expect(next[0]?.name).not.toBe(kept[0]?.name);
});

test('[QNT-MQT-025] the key is gone before PUBREL is answered', async () => {
  await using world = await startWorld();
  const bridge = await world.bridge('one');
  await bridge.session('device', []);
  await bridge.publishOnce('t', 'once', 5, 'device');
  expect(await bridge.forget('device', 5)).toBe(true);
  expect(await exchanges(world)).toEqual([]);
});

test('[QNT-MQT-024] [QNT-MQT-025] where a bridge before may still be storing, the key stays, and the next one has a number of its own', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  await one.session('device', []);
  await one.publishOnce('t', 'once', 5, 'device');
  await one.kill();
  const two = await world.bridge('two');
  await two.claimed('device');
  expect(await two.forget('device', 5)).toBe(true);
  expect((await exchanges(world)).map((key) => partsOf(key).rest)).toEqual(['d/device/5.0']);
  await two.publishOnce('t', 'again', 5, 'device');
  expect((await exchanges(world)).map((key) => partsOf(key).rest)).toEqual(['d/device/5.0', 'd/device/5.1']);
});

test('[QNT-MQT-027] of two retained messages the one with the higher offset stays, on every bridge', async () => {
  await using world = await startWorld();
  const [one, two] = [await world.bridge('one'), await world.bridge('two')];
  await world.cluster.until(Promise.all([one, two].map((bridge, i) => bridge.publish('t', String(i), { retain: true }))));
  await world.cluster.advance(100);
  const last = one.arrivals.toSorted((a, b) => a.offset - b.offset).at(-1);
  for (const bridge of [one, two]) expect([...bridge.cluster.retained('t')].map(text)).toEqual([text(last)]);
});

test('[QNT-MQT-028] an empty message with RETAIN removes the retained one, and is none', async () => {
  await using world = await startWorld();
  const bridge = await world.bridge('one');
  await bridge.publish('t', 'kept', { retain: true });
  await bridge.publish('t', '', { retain: true });
  expect([...bridge.cluster.retained('#')]).toEqual([]);
  expect([...(await world.bridge('two')).cluster.retained('#')]).toEqual([]);
});

test('[QNT-MQT-029] what was acknowledged with RETAIN is retained, though its bridge dies at once', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  expect(await one.publish('t', 'kept', { retain: true })).toBe('success');
  expect([...one.cluster.retained('t')].map(text)).toEqual(['kept']);
  await one.kill();
  expect([...(await world.bridge('two')).cluster.retained('t')].map(text)).toEqual(['kept']);
});
