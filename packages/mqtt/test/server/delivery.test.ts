import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { type Device, World } from './world.ts';

/** A device with a subscription, whose SUBACK came. */
function subscriber(world: World, filter: string, qos: 0 | 1 | 2, more: object = {}, version: 4 | 5 = 5): Device {
  const device = world.online({ clientId: 'sub', ...more }, version).subscribe(filter, qos);
  world.run();
  return device;
}

test('the QoS is the lower one of the publish and the subscription [MQTT-3.8.4-8]', () => {
  for (const granted of [0, 1, 2] as const) {
    const world = new World();
    const device = subscriber(world, 't/#', granted);
    for (const qos of [0, 1, 2] as const) world.cluster.send(`t/${qos}`, 'x', { qos });
    world.run();
    const got = Object.fromEntries(device.all('publish').map(({ topic, qos }) => [topic, qos]));
    expect(got).toEqual({ 't/0': 0, 't/1': Math.min(1, granted), 't/2': granted });
  }
});

test('a session gets one copy, by the highest QoS and with all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5]', () => {
  const world = new World();
  const device = world.online();
  device.subscribe('a/+', 0, {}, { subscriptionIdentifier: 5 }).subscribe('a/b', 2, {}, { subscriptionIdentifier: 7 });
  device.subscribe('#', 1);
  world.run();
  world.cluster.send('a/b', 'x', { qos: 2 });
  world.run();
  expect(device.all('publish')).toHaveLength(1);
  expect(device.last('publish').qos).toBe(2);
  expect([device.last('publish').properties?.subscriptionIdentifier].flat().sort()).toEqual([5, 7]);
});

test('a client of 3.1.1 gets the highest QoS too (3.1.1 [MQTT-3.1.1:3.3.5-1])', () => {
  const world = new World();
  const device = world.online({}, 4).subscribe('a/+', 0).subscribe('a/b', 1);
  world.run();
  world.cluster.send('a/b', 'x');
  world.run();
  expect(device.all('publish').map(({ qos }) => qos)).toEqual([1]);
});

test('No Local holds back what the client published itself, over the cluster too [MQTT-3.8.3-3]', () => {
  const world = new World();
  const device = world
    .online({ clientId: 'me' })
    .subscribe('t', 1, { nl: true })
    .subscribe('u', 1, { nl: true })
    .subscribe('u/#', 0);
  world.run();
  device.publish('t', 'own', 0).publish('u', 'own', 0);
  world.online({ clientId: 'you' }).publish('t', 'theirs', 0);
  world.run();
  expect(device.messages.sort()).toEqual(['t=theirs', 'u=own']);
});

test('RETAIN is kept where Retain As Published says so [MQTT-3.3.1-12] [MQTT-3.3.1-13]', () => {
  const world = new World();
  const device = world.online().subscribe('as', 1, { rap: true }).subscribe('not', 1);
  world.run();
  for (const topic of ['as', 'not']) world.cluster.send(topic, 'x', { retain: true });
  world.run();
  expect(Object.fromEntries(device.all('publish').map(({ topic, retain }) => [topic, retain]))).toEqual({ as: true, not: false });
});

test('what a message says goes on unaltered, with the seconds that are left [MQTT-3.3.2-6] [MQTT-3.3.2-15] [MQTT-3.3.2-17]', () => {
  const world = new World();
  const device = subscriber(world, 't', 0);
  const old = world.online({ clientId: 'old' }, 4).subscribe('t', 0);
  world.run();
  world.pass(2_500);
  const properties = {
    contentType: 'c',
    responseTopic: 'r',
    correlationData: Buffer.from('7'),
    userProperties: [['k', 'v']] as const,
    expiresAtMs: 10_000,
  };
  world.cluster.send('t', 'x', { properties });
  world.cluster.send('t', 'late', { properties: { expiresAtMs: 2_500 } });
  world.run();
  expect(device.messages).toEqual(['t=x']);
  expect(old.messages).toEqual(['t=x']);
  expect(device.last('publish').properties).toMatchObject({
    contentType: 'c',
    responseTopic: 'r',
    correlationData: Buffer.from('7'),
    messageExpiryInterval: 8,
  });
  expect(world.server.figures().counters.droppedExpired).toBe(1);
});

test('what waited until it expired is not sent [MQTT-3.3.2-5]', () => {
  const world = new World();
  const device = subscriber(world, 't', 1, { properties: { receiveMaximum: 1 } });
  world.cluster.send('t', 'first');
  world.cluster.send('t', 'dies', { properties: { expiresAtMs: 1_000 } });
  world.cluster.send('t', 'last');
  world.run().pass(2_000);
  for (let i = 0; i < 2; i++) {
    device.ack('puback', device.last('publish').messageId as number);
    world.run();
  }
  expect(device.messages).toEqual(['t=first', 't=last']);
});

test('a message larger than the client takes is left out, which counts as done [MQTT-3.1.2-24] [MQTT-3.1.2-25]', () => {
  for (const qos of [0, 1, 2] as const) {
    const world = new World();
    const device = subscriber(world, 't', qos, { properties: { maximumPacketSize: 40 } });
    world.cluster.send('t', 'x'.repeat(60), { qos });
    world.cluster.send('t', 'short', { qos });
    world.run();
    expect(device.messages).toEqual(['t=short']);
    expect(world.server.figures().counters.droppedTooLarge).toBe(1);
    expect(world.server.figures().gauges.underWay).toBe(qos === 0 ? 0 : 1);
  }
});

test('a message that MQTT cannot say is left out', () => {
  const world = new World();
  const device = subscriber(world, '#', 1);
  world.cluster.send('t', 'x', { properties: { contentType: 'x'.repeat(70_000) } });
  world.cluster.send('t', 'y', { qos: 0, properties: { contentType: 'x'.repeat(70_000) } });
  world.cluster.send('t', 'z');
  world.run();
  expect(device.messages).toEqual(['t=z']);
});

test('topic aliases are given to the first topics, never more than the client takes [MQTT-3.1.2-26] [MQTT-3.3.2-11]', () => {
  const world = new World();
  const device = subscriber(world, '#', 1, { properties: { topicAliasMaximum: 2 } });
  for (const topic of ['a', 'a', 'd', 'a', 'd', 'g']) {
    world.cluster.send(topic, 'x');
    world.run();
  }
  const said = device.all('publish').map(({ topic, properties }) => `${topic}/${properties?.topicAlias ?? '-'}`);
  expect(said).toEqual(['a/1', '/1', 'd/2', '/1', '/2', 'g/-']);
});

test('a client that takes no aliases is sent none [MQTT-3.1.2-27]', () => {
  const world = new World();
  const device = subscriber(world, 't', 0);
  world.cluster.send('t', 'x', { qos: 0 });
  world.run();
  expect(device.last('publish').properties ?? {}).not.toHaveProperty('topicAlias');
});

test('an alias is not given by a packet that was too large to be sent', () => {
  const world = new World();
  const device = subscriber(world, 't', 0, { properties: { topicAliasMaximum: 2, maximumPacketSize: 40 } });
  world.cluster.send('t', 'x'.repeat(60), { qos: 0 });
  world.cluster.send('t', 'y', { qos: 0 });
  world.run();
  expect(device.messages).toEqual(['t=y']);
});

test('many messages that arrive together leave in one send for each socket', () => {
  const world = new World();
  const devices = ['a', 'b', 'c'].map((clientId, i) =>
    world.online({ clientId }, i === 2 ? 4 : 5).subscribe('t', i === 1 ? 1 : 0),
  );
  world.run();
  const before = devices.map(({ sends }) => sends);
  const queue = world.cluster.queueOf('t');
  for (let i = 0; i < 50; i++)
    world.cluster.logs[queue]?.push({
      topic: 't',
      qos: 1,
      retain: false,
      payload: Buffer.from(`${i}`),
      clientId: undefined,
      properties: undefined,
      queue,
      offset: i,
      storeTimeMs: 0,
    });
  world.bridge.tail(queue);
  expect(devices.map(({ sends }, i) => sends - (before[i] as number))).toEqual([1, 1, 1]);
  const expected = Array.from({ length: 50 }, (_, i) => `t=${i}`);
  for (const device of devices) expect(device.messages).toEqual(expected);
});

test('a batch larger than CORK_BYTES_MAX leaves in several sends, and stops at a socket that is full', () => {
  const world = new World();
  const device = subscriber(world, 't', 0);
  device.frozen = true;
  const queue = world.cluster.queueOf('t');
  const payload = Buffer.alloc(10_000);
  for (let i = 0; i < 50; i++)
    world.cluster.logs[queue]?.push({
      topic: 't',
      qos: 0,
      retain: false,
      payload,
      clientId: undefined,
      properties: undefined,
      queue,
      offset: i,
      storeTimeMs: 0,
    });
  world.bridge.tail(queue);
  device.thaw();
  expect(device.messages.length).toBe(7);
  expect(world.server.figures().counters.droppedSlow).toBe(43);
});

test('PUBREC for what nobody knows is answered by PUBREL 0x92, PUBACK and PUBCOMP are ignored [MQTT-3.6.2-1]', () => {
  const world = new World();
  const device = world.online().ack('pubrec', 3).ack('puback', 4).ack('pubcomp', 5);
  expect(device.last('pubrel')).toMatchObject({ messageId: 3, reasonCode: 0x92 });
  expect(device.got).toHaveLength(2);
  expect(world.online({ clientId: 'b' }, 4).ack('pubrec', 3).last('pubrel').messageId).toBe(3);
});

test('an exchange of QoS 2 is durable before each of its packets, and frees its id at its end [MQTT-4.3.3-1] to [MQTT-4.3.3-6]', () => {
  const world = new World();
  const device = subscriber(world, 't', 2);
  world.cluster.send('t', 'x', { qos: 2 });
  while (device.all('publish').length === 0) world.step();
  const id = device.last('publish').messageId as number;
  expect(world.bridge.calls.at(-1)).toBe(`exchange ${id} begun`);
  device.ack('pubrec', id).ack('pubrec', id);
  expect(device.all('pubrel')).toHaveLength(0);
  world.run();
  expect(world.cluster.sessions.get('sub')?.exchanges.get(id)?.released).toBe(true);
  device.ack('pubrec', id);
  expect(device.all('pubrel')).toHaveLength(2);
  device.ack('pubcomp', id).ack('pubcomp', id);
  world.run();
  expect(world.cluster.sessions.get('sub')?.exchanges.size).toBe(0);
  expect(world.server.figures().gauges.underWay).toBe(0);
});

test('PUBREC and PUBACK that refuse end the delivery: nothing is sent again [MQTT-4.4.0-2] [MQTT-4.3.3-4]', () => {
  const world = new World();
  const device = subscriber(world, 't', 2);
  world.cluster.send('t', 'one', { qos: 1 });
  world.cluster.send('t', 'two', { qos: 2 });
  world.run();
  for (const { qos, messageId } of device.all('publish')) device.ack(qos === 1 ? 'puback' : 'pubrec', messageId as number, 0x80);
  world.run();
  expect(device.all('pubrel')).toHaveLength(0);
  expect(world.server.figures().gauges.underWay).toBe(0);
  expect(world.cluster.sessions.get('sub')?.exchanges.size).toBe(0);
});

test('an acknowledgement of the wrong QoS is a protocol error', () => {
  for (const [qos, cmd] of [
    [1, 'pubrec'],
    [2, 'puback'],
  ] as const) {
    const world = new World();
    const device = subscriber(world, 't', qos);
    world.cluster.send('t', 'x', { qos });
    world.run();
    device.ack(cmd, device.last('publish').messageId as number);
    expect(device.last('disconnect').reasonCode).toBe(0x82);
  }
});

test('request and response: topic and correlation data go there and back', () => {
  const world = new World();
  const asks = subscriber(world, 'answers/1', 1, { clientId: 'asks' });
  const responds = subscriber(world, 'service', 1, { clientId: 'responds' });
  asks.publish('service', 'what?', 1, { properties: { responseTopic: 'answers/1', correlationData: Buffer.from('c1') } });
  world.run();
  const { responseTopic, correlationData } = responds.last('publish').properties ?? {};
  responds.send({
    cmd: 'publish',
    topic: responseTopic,
    payload: 'that',
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
    properties: { correlationData },
  } as Packet);
  world.run();
  expect(asks.messages).toEqual(['answers/1=that']);
  expect(asks.last('publish').properties?.correlationData).toEqual(Buffer.from('c1'));
});
