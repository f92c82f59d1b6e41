import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import type { Standing, Suspension } from '../../src/ports.ts';
import {
  CLIENTS_PER_TURN_MAX,
  FILTERS_PER_TURN_MAX,
  REQUESTS_MAX,
  RETAINED_PER_TURN_MAX,
  RETAINED_PLACES_LEFT_MAX,
} from '../../src/server/limits.ts';
import { Lane } from '../../src/server/waiting.ts';
import { type Device, World } from './world.ts';

const subscribe = (messageId: number, filter: string, qos: 0 | 1 | 2 = 1): Packet =>
  ({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos, nl: false, rap: false, rh: 0 }] }) as Packet;

const unsubscribe = (messageId: number, filter: string): Packet => ({
  cmd: 'unsubscribe',
  messageId,
  unsubscriptions: [filter],
});

const many = (count: number, packet: (messageId: number) => Packet): Packet[] =>
  Array.from({ length: count }, (_, i) => packet(i + 1));

const lasting = { clean: false, properties: { sessionExpiryInterval: 600, receiveMaximum: 1 } };

/** Notes what the server asks of its cluster. */
function watch({ bridge }: World): { readonly written: Standing[]; readonly suspended: Suspension[]; looks: number } {
  const seen = { written: [] as Standing[], suspended: [] as Suspension[], looks: 0 };
  const { subscribed, suspend, retained } = bridge;
  bridge.subscribed = (clientId, epoch, standing, done) => {
    seen.written.push(standing);
    subscribed.call(bridge, clientId, epoch, standing, done);
  };
  bridge.suspend = (clientId, epoch, suspension) => {
    seen.suspended.push(suspension);
    suspend.call(bridge, clientId, epoch, suspension);
  };
  bridge.retained = (filter) => {
    if (/[+#]/.test(filter)) seen.looks++;
    return retained.call(bridge, filter);
  };
  return seen;
}

function retain(world: World, count: number, topic: (i: number) => string, qos: 0 | 1 | 2 = 1): void {
  for (let i = 0; i < count; i++) world.cluster.send(topic(i), 'x', { retain: true, qos });
  world.run();
}

/** Acknowledges whatever comes, until nothing comes any more. */
function takeAll(world: World, device: Device): void {
  for (let seen = 0; seen < device.got.length; ) {
    const fresh = device.all('publish').filter((packet) => device.got.indexOf(packet) >= seen);
    seen = device.got.length;
    for (const { qos, messageId } of fresh) if (qos === 1) device.ack('puback', messageId as number);
    world.run();
  }
}

test('SUBSCRIBE and UNSUBSCRIBE that change nothing are answered at once, and nothing is written', () => {
  const world = new World();
  const device = world.online(lasting).send(subscribe(1, 't'));
  world.run();
  for (let i = 0; i < 100; i++) world.cluster.send('t', `${i}`);
  world.run();
  const { written } = watch(world);
  device.send(subscribe(2, 't'), unsubscribe(3, 'x'));
  expect([device.last('suback').messageId, device.last('unsuback').granted]).toEqual([2, [0x11]]);
  device.send(subscribe(4, 't', 2));
  world.run();
  expect(written.map(({ backlog }) => backlog.places.length)).toEqual([100]);
});

test('a session that ends with its connection tells nobody what it still has to send', () => {
  const world = new World();
  const device = world.online({ properties: { receiveMaximum: 1 } }).send(subscribe(1, 't'));
  world.run();
  for (let i = 0; i < 100; i++) world.cluster.send('t', `${i}`);
  world.run();
  const { written } = watch(world);
  device.send(subscribe(2, 'u'));
  world.run();
  expect(written.map(({ backlog }) => backlog.places.length)).toEqual([0]);
});

test('what is subscribed to while a session is written makes one write together, and is answered in its order', () => {
  const world = new World();
  const { written } = watch(world);
  const device = world.online().send(...many(100, (i) => subscribe(i, `t/${i}`)));
  expect(device.all('suback')).toEqual([]);
  world.run();
  expect(written.map(({ subscriptions }) => subscriptions.length)).toEqual([1, 100]);
  expect(device.all('suback').map(({ messageId }) => messageId)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});

test('when a session cannot be written, what was asked for since fails too, and what held before holds', () => {
  const world = new World();
  const device = world.online().send(subscribe(1, 't'), subscribe(2, 'v'));
  world.run();
  world.cluster.records = false;
  device.send(subscribe(3, 't', 0), subscribe(4, 't', 2), subscribe(5, 't', 2), unsubscribe(6, 'v'), subscribe(7, 'u'));
  world.run();
  expect(device.all('suback').map(({ granted }) => granted[0])).toEqual([1, 1, 0x80, 0x80, 0x80, 0x80]);
  expect(device.last('unsuback').granted).toEqual([0x80]);
  for (const topic of ['t', 'u', 'v']) world.cluster.send(topic, 'x', { qos: 2 });
  world.run();
  expect(device.all('publish').map(({ topic, qos }) => `${topic} ${qos}`)).toEqual(['t 1', 'v 1']);
});

test('who subscribes again while retained messages wait gets them once more, however often it asks [MQTT-3.8.4-3]', () => {
  const world = new World();
  retain(world, 50, (i) => `s/${i}`);
  const seen = watch(world);
  const device = world.online({ properties: { receiveMaximum: 1 } }).send(...many(1_000, (i) => subscribe(i, 's/#')));
  world.run();
  expect(device.all('suback')).toHaveLength(1_000);
  takeAll(world, device);
  expect(device.messages).toHaveLength(100);
  expect(new Set(device.messages).size).toBe(50);
  expect(seen.looks).toBe(2);
  device.send(subscribe(1, 's/#'));
  takeAll(world, device);
  expect(device.messages).toHaveLength(150);
});

test('retained messages that wait are not sent after UNSUBSCRIBE, but for those that have begun [MQTT-3.10.4-2]', () => {
  const world = new World();
  retain(world, 2, (i) => `s/${i}`);
  retain(world, 2, (i) => `u/${i}`);
  const device = world.online({ properties: { receiveMaximum: 1 } }).send(subscribe(1, 's/#'), subscribe(2, 'u/#'));
  world.run();
  device.send(unsubscribe(3, 's/#'), unsubscribe(4, 'u/#'));
  world.run();
  takeAll(world, device);
  expect(device.messages.sort()).toEqual(['s/0=x', 's/1=x']);
});

test('a message that arrives while retained ones wait is not sent as one of these too', () => {
  const world = new World();
  world.online({ clientId: 'watch' }).send(subscribe(1, '#', 0));
  world.run();
  retain(world, 2, (i) => `s/${i}`);
  retain(world, 2, (i) => `u/${i}`);
  const device = world.online({ properties: { receiveMaximum: 1 } }).send(subscribe(1, 's/#'), subscribe(2, 'u/#'));
  world.run();
  world.cluster.send('u/1', 'new', { retain: true });
  world.run();
  takeAll(world, device);
  expect(device.messages.sort()).toEqual(['s/0=x', 's/1=x', 'u/0=x', 'u/1=new']);
});

test('a retained message that came while nobody listened is sent to who subscribes then', () => {
  const world = new World();
  const device = world.online().send(subscribe(1, 's/1'));
  world.run();
  retain(world, 2, (i) => `s/${i}`);
  device.send(unsubscribe(2, 's/1'));
  world.run();
  world.cluster.send('s/1', 'new', { retain: true });
  world.run();
  device.send(subscribe(3, 's/1'));
  world.run();
  expect(device.messages).toEqual(['s/1=x', 's/1=new']);
});

test('a session that goes on gets the retained messages that waited, of RETAINED_PLACES_LEFT_MAX at most', () => {
  for (const [count, kept] of [
    [150, 150],
    // One was sent, one has begun, and to look for another one may cost as much as there is.
    [RETAINED_PLACES_LEFT_MAX / 100, 1 + 1 + 100],
  ] as const) {
    const world = new World();
    retain(world, count, (i) => `s/${i + 1}`);
    const device = world.online(lasting).send(...many(150, (i) => subscribe(i, `s/${i}/#`)));
    world.run();
    const { suspended } = watch(world);
    device.drop();
    world.run();
    expect(suspended[0]?.backlog.places.length).toBe(kept);
    const again = world.online({ ...lasting, properties: { sessionExpiryInterval: 600 } });
    expect(new Set(again.messages).size).toBe(kept);
  }
});

test('of one device FILTERS_PER_TURN_MAX filters are handled in a turn, and others are served before the rest is', () => {
  const world = new World();
  const [device, other] = [world.online({ clientId: 'a' }), world.online({ clientId: 'b' })];
  const count = 3 * FILTERS_PER_TURN_MAX + 5;
  const { resumes } = device;
  device.send(...many(count, (i) => unsubscribe(i, 'x')), { cmd: 'pingreq' });
  expect(device.all('unsuback')).toHaveLength(FILTERS_PER_TURN_MAX);
  expect(device.paused).toBe(true);
  device.send({ cmd: 'pingreq' });
  other.send({ cmd: 'pingreq' });
  expect([other.all('pingresp').length, device.all('pingresp').length]).toEqual([1, 0]);
  expect(world.server.nextDeadlineMs()).toBe(world.nowMs);
  world.server.tick(world.nowMs);
  expect(device.all('unsuback')).toHaveLength(2 * FILTERS_PER_TURN_MAX);
  world.run();
  expect(device.all('unsuback').map(({ messageId }) => messageId)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(device.all('pingresp')).toHaveLength(2);
  expect([device.paused, device.resumes - resumes]).toEqual([false, 1]);
});

test('what comes from a device that waits for its turn is kept', () => {
  const world = new World();
  const device = world.online().send(...many(FILTERS_PER_TURN_MAX, (i) => unsubscribe(i, 'x')));
  device.send({ cmd: 'pingreq' });
  expect(device.all('pingresp')).toEqual([]);
  world.run();
  expect(device.all('pingresp')).toHaveLength(1);
});

test('a SUBSCRIBE of many or long filters counts as many requests: beyond REQUESTS_MAX the socket waits for the cluster', () => {
  for (const [count, length, paused] of [
    [REQUESTS_MAX / 2, 10, false],
    [REQUESTS_MAX / 2, 10_000, true],
  ] as const) {
    const world = new World();
    const subscriptions = Array.from({ length: 4 }, (_, i) => ({ topic: `${i}`.repeat(length), qos: 1 as const }));
    const device = world.online().send(...many(count / 16, (messageId) => ({ cmd: 'subscribe', messageId, subscriptions })));
    expect(device.paused).toBe(paused);
    world.run();
    expect(device.paused).toBe(false);
  }
});

test('what waits for its turn when the connection ends is forgotten', () => {
  const world = new World();
  const device = world.online().send(...many(2 * FILTERS_PER_TURN_MAX, (i) => unsubscribe(i, 'x')));
  device.drop();
  world.run();
  expect(device.all('unsuback')).toHaveLength(FILTERS_PER_TURN_MAX);
  expect(world.server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(world.nowMs);
});

test('the work of CLIENTS_PER_TURN_MAX devices goes on in a turn, the longest put off first', () => {
  const world = new World();
  const devices = Array.from({ length: CLIENTS_PER_TURN_MAX + 3 }, (_, i) => world.online({ clientId: `c${i}` }));
  for (const device of devices) device.send(...many(FILTERS_PER_TURN_MAX + 1, (i) => unsubscribe(i, 'x')));
  const served = () => devices.map((device) => device.all('unsuback').length > FILTERS_PER_TURN_MAX);
  world.server.tick(world.nowMs);
  expect(served()).toEqual(devices.map((_, i) => i < CLIENTS_PER_TURN_MAX));
  world.run();
  expect(served()).toEqual(devices.map(() => true));
});

test('RETAINED_PER_TURN_MAX retained messages are sent to a device in a turn, and all of them in the end', () => {
  const world = new World();
  const count = 2 * RETAINED_PER_TURN_MAX + 10;
  retain(world, count, (i) => `s/${i}`, 0);
  const device = world.online();
  for (const filter of ['s/#', 's/+']) device.send(subscribe(1, filter, 0));
  while (world.step());
  expect(device.messages.length).toBeLessThanOrEqual(RETAINED_PER_TURN_MAX);
  let last = device.messages.length;
  for (; device.messages.length < 2 * count; last = device.messages.length) {
    world.server.tick(world.nowMs);
    expect(device.messages.length - last).toBeLessThanOrEqual(RETAINED_PER_TURN_MAX);
    expect(world.server.nextDeadlineMs()).toBeDefined();
  }
  world.run();
  expect(device.messages).toHaveLength(2 * count);
  expect(new Set(device.messages).size).toBe(count);
});

test('to look for retained messages costs a device its turn, by as many as there are', () => {
  const world = new World();
  retain(world, RETAINED_PER_TURN_MAX / 2, (i) => `s/${i}`);
  const device = world.online();
  const seen = watch(world);
  device.send(...many(10, (i) => subscribe(i, `x/${i}/#`)));
  while (world.step());
  expect(seen.looks).toBe(2);
  world.server.tick(world.nowMs);
  expect(seen.looks).toBe(4);
  world.run();
  expect(seen.looks).toBe(10);
});

test('a lane takes further lists without looking through them', () => {
  const lane = new Lane<number>();
  const further = Object.assign([3], {
    [Symbol.iterator]: () => {
      throw new Error('looked through');
    },
  });
  lane.add([1, 2]);
  lane.add([]);
  lane.add(further);
  expect([lane.length, lane.shift(), lane.first, lane.shift(), lane.shift(), lane.shift()]).toEqual([3, 1, 2, 2, 3, undefined]);
});
