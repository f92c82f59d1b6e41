import { expect, test } from 'vitest';
import type { Will } from '../../src/codec/packet.ts';
import { NOTHING, publication, startWorld, subscription, text } from './bridges.ts';

const willOf = (payload: string, rest: Partial<Will> = {}): Will => ({
  topic: 'wills/device',
  payload: new TextEncoder().encode(payload),
  qos: 1,
  retain: false,
  ...rest,
});

test('a bridge dies with sessions online: what they had settled is not sent again, the rest is, and what they miss', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('settled', ['a']);
  const epoch = await one.session('behind', ['a']);
  for (let i = 0; i < 4; i++) await one.publish('a', `early ${i}`);
  await world.cluster.advance(50);
  const places = one.arrivals.slice(2).map(({ queue, offset }) => ({ queue, offset }));
  one.open.set('behind', { clientId: 'behind', epoch, backlog: { ...NOTHING, places } });
  await world.cluster.advance(3_000);
  await one.kill();
  await two.publish('a', 'while nobody was there');
  await world.cluster.advance(10_000);
  await two.publish('a', 'late');
  await world.cluster.advance(1_000);
  expect(two.cluster.figures().offlineSessions).toBe(2);
  const settled = await two.claimed('settled');
  expect(await two.read(settled.backlog.places)).toEqual(['while nobody was there', 'late']);
  const behind = await two.claimed('behind');
  expect(await two.read(behind.backlog.places)).toEqual(['early 2', 'early 3', 'while nobody was there', 'late']);
});

test('a device that comes to another bridge before the death of its own is noticed loses nothing', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('device', ['a']);
  for (let i = 0; i < 4; i++) await one.publish('a', `${i}`);
  await world.cluster.advance(50);
  const places = one.arrivals.slice(1).map(({ queue, offset }) => ({ queue, offset }));
  one.open.set('device', { clientId: 'device', epoch, backlog: { ...NOTHING, places } });
  await world.cluster.advance(1_500);
  await one.kill();
  await two.publish('a', '4');
  const { backlog } = await two.claimed('device');
  expect(await two.read(backlog.places)).toEqual(['1', '2', '3', '4']);
});

test('a bridge that dies at once after a claim leaves the pointers of the session', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.offline('device', ['a']);
  for (let i = 0; i < 3; i++) await one.publish('a', `${i}`);
  await world.cluster.advance(1_000);
  expect((await one.claimed('device')).backlog.places).toHaveLength(3);
  await one.kill();
  await world.cluster.advance(8_000);
  const { backlog } = await two.claimed('device');
  expect(await two.read(backlog.places)).toEqual(['0', '1', '2']);
});

test('a bridge dies at any time between claim, checkpoints and death: at least once, whatever the moment', async () => {
  for (const lifeMs of [0, 3, 400, 999, 1_001, 1_500, 2_003]) {
    await using world = await startWorld({ seed: lifeMs + 1 });
    const one = await world.bridge('one');
    const two = await world.bridge('two');
    await one.offline('device', ['a']);
    await one.publish('a', 'before');
    await world.cluster.advance(300);
    const { epoch, backlog } = await one.claimed('device');
    one.open.set('device', { clientId: 'device', epoch, backlog });
    await one.publish('a', 'during');
    await world.cluster.advance(lifeMs);
    await one.kill();
    await two.publish('a', 'after');
    await world.cluster.advance(lifeMs % 2 === 0 ? 100 : 9_000);
    const again = await two.claimed('device');
    const found = await two.read(again.backlog.places);
    // The engine never said that it has `during`: from the first checkpoint on that means that it was settled.
    expect(found.filter((payload) => payload !== 'during')).toEqual(['before', 'after']);
    if (lifeMs < 400) expect(found).toEqual(['before', 'during', 'after']);
  }
});

test('the indexer of a queue dies: another bridge goes on where it was, without a gap', async () => {
  await using world = await startWorld();
  const bridges = [await world.bridge('one'), await world.bridge('two'), await world.bridge('three')];
  const [one, two, three] = bridges as [(typeof bridges)[0], (typeof bridges)[0], (typeof bridges)[0]];
  await three.offline('device', ['a/#']);
  for (let i = 0; i < 40; i++) void three.publish(`a/${i}`, `${i}`);
  await world.cluster.advance(100);
  await one.kill();
  for (let i = 40; i < 80; i++) void three.publish(`a/${i}`, `${i}`);
  await world.cluster.advance(1_000);
  await two.kill();
  for (let i = 80; i < 120; i++) void three.publish(`a/${i}`, `${i}`);
  await world.cluster.advance(9_000);
  const lag = three.cluster.figures();
  expect(lag.indexLag).toBe(0);
  const four = await world.bridge('four');
  const { backlog } = await four.claimed('device');
  const found = (await four.read(backlog.places)).map(Number).sort((a, b) => a - b);
  expect(found).toEqual(Array.from({ length: 120 }, (_, i) => i));
  expect(four.cluster.figures().fetches).toBeGreaterThan(0);
});

test('a delayed will is published by another bridge after the own one has died, once [MQTT-3.1.3-9]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('device', ['x'], { will: willOf('gone', { properties: { willDelayInterval: 20 } }) });
  await world.cluster.advance(2_000);
  await one.kill();
  await world.cluster.advance(15_000);
  expect(two.arrivals.map(text)).toEqual([]);
  await world.cluster.advance(15_000);
  expect(two.arrivals.map(text)).toEqual(['gone']);
  await world.cluster.advance(10_000);
  expect(two.arrivals).toHaveLength(1);
});

test('a delayed will is not published when the device comes back in time [MQTT-3.1.3-9]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const will = willOf('gone', { properties: { willDelayInterval: 20 } });
  const epoch = await one.session('device', ['x'], { will });
  one.suspend('device', epoch, NOTHING, 86_400, false);
  await world.cluster.advance(10_000);
  await one.claimed('device');
  await world.cluster.advance(30_000);
  expect(one.arrivals).toEqual([]);
});

test('a will is published with the end of the session, if that is sooner than its delay [MQTT-3.1.2-8]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const will = willOf('gone', { properties: { willDelayInterval: 1_000 } });
  const first = await one.session('short', [], { will, expiryInterval: 5 });
  one.suspend('short', first, NOTHING, 5, false);
  await world.cluster.advance(4_000);
  expect(one.arrivals).toEqual([]);
  await world.cluster.advance(4_000);
  expect(one.arrivals.map(text)).toEqual(['gone']);
  const second = await one.session('none', [], { will, expiryInterval: 0 });
  one.suspend('none', second, NOTHING, 0, false);
  await world.cluster.advance(100);
  expect(one.arrivals).toHaveLength(2);
  // Another will of the same device is another message.
  const third = await one.session('none', [], { will, expiryInterval: 0 });
  one.suspend('none', third, NOTHING, 0, false);
  await world.cluster.advance(100);
  expect(one.arrivals).toHaveLength(3);
});

test('a will is discarded by a DISCONNECT that says so [MQTT-3.1.2-10]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('device', [], { will: willOf('gone') });
  one.suspend('device', epoch, NOTHING, 86_400, true);
  await world.cluster.advance(10_000);
  expect(one.arrivals).toEqual([]);
});

test('a session that does not outlive its connection ends when its bridge dies, with its will', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('device', ['x'], { expiryInterval: 0, will: willOf('gone') });
  await world.cluster.advance(1_500);
  await one.kill();
  await world.cluster.advance(10_000);
  expect(two.arrivals.map(text)).toEqual(['gone']);
  expect((await two.claimed('device')).sessionPresent).toBe(false);
});

test('QoS 2 in: a publish is stored once, whichever bridge it comes to, until it is released [MQTT-4.3.3-10]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('device', ['x']);
  expect(await one.publishOnce('a', 'first', 5, 'device')).toBe('success');
  await one.kill();
  await two.claimed('device');
  expect(await two.inbound('device')).toEqual([5]);
  expect(await two.publishOnce('a', 'first', 5, 'device')).toBe('success');
  expect(await two.forget('device', 5)).toBe(true);
  expect(await two.forget('device', 5)).toBe(false);
  expect(await two.publishOnce('a', 'second', 5, 'device')).toBe('success');
  await world.cluster.advance(100);
  expect(two.arrivals.map(text)).toEqual(['first', 'second']);
});

test('QoS 2 out: an exchange goes on at another bridge, and one that has ended is not sent again [MQTT-4.3.3-13]', async () => {
  for (const waitMs of [0, 700, 3_000]) {
    await using world = await startWorld({ seed: waitMs + 1 });
    const one = await world.bridge('one');
    const two = await world.bridge('two');
    const epoch = await one.session('device', [subscription('a', { qos: 2 })]);
    await world.cluster.advance(1_100);
    for (let i = 0; i < 4; i++) one.cluster.publish(publication('a', `${i}`, { qos: 2 }));
    await world.cluster.advance(20);
    const places = one.arrivals.map(({ queue, offset }) => ({ queue, offset }));
    const exchange = (i: number, released: boolean) => ({ ...(places[i] as (typeof places)[0]), packetId: i + 1, released });
    for (const i of [0, 1, 2]) await one.exchange('device', epoch, i + 1, exchange(i, false));
    for (const i of [0, 1]) await one.exchange('device', epoch, i + 1, exchange(i, true));
    await one.exchange('device', epoch, 1, undefined);
    const backlog = { ...NOTHING, places: places.slice(3), exchanges: [exchange(1, true), exchange(2, false)] };
    one.open.set('device', { clientId: 'device', epoch, backlog });
    await world.cluster.advance(waitMs);
    await one.kill();
    await world.cluster.advance(waitMs === 700 ? 10_000 : 10);
    const again = await two.claimed('device');
    // The numbers of queues are each bridge's own.
    const underWay = again.backlog.exchanges.toSorted((a, b) => a.packetId - b.packetId);
    expect(underWay.map(({ packetId, released }) => ({ packetId, released }))).toEqual([
      { packetId: 2, released: true },
      { packetId: 3, released: false },
    ]);
    expect(await two.read(underWay)).toEqual(['1', '2']);
    // And at the next one, though this one did nothing with it.
    const third = await (await world.bridge('three')).claimed('device');
    expect(third.backlog.exchanges.map(({ packetId }) => packetId).toSorted()).toEqual([2, 3]);
    expect(await two.read(again.backlog.places)).toEqual(['3']);
  }
});

test('a session that was to end with its connection does not outlive its bridge, however soon the device is back [MQTT-4.1.0-2]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  await one.session('device', ['x'], { expiryInterval: 0, will: willOf('gone') });
  await one.kill();
  const again = await world.bridge('one');
  const { sessionPresent, subscriptions } = await again.claimed('device', { expiryInterval: 60 });
  expect(sessionPresent).toBe(false);
  expect(subscriptions).toEqual([]);
  await world.cluster.advance(20_000);
  expect(again.arrivals.map(text)).toEqual(['gone']);
  expect((await again.claimed('device')).sessionPresent).toBe(true);
});

test('the expiry interval of a session counts from the death of its bridge, not from the start of the next [MQTT-4.1.0-2]', async () => {
  for (const [downMs, present] of [
    [30_000, true],
    [90_000, false],
  ] as const) {
    for (const waitMs of [0, 20_000]) {
      await using world = await startWorld({ seed: downMs + waitMs });
      const one = await world.bridge('one');
      const will = willOf('gone', { properties: { willDelayInterval: 40 } });
      await one.session('device', ['x'], { expiryInterval: 60, will });
      await one.kill();
      await world.cluster.advance(downMs);
      const again = await world.bridge('one');
      // At once, and after it was seen that nobody has the session.
      await world.cluster.advance(waitMs);
      expect((await again.claimed('device')).sessionPresent).toBe(present);
      await world.cluster.advance(100);
      expect(again.arrivals.map(text)).toEqual(downMs + waitMs > 45_000 ? ['gone'] : []);
    }
  }
});

test('whoever goes on with the session of a dead bridge knows until when that may have sent, and by which packet ids [MQTT-4.4.0-1]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('resumed', ['a']);
  await one.session('left', ['a']);
  await one.offline('suspended', ['a']);
  await one.publish('a', 'sent');
  await world.cluster.advance(50);
  const [sent] = one.arrivals;
  if (sent === undefined) throw new Error('nothing arrived');
  await one.kill();
  const resumed = await two.claimed('resumed');
  expect(await two.read(resumed.backlog.places)).toEqual(['sent']);
  expect(resumed.sentUntilMs).toBeGreaterThanOrEqual(sent.storeTimeMs);
  const [place] = resumed.backlog.places;
  expect(place && two.cluster.packetIdOf(place)).toBe(one.cluster.packetIdOf(sent));
  // Nobody comes for the other one before the death is noticed: what is stored behind it was not sent.
  await world.cluster.advance(10_000);
  await two.publish('a', 'late');
  await world.cluster.advance(1_000);
  const late = two.arrivals.at(-1)?.storeTimeMs ?? 0;
  const left = await two.claimed('left');
  expect(await two.read(left.backlog.places)).toEqual(['sent', 'late']);
  expect(left.sentUntilMs).toBeGreaterThanOrEqual(sent.storeTimeMs);
  expect(left.sentUntilMs).toBeLessThan(late);
  expect((await two.claimed('suspended')).sentUntilMs).toBe(0);
  // A bridge that hands the session over does not make it forget.
  two.suspend('left', left.epoch, left.backlog);
  await world.cluster.advance(100);
  expect((await two.claimed('left')).sentUntilMs).toBe(left.sentUntilMs);
});

test('what is stored once a bridge is back was not sent by its life before, and has no DUP [MQTT-3.3.1-3]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  for (const clientId of ['first', 'second']) await one.session(clientId, ['a']);
  await one.publish('a', 'sent');
  await world.cluster.advance(50);
  const sentMs = one.arrivals[0]?.storeTimeMs ?? 0;
  await one.kill();
  await world.cluster.advance(100);
  const again = await world.bridge('one');
  const other = await world.bridge('on');
  await again.publish('a', 'new');
  await world.cluster.advance(50);
  const newMs = again.arrivals[0]?.storeTimeMs ?? 0;
  const { backlog, sentUntilMs } = await again.claimed('first');
  expect(await again.read(backlog.places)).toEqual(['sent', 'new']);
  expect(sentUntilMs).toBeGreaterThanOrEqual(sentMs);
  expect(sentUntilMs).toBeLessThan(newMs);
  // Another one cannot know when it died.
  expect((await other.claimed('second')).sentUntilMs).toBeGreaterThanOrEqual(newMs);
});

test('what was sent before a subscription changed is known by its packet id, also when the bridge dies at once', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  const epoch = await one.session('device', ['a', 'b']);
  await world.cluster.advance(2_500);
  await one.publish('a', 'sent');
  await world.cluster.advance(50);
  const [sent] = one.arrivals.map(({ queue, offset }) => ({ queue, offset, packetId: 9 }));
  if (sent === undefined) throw new Error('nothing arrived');
  const { packetId: _, ...place } = sent;
  const backlog = { ...NOTHING, places: [place], maybeSent: [sent] };
  expect(await one.subscribed('device', epoch, { subscriptions: [subscription('b')], backlog })).toBe(true);
  await one.kill();
  const claimed = await two.claimed('device');
  expect(await two.read(claimed.backlog.places)).toEqual(['sent']);
  expect(claimed.backlog.maybeSent.map(({ packetId }) => packetId)).toEqual([9]);
});
