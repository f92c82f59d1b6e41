import { QanatError } from '@qanat/core';
import { expect, test } from 'vitest';
import {
  INBOUND_FENCE_MS,
  INBOUND_STILL_MS,
  INBOUND_SWEEP_MS,
  INBOUND_WAIT_MS,
  PUBLISH_BYTES_MAX,
} from '../../src/cluster/limits.ts';
import { FreezingClock, publication, startWorld, TestBridge, text, type World, withMethod } from './bridges.ts';

/** A client id or MQTT topic whose queue lives at a broker. */
async function textAt({ cluster }: World, { client }: TestBridge, of: string, broker: string): Promise<string> {
  let text = 't';
  while ((await cluster.until(client.keyedState(of).queueOf(text))).broker !== broker) text += '.';
  return text;
}

/** A device whose session lives at `broker-b`, and an MQTT topic whose queue lives at `broker-a`. */
async function apart(world: World, bridge: TestBridge): Promise<{ clientId: string; topic: string }> {
  const clientId = await textAt(world, bridge, 'mqtt-state', 'broker-b');
  return { clientId, topic: await textAt(world, bridge, 'mqtt', 'broker-a') };
}

/** What the queues of messages remember of messages that are stored once. */
async function keysOf({ cluster }: World, { client }: TestBridge): Promise<string[]> {
  const state = client.keyedState('mqtt');
  const keys: string[] = [];
  for (const queue of await cluster.until(state.queues()))
    keys.push(...(await cluster.until(state.scan(queue, { prefix: 'd/' }))).entries.map(({ key }) => key));
  return keys.sort();
}

/** A session that goes on, and had published with QoS 2 before. @returns its epoch. */
async function resumed(bridge: TestBridge, clientId: string, topic: string, payload: string): Promise<number> {
  const epoch = await bridge.session(clientId, []);
  expect(await bridge.publishOnce(topic, payload, 1, clientId)).toBe('success');
  bridge.suspend(clientId, epoch);
  return (await bridge.claimed(clientId)).epoch;
}

test('[QNT-MQT-024] a message is stored though the session before ended while one of the same packet id was under way', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', [], { expiryInterval: 0 });
  await one.publishOnce('a', 'so that it is known', 2, 'device');
  one.cluster.publishOnce(publication('a', 'under way', { qos: 2, clientId: 'device' }), 1, () => {});
  one.suspend('device', epoch, undefined, 0);
  await one.claimed('device', { expiryInterval: 0 });
  expect(await one.publishOnce('a', 'of the next session', 1, 'device')).toBe('success');
  await world.cluster.advance(200);
  expect(one.arrivals.map(text)).toEqual(['so that it is known', 'under way', 'of the next session']);
  // What was written late has gone, too.
  expect(await keysOf(world, one)).toHaveLength(1);
});

test('[QNT-MQT-024] a message is stored though the session before was ended without having looked at its exchanges', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const again = async (payload: string): Promise<number> => {
    const { epoch } = await one.claimed('device');
    expect(await one.publishOnce('a', payload, 1, 'device')).toBe('success');
    expect(await one.forget('device', 1)).toBe(true);
    return epoch;
  };
  one.suspend('device', await again('one'));
  one.suspend('device', await again('two'));
  // The key of the second one stays for a while.
  expect(await keysOf(world, one)).toHaveLength(1);
  one.suspend('device', (await one.claimed('device')).epoch, undefined, 0);
  await again('three, of a new session');
  await world.cluster.advance(200);
  expect(one.arrivals.map(text)).toEqual(['one', 'two', 'three, of a new session']);
  expect(await keysOf(world, one)).toEqual([]);
});

test('[QNT-MQT-024] a message is stored though the bridge before still stores one of the same packet id after a clean start', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const { clientId, topic } = await apart(world, one);
  await one.session(clientId, []);
  await one.publishOnce(topic, 'so that it is known', 2, clientId);
  cluster.cut('client-1', 'broker-b');
  await two.claimed(clientId, { cleanStart: true });
  expect(one.lost).toEqual([]);
  expect(await one.publishOnce(topic, 'old', 1, clientId)).toBe('success');
  expect(await two.publishOnce(topic, 'new', 1, clientId)).toBe('success');
  cluster.heal('client-1', 'broker-b');
  await cluster.advance(3_000);
  expect(two.arrivals.map(text)).toEqual(['so that it is known', 'old', 'new']);
  expect(one.lost).toEqual([clientId]);
  // Of the session that has ended nothing is remembered in the end.
  await cluster.advance(2 * INBOUND_SWEEP_MS + 5_000);
  expect(await keysOf(world, one)).toHaveLength(1);
});

test('[QNT-MQT-108] what sessions that are over have left goes; what others remember stays', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('ended', []);
  await one.session('lives', []);
  for (const clientId of ['ended', 'lives']) await one.publishOnce('a', 'x', 1, clientId);
  const [ended = '', lives = ''] = await keysOf(world, one);
  one.suspend('ended', epoch, undefined, 0);
  await cluster.advance(100);
  expect(await keysOf(world, one)).toEqual([lives]);
  // A bridge that died would have written them.
  const late = [ended, lives.replace(/1\.0$/, '2.0')];
  const wills = ['ended', 'lives'].map((clientId) => ended.replace(/^d\/ended\/([^.]*\.).*$/, `d/${clientId}/$1will/1`));
  const others = ['d/ended/1.0', 'd/ended/0a0a0a0a.0b.1/1.0', 'd/x'];
  const state = one.client.keyedState('mqtt');
  const home = await cluster.until(state.queueOf('a'));
  const value = new Uint8Array(8);
  await cluster.until(
    state.write(
      home,
      [...late, ...wills, ...others].map((key) => ({ key, value })),
    ),
  );
  await cluster.advance(2 * INBOUND_SWEEP_MS + 5_000);
  expect(await keysOf(world, one)).toEqual([lives, late[1] as string, ...others].sort());
  expect(two.logged).toEqual([]);
});

test('[QNT-MQT-108] a session ends, and a clean start is answered, though a broker with exchanges of it is away', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId, topic } = await apart(world, one);
  const epoch = await resumed(one, clientId, topic, 'x');
  cluster.killBroker('broker-a');
  await cluster.advance(100);
  one.suspend(clientId, epoch, undefined, 0);
  expect((await one.claimed(clientId)).sessionPresent).toBe(false);
  expect((await one.claimed(clientId, { cleanStart: true })).sessionPresent).toBe(false);
  await cluster.startBroker('broker-a');
  await cluster.advance(2 * INBOUND_SWEEP_MS + 20_000);
  expect(await keysOf(world, one)).toEqual([]);
});

test('[QNT-MQT-107] PUBREL waits while a broker with exchanges of the session is away, and ends the one that is there', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId, topic } = await apart(world, one);
  await resumed(one, clientId, topic, 'first');
  cluster.killBroker('broker-a');
  const answers: boolean[] = [];
  one.cluster.forget(clientId, 1, (known) => answers.push(known));
  await cluster.advance(2 * INBOUND_WAIT_MS);
  expect(answers).toEqual([]);
  await cluster.startBroker('broker-a');
  await cluster.advance(15_000);
  expect(answers).toEqual([true]);
  expect(await one.publishOnce(topic, 'second', 1, clientId)).toBe('success');
  await cluster.advance(200);
  expect(one.arrivals.map(text)).toEqual(['first', 'second']);
});

test('[QNT-MQT-107] PUBLISH waits while a broker with exchanges of the session is away, and does not pass for one that was released', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId, topic } = await apart(world, one);
  one.suspend(clientId, await resumed(one, clientId, topic, 'first'));
  const { epoch } = await one.claimed(clientId);
  // Its key stays, marked as released.
  expect(await one.forget(clientId, 1)).toBe(true);
  one.suspend(clientId, epoch);
  await one.claimed(clientId);
  cluster.killBroker('broker-a');
  const outcomes: string[] = [];
  const publish = (payload: string, packetId: number): void => {
    one.cluster.publishOnce(publication(topic, payload, { qos: 2, clientId }), packetId, (outcome) => outcomes.push(outcome));
  };
  publish('second', 1);
  publish('third', 2);
  await cluster.advance(4_000);
  expect(outcomes).toEqual([]);
  await cluster.startBroker('broker-a');
  publish('fourth', 3);
  await cluster.advance(15_000);
  expect(outcomes).toEqual(['success', 'success', 'success']);
  expect(one.arrivals.map(text)).toEqual(['first', 'second', 'third', 'fourth']);
});

test('[QNT-MQT-107] a PUBLISH whose session is not known for INBOUND_WAIT_MS ends the connection; its bytes count from the call on', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId, topic } = await apart(world, one);
  await resumed(one, clientId, topic, 'first');
  cluster.killBroker('broker-a');
  const outcomes: string[] = [];
  const open: boolean[] = [];
  for (let i = 2; i < 12; i++) {
    const message = publication(topic, 'x'.repeat(PUBLISH_BYTES_MAX / 8), { qos: 2, clientId });
    open.push(one.cluster.publishOnce(message, i, (outcome) => outcomes.push(outcome)));
  }
  expect(open.indexOf(false)).toBe(7);
  expect(one.cluster.figures().publishBytes).toBeGreaterThan(PUBLISH_BYTES_MAX);
  await cluster.advance(INBOUND_WAIT_MS - 500);
  expect(outcomes).toEqual([]);
  expect(one.readied).toBe(0);
  await cluster.advance(5_000);
  expect(outcomes).toEqual(open.map(() => 'unspecified-error'));
  expect(one.cluster.figures().publishBytes).toBe(0);
  expect(one.readied).toBe(1);
});

test('[QNT-MQT-107] a bridge that stood still asks whose the session is before it stores what came for it before', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const clock = new FreezingClock(cluster.clock);
  const one = await new TestBridge(world, await cluster.connect()).start('one', 'committed', clock);
  const two = await world.bridge('two');
  await one.session('device', []);
  await one.publishOnce('a', 'so that it is known', 2, 'device');
  clock.frozen = true;
  for (const broker of ['broker-a', 'broker-b']) cluster.cut('client-1', broker);
  const exchange = async (payload: string): Promise<void> => {
    expect(await two.publishOnce('a', payload, 1, 'device')).toBe('success');
    expect(await two.forget('device', 1)).toBe(true);
  };
  await two.claimed('device');
  await exchange('old');
  // Nothing can be under way any more, so that the key goes.
  expect(INBOUND_STILL_MS).toBeLessThan(INBOUND_FENCE_MS - 30_000);
  await cluster.advance(INBOUND_FENCE_MS + 1_000);
  await exchange('next');
  for (const broker of ['broker-a', 'broker-b']) cluster.heal('client-1', broker);
  const outcomes: string[] = [];
  const late = (packetId: number): void => {
    const message = publication('a', 'old', { qos: 2, clientId: 'device' });
    one.cluster.publishOnce(message, packetId, (outcome) => outcomes.push(outcome));
  };
  late(1);
  clock.thaw();
  late(3);
  await cluster.advance(3_000);
  expect(outcomes).toEqual(['unspecified-error', 'unspecified-error']);
  await exchange('last');
  await cluster.advance(100);
  expect(two.arrivals.map(text)).toEqual(['so that it is known', 'old', 'next', 'last']);
});

test('[QNT-MQT-024] the packet id of a message that was refused, since it could not be retained, is free for another message', async () => {
  await using world = await startWorld();
  const client = await world.cluster.connect();
  let full = false;
  const limited = withMethod(client, 'keyedState', (topic: string) => {
    const state = client.keyedState(topic);
    const write = async (...args: Parameters<typeof state.write>): Promise<number> => {
      if (full && args[1].some(({ key }) => key.startsWith('r/'))) throw new QanatError('LIMIT_EXCEEDED', 'the state is full');
      return state.write(...args);
    };
    return topic === 'mqtt-state' ? withMethod(state, 'write', write as never) : state;
  });
  const one = await new TestBridge(world, limited).start('one', 'committed');
  await one.session('device', []);
  const publish = (payload: string, retain: boolean): Promise<string> =>
    world.cluster.until(
      new Promise((done) => {
        one.cluster.publishOnce(publication('a', payload, { qos: 2, clientId: 'device', retain }), 1, done);
      }),
    );
  full = true;
  expect(await publish('not retained', true)).toBe('quota-exceeded');
  expect(await publish('another', false)).toBe('success');
  await world.cluster.advance(100);
  expect(one.arrivals.map(text)).toEqual(['not retained', 'another']);
});

test('a PUBREL of a session that has published nothing with QoS 2 asks nobody', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId } = await apart(world, one);
  await one.session(clientId, []);
  cluster.killBroker('broker-a');
  cluster.killBroker('broker-b');
  expect(await one.forget(clientId, 1)).toBe(false);
  expect(await one.inbound(clientId)).toEqual([]);
});
