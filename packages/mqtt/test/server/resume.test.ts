import type { IConnectPacket } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { PLACE_IDS } from '../../src/packet-ids.ts';
import { type Device, World } from './world.ts';

const kept = (more: object = {}): Partial<IConnectPacket> => ({
  clean: false,
  properties: { sessionExpiryInterval: 600, ...more },
});

/** Acknowledges whatever was sent and is not acknowledged, until nothing more comes. */
function acknowledgeAll(world: World, device: Device, from = 0): void {
  for (let seen = from; seen < device.got.length; ) {
    const packet = device.got[seen++];
    const id = packet?.messageId ?? 0;
    if (packet?.cmd === 'publish' && packet.qos === 1) device.ack('puback', id);
    if (packet?.cmd === 'publish' && packet.qos === 2) device.ack('pubrec', id);
    if (packet?.cmd === 'pubrel') device.ack('pubcomp', id);
    world.run();
  }
}

function away(world: World, more: object = {}): void {
  world.online(kept(more)).subscribe('t/#', 2).drop();
  world.run();
}

function sendMany(world: World, count: number, qos: (i: number) => 0 | 1 | 2 = () => 1): string[] {
  const expected: string[] = [];
  for (let i = 0; i < count; i++) {
    world.cluster.send(`t/${i % 3}`, `${i}`, { qos: qos(i) });
    if (qos(i) > 0) expected.push(`t/${i % 3}=${i}`);
  }
  world.run();
  return expected;
}

/** Of each topic by itself. */
const byTopic = (messages: readonly string[]) =>
  [0, 1, 2].map((topic) => messages.filter((message) => message.startsWith(`t/${topic}=`)));

test('messages of QoS 1 and 2 wait for the session, in their order; of QoS 0 none do [MQTT-4.5.0-1] [MQTT-4.6.0-6]', () => {
  const world = new World();
  away(world);
  const expected = sendMany(world, 60, (i) => (Math.floor(i / 3) % 3) as 0 | 1 | 2);
  const device = world.online(kept());
  acknowledgeAll(world, device);
  const ofQoS = (qos: number, messages: readonly string[]) =>
    byTopic(messages.filter((message) => Math.floor(Number(message.split('=')[1]) / 3) % 3 === qos));
  for (const qos of [0, 1, 2]) expect(ofQoS(qos, device.messages)).toEqual(ofQoS(qos, expected));
  expect(device.all('publish').every(({ dup }) => !dup)).toBe(true);
});

test('the window holds while a session goes on, also for what is sent again [MQTT-3.3.4-9] [MQTT-4.9.0-1]', () => {
  const world = new World();
  const first = world.online(kept({ receiveMaximum: 20 })).subscribe('t/#', 2);
  world.run();
  sendMany(world, 40, (i) => (i % 2 === 0 ? 1 : 2));
  expect(first.all('publish')).toHaveLength(20);
  first.drop();
  world.run();
  const device = world.online(kept({ receiveMaximum: 5 }));
  expect(device.all('publish')).toHaveLength(5);
  expect(device.all('publish').every(({ dup }) => dup)).toBe(true);
  acknowledgeAll(world, device);
  expect([...new Set(device.messages)]).toHaveLength(40);
  expect(device.messages).toHaveLength(40);
  expect(world.server.figures().gauges).toMatchObject({ underWay: 0, sessionsBehind: 0 });
});

test('places beyond pendingPlacesMax are looked through in the log: nothing is lost, order holds per topic', () => {
  for (const bridges of [1, 2]) {
    const world = new World({ bridges, limits: { pendingPlacesMax: 7 } });
    const device = world.online(kept({ receiveMaximum: 3 })).subscribe('t/#', 1);
    world.run();
    const expected = sendMany(world, 200);
    expect(world.server.figures().gauges.sessionsBehind).toBe(1);
    device.drop();
    world.run();
    const again = world.online(kept({ receiveMaximum: 3 }), 5, bridges - 1);
    const more = sendMany(world, 200).map((message) => message);
    acknowledgeAll(world, again);
    expect(byTopic(again.messages)).toEqual(byTopic([...expected, ...more]));
    expect(world.servers[bridges - 1]?.figures().gauges).toMatchObject({ underWay: 0, sessionsBehind: 0 });
  }
});

test('a backlog that the cluster did not list is looked through, up to what has arrived', () => {
  const world = new World();
  away(world);
  world.cluster.placesMax = 5;
  const expected = sendMany(world, 100);
  const device = world.online(kept());
  const more = sendMany(world, 10);
  acknowledgeAll(world, device);
  expect(byTopic(device.messages)).toEqual(byTopic([...expected, ...more]));
});

test('what is listed and in a stretch to look through comes once, also when its exchange has ended before it is found', () => {
  const world = new World();
  away(world);
  const expected = sendMany(world, 30, (i) => (i % 2 === 0 ? 1 : 2));
  const record = world.cluster.sessions.get('a');
  const queue = world.cluster.queueOf('t/0');
  const [first, second, third] = (world.cluster.logs[queue] ?? []).filter(({ qos }) => qos === 2);
  if (record === undefined || first === undefined || second === undefined || third === undefined) throw new Error('too few');
  record.exchanges.set(9, { queue, offset: first.offset, packetId: 9, released: false });
  const maybeSent = [{ queue, offset: second.offset, packetId: 8 }];
  const scanFrom = world.cluster.logs.map((_, at) => ({ queue: at, offset: 0 }));
  record.backlog = { places: [...maybeSent, { queue, offset: third.offset }], maybeSent, scanFrom, exchanges: [] };
  record.seen = world.bridge.tails;
  const device = world.online(kept({ receiveMaximum: 1 }));
  acknowledgeAll(world, device);
  expect(device.messages.toSorted()).toEqual(expected.toSorted());
});

test('messages that wait do not keep those of QoS 0 back, and a queue that is looked through sends none twice', () => {
  const world = new World({ limits: { pendingPlacesMax: 2 } });
  const device = world.online(kept({ receiveMaximum: 1 })).subscribe('t/#', 1);
  world.run();
  const expected = sendMany(world, 20, (i) => (i % 2 === 0 ? 1 : 0));
  expect(device.all('publish').filter(({ qos }) => qos === 0)).toHaveLength(10);
  acknowledgeAll(world, device);
  expect(byTopic(device.messages.filter((message) => Number(message.split('=')[1]) % 2 === 0))).toEqual(byTopic(expected));
  expect(device.messages).toHaveLength(20);
});

test('an exchange of QoS 2 goes on where it stood, by its packet id [MQTT-4.4.0-1] [MQTT-4.3.3-6]', () => {
  const world = new World();
  const first = world.online(kept()).subscribe('t', 2);
  world.run();
  for (const payload of ['sent', 'released']) world.cluster.send('t', payload, { qos: 2 });
  world.run();
  const [sent, released] = first.all('publish').map(({ messageId }) => messageId as number) as [number, number];
  first.ack('pubrec', released);
  world.run();
  first.drop();
  world.run();
  const again = world.online(kept());
  expect(again.all('pubrel').map(({ messageId }) => messageId)).toEqual([released]);
  expect(again.all('publish').map(({ messageId, dup, payload }) => `${messageId} ${dup} ${payload}`)).toEqual([
    `${sent} true sent`,
  ]);
  again.ack('pubcomp', released).ack('pubrec', sent);
  world.run();
  again.ack('pubcomp', sent);
  world.run();
  expect(world.cluster.sessions.get('a')?.exchanges.size).toBe(0);
});

test('[QNT-MQT-109] exchanges come again in the order of the log, whatever their packet ids [MQTT-4.4.0-1] [MQTT-4.6.0-5]', () => {
  const world = new World();
  const first = world.online(kept()).subscribe('t/#', 2);
  world.run();
  sendMany(world, 30, () => 2);
  const before = first.messages;
  expect(before).toHaveLength(30);
  first.drop();
  world.run();
  const record = world.cluster.sessions.get('a');
  if (record !== undefined) record.exchanges = new Map([...record.exchanges].toReversed());
  const again = world.online(kept());
  world.run();
  expect(byTopic(again.messages)).toEqual(byTopic(before));
  expect(again.all('publish').every(({ dup }) => dup)).toBe(true);
});

test('PUBREL that is sent again takes no place in the window (section 4.9)', () => {
  const world = new World();
  const first = world.online(kept({ receiveMaximum: 3 })).subscribe('t', 2);
  world.run();
  for (let i = 0; i < 4; i++) world.cluster.send('t', `${i}`, { qos: 2 });
  world.run();
  for (const { messageId } of first.all('publish')) first.ack('pubrec', messageId as number);
  world.run();
  first.drop();
  world.run();
  const again = world.online(kept({ receiveMaximum: 1 }));
  expect(again.all('pubrel')).toHaveLength(3);
  expect(again.messages).toEqual(['t=3']);
  acknowledgeAll(world, again);
  expect(world.server.figures().gauges.underWay).toBe(0);
});

test('an exchange whose message is gone from the log ends by PUBREL: the client holds nothing back for ever', () => {
  const world = new World();
  const first = world.online(kept()).subscribe('t', 2);
  world.run();
  world.cluster.send('t', 'x', { qos: 2 });
  world.cluster.send('t', 'y', { qos: 1 });
  world.run();
  const id = first.all('publish').find(({ qos }) => qos === 2)?.messageId as number;
  first.drop();
  world.run();
  for (const log of world.cluster.logs) log.fill(undefined as never);
  const again = world.online(kept());
  expect(again.all('pubrel').map(({ messageId }) => messageId)).toEqual([id]);
  again.ack('pubcomp', id);
  world.run();
  expect(world.cluster.sessions.get('a')?.exchanges.size).toBe(0);
  expect(world.server.figures().counters.droppedGone).toBe(2);
});

test('packet ids of the connection before are in use until they are acknowledged [MQTT-2.2.1-3] [MQTT-2.2.1-4]', () => {
  const world = new World();
  const first = world.online(kept({ receiveMaximum: 2 })).subscribe('t', 1);
  world.run();
  for (const payload of ['a', 'b']) world.cluster.send('t', payload);
  world.run();
  const before = first.all('publish').map(({ messageId }) => messageId as number);
  first.drop();
  world.run();
  const again = world.online(kept());
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 900; j++) world.cluster.send('t', `${i}.${j}`);
    world.run();
  }
  const ids = again.all('publish').map(({ messageId }) => messageId as number);
  expect(ids.slice(0, 2)).toEqual(before);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBe(1_000);
  const older = ids[0] as number;
  again.ack('puback', older);
  world.run();
  expect(again.all('publish').at(-1)?.messageId).not.toBe(older);
});

test('packet ids that belong to no place go round, past those in use [MQTT-2.2.1-3]', () => {
  const world = new World({ limits: { windowMax: 2 } });
  const device = world.online().subscribe('t', 1);
  world.run();
  world.cluster.send('t', 'kept');
  world.run();
  const stays = device.last('publish').messageId;
  const seen = new Set<number>();
  for (let i = 0; i < 5_000; i++) {
    world.cluster.send('t', 'x');
    world.run();
    const id = device.last('publish').messageId as number;
    seen.add(id);
    device.ack('puback', id);
  }
  expect(seen.size).toBe(65_535 - PLACE_IDS - 1);
  expect(seen.has(stays as number)).toBe(false);
});

test('an acknowledgement of a packet id that is to be sent again, but was not yet, is no acknowledgement', () => {
  const world = new World();
  const first = world.online(kept()).subscribe('t', 2);
  world.run();
  world.cluster.send('t', 'one', { qos: 1 });
  world.cluster.send('t', 'two', { qos: 2 });
  world.run();
  const ids = first.all('publish').map(({ messageId }) => messageId as number);
  first.drop();
  world.run();
  const again = world.device().connect(kept());
  while (again.all('connack').length === 0) world.step();
  for (const id of ids) again.ack('puback', id).ack('pubrec', id);
  world.run();
  expect(again.messages.sort()).toEqual(['t=one', 't=two']);
});

test('the link drops at every step of a resume: nothing is lost, nothing of QoS 2 comes twice', () => {
  for (let drops = 1; drops < 60; drops++) {
    const world = new World({ bridges: 2, limits: { pendingPlacesMax: 4 } });
    away(world, { receiveMaximum: 4 });
    world.cluster.placesMax = 6;
    const expected = sendMany(world, 30, (i) => (i % 2 === 0 ? 1 : 2));
    const link = world.device(5, drops % 2).connect(kept({ receiveMaximum: 4 }));
    let handled = 0;
    const unreleased = new Set<number>();
    const exactly: string[] = [];
    const atLeast: string[] = [];
    const handle = (device: Device, from: number): number => {
      const fresh = device.got.slice(from);
      for (const packet of fresh) {
        const id = packet.messageId ?? 0;
        if (packet.cmd === 'publish' && packet.qos === 1) {
          atLeast.push(`${packet.topic}=${packet.payload}`);
          device.ack('puback', id);
        } else if (packet.cmd === 'publish') {
          if (!unreleased.has(id)) exactly.push(`${packet.topic}=${packet.payload}`);
          unreleased.add(id);
          device.ack('pubrec', id);
        } else if (packet.cmd === 'pubrel') {
          unreleased.delete(id);
          device.ack('pubcomp', id);
        }
      }
      return from + fresh.length;
    };
    for (let steps = 0; steps < drops; steps++) {
      world.step();
      handled = handle(link, handled);
    }
    link.drop();
    world.run();
    const again = world.online(kept({ receiveMaximum: 4 }));
    for (let seen = 0; seen < again.got.length; world.run()) seen = handle(again, seen);
    expect(exactly.toSorted(), `${drops} steps`).toEqual(expected.filter((_, i) => i % 2 === 1).toSorted());
    expect([...new Set(atLeast)].toSorted(), `${drops} steps`).toEqual(expected.filter((_, i) => i % 2 === 0).toSorted());
  }
});

test('a frozen device is bounded: QoS 0 is dropped and counted, the rest stays in the log and comes when it reads', () => {
  const world = new World({ limits: { pendingPlacesMax: 10 } });
  const device = world.online(kept()).subscribe('t/#', 1);
  world.run();
  device.frozen = true;
  device.roomBytes = 2_000;
  const expected = sendMany(world, 3_000, (i) => (i % 2 === 0 ? 1 : 0));
  expect(device.bytes).toBeLessThan(70_000);
  expect(world.server.figures().counters.droppedSlow).toBeGreaterThan(900);
  device.thaw();
  world.run();
  acknowledgeAll(world, device);
  const atLeastOnce = device.messages.filter((message) => Number(message.split('=')[1]) % 2 === 0);
  expect(byTopic(atLeastOnce)).toEqual(byTopic(expected));
});

test('a device that sends and does not read is answered up to UNREAD_ANSWER_BYTES_MAX, then not read either', () => {
  const world = new World();
  const device = world.online();
  device.frozen = true;
  const pings = Buffer.alloc(2 * 1_000);
  for (let i = 0; i < pings.length; i += 2) pings[i] = 0xc0;
  for (let i = 0; i < 33; i++) device.sendBytes(pings);
  expect(device.paused).toBe(false);
  device.sendBytes(pings);
  expect(device.paused).toBe(true);
  device.thaw();
  expect(device.paused).toBe(false);
  expect(device.all('pingresp')).toHaveLength(34_000);
});

test('a subscription that is made while a queue is looked through misses nothing that arrives after it', () => {
  const world = new World({ limits: { pendingPlacesMax: 1 } });
  const device = world.online(kept({ receiveMaximum: 1 })).subscribe('t/#', 1);
  world.run();
  const expected = sendMany(world, 30);
  const scans = () => world.bridge.calls.filter((call) => call.startsWith('scan'));
  let acknowledged = 0;
  while (scans().length === 0) {
    const next = device.all('publish')[acknowledged];
    if (next === undefined) world.step();
    else device.ack('puback', next.messageId as number);
    if (next !== undefined) acknowledged++;
  }
  const queue = Number(scans()[0]?.split(' ')[1]);
  const other = [...'abcdefgh'].map((name) => `u/${name}`).find((topic) => world.cluster.queueOf(topic) === queue) ?? '';
  device.subscribe('u/#', 1);
  world.cluster.send(other, 'new');
  world.bridge.tail(queue);
  acknowledgeAll(world, device);
  expect(device.messages.toSorted()).toEqual([...expected, `${other}=new`].toSorted());
});

test('unsettled tells what another bridge needs should this one die', () => {
  const world = new World();
  const device = world.online(kept({ receiveMaximum: 1 })).subscribe('t', 1);
  world.run();
  expect([...world.server.unsettled()]).toEqual([]);
  for (const payload of ['a', 'b']) world.cluster.send('t', payload);
  world.run();
  const queue = world.cluster.queueOf('t');
  const places = [0, 1].map((offset) => ({ queue, offset }));
  const packetId = device.last('publish').messageId;
  expect([...world.server.unsettled()]).toEqual([
    { clientId: 'a', epoch: 1, backlog: { places, scanFrom: [], maybeSent: [{ ...places[0], packetId }], exchanges: [] } },
  ]);
});

test('what a bridge that died may have sent comes with DUP and the packet id of its place, what came later without [MQTT-3.3.1-1]', () => {
  const world = new World();
  away(world);
  world.cluster.nowMs = 10;
  const early = sendMany(world, 12, (i) => (i % 2 === 0 ? 1 : 2));
  world.cluster.nowMs = 20;
  const late = sendMany(world, 12);
  world.cluster.sentUntilMs = 10;
  const device = world.online(kept());
  acknowledgeAll(world, device);
  const came = device.all('publish');
  expect(device.messages.toSorted()).toEqual([...early, ...late].toSorted());
  expect(came.filter(({ dup }) => dup)).toHaveLength(6);
  expect(came.every(({ qos, dup }) => !dup || qos === 1)).toBe(true);
  const places = world.cluster.logs.flat().filter(({ qos }) => qos === 1);
  const ids = places.map(({ queue, offset }) => world.cluster.packetIdOf(queue, offset));
  expect(came.flatMap(({ qos, messageId }) => (qos === 1 ? [messageId] : [])).toSorted()).toEqual(ids.toSorted());
});

test('a message whose packet id is in use waits until it is free, and those behind it wait too [MQTT-2.2.1-4]', () => {
  const world = new World();
  world.cluster.packetIdOf = () => 7;
  const device = world.online(kept()).subscribe('t', 2);
  world.run();
  const expected = ['t=0', 't=1', 't=2', 't=3'];
  for (let i = 0; i < expected.length; i++) world.cluster.send('t', `${i}`);
  world.run();
  for (let i = 0; i < expected.length; i++) {
    expect(device.messages).toEqual(expected.slice(0, i + 1));
    expect(device.last('publish').messageId).toBe(7);
    device.ack('puback', 7);
    world.run();
  }
  // A session that does not outlive its connection needs no such ids.
  const fleeting = world.online({ clientId: 'other' }).subscribe('t', 1);
  world.run();
  for (let i = 0; i < 4; i++) world.cluster.send('t', `${i}`);
  world.run();
  expect(fleeting.messages).toEqual(expected);
});
