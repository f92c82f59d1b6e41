import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { type Device, World } from './world.ts';

const publish = (messageId: number, qos: 0 | 1 | 2, more: object = {}): Packet =>
  ({ cmd: 'publish', topic: 't', payload: `m${messageId}`, qos, messageId, dup: false, retain: false, ...more }) as Packet;
const stored = (world: World) => world.cluster.logs.flat().map(({ payload }) => Buffer.from(payload).toString());
const answers = (device: Device) =>
  device.got.slice(1).map((packet) => `${packet.cmd} ${packet.messageId} ${(packet as { reasonCode?: number }).reasonCode ?? 0}`);

test('PUBACK and PUBREC come after the cluster has stored the message, and not before [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8]', () => {
  const world = new World();
  const device = world.online().send(publish(1, 1), publish(2, 2));
  expect(device.got).toHaveLength(1);
  world.run();
  expect(answers(device)).toEqual(['puback 1 0', 'pubrec 2 0']);
  expect(stored(world)).toEqual(['m1', 'm2']);
});

test('the answers of one chunk leave in one send', () => {
  const world = new World();
  const device = world.online();
  const before = device.sends;
  device.send(...Array.from({ length: 90 }, (_, i) => publish(i + 1, 1)));
  world.run();
  expect(device.all('puback')).toHaveLength(90);
  expect(device.sends - before).toBe(1);
});

test('answers keep the order in which the publishes came, whatever is known first [MQTT-4.6.0-2] [MQTT-4.6.0-3]', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  const device = world.online().send(publish(1, 1), publish(2, 1, { topic: 'no' }), publish(3, 2));
  expect(device.got).toHaveLength(1);
  world.run();
  expect(answers(device)).toEqual(['puback 1 0', 'puback 2 135', 'pubrec 3 0']);
});

test.each([
  ['topic-name-invalid', 0x90],
  ['not-authorized', 0x87],
  ['quota-exceeded', 0x97],
  ['packet-too-large', 0x97],
  ['unspecified-error', 0x80],
] as const)(
  'a publish that comes to %s gets its reason; a client of 3.1.1 loses the connection without PUBACK',
  (outcome, reason) => {
    const world = new World();
    world.cluster.outcomes.push(outcome, outcome);
    const device = world.online().send(publish(1, 1));
    world.run();
    expect(answers(device)).toEqual([`puback 1 ${reason}`]);
    const old = world.online({ clientId: 'b' }, 4).send(publish(1, 1));
    world.run();
    expect(old.got).toHaveLength(1);
    expect(old.ended).toBe('closed');
  },
);

test('a publish of QoS 0 that may not be is dropped and counted, and the connection goes on', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  const device = world.online().send(publish(0, 0, { topic: 'no' }), publish(0, 0, { topic: '$SYS/x' }), { cmd: 'pingreq' });
  expect(device.got.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp']);
  expect(world.server.figures().counters).toMatchObject({ publishesRefused: 2, published: [2, 0, 0] });
});

test('operators are told of publishes that may not be, the same host and reason once a minute', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  world.online().send(publish(0, 0, { topic: 'no' }), publish(1, 1, { topic: 'no' }), publish(2, 2, { topic: '$SYS/x' }));
  expect(world.log).toEqual(['publish-refused', 'publish-refused']);
  expect(world.logged).toMatchObject([
    { topic: 'no', reason: 'NOT_AUTHORIZED' },
    { topic: '$SYS/x', reason: 'TOPIC_NAME_INVALID' },
  ]);
});

test('operators are told of publishes that the cluster refuses', () => {
  const world = new World();
  world.cluster.outcomes.push('topic-name-invalid', 'quota-exceeded');
  world.online().send(publish(1, 1, { topic: 'a' }), publish(2, 2, { topic: 'b' }));
  world.run();
  expect(world.log).toEqual(['publish-refused', 'publish-refused']);
  expect(world.logged).toMatchObject([
    { topic: 'a', reason: 'TOPIC_NAME_INVALID' },
    { topic: 'b', reason: 'QUOTA_EXCEEDED' },
  ]);
});

test('the names of the server are nobody else’s to publish to (section 4.7.2)', () => {
  const world = new World();
  const device = world
    .online()
    .send(publish(1, 1, { topic: '$SYS/a' }), publish(2, 1, { topic: '$share/g/a' }), publish(3, 1, { topic: '$a' }));
  world.run();
  expect(answers(device)).toEqual(['puback 1 144', 'puback 2 144', 'puback 3 0']);
});

test('a payload that is not the UTF-8 it says gets 0x99 (section 3.3.2.3.2)', () => {
  const world = new World();
  const device = world
    .online()
    .send(publish(1, 1, { payload: Buffer.from([0xff]), properties: { payloadFormatIndicator: true } }));
  world.run();
  expect(answers(device)).toEqual(['puback 1 153']);
});

test('a publish of QoS 2 is stored once however often it comes, until PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12]', () => {
  const world = new World({ bridges: 2 });
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
  world.online(kept).send(publish(1, 2));
  world.run();
  const again = world.online(kept, 5, 1).send(publish(1, 2, { dup: true }), publish(1, 2, { dup: true }));
  world.run();
  expect(answers(again)).toEqual(['pubrec 1 0', 'pubrec 1 0']);
  again.ack('pubrel', 1);
  world.run();
  expect(answers(again).at(-1)).toBe('pubcomp 1 0');
  again.send(publish(1, 2));
  world.run();
  expect(stored(world)).toEqual(['m1', 'm1']);
});

test('every PUBREL is answered, one that nobody knows with 0x92 [MQTT-4.3.3-11] [MQTT-3.7.2-1]', () => {
  const world = new World();
  const device = world.online().ack('pubrel', 9);
  const old = world.online({ clientId: 'b' }, 4).ack('pubrel', 9);
  world.run();
  expect(answers(device)).toEqual(['pubcomp 9 146']);
  expect(answers(old)).toEqual(['pubcomp 9 0']);
});

test('a refused publish of QoS 2 frees its packet id [MQTT-4.3.3-9]', () => {
  const world = new World();
  world.cluster.outcomes.push('quota-exceeded');
  const device = world.online().send(publish(1, 2));
  world.run();
  device.send(publish(1, 2));
  world.run();
  expect(answers(device)).toEqual(['pubrec 1 151', 'pubrec 1 0']);
  expect(stored(world)).toEqual(['m1']);
});

test('a publish of QoS 2 that may be stored ends the connection: sent again under its id, it is stored once', () => {
  const world = new World();
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
  world.cluster.outcomes.push('unspecified-error');
  const device = world.online(kept).send(publish(1, 2));
  world.run();
  expect(device.last('disconnect').reasonCode).toBe(0x80);
  const again = world.online(kept).send(publish(1, 2, { dup: true }));
  world.run();
  expect(answers(again)).toEqual(['pubrec 1 0']);
  expect(stored(world)).toEqual(['m1']);
});

test('more than RECEIVE_MAXIMUM publishes under way end the connection with 0x93 [MQTT-3.3.4-7] [MQTT-3.3.4-8]', () => {
  const world = new World({ limits: { receiveMaximum: 3 } });
  const device = world.online().send(publish(1, 2), publish(2, 1), publish(3, 2));
  world.run();
  // PUBACK frees a place, PUBREC does not, and QoS 0 takes none.
  device.send(publish(0, 0), publish(2, 1), publish(1, 2, { dup: true }));
  world.run();
  expect(device.ended).toBeUndefined();
  device.ack('pubrel', 1);
  world.run();
  device.send(publish(4, 2));
  world.run();
  expect(device.ended).toBeUndefined();
  device.send(publish(5, 1), publish(6, 1));
  expect(device.last('disconnect').reasonCode).toBe(0x93);
});

test('a client of 3.1.1 that has more than REQUESTS_MAX publishes under way is not read until half of them are answered', () => {
  const world = new World();
  const device = world.online({}, 4);
  device.send(...Array.from({ length: 999 }, (_, i) => publish(i + 1, 1)));
  expect(device.paused).toBe(false);
  device.send(publish(1_000, 1));
  expect(device.paused).toBe(true);
  world.run();
  expect(device.paused).toBe(false);
  expect(device.all('puback')).toHaveLength(1_000);
});

test('a cluster that takes no more pauses the sockets that publish, until it is ready', () => {
  const world = new World();
  world.cluster.takesMore = false;
  const [one, other, idle] = ['a', 'b', 'c'].map((clientId) => world.online({ clientId })) as [Device, Device, Device];
  one.send(publish(0, 0));
  other.send(publish(1, 1));
  expect([one, other, idle].map(({ paused }) => paused)).toEqual([true, true, false]);
  other.drop();
  world.server.ready(world.nowMs);
  expect(one.paused).toBe(false);
  world.run();
  expect(stored(world)).toHaveLength(2);
});

test('what a publish says reaches the cluster, its expiry as a deadline [MQTT-3.3.2-4] [MQTT-3.3.2-18]', () => {
  const world = new World();
  world.server.wallClock(1_000_000);
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 10,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.from('7'),
    userProperties: { b: ['1', '3'], a: '2' },
  };
  world.online().send(publish(1, 1, { retain: true, properties }));
  world.run();
  expect(world.cluster.logs.flat()[0]).toMatchObject({
    topic: 't',
    qos: 1,
    retain: true,
    clientId: 'a',
    properties: {
      payloadFormatIndicator: 1,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.from([0x37]),
      userProperties: [
        ['b', '1'],
        ['b', '3'],
        ['a', '2'],
      ],
      expiresAtMs: 1_010_000,
    },
  });
});

test('a topic alias stands for its topic until the connection ends [MQTT-3.3.2-12] [MQTT-3.3.2-7]', () => {
  const world = new World();
  const alias = (topicAlias: number, topic: string): Packet => publish(1, 1, { topic, properties: { topicAlias } });
  const device = world.online().send(alias(16, 'long'), alias(16, ''), alias(16, 'other'), alias(16, ''));
  world.run();
  expect(
    world.cluster.logs
      .flat()
      .map(({ topic }) => topic)
      .sort(),
  ).toEqual(['long', 'long', 'other', 'other']);
  expect(world.cluster.logs.flat().every(({ properties }) => Object.keys(properties ?? {}).length === 0)).toBe(true);
  device.send({ cmd: 'disconnect', reasonCode: 0 });
  expect(world.online().send(alias(16, '')).last('disconnect').reasonCode).toBe(0x82);
  expect(world.online().send(alias(17, 'x')).last('disconnect').reasonCode).toBe(0x94);
});

test('answers for a connection that has ended go nowhere', () => {
  const world = new World();
  const device = world.online().send(publish(1, 1), publish(2, 2)).ack('pubrel', 7);
  device.subscribe('t').drop();
  world.run();
  expect(device.got).toHaveLength(1);
  expect(stored(world)).toEqual(['m1', 'm2']);
});

test('nothing behind DISCONNECT is looked at [MQTT-3.14.4-1]', () => {
  const world = new World();
  world.online().send({ cmd: 'disconnect', reasonCode: 0 }, publish(1, 1));
  world.run();
  expect(stored(world)).toEqual([]);
});

test('a packet that breaks the rules is told by its reason, and ends the connection [MQTT-4.13.1-1]', () => {
  const world = new World();
  const device = world.online();
  device.sendBytes(Uint8Array.of(0x36, 0));
  expect(device.last('disconnect').reasonCode).toBe(0x81);
  expect(device.ended).toBe('closed');
  expect(world.log).toContain('protocol-error');
});
