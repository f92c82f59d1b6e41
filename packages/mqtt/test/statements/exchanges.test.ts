import { expect, test } from 'vitest';
import { World } from './world.ts';

const KEPT = { sessionExpiryInterval: 100 };

/** A world with a session of QoS 2 that has lost its connection after a message was sent to it. */
function broken(qos: 1 | 2) {
  const world = new World();
  const device = world.connected({ clientId: 'c', properties: KEPT }).subscribe('t', { qos });
  world.connected().publish('t', 'x', { qos, messageId: 1 });
  const messageId = device.take('publish')[0]?.messageId as number;
  return { world, device, messageId };
}

const back = (world: World) => world.device().connect({ clientId: 'c', clean: false, properties: KEPT });

test('[MQTT-3.3.1-1] [MQTT-4.3.2-3] [MQTT-4.4.0-1] what was not acknowledged comes again with DUP and its identifier', () => {
  for (const qos of [1, 2] as const) {
    const { world, device, messageId } = broken(qos);
    world.advance(60_000);
    expect(device.all().filter(({ cmd }) => cmd === 'publish')).toEqual([]);
    device.drop();
    expect(back(world).take('publish')).toMatchObject([{ messageId, dup: true, qos }]);
  }
});

test('[MQTT-4.3.2-3] what was acknowledged does not come again', () => {
  const { world, device, messageId } = broken(1);
  device.send({ cmd: 'puback', messageId, reasonCode: 0 }).drop();
  expect(back(world).take('publish')).toEqual([]);
});

test('[MQTT-4.3.3-3] [MQTT-4.3.3-4] PUBREC is answered with PUBREL of the same identifier', () => {
  const { device, messageId } = broken(2);
  device.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
  expect(device.all()).toMatchObject([{ cmd: 'suback' }, { cmd: 'pubrel', messageId }]);
});

test('[MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] after PUBREL it is PUBREL that comes again, until PUBCOMP', () => {
  const { world, device, messageId } = broken(2);
  device.send({ cmd: 'pubrec', messageId, reasonCode: 0 }).drop();
  const again = back(world);
  expect(again.all()).toMatchObject([{ cmd: 'connack' }, { cmd: 'pubrel', messageId }]);
  again.send({ cmd: 'pubcomp', messageId, reasonCode: 0 }).drop();
  expect(back(world).all()).toMatchObject([{ cmd: 'connack' }]);
});

test('[MQTT-4.4.0-2] a refusal by PUBREC is final', () => {
  const { world, device, messageId } = broken(2);
  device.send({ cmd: 'pubrec', messageId, reasonCode: 0x80 });
  expect(device.take('pubrel')).toEqual([]);
  device.drop();
  expect(back(world).take('publish')).toEqual([]);
});

test('[MQTT-4.3.3-7] an exchange that has begun does not expire', () => {
  const world = new World();
  const device = world.connected({ clientId: 'c', properties: KEPT }).subscribe('t', { qos: 2 });
  world.connected().publish('t', 'x', { qos: 2, messageId: 1, properties: { messageExpiryInterval: 1 } });
  expect(device.messages()).toEqual(['x']);
  device.drop();
  world.advance(5_000);
  expect(back(world).messages()).toEqual(['x']);
});

test('[MQTT-4.3.2-5] after PUBACK the same identifier is a new message, whatever DUP says', () => {
  const world = new World();
  const device = world.connected();
  device.publish('t', 'a', { qos: 1, messageId: 1 }).publish('t', 'b', { qos: 1, messageId: 1, dup: true });
  expect(world.cluster.log).toHaveLength(2);
});

test('[MQTT-4.3.3-10] until PUBREL the same identifier is answered, and stored once, on another connection too', () => {
  const world = new World();
  const device = world.connected({ clientId: 'c', properties: KEPT });
  device.publish('t', 'a', { qos: 2, messageId: 1 }).publish('t', 'a', { qos: 2, messageId: 1, dup: true });
  expect(device.take('pubrec')).toHaveLength(2);
  device.drop();
  const again = back(world).publish('t', 'a', { qos: 2, messageId: 1, dup: true });
  expect(again.take('pubrec')).toHaveLength(1);
  expect(world.cluster.log).toHaveLength(1);
});

test('[MQTT-4.3.3-11] [MQTT-4.3.3-12] PUBREL is answered with PUBCOMP; then the identifier is a new message', () => {
  const world = new World();
  const device = world.connected().publish('t', 'a', { qos: 2, messageId: 5 });
  device.all();
  device.send({ cmd: 'pubrel', messageId: 5, reasonCode: 0 });
  expect(device.all()).toMatchObject([{ cmd: 'pubcomp', messageId: 5, reasonCode: 0 }]);
  device.publish('t', 'b', { qos: 2, messageId: 5 });
  expect(world.cluster.log).toHaveLength(2);
});

test('[MQTT-4.3.3-9] after a PUBREC of 0x80 or above the identifier is a new message', () => {
  const world = new World();
  world.cluster.outcome = () => 'quota-exceeded';
  const device = world.connected().publish('t', 'a', { qos: 2, messageId: 5 });
  world.cluster.outcome = () => 'success';
  device.publish('t', 'b', { qos: 2, messageId: 5 });
  expect(device.take('pubrec')).toMatchObject([{ reasonCode: 0x97 }, { reasonCode: 0 }]);
  expect(world.cluster.log).toMatchObject([{ topic: 't' }]);
});

test('[MQTT-4.3.3-13] an exchange of a client is completed although its message has expired', () => {
  const world = new World();
  const device = world.connected();
  device.publish('t', 'a', { qos: 2, messageId: 5, properties: { messageExpiryInterval: 1 } });
  world.advance(5_000);
  device.send({ cmd: 'pubrel', messageId: 5, reasonCode: 0 });
  expect(device.all()).toMatchObject([{ cmd: 'pubrec' }, { cmd: 'pubcomp', messageId: 5, reasonCode: 0 }]);
});

test('[MQTT-3.7.2-1] PUBREL for an exchange that nobody knows is answered with 0x92', () => {
  const device = new World().connected().send({ cmd: 'pubrel', messageId: 9, reasonCode: 0 });
  expect(device.all()).toMatchObject([{ cmd: 'pubcomp', messageId: 9, reasonCode: 0x92 }]);
});

test('[MQTT-4.5.0-1] [QNT-MQT-026] messages are added to the sessions of subscribers, online or not', () => {
  const world = new World();
  const online = world.connected().subscribe('t', { qos: 1 });
  world.connected({ clientId: 'c', properties: KEPT }).subscribe('t', { qos: 1 }).drop();
  const publisher = world.connected();
  for (let i = 1; i <= 30; i++) publisher.publish('t', String(i), { qos: 1, messageId: i });
  const all = Array.from({ length: 30 }, (_, i) => String(i + 1));
  expect(online.messages()).toEqual(all);
  expect(back(world).messages()).toEqual(all);
});

test('[MQTT-3.14.0-1] no DISCONNECT comes before CONNACK', () => {
  const world = new World();
  world.authenticate = () => 'unavailable';
  const device = world.device().connect();
  expect(device.inbox.map(({ cmd }) => cmd)).toEqual(['connack']);
});

test('[MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.4-1] [MQTT-3.14.4-2] the server stops: DISCONNECT 0x8B without an expiry, and nothing more', () => {
  const world = new World();
  const device = world.connected().subscribe('t');
  device.all();
  world.server.stop(world.nowMs);
  world.connected().publish('t', 'x');
  expect(device.inbox).toMatchObject([{ cmd: 'disconnect', reasonCode: 0x8b }]);
  expect((device.inbox[0] as { properties?: object }).properties ?? {}).not.toHaveProperty('sessionExpiryInterval');
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.2-29] without problem information only CONNACK, PUBLISH and DISCONNECT may say more', () => {
  const world = new World();
  world.maySubscribe = () => false;
  world.cluster.outcome = () => 'not-authorized';
  const device = world.connected({ properties: { requestProblemInformation: false } });
  device.publish('t', 'x', { qos: 1, messageId: 1 }).publish('t', 'x', { qos: 2, messageId: 2 }).subscribe('t');
  device.send({ cmd: 'pubrel', messageId: 7, reasonCode: 0 });
  const packets = device.all();
  expect(packets.map(({ cmd }) => cmd)).toEqual(['puback', 'pubrec', 'suback', 'pubcomp']);
  for (const packet of packets) {
    const { reasonString, userProperties } = (packet as { properties?: Record<string, unknown> }).properties ?? {};
    expect([reasonString, userProperties]).toEqual([undefined, undefined]);
  }
});
