import type { QanatClient } from '@qanat/client';
import { QanatError } from '@qanat/core';
import { expect, test } from 'vitest';
import { startWorld, TestBridge, text, type World } from './bridges.ts';

const STATE = 'mqtt-state';

type Write = ReturnType<QanatClient['keyedState']>['write'];

/** The client, with another way to write the state of sessions. */
function writing(client: QanatClient, write: (original: Write, ...args: Parameters<Write>) => ReturnType<Write>): QanatClient {
  const stateOf = (topic: string): ReturnType<QanatClient['keyedState']> => {
    const state = client.keyedState(topic);
    if (topic !== STATE) return state;
    const original: Write = (...args) => state.write(...args);
    return withMethod(state, 'write', (...args: Parameters<Write>) => write(original, ...args));
  };
  return withMethod(client, 'keyedState', stateOf);
}

function withMethod<T extends object>(object: T, name: keyof T, method: (...args: never[]) => unknown): T {
  const get = (target: T, property: keyof T): unknown => {
    const value = target[property];
    if (property === name) return method;
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return new Proxy(object, { get: get as never });
}

const isSession = ([, changes]: Parameters<Write>): boolean => changes.some(({ key }) => key.startsWith('s/'));

/** Client ids whose state lies at a broker, or in one queue of it. */
async function idsAt(
  { cluster }: World,
  client: QanatClient,
  at: { readonly broker: string; readonly queue?: number },
  prefix: string,
  count: number,
): Promise<string[]> {
  const state = client.keyedState(STATE);
  const ids: string[] = [];
  for (let i = 0; ids.length < count; i++) {
    const { broker, queue } = await cluster.until(state.queueOf(`${prefix}-${i}`));
    if (broker === at.broker && queue === (at.queue ?? queue)) ids.push(`${prefix}-${i}`);
  }
  return ids;
}

test('one broker of two is away, and a fleet whose state lies there comes: others are let in at once, and nothing goes on for the fleet [QNT-MQT-110]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  let writes = 0;
  const counting = writing(client, (original, ...args) => {
    if (isSession(args)) writes++;
    return original(...args);
  });
  const one = await new TestBridge(world, counting).start('one', 'committed');
  const fleet = await idsAt(world, client, { broker: 'broker-b' }, 'fleet', 600);
  const healthy = await idsAt(world, client, { broker: 'broker-a' }, 'healthy', 40);
  cluster.killBroker('broker-b');
  await cluster.advance(500);
  const answers = fleet.map((clientId) => one.claiming(clientId, { expiryInterval: 0 }));
  await cluster.advance(2_000);
  const fromMs = cluster.nowMs();
  for (const clientId of healthy) await one.claimed(clientId, { expiryInterval: 0 });
  expect(cluster.nowMs() - fromMs).toBeLessThan(500);
  expect(new Set(await cluster.until(Promise.all(answers)))).toEqual(new Set(['unavailable']));
  await cluster.advance(15_000);
  writes = 0;
  await cluster.advance(30_000);
  expect(writes).toBe(0);
  await cluster.startBroker('broker-b');
  await cluster.advance(15_000);
  for (const clientId of fleet.slice(0, 20)) await one.claimed(clientId);
});

test('a device that has left is not claimed for any longer [QNT-MQT-110]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  const one = await new TestBridge(world, client).start('one', 'committed');
  const [gone = ''] = await idsAt(world, client, { broker: 'broker-b' }, 'gone', 1);
  cluster.killBroker('broker-b');
  await cluster.advance(500);
  const fromMs = cluster.nowMs();
  let wanted = true;
  const answer = one.claiming(gone, { wanted: () => wanted });
  wanted = false;
  expect(await cluster.until(answer)).toBe('unavailable');
  expect(cluster.nowMs() - fromMs).toBeLessThan(100);
});

test('claims that wait for something else than their state queue hold up no others there [QNT-MQT-110]', async () => {
  await using world = await startWorld({ brokers: 1 });
  const { cluster } = world;
  const client = await cluster.connect();
  const never = writing(client, (original, ...args) =>
    args[1].some(({ key }) => key.startsWith('s/stuck')) ? new Promise(() => {}) : original(...args),
  );
  const one = await new TestBridge(world, never).start('one', 'committed');
  const stuck = await idsAt(world, client, { broker: 'broker-a', queue: 0 }, 'stuck', 300);
  const [other = ''] = await idsAt(world, client, { broker: 'broker-a', queue: 0 }, 'other', 1);
  const answers = stuck.map((clientId) => one.claiming(clientId));
  const fromMs = cluster.nowMs();
  await one.claimed(other);
  expect(cluster.nowMs() - fromMs).toBeLessThan(1_500);
  expect(new Set(await cluster.until(Promise.all(answers)))).toEqual(new Set(['unavailable']));
});

test('a claim that nobody heard of, and that was given up, is found: the session misses nothing, and no will of it is published [MQTT-3.1.2-7]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  let deaf = false;
  let lost = 0;
  const hardOfHearing = writing(client, async (original, ...args) => {
    const version = await original(...args);
    if (!deaf || !isSession(args)) return version;
    lost++;
    throw new QanatError('TIMEOUT', 'the answer is lost');
  });
  const one = await new TestBridge(world, hardOfHearing).start('one', 'committed');
  const two = await world.bridge('two');
  await one.offline('device', ['a']);
  deaf = true;
  const will = { topic: 'will', payload: new Uint8Array(1), qos: 1, retain: false } as const;
  expect(await one.claim('device', { will, wanted: () => lost === 0 })).toBe('unavailable');
  expect(lost).toBe(1);
  deaf = false;
  await cluster.advance(3_000);
  await two.publish('a', 'missed');
  await cluster.advance(1_000);
  expect(two.cluster.figures().offlineSessions).toBe(1);
  const { backlog, sessionPresent } = await two.claimed('device');
  expect(sessionPresent).toBe(true);
  expect(await two.read(backlog.places)).toEqual(['missed']);
  await cluster.advance(1_000);
  expect(two.arrivals.map(text)).toEqual(['missed']);
});
