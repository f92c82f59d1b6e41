import type { KeyedState } from '@qanat/client';
import { type Clock, QanatError, type QueueId } from '@qanat/core';
import { expect, test } from 'vitest';
import { withCheckpoint } from '../../src/cluster/claims.ts';
import { BRIDGE_DEAD_MS, BRIDGE_LOOK_GAP_MS, INBOUND_FENCE_MS } from '../../src/cluster/limits.ts';
import { LiveGatherings } from '../../src/cluster/live-gathering.ts';
import { decodeLiveness, encodeLiveness, instanceOf, Liveness } from '../../src/cluster/liveness.ts';
import { QueueTable } from '../../src/cluster/queue-table.ts';
import { gatherBacklog, indexedFor, type ResumeScope } from '../../src/cluster/resume.ts';
import { encodeExchange, encodeFinished, NO_ENTRIES, SessionStore } from '../../src/cluster/session-entries.ts';
import type { SessionRecord } from '../../src/cluster/session-record.ts';
import { BRIDGES, bridgeKey, exchangeKey, finishedKey } from '../../src/cluster/state-keys.ts';
import { StillSpan } from '../../src/cluster/still-span.ts';
import { NOTHING, publication, startWorld, type TestBridge, text, type World } from './bridges.ts';

const QUEUE: QueueId = { topic: 'mqtt', broker: 'broker-a', queue: 0 };

const recordOf = (rest: Partial<SessionRecord>): SessionRecord => ({
  clientId: 'device',
  claim: 1,
  owner: undefined,
  offlineSinceMs: 0,
  expiryInterval: 1,
  principal: '',
  subscriptions: [],
  cursor: new Map([['mqtt/broker-a/0', 10]]),
  pointersFrom: 1,
  checkpointsFrom: 0,
  inbound: undefined,
  will: undefined,
  willDueMs: 0,
  sentUntilMs: 0,
  ...rest,
});

function livenessOf(world: World, instance: string): Liveness {
  const nobody = {} as KeyedState; // it never writes
  return new Liveness(nobody, world.cluster.clock, instance, () => {});
}

/** A client id whose session lives at one broker, and a topic whose queue lives at the other. */
async function apart(world: World, bridge: TestBridge): Promise<{ clientId: string; topic: string }> {
  const clientId = await textAt(world, bridge, 'mqtt-state', 'broker-b');
  return { clientId, topic: await textAt(world, bridge, 'mqtt', 'broker-a') };
}

/** A client id or MQTT topic whose queue lives at a broker. */
async function textAt({ cluster }: World, { client }: TestBridge, of: string, broker: string): Promise<string> {
  let text = 't';
  while ((await cluster.until(client.keyedState(of).queueOf(text))).broker !== broker) text += '.';
  return text;
}

test('an index counts only for sessions that its indexer had heard of', () => {
  const seen = new Map([['mqtt-state/broker-a/0', 7]]);
  const indexes = new Map([[3, { queue: 'mqtt/broker-a/0', position: 100, seen }]]);
  expect(indexedFor(indexes, 'mqtt-state/broker-a/0', 7)).toEqual(new Map([[3, 100]]));
  expect(indexedFor(indexes, 'mqtt-state/broker-a/0', 8)).toEqual(new Map());
  expect(indexedFor(indexes, 'mqtt-state/broker-b/0', 1)).toEqual(new Map());
});

test('the checkpoint of a dead bridge counts from the one on at which the session was settled', async () => {
  await using world = await startWorld();
  const liveness = livenessOf(world, 'me');
  const positions = new Map([['mqtt/broker-a/0', 50]]);
  const checkpoint = { number: 4, positions };
  expect(decodeLiveness(encodeLiveness({ atMs: 1, checkpoint }))).toEqual({ atMs: 1, checkpoint });
  liveness.changed(bridgeKey('other'), encodeLiveness({ atMs: 1, checkpoint }), 1, QUEUE);
  const at = (checkpointsFrom: number) => withCheckpoint(recordOf({ owner: 'other', checkpointsFrom }), liveness, 9);
  for (const from of [0, 5]) {
    expect(at(from).record.cursor.get('mqtt/broker-a/0')).toBe(10);
    expect(at(from).pointersHold).toBe(true);
  }
  for (const from of [3, 4]) {
    expect(at(from).record.cursor.get('mqtt/broker-a/0')).toBe(50);
    expect(at(from).pointersHold).toBe(false);
  }
});

/** The entries of some bridges at a broker that may be away; who looks is told of changes at once. */
class Entries {
  away = false;
  readonly #versions = new Map<string, number>();
  readonly #clock: Clock;
  readonly bridges: readonly Liveness[];

  constructor(clock: Clock, names: readonly string[]) {
    this.#clock = clock;
    const get = async (_queue: QueueId, keys: readonly string[]): Promise<unknown> => {
      if (this.away) throw new QanatError('TIMEOUT', 'away');
      return keys.map((key) => ({ version: this.#versions.get(key) ?? 0 }));
    };
    const state = { queueOf: async () => QUEUE, write: async () => 1, get } as unknown as KeyedState;
    this.bridges = names.map((name) => new Liveness(state, clock, name, () => {}));
  }

  beat(version: number, of: readonly string[]): void {
    const value = encodeLiveness({ atMs: this.#clock.wallMs(), checkpoint: { number: 0, positions: new Map() } });
    for (const key of of.map(bridgeKey)) {
      this.#versions.set(key, version);
      for (const bridge of this.bridges) bridge.changed(key, value, version, QUEUE);
    }
  }
}

test('of several bridges one does a task; when it misses CHECKPOINT_MS for BRIDGE_DEAD_MS another one does', async () => {
  await using world = await startWorld();
  const names = ['one', 'two', 'three'];
  const entries = new Entries(world.cluster.clock, names);
  const all = entries.bridges;
  for (const one of all) await one.start();
  const tasks = Array.from({ length: 60 }, (_, i) => `task ${i}`);
  const doers = (task: string) => all.filter((liveness) => liveness.isMine(task)).map(({ instance }) => instance);
  entries.beat(1, names);
  for (const task of tasks) expect(doers(task)).toHaveLength(1);
  expect(new Set(tasks.flatMap(doers))).toEqual(new Set(names));
  await world.cluster.advance(4_000);
  entries.beat(2, ['one', 'two']);
  await world.cluster.advance(2_500);
  const alive = all.slice(0, 2);
  for (const task of tasks) expect(alive.filter((liveness) => liveness.isMine(task))).toHaveLength(1);
  expect(all[0]?.isAlive('three')).toBe(false);
  // Who was never seen has as long to be seen.
  expect(all[0]?.isAlive('four')).toBe(true);
  await world.cluster.advance(4_500);
  expect(all[0]?.isAlive('four')).toBe(true);
  await world.cluster.advance(2_000);
  expect(all[0]?.isAlive('four')).toBe(false);
});

test('looks further apart than BRIDGE_LOOK_GAP_MS do not count together', () => {
  const still = new StillSpan(0);
  expect(still.seen(BRIDGE_LOOK_GAP_MS)).toBe(true);
  expect(still.ms).toBe(BRIDGE_LOOK_GAP_MS);
  expect(still.seen(2 * BRIDGE_LOOK_GAP_MS + 1)).toBe(false);
  expect(still.isDead).toBe(false);
  expect(still.seen(3 * BRIDGE_LOOK_GAP_MS + 1)).toBe(true);
  expect(still.ms).toBe(BRIDGE_LOOK_GAP_MS);
});

test('a bridge is dead after BRIDGE_DEAD_MS of looks that were answered; while nobody could look it may have lived', async () => {
  await using world = await startWorld();
  const { clock } = world.cluster;
  const entries = new Entries(clock, ['one', 'two']);
  const [one] = entries.bridges;
  if (one === undefined) throw new Error('no bridge');
  await one.start();
  entries.beat(1, ['two']);
  await world.cluster.advance(2_500);
  entries.away = true;
  await world.cluster.advance(20_000);
  expect(one.isAlive('two')).toBe(true);
  expect(one.isAlive('never seen')).toBe(true);
  entries.away = false;
  const backAtMs = clock.wallMs();
  await world.cluster.advance(4_500);
  expect(one.isAlive('two')).toBe(true);
  await world.cluster.advance(2_500);
  expect(one.isAlive('two')).toBe(false);
  expect(one.isAlive('never seen')).toBe(false);
  const servedUntilMs = one.servedUntilMs('two', Number.POSITIVE_INFINITY);
  expect(servedUntilMs - backAtMs).toBeGreaterThanOrEqual(BRIDGE_DEAD_MS);
  // Dead it stays, whether or not its broker is there.
  entries.away = true;
  await world.cluster.advance(20_000);
  entries.away = false;
  await world.cluster.advance(1_500);
  expect(one.isAlive('two')).toBe(false);
  expect(one.servedUntilMs('two', Number.POSITIVE_INFINITY)).toBe(servedUntilMs);
  entries.beat(2, ['two']);
  expect(one.isAlive('two')).toBe(true);
});

test('a session with more entries than one write takes is replaced with all of them', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('mqtt-state'));
  const queues = new QueueTable();
  const queue = queues.numberOf(QUEUE);
  const store = new SessionStore(client.keyedState('mqtt-state'), cluster.clock, queues);
  const home = await cluster.until(store.queueOf('device'));
  const exchanges = Array.from({ length: 2_500 }, (_, i) => ({ packetId: i + 1, queue, offset: i, released: false }));
  const writes = store.exchangeWrites('device', 1, exchanges);
  const version = await cluster.until(store.replace(home, recordOf({ claim: 1 }), 0, writes));
  const before = await cluster.until(store.entriesOf(home, recordOf({ claim: 1 })));
  expect(before.exchanges).toHaveLength(2_500);
  await cluster.until(store.replace(home, recordOf({ claim: 2 }), version, store.restamped('device', 2, before)));
  const after = await cluster.until(store.entriesOf(home, recordOf({ claim: 2 })));
  expect(after.exchanges).toHaveLength(2_500);
  expect(after.keys).toHaveLength(2_500);
  await expect(cluster.until(store.replace(home, recordOf({ claim: 3 }), version))).rejects.toThrow(/VERSION_CONFLICT|version/);
});

test('what a bridge writes of exchanges after another one has the session does not count', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('mqtt-state'));
  const state = client.keyedState('mqtt-state');
  const queues = new QueueTable();
  const queue = queues.numberOf(QUEUE);
  const store = new SessionStore(state, cluster.clock, queues);
  const home = await cluster.until(store.queueOf('device'));
  const exchange = (packetId: number) => ({ packetId, queue, offset: packetId, released: false });
  const writes = [
    { key: exchangeKey('device', 1, 1), value: encodeExchange(1, exchange(1), queues) },
    { key: exchangeKey('device', 2, 2), value: encodeExchange(2, exchange(2), queues) },
    { key: finishedKey('device', 1), value: encodeFinished(1, [{ queue, offset: 9 }], queues) },
  ];
  await cluster.until(state.write(home, writes));
  const entries = await cluster.until(store.entriesOf(home, recordOf({ claim: 2 })));
  expect(entries.exchanges).toEqual([exchange(2)]);
  expect(entries.finished).toEqual([]);
  expect(entries.keys).toHaveLength(3);
});

test('a bridge that is behind claims a session once it has seen what the one before has sent', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const { clientId, topic } = await apart(world, one);
  const epoch = await one.session(clientId, [topic]);
  await cluster.advance(100);
  cluster.cut('client-2', 'broker-a');
  expect(await one.publish(topic, 'sent by the first')).toBe('success');
  await cluster.advance(20);
  expect(one.arrivals.map(text)).toEqual(['sent by the first']);
  one.suspend(clientId, epoch);
  await cluster.advance(20);
  let claimed = false;
  const claim = new Promise<number>((resolve) => {
    const request = {
      clientId,
      cleanStart: false,
      expiryInterval: 100,
      will: undefined,
      principal: '',
      maySubscribe: () => true,
      wanted: () => true,
    };
    two.cluster.claim(request, (result) => {
      claimed = true;
      resolve(typeof result === 'string' ? -1 : result.backlog.places.length + two.arrivals.length * 10);
    });
  });
  await cluster.advance(300);
  expect(claimed).toBe(false);
  cluster.heal('client-2', 'broker-a');
  // It arrived before, and is not in the backlog: the session does not get it again.
  expect(await cluster.until(claim)).toBe(10);
});

test('a session whose backlog cannot be gathered is let go: it is indexed and expires as before', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const { clientId, topic } = await apart(world, one);
  await one.session(clientId, [topic]);
  for (let i = 0; i < 5; i++) await one.publish(topic, `${i}`);
  const two = await world.bridge('two');
  await one.kill();
  cluster.cut('client-2', 'broker-a');
  expect(await two.claim(clientId)).toBe('unavailable');
  expect(two.cluster.figures()).toMatchObject({ sessions: 0 });
  await cluster.advance(10_000);
  cluster.heal('client-2', 'broker-a');
  await cluster.advance(5_000);
  expect(two.cluster.figures()).toMatchObject({ sessions: 0, offlineSessions: 1 });
  const { backlog } = await two.claimed(clientId);
  expect(await two.read(backlog.places)).toEqual(['0', '1', '2', '3', '4']);
});

/** A bridge whose own entry lives at a broker. */
async function bridgeAt(world: World, broker: string): Promise<TestBridge> {
  for (let i = 0; ; i++) {
    const bridge = await world.bridge(`bridge-${i}`);
    const state = bridge.client.keyedState('mqtt-state');
    for (const queue of await world.cluster.until(state.queues())) {
      const { entries } = await world.cluster.until(state.scan(queue, { prefix: BRIDGES + instanceOf(`bridge-${i}`, '') }));
      if (entries.length > 0 && queue.broker === broker) return bridge;
    }
  }
}

test('a bridge dies while a session that went offline is not saved: no checkpoint passes over what it has left', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const two = await world.bridge('two');
  const one = await bridgeAt(world, 'broker-a');
  const { clientId, topic } = await apart(world, one);
  const epoch = await one.session(clientId, [topic]);
  await cluster.advance(3_000);
  cluster.killBroker('broker-b');
  expect(await one.publish(topic, 'not acknowledged')).toBe('success');
  await cluster.advance(20);
  const [last] = one.arrivals.slice(-1);
  if (last === undefined) throw new Error('nothing arrived');
  one.suspend(clientId, epoch, { ...NOTHING, places: [{ queue: last.queue, offset: last.offset }] });
  await cluster.advance(4_000);
  await one.kill();
  await cluster.startBroker('broker-b');
  await cluster.advance(15_000);
  const { backlog } = await two.claimed(clientId);
  expect(await two.read(backlog.places)).toEqual(['not acknowledged']);
});

test('the broker with the liveness of a bridge is away for 20 s: no session is taken over, no will published, nothing repeated', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const two = await world.bridge('two');
  const one = await bridgeAt(world, 'broker-b');
  const [clientId, topic] = await Promise.all([
    textAt(world, one, 'mqtt-state', 'broker-a'),
    textAt(world, one, 'mqtt', 'broker-a'),
  ]);
  const will = { topic, payload: new TextEncoder().encode('gone'), qos: 1, retain: false } as const;
  const epoch = await one.session(clientId, [topic], { will });
  await cluster.advance(3_000);
  cluster.killBroker('broker-b');
  for (let second = 0; second < 20; second++) {
    expect(await one.publish(topic, `${second}`)).toBe('success');
    await cluster.advance(1_000);
  }
  await cluster.startBroker('broker-b');
  await cluster.advance(15_000);
  expect(one.lost).toEqual([]);
  expect(one.arrivals.map(text)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  expect(two.arrivals.map(text)).toEqual(one.arrivals.map(text));
  expect(await one.subscribed(clientId, epoch, { subscriptions: [], backlog: NOTHING })).toBe(true);
  const { backlog } = await two.claimed(clientId);
  expect(backlog.places).toEqual([]);
});

test('what the bridge before still tries to store is not stored after the exchange was released [MQTT-4.3.3-10]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const { clientId, topic } = await apart(world, one);
  await one.session(clientId, []);
  expect(await one.publishOnce('first', 'so that it is known', 1, clientId)).toBe('success');
  expect(await one.forget(clientId, 1)).toBe(true);
  cluster.cut('client-1', 'broker-a');
  one.cluster.publishOnce(publication(topic, 'once', { qos: 2, clientId }), 2, () => {});
  await cluster.advance(1_000);
  await two.claimed(clientId);
  for (let round = 0; round < 3; round++) {
    expect(await two.publishOnce(topic, `of round ${round}`, 2, clientId)).toBe('success');
    expect(await two.inbound(clientId)).toEqual([2]);
    expect(await two.forget(clientId, 2)).toBe(true);
  }
  cluster.heal('client-1', 'broker-a');
  await cluster.advance(INBOUND_FENCE_MS / 2);
  expect(two.arrivals.map(text)).toEqual(['so that it is known', 'of round 0', 'of round 1', 'of round 2']);
  // Afterwards nothing can be under way, and the keys go.
  await cluster.advance(INBOUND_FENCE_MS);
  expect(await two.publishOnce(topic, 'last', 2, clientId)).toBe('success');
  expect(await two.forget(clientId, 2)).toBe(true);
  const home = await cluster.until(two.client.keyedState('mqtt').queueOf(topic));
  const { entries } = await cluster.until(two.client.keyedState('mqtt').scan(home, { prefix: 'd/' }));
  expect(entries).toEqual([]);
});

test('what an indexer has found ahead of this bridge does not arrive here once more [MQTT-4.3.3-1]', async () => {
  const queues = new QueueTable();
  const queue = queues.numberOf(QUEUE);
  const pointers = { queue: 'mqtt/broker-a/0', claim: 1, offsets: [3, 7], scan: undefined };
  const dense = { ...pointers, offsets: [], scan: { from: 20, to: 25 } };
  const waits: { readonly offset: number; readonly reached: () => void }[] = [];
  const tails = {
    positions: () => new Map([[queue, 5]]),
    reached: (_queue: number, offset: number) => new Promise<void>((reached) => waits.push({ offset, reached })),
  };
  const walks = { look: async () => {} };
  let ended = false;
  const scope = { queues, tails, walks, live: new LiveGatherings() } as unknown as ResumeScope;
  const entries = { ...NO_ENTRIES, pointers: [pointers, dense].map((one) => ({ key: '', pointers: one })) };
  const resumed = { record: recordOf({ cursor: new Map() }), entries, indexed: new Map() };
  const gathered = gatherBacklog(scope, resumed, new AbortController().signal);
  void gathered.then(() => {
    ended = true;
  });
  expect(waits.map(({ offset }) => offset)).toEqual([8, 25]);
  for (const { reached } of waits) {
    await Promise.resolve();
    expect(ended).toBe(false);
    reached();
  }
  expect((await gathered)().places.map(({ offset }) => offset)).toEqual([3, 7]);
});

test('a backlog that no broker gives is given up with the claim that wants it', async () => {
  const queues = new QueueTable();
  const queue = queues.numberOf(QUEUE);
  const live = new LiveGatherings();
  const tails = { positions: () => new Map([[queue, 5]]), reached: () => new Promise<void>(() => {}) };
  const scope = { queues, tails, walks: { look: async () => {} }, live } as unknown as ResumeScope;
  const record = recordOf({ cursor: new Map([['mqtt/broker-a/0', 9]]) });
  const ended = new AbortController();
  const gathered = gatherBacklog(scope, { record, entries: NO_ENTRIES, indexed: new Map() }, ended.signal);
  expect(live.size).toBe(1);
  ended.abort();
  await expect(gathered).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(live.size).toBe(0);
});
