import { expect, test } from 'vitest';
import { World } from './world.ts';

const WILL = { topic: 'gone', payload: Buffer.from('bye'), qos: 0, retain: false } as const;

test('[MQTT-3.1.0-1] a first packet that is not CONNECT ends the connection without an answer', () => {
  const world = new World();
  const device = world.device().raw('c000');
  expect(device.closed).toBe(true);
  expect(device.packetsInHex).toEqual([]);
});

test('[MQTT-3.1.0-2] a second CONNECT is a protocol error', () => {
  const device = new World().connected().connect();
  expect(device.closed).toBe(true);
  expect(device.reason).toBe(0x82);
});

test('[MQTT-3.1.2-1] another protocol name is no MQTT: the connection is closed', () => {
  const device = new World().device().raw('10 0f 0004 4d515458 05 02 0000 00 0002 6161');
  expect(device.closed).toBe(true);
  expect(device.take('connack').every((packet) => (packet as { reasonCode?: number }).reasonCode === 0x84)).toBe(true);
});

test('[MQTT-3.1.2-2] [MQTT-3.2.2-7] another version is answered with 0x84, and the connection closed', () => {
  const device = new World().device().raw('10 0f 0004 4d515454 06 02 0000 00 0002 6161');
  expect(device.reason).toBe(0x84);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.2-3] the reserved connect flag is malformed', () => {
  const device = new World().device().raw('10 0f 0004 4d515454 05 03 0000 00 0002 6161');
  expect(device.reason).toBe(0x81);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.1.4-4] Clean Start throws the old session away before CONNECT is answered', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }).drop();
  const again = world.device().connect({ clientId: 'c', clean: true, properties });
  expect(again.take('connack')[0]).toMatchObject({ sessionPresent: false, reasonCode: 0 });
  world.connected().publish('t', 'x', { qos: 1, messageId: 1 });
  expect(again.messages()).toEqual([]);
});

test('[MQTT-3.1.2-5] [MQTT-3.2.2-3] [MQTT-3.1.3-2] without Clean Start the session of the client id goes on', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }).drop();
  world.connected().publish('t', 'missed', { qos: 1, messageId: 1 });
  const again = world.device().connect({ clientId: 'c', clean: false, properties });
  expect(again.take('connack')[0]).toMatchObject({ sessionPresent: true, reasonCode: 0 });
  expect(again.messages()).toEqual(['missed']);
  const other = world.device().connect({ clientId: 'd', clean: false });
  expect(other.take('connack')[0]).toMatchObject({ sessionPresent: false });
});

test('[MQTT-3.2.2-3] a session is present also where it has no subscription', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', clean: false, properties }).drop();
  const again = world.device().connect({ clientId: 'c', clean: false, properties });
  expect(again.take('connack')[0]).toMatchObject({ sessionPresent: true });
});

test('[MQTT-3.1.2-6] without Clean Start and without a session a new one begins', () => {
  const device = new World().device().connect({ clean: false });
  expect(device.take('connack')[0]).toMatchObject({ sessionPresent: false, reasonCode: 0 });
  expect(device.closed).toBe(false);
});

test('[MQTT-3.1.2-7] [MQTT-3.1.2-8] the will is kept, and published when the connection breaks', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  const device = world.connected({ will: WILL });
  expect(watcher.messages()).toEqual([]);
  device.drop();
  expect(watcher.messages()).toEqual(['bye']);
});

test('[MQTT-3.1.2-8] a will with a delay is published when it has passed, or when the session ends before', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  const will = { ...WILL, properties: { willDelayInterval: 10 } };
  world.connected({ will, properties: { sessionExpiryInterval: 100 } }).drop();
  world.advance(9_999);
  expect(watcher.messages()).toEqual([]);
  world.advance(1);
  expect(watcher.messages()).toEqual(['bye']);
  world.connected({ will, properties: { sessionExpiryInterval: 3 } }).drop();
  world.advance(3_000);
  expect(watcher.messages()).toEqual(['bye']);
  world.connected({ will }).drop();
  expect(watcher.messages()).toEqual(['bye']);
});

test('[MQTT-3.1.3-9] a client that is back before the delay is over has no will published', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  const will = { ...WILL, properties: { willDelayInterval: 10 } };
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', will, properties }).drop();
  world.advance(5_000);
  world.connected({ clientId: 'c', clean: false, properties });
  world.advance(60_000);
  expect(watcher.messages()).toEqual([]);
});

test('[MQTT-3.1.2-10] [MQTT-3.14.4-3] DISCONNECT with reason 0 discards the will, with 4 it is published', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  world.connected({ will: WILL }).send({ cmd: 'disconnect', reasonCode: 0 });
  expect(watcher.messages()).toEqual([]);
  world.connected({ will: WILL }).send({ cmd: 'disconnect', reasonCode: 4 });
  expect(watcher.messages()).toEqual(['bye']);
});

test('[MQTT-3.1.2-10] a will that was published is not published again', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', will: WILL, properties }).drop();
  expect(watcher.messages()).toEqual(['bye']);
  world.connected({ clientId: 'c', clean: false, properties }).drop();
  expect(watcher.messages()).toEqual([]);
});

test.each([
  ['[MQTT-3.1.2-9] the will flag without will topic', '10 10 0004 4d515454 05 06 0000 00 0002 6161 00', 0x81],
  ['[MQTT-3.1.2-11] a will QoS without the will flag', '10 0f 0004 4d515454 05 0a 0000 00 0002 6161', 0x81],
  ['[MQTT-3.1.2-12] will QoS 3', '10 16 0004 4d515454 05 1e 0000 00 0002 6161 00 0001 67 0001 78', 0x81],
  ['[MQTT-3.1.2-13] will retain without the will flag', '10 0f 0004 4d515454 05 22 0000 00 0002 6161', 0x81],
  ['[MQTT-3.1.2-16] a user name without its flag', '10 12 0004 4d515454 05 02 0000 00 0002 6161 0001 75', 0x81],
  ['[MQTT-3.1.2-17] the user name flag without a user name', '10 0f 0004 4d515454 05 82 0000 00 0002 6161', 0x81],
  ['[MQTT-3.1.2-18] a password without its flag', '10 15 0004 4d515454 05 82 0000 00 0002 6161 0001 75 0001 70', 0x81],
  ['[MQTT-3.1.2-19] the password flag without a password', '10 0f 0004 4d515454 05 42 0000 00 0002 6161', 0x81],
  ['[MQTT-3.1.3-3] no client id', '10 0b 0004 4d515454 05 02 0000 00', 0x81],
  ['[MQTT-3.1.3-4] a client id that is no UTF-8', '10 0f 0004 4d515454 05 02 0000 00 0002 61ff', 0x81],
  ['[MQTT-3.1.3-11] a will topic that is no UTF-8', '10 16 0004 4d515454 05 06 0000 00 0002 6161 00 0001 ff 0001 78', 0x81],
  ['[MQTT-3.1.3-12] a user name that is no UTF-8', '10 12 0004 4d515454 05 82 0000 00 0002 6161 0001 ff', 0x81],
  ['[MQTT-3.1.4-1] an unknown property', '10 11 0004 4d515454 05 02 0000 02 7f00 0002 6161', 0x81],
] as const)('%s is malformed, and the connection closed', (_what, hex, reason) => {
  const device = new World().device().raw(hex);
  expect(device.closed).toBe(true);
  expect(device.reason).toBe(reason);
});

test('[MQTT-3.1.3-1] the payload of CONNECT is read in the order client id, will, user name, password', () => {
  const world = new World();
  let seen: unknown;
  world.authenticate = (username, password) => {
    seen = { username, password: Buffer.from(password ?? []).toString() };
    return 'ann';
  };
  world.connected({ clientId: 'c', will: WILL, username: 'ann', password: Buffer.from('secret') }).drop();
  expect(seen).toEqual({ username: 'ann', password: 'secret' });
  expect(world.cluster.log).toMatchObject([{ topic: 'gone', clientId: 'c' }]);
});

test('[MQTT-3.1.2-14] [MQTT-3.1.2-15] a will is retained where its flag says so', () => {
  const world = new World();
  world.connected({ will: { ...WILL, topic: 'kept', retain: true } }).drop();
  world.connected({ will: { ...WILL, topic: 'not' } }).drop();
  expect([...world.cluster.retainedByTopic.keys()]).toEqual(['kept']);
});

test('[MQTT-3.1.2-22] silence of one and a half keep-alive times ends a connection as a broken one: the will is published', () => {
  const world = new World();
  const watcher = world.connected().subscribe('gone');
  const device = world.connected({ keepalive: 10, will: WILL });
  world.advance(14_000);
  device.send({ cmd: 'pingreq' });
  world.advance(14_900);
  expect(device.closed).toBe(false);
  world.advance(1_200);
  expect(device.closed).toBe(true);
  expect(device.reason).toBe(0x8d);
  expect(watcher.messages()).toEqual(['bye']);
});

test('[MQTT-3.2.2-22] the keep alive of CONNECT holds where CONNACK names none, and 0 means never', () => {
  const world = new World();
  const device = world.device().connect({ keepalive: 0 });
  const [connack] = device.take('connack');
  expect((connack as { properties?: object }).properties).not.toHaveProperty('serverKeepAlive');
  world.advance(3_600_000);
  expect(device.closed).toBe(false);
});

test('[MQTT-3.1.2-23] [MQTT-4.1.0-2] a session is kept for its expiry interval, and not longer', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 10 };
  world.connected({ clientId: 'c', properties }).drop();
  world.advance(9_000);
  const back = world.device().connect({ clientId: 'c', clean: false, properties });
  expect(back.take('connack')[0]).toMatchObject({ sessionPresent: true });
  back.drop();
  world.advance(10_000);
  expect(world.device().connect({ clientId: 'c', clean: false }).take('connack')[0]).toMatchObject({ sessionPresent: false });
});

test('[MQTT-4.1.0-1] a session is kept while its connection is open, whatever its expiry interval', () => {
  const world = new World();
  const device = world.connected().subscribe('t');
  world.advance(3_600_000);
  world.connected().publish('t', 'x');
  expect(device.messages()).toEqual(['x']);
});

test('[MQTT-3.1.3-5] client ids of 1 to 23 letters and digits are taken', () => {
  const world = new World();
  for (const clientId of ['a', 'Z9', 'abcdefghijklmnopqrstuvw', 'ABCDEFGHIJKLMNOPQRSTUVW', '0123456789'])
    expect(world.device().connect({ clientId }).take('connack')[0]).toMatchObject({ reasonCode: 0 });
});

test('[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] an empty client id gets one that nobody has, which goes on as its own', () => {
  const world = new World();
  const ids = [1, 2].map(() => {
    const [connack] = world.device().connect({ clientId: '' }).take('connack');
    return (connack as { properties?: { assignedClientIdentifier?: string } }).properties?.assignedClientIdentifier;
  });
  expect(new Set(ids).size).toBe(2);
  expect(ids.every((id) => id !== undefined && id !== '')).toBe(true);
  expect(world.cluster.sessionOf(ids[0] as string)).toBeDefined();
});

test('[MQTT-3.1.3-8] a client id that is not taken is told 0x85, and the connection closed', () => {
  const device = new World().device().connect({ clientId: 'x'.repeat(60_000) });
  expect(device.reason).toBe(0x85);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.3-10] the user properties of a will are published in their order', () => {
  const world = new World();
  const watcher = world.connected().subscribe('g');
  // b=1, a=2, b=3, from a CONNECT of its own bytes.
  const user = '26 0001 62 0001 31  26 0001 61 0001 32  26 0001 62 0001 33';
  const device = world.device().raw(`10 2a 0004 4d515454 05 06 0000 00 0001 78 15 ${user} 0001 67 0001 79`);
  expect(device.take('connack')[0]).toMatchObject({ reasonCode: 0 });
  device.drop();
  expect(watcher.packetsInHex.at(-1)).toContain(user.replace(/\s/g, ''));
});

test('[MQTT-3.1.4-2] who does not authenticate is refused, and the connection closed', () => {
  const world = new World();
  world.authenticate = (username) => (username === 'ann' ? 'ann' : 'bad-credentials');
  const refused = world.device().connect({ username: 'bob', password: Buffer.from('x') });
  expect(refused.reason).toBe(0x86);
  expect(refused.closed).toBe(true);
  expect(world.device().connect({ username: 'ann', password: Buffer.from('x') }).reason).toBe(0);
});

test('[MQTT-3.1.4-2] a will that the client may not publish is not authorized', () => {
  const world = new World();
  world.mayPublish = () => false;
  const device = world.device().connect({ will: WILL });
  expect(device.reason).toBe(0x87);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.4-3] the older connection of a client id is told 0x8E and closed', () => {
  const world = new World();
  const old = world.connected({ clientId: 'c' });
  const young = world.device().connect({ clientId: 'c' });
  expect(old.reason).toBe(0x8e);
  expect(old.closed).toBe(true);
  expect(young.reason).toBe(0);
  expect(young.closed).toBe(false);
});

test('[MQTT-3.1.4-3] so is one whose session another bridge has taken', () => {
  const world = new World();
  const device = world.connected({ clientId: 'c' });
  world.server.takenOver('c', world.cluster.sessionOf('c')?.epoch ?? 0, world.nowMs);
  expect(device.reason).toBe(0x8e);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.4-5] [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.2.2-1] CONNECT is answered with one CONNACK 0, before anything else', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }).drop();
  world.connected().publish('t', 'x', { qos: 1, messageId: 1 });
  const device = world.device().connect({ clientId: 'c', clean: false });
  device.send({ cmd: 'pingreq' });
  expect(device.inbox.map(({ cmd }) => cmd)).toEqual(['connack', 'publish', 'pingresp']);
  expect(device.packetsInHex[0]).toMatch(/^20..(00|01)00/);
});

test('[MQTT-3.1.4-6] nothing behind a CONNECT that was refused is handled', () => {
  const world = new World();
  world.authenticate = () => 'not-authorized';
  const device = world.device();
  device.sendTogether(
    { cmd: 'connect', clientId: 'c', clean: true, protocolVersion: 5 },
    { cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false },
    { cmd: 'pingreq' },
  );
  expect(device.inbox.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(world.cluster.log).toEqual([]);
});

test('[MQTT-3.2.2-6] [MQTT-3.2.2-7] [MQTT-3.2.2-8] a CONNACK that refuses says no session, a code of the standard, and closes', () => {
  const world = new World();
  for (const [answer, code] of [
    ['bad-credentials', 0x86],
    ['not-authorized', 0x87],
    ['unavailable', 0x88],
  ] as const) {
    world.authenticate = () => answer;
    const device = world.device().connect({ clean: false });
    expect(device.inbox[0]).toMatchObject({ sessionPresent: false, reasonCode: code });
    expect(device.closed).toBe(true);
  }
});

test('[MQTT-3.1.2-28] no Response Information is sent to a client that did not ask for it', () => {
  const [connack] = new World()
    .device()
    .connect({ properties: { requestResponseInformation: false } })
    .take('connack');
  expect((connack as { properties?: object }).properties).not.toHaveProperty('responseInformation');
});

test('[MQTT-4.12.0-1] [MQTT-4.12.0-4] an authentication method that is not known is 0x8C, and the connection closed', () => {
  const device = new World().device().connect({ properties: { authenticationMethod: 'SCRAM-SHA-1' } });
  expect(device.reason).toBe(0x8c);
  expect(device.closed).toBe(true);
});

test('[MQTT-4.12.0-6] without a method no AUTH is sent, and CONNACK names none', () => {
  const device = new World().device().connect();
  expect(device.inbox.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect((device.inbox[0] as { properties?: object }).properties).not.toHaveProperty('authenticationMethod');
});

test('[MQTT-4.12.0-7] AUTH of a client that named no method is a protocol error', () => {
  const device = new World().connected().raw('f0 02 18 00');
  expect(device.reason).toBe(0x82);
  expect(device.closed).toBe(true);
});
