import type { Will } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { KeptState } from '../../src/cluster/kept-state.ts';
import {
  RETAINED_MAX,
  RETAINED_STATE_BYTES_MIN,
  SESSION_STATE_BYTES_MIN,
  SESSIONS_MAX,
  SESSIONS_PER_USER_MAX,
  STATE_BYTES_MAX,
  SUBSCRIPTION_STATE_BYTES,
} from '../../src/cluster/limits.ts';
import { SessionMirror } from '../../src/cluster/session-mirror.ts';
import { encodeSession, type SessionRecord } from '../../src/cluster/session-record.ts';
import { NOTHING, publication, startWorld, subscription, type TestBridge, text, type World } from './bridges.ts';

const willOf = (bytes: number, retain = false): Will => ({
  topic: 'wills/one',
  payload: new Uint8Array(bytes).fill(120),
  qos: 1,
  retain,
  properties: { willDelayInterval: 60 },
});

const retained = (bridge: TestBridge): string[] => [...bridge.cluster.retained('#')].map(text).toSorted();
const limitLines = ({ logged }: TestBridge): string[] => logged.filter((line) => line.startsWith('mqtt-limit-reached'));

async function limited(limits: World['limits']): Promise<{ world: World; one: TestBridge; two: TestBridge }> {
  const world = await startWorld();
  world.limits = limits;
  return { world, one: await world.bridge('one'), two: await world.bridge('two') };
}

test('sessions beyond sessionsMax are refused at every bridge, those that there are go on [QNT-MQT-120]', async () => {
  const { world, one, two } = await limited({ sessionsMax: 2 });
  await using _ = world;
  await one.offline('a', ['x']);
  await two.session('b', ['x']);
  await world.cluster.advance(100);
  for (const bridge of [one, two]) expect(await bridge.claim('c')).toBe('quota-exceeded');
  expect(limitLines(two)).toEqual(['mqtt-limit-reached {"limit":"sessionsMax","most":2,"client":"c","user":"anonymous"}']);
  expect(two.cluster.figures()).toMatchObject({ sessionsKept: 2, sessionsRefused: 1, stateBytes: 2 * SESSION_STATE_BYTES_MIN });
  // Those that end with their connection are not kept, and what is kept may be taken up by its device, also anew.
  expect(await two.claim('c', { expiryInterval: 0 })).toMatchObject({ sessionPresent: false });
  expect(await two.claim('a')).toMatchObject({ sessionPresent: true });
  const { epoch } = await two.claimed('b', { cleanStart: true });
  two.suspend('b', epoch, NOTHING, 0);
  await world.cluster.advance(100);
  expect(await one.claim('d')).toMatchObject({ sessionPresent: false });
  expect(await one.claim('e')).toBe('quota-exceeded');
});

test('many that connect at once do not pass sessionsMax of one bridge [QNT-MQT-120]', async () => {
  const { world, one } = await limited({ sessionsMax: 3 });
  await using _ = world;
  const answers = await world.cluster.until(Promise.all(Array.from({ length: 20 }, (_, i) => one.claim(`d${i}`))));
  expect(answers.filter((answer) => answer === 'quota-exceeded')).toHaveLength(17);
});

test('a user has sessionsPerUserMax sessions, and others have theirs [QNT-MQT-120]', async () => {
  const { world, one } = await limited({ sessionsPerUserMax: 1 });
  await using _ = world;
  await one.offline('a', ['x'], { principal: 'ada' });
  expect(await one.claim('b', { principal: 'ada' })).toBe('quota-exceeded');
  expect(await one.claim('c', { principal: 'bob' })).toMatchObject({ sessionPresent: false });
  expect(await one.claim('a', { principal: 'ada' })).toMatchObject({ sessionPresent: true });
});

test('wills and subscriptions are kept up to stateBytesMax; who needs no more than before is let in [QNT-MQT-120]', async () => {
  const { world, one, two } = await limited({ stateBytesMax: 20_000 });
  await using _ = world;
  const epoch = await one.session('a', ['x']);
  one.suspend('will', await one.session('will', [], { will: willOf(12_000) }), NOTHING, 86_400, false);
  await world.cluster.advance(100);
  for (const expiryInterval of [0, 600])
    expect(await two.claim('b', { will: willOf(6_000), expiryInterval })).toBe('quota-exceeded');
  expect(await two.claim('b', { will: willOf(100), expiryInterval: 0 })).toMatchObject({ sessionPresent: false });
  expect(one.cluster.mayHold('a', 2, 700)).toBe(true);
  expect(one.cluster.mayHold('a', 2, 7_000)).toBe(false);
  expect(limitLines(one)).toEqual(['mqtt-limit-reached {"limit":"stateBytesMax","most":20000,"client":"a"}']);
  // What stands counts: the will of the session that goes on is not kept any more.
  await two.claimed('will', { cleanStart: true });
  await world.cluster.advance(100);
  expect(one.cluster.mayHold('a', 2, 7_000)).toBe(true);
  const filters = Array.from({ length: 50 }, (_, i) => subscription(`${'f'.repeat(100)}/${i}`));
  expect(await one.subscribed('a', epoch, { subscriptions: filters, backlog: NOTHING })).toBe(true);
  await world.cluster.advance(100);
  expect(two.cluster.figures().stateBytes).toBeGreaterThan(50 * (100 + SUBSCRIPTION_STATE_BYTES) + SESSION_STATE_BYTES_MIN);
  // Going offline writes it again, whatever the limit says.
  one.suspend('a', epoch);
  await world.cluster.advance(100);
  expect(await two.claim('a')).toMatchObject({ sessionPresent: true });
});

test('beyond retainedMax nothing more is retained: refused, not stored, of QoS 0 dropped; what is there is replaced [QNT-MQT-121]', async () => {
  const { world, one, two } = await limited({ retainedMax: 2 });
  await using _ = world;
  for (const topic of ['a', 'b']) expect(await one.publish(topic, topic, { retain: true })).toBe('success');
  await world.cluster.advance(100);
  for (const bridge of [one, two]) expect(await bridge.publish('c', 'c', { retain: true })).toBe('quota-exceeded');
  one.cluster.publish(publication('c', 'c', { retain: true, qos: 0 }));
  await world.cluster.advance(100);
  expect(one.arrivals.map(({ topic }) => topic).toSorted()).toEqual(['a', 'b']);
  expect(one.cluster.figures()).toMatchObject({ retained: 2, retainedRefused: 2, shed: 1 });
  expect(limitLines(one)).toEqual(['mqtt-limit-reached {"limit":"retainedMax","most":2,"topic":"c","client":"publisher"}']);
  expect(await two.publish('a', 'again', { retain: true })).toBe('success');
  expect(await two.publish('c', '', { retain: true })).toBe('success');
  await world.cluster.advance(100);
  expect(retained(one)).toEqual(['again', 'b']);
  // The trace of a removed one counts until it is swept.
  expect(await two.publish('b', '', { retain: true })).toBe('success');
  await world.cluster.advance(90_000);
  expect(await two.publish('c', 'c', { retain: true })).toBe('success');
  await world.cluster.advance(100);
  expect(retained(one)).toEqual(['again', 'c']);
});

test('many that are to be retained at once do not pass the limits [QNT-MQT-121]', async () => {
  const { world, one } = await limited({ stateBytesMax: 50_000 });
  await using _ = world;
  const publish = (i: number): Promise<string> => one.publish(`t/${i}`, 'x'.repeat(9_000), { retain: true });
  const outcomes = await world.cluster.until(Promise.all(Array.from({ length: 20 }, (_, i) => publish(i))));
  expect(outcomes.filter((outcome) => outcome === 'success')).toHaveLength(5);
  expect(one.cluster.figures().stateBytes).toBeLessThanOrEqual(50_000);
  // No more bytes than before: let in. More: not.
  expect(await publish(0)).toBe('success');
  expect(await one.publish('t/0', 'x'.repeat(30_000), { retain: true })).toBe('quota-exceeded');
});

/** By whichever bridge looks after the queue. */
const notRetained = (...bridges: readonly TestBridge[]): number =>
  bridges.reduce((sum, { cluster }) => sum + cluster.figures().retainedRefused, 0);

test('of another client of the cluster no new topic is retained beyond the limit, and the latest of one that is [QNT-MQT-121]', async () => {
  const { world, one, two } = await limited({ retainedMax: 1 });
  await using _ = world;
  await one.publish('a', 'a', { retain: true });
  const producer = (await world.cluster.connect()).producer();
  for (const key of ['a', 'b'])
    await world.cluster.until(
      producer.send('mqtt', { key, body: new TextEncoder().encode(`other ${key}`), properties: { 'mqtt.retain': '1' } }),
    );
  await world.cluster.advance(1_000);
  expect(retained(one)).toEqual(['other a']);
  expect(one.arrivals.map(text).toSorted()).toEqual(['a', 'other a', 'other b']);
  expect(notRetained(one, two)).toBe(1);
});

test('a will beyond the limit of retained messages is published, and not retained [QNT-MQT-122]', async () => {
  const { world, one, two } = await limited({ retainedMax: 0 });
  await using _ = world;
  const epoch = await one.session('device', [], { will: willOf(3, true) });
  one.suspend('device', epoch, NOTHING, 86_400, false);
  await world.cluster.advance(70_000);
  expect(one.arrivals.map((message) => [text(message), message.retain])).toEqual([['xxx', false]]);
  expect(retained(one)).toEqual([]);
  expect([one, two].map(({ cluster }) => cluster.figures().willsDropped)).toEqual([0, 0]);
  expect(notRetained(one, two)).toBe(1);
});

test('the defaults hold together: SESSIONS_MAX and RETAINED_MAX small ones are within STATE_BYTES_MAX', () => {
  expect(new KeptState().limits).toEqual({
    sessionsMax: SESSIONS_MAX,
    sessionsPerUserMax: SESSIONS_PER_USER_MAX,
    retainedMax: RETAINED_MAX,
    stateBytesMax: STATE_BYTES_MAX,
  });
  expect(SESSIONS_MAX * SESSION_STATE_BYTES_MIN + RETAINED_MAX * RETAINED_STATE_BYTES_MIN).toBeLessThanOrEqual(STATE_BYTES_MAX);
});

test('what grows no further is let in, also where the limit was lowered or passed [QNT-MQT-120] [QNT-MQT-121]', () => {
  const state = new KeptState({ sessionsMax: 0, retainedMax: 0, stateBytesMax: 10 });
  const session = { kept: true, principal: 'ada', bytes: 6_000, willBytes: 0 };
  state.sessionChanged(undefined, session);
  state.retainedChanged(undefined, 2_000);
  const request = {
    clientId: 'a',
    cleanStart: false,
    expiryInterval: 60,
    will: undefined,
    principal: 'ada',
    maySubscribe: () => true,
    wanted: () => true,
  };
  expect(state.ofClaim(request, session)).toBeUndefined();
  expect(state.ofClaim({ ...request, will: willOf(1) }, session)).toBe('stateBytesMax');
  expect(state.ofClaim({ ...request, cleanStart: true, will: willOf(100) }, session)).toBeUndefined();
  expect(state.ofSubscriptions(2, 2_000, session)).toBeUndefined();
  expect([1_000, 2_000, 2_001].map((bytes) => state.ofRetained(bytes, 2_000))).toEqual([undefined, undefined, 'stateBytesMax']);
});

test('the mirror keeps no will of a session that is offline, and knows what it counts for', () => {
  const state = new KeptState();
  const mirror = new SessionMirror(state);
  const record: SessionRecord = {
    clientId: 'a',
    claim: 1,
    owner: undefined,
    offlineSinceMs: 1,
    expiryInterval: 60,
    principal: 'anonymous',
    subscriptions: [],
    cursor: new Map(),
    pointersFrom: 1,
    checkpointsFrom: 0,
    inbound: undefined,
    will: willOf(5_000),
    willDueMs: 2,
    sentUntilMs: 0,
  };
  const queue = { topic: 'mqtt-state', broker: 'b', queue: 0 };
  mirror.changed('s/a', encodeSession(record), 1, queue);
  expect(mirror.sessions.get('s/a')?.record).toMatchObject({ will: undefined, willDueMs: 2 });
  mirror.share('s/a', 1, record);
  expect(mirror.sessions.get('s/a')?.record.will).toBeUndefined();
  expect(mirror.sessions.get('s/a')?.counted.willBytes).toBe(5_000 + 'wills/one'.length);
  expect(state.bytes).toBe(encodeSession(record).length);
  mirror.changed('s/a', undefined, 2, queue);
  expect(state).toMatchObject({ bytes: 0, sessions: 0 });
});
