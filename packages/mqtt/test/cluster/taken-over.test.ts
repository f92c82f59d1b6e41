import { expect, test } from 'vitest';
import { PLACE_IDS } from '../../src/packet-ids.ts';
import { NOTHING, publication, startWorld, subscription, TestBridge, text, withMethod } from './bridges.ts';

test('a session that another bridge claims is told to the one that had it [MQTT-3.1.4-3]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('device', ['a']);
  const { sessionPresent, subscriptions } = await two.claimed('device');
  expect(sessionPresent).toBe(true);
  expect(subscriptions).toHaveLength(1);
  await world.cluster.advance(50);
  expect(one.lost).toEqual(['device']);
  // What the former bridge still says does nothing.
  one.suspend('device', epoch);
  await world.cluster.advance(50);
  expect(two.lost).toEqual([]);
  const third = await one.claimed('device');
  await world.cluster.advance(50);
  expect(two.lost).toEqual(['device']);
  expect(third.sessionPresent).toBe(true);
});

test.each(['the watch', 'a refused write'])(
  'others set sessions of a bridge offline that stood still: it learns by %s that no device came for them [QNT-MQT-111]',
  async (by) => {
    await using world = await startWorld();
    const { cluster } = world;
    const client = await cluster.connect();
    let deaf = false;
    const stateOf = (topic: string): ReturnType<typeof client.keyedState> => {
      const state = client.keyedState(topic);
      const watch = async function* (...args: Parameters<typeof state.watch>): ReturnType<typeof state.watch> {
        for await (const news of state.watch(...args)) {
          if (deaf && args[1].prefix === 's/') await new Promise(() => {});
          yield news;
        }
      };
      return withMethod(state, 'watch', watch as never);
    };
    const one = await new TestBridge(world, withMethod(client, 'keyedState', stateOf as never)).start('one', 'committed');
    const two = await world.bridge('two');
    const epochs = new Map<string, number>();
    for (const name of ['stays', 'moves']) epochs.set(name, await one.session(name, ['a']));
    for (const broker of ['broker-a', 'broker-b']) cluster.cut('client-1', broker);
    deaf = by !== 'the watch';
    await cluster.advance(12_000);
    if (by === 'the watch') await two.claimed('moves');
    for (const broker of ['broker-a', 'broker-b']) cluster.heal('client-1', broker);
    const write = (name: string): Promise<boolean> =>
      one.subscribed(name, epochs.get(name) ?? 0, { subscriptions: [], backlog: NOTHING });
    if (deaf) expect(await Promise.all([...epochs.keys()].map(write))).toEqual([false, false]);
    await cluster.advance(20_000);
    expect(one.lost.toSorted()).toEqual(['moves', 'stays']);
    expect(one.offlined.toSorted()).toEqual(by === 'the watch' ? ['stays'] : ['moves', 'stays']);
  },
);

test('what was not acknowledged at the former bridge is sent by the next one', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('device', ['a']);
  await one.publish('a', 'stuck');
  await world.cluster.advance(50);
  const places = one.arrivals.map(({ queue, offset }) => ({ queue, offset }));
  one.open.set('device', { clientId: 'device', epoch, backlog: { ...NOTHING, places } });
  await world.cluster.advance(2_500);
  for (let i = 0; i < 10; i++) await one.publish('b', `${i}`);
  const { backlog } = await two.claimed('device');
  expect(await two.read(backlog.places)).toEqual(['stuck']);
});

test('of two bridges that claim at once one has the session in the end, and the other one knows', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  for (let round = 0; round < 5; round++) {
    await world.cluster.until(Promise.all([one.claimed('device'), two.claimed('device')]));
    await world.cluster.advance(100);
    expect(one.cluster.figures().sessions + two.cluster.figures().sessions).toBe(1);
    expect(one.lost.length + two.lost.length).toBeGreaterThan(round);
  }
});

test('calls for one session take effect in the order in which they are made', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a']);
  one.suspend('device', epoch);
  const { sessionPresent, subscriptions } = await one.claimed('device');
  expect(sessionPresent).toBe(true);
  expect(subscriptions).toHaveLength(1);
  expect(one.lost).toEqual([]);
});

test('a session that ends with its connection leaves nothing [MQTT-3.1.2-23]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', ['a'], { expiryInterval: 0 });
  one.suspend('device', epoch, NOTHING, 0);
  await world.cluster.advance(100);
  expect((await one.claimed('device')).sessionPresent).toBe(false);
});

test('the first packet ids of two connections differ', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const first = await one.claimed('device');
  const second = await one.claimed('device');
  expect(second.firstPacketId).not.toBe(first.firstPacketId);
  for (const { firstPacketId } of [first, second]) {
    expect(firstPacketId).toBeGreaterThan(PLACE_IDS);
    expect(firstPacketId).toBeLessThanOrEqual(65_535);
  }
});

test('QoS 2 out: of an exchange that the former bridge begins beside a claim the next one knows, or it is refused [MQTT-4.3.3-1]', async () => {
  for (let delayMs = 0; delayMs < 12; delayMs++) {
    await using world = await startWorld({ seed: delayMs + 1 });
    const one = await world.bridge('one');
    const two = await world.bridge('two');
    const epoch = await one.session('device', [subscription('a', { qos: 2 })]);
    await one.publish('a', 'message', { qos: 2 });
    await world.cluster.advance(20);
    const [{ queue, offset } = { queue: 0, offset: 0 }] = one.arrivals;
    const begins = (packetId: number): Promise<boolean> =>
      new Promise((done) => one.cluster.exchange('device', epoch, packetId, { queue, offset, packetId, released: false }, done));
    await world.cluster.until(begins(1));
    await world.cluster.until(one.exchange('device', epoch, 1, undefined));
    const held: boolean[] = [];
    const claim = two.claimed('device');
    for (let packetId = 2; packetId < 12; packetId++) {
      void begins(packetId).then((is) => is && held.push(is));
      await world.cluster.advance(delayMs / 4);
    }
    const { backlog } = await world.cluster.until(claim);
    await world.cluster.advance(100);
    expect(backlog.exchanges).toHaveLength(held.length);
    expect(one.lost).toEqual(['device']);
  }
});

test('QoS 2 in: what the former bridge looks for while the next one releases it is stored once [MQTT-4.3.3-10]', async () => {
  await using world = await startWorld();
  const client = await world.cluster.connect();
  let answer = (): void => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const slow = withMethod(client, 'keyedState', (topic: string) => {
    const state = client.keyedState(topic);
    const scan = async (...args: Parameters<typeof state.scan>): Promise<unknown> => {
      await held;
      return state.scan(...args);
    };
    return topic === 'mqtt' ? withMethod(state, 'scan', scan as never) : state;
  });
  const one = await new TestBridge(world, slow).start('one', 'committed');
  const two = await world.bridge('two');
  await one.session('device', ['x']);
  await one.publishOnce('a', 'earlier', 4, 'device');
  await one.claimed('device');
  const outcomes: string[] = [];
  one.cluster.publishOnce(publication('a', 'message', { qos: 2, clientId: 'device' }), 5, (outcome) => outcomes.push(outcome));
  await world.cluster.advance(20);
  await two.claimed('device');
  expect(await two.publishOnce('a', 'message', 5, 'device')).toBe('success');
  expect(await two.forget('device', 5)).toBe(true);
  answer();
  await world.cluster.advance(1_000);
  expect(outcomes).toEqual(['unspecified-error']);
  expect(two.arrivals.map(text)).toEqual(['earlier', 'message']);
});
