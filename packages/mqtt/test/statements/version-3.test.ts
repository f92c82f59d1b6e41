import { expect, test } from 'vitest';
import type { Device, Received } from './device.ts';
import { World } from './world.ts';

const WILL = { topic: 'gone', payload: Buffer.from('bye'), qos: 0, retain: false } as const;
/** CONNECT of 3.1.1 with client id `aa` behind these flags. */
const connect = (flags: string, rest = ''): string => {
  const body = `0004 4d515454 04 ${flags} 0000 0002 6161 ${rest}`.replace(/\s/g, '');
  return `10${(body.length / 2).toString(16).padStart(2, '0')}${body}`;
};
const codeOf = (packet: Received | undefined): unknown => (packet as { returnCode?: unknown } | undefined)?.returnCode;

test.each([
  ['[MQTT-3.1.1:1.5.3-1] a topic name that is no UTF-8', '30 04 0001 ff 78'],
  ['[MQTT-3.1.1:1.5.3-2] a topic name with U+0000', '30 05 0002 6100 78'],
  ['[MQTT-3.1.1:2.2.2-2] reserved flags of PINGREQ', 'c1 00'],
  ['[MQTT-3.1.1:3.8.3-3] SUBSCRIBE without a filter', '82 02 0001'],
  ['[MQTT-3.1.1:3.8.3-4] reserved bits beside the requested QoS', '82 06 0001 0001 74 04'],
  ['[MQTT-3.1.1:3.14.1-1] DISCONNECT with flags', 'e1 00'],
  ['[MQTT-3.1.1:4.8.0-1] a second CONNECT', connect('02')],
] as const)('%s closes the connection without a word', (_what, hex) => {
  const device = new World().connected({}, 4);
  const before = device.packetsInHex.length;
  device.raw(hex);
  expect(device.closed).toBe(true);
  expect(device.packetsInHex).toHaveLength(before);
});

test('[MQTT-3.1.1:3.1.2-1] another protocol name closes the connection', () => {
  const device = new World().device(4).raw('10 0e 0004 4d515458 04 02 0000 0002 6161');
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.1:3.1.2-2] an unknown level is answered with 0x01 where it is below 5, and the connection closed', () => {
  const device = new World().device(4).raw('10 0e 0004 4d515454 03 02 0000 0002 6161');
  expect(device.closed).toBe(true);
  expect(device.packetsInHex.join()).toMatch(/^(20020001|2003008400)$/);
});

test('[MQTT-3.1.1:3.1.2-22] a password without a user name is refused', () => {
  const device = new World().device(4).raw(connect('42', '0001 70'));
  expect(device.closed).toBe(true);
  expect(device.inbox.every((packet) => codeOf(packet) !== 0)).toBe(true);
});

test('[MQTT-3.1.1:3.1.2-4] [MQTT-3.1.1:3.2.2-2] a session with Clean Session 0 goes on, though nothing says for how long', () => {
  const world = new World();
  world.connected({ clientId: 'c', clean: false }, 4).subscribe('t', { qos: 1 }).drop();
  world.connected({}, 4).publish('t', 'x', { qos: 1, messageId: 1 });
  world.advance(24 * 3_600_000);
  const device = world.device(4).connect({ clientId: 'c', clean: false });
  expect(device.take('connack')).toMatchObject([{ sessionPresent: true, returnCode: 0 }]);
  expect(device.messages()).toEqual(['x']);
});

test('[MQTT-3.1.1:3.1.2-6] a session with Clean Session 1 ends with its connection', () => {
  const world = new World();
  world.connected({ clientId: 'c' }, 4).subscribe('t', { qos: 1 }).drop();
  const device = world.device(4).connect({ clientId: 'c', clean: false });
  expect(device.take('connack')).toMatchObject([{ sessionPresent: false }]);
});

test('[MQTT-3.1.1:3.1.2-24] silence of one and a half keep-alive times closes the connection, and the will is published', () => {
  const world = new World();
  const watcher = world.connected({}, 4).subscribe('gone');
  const device = world.connected({ keepalive: 10, will: WILL }, 4);
  world.advance(16_500);
  expect(device.closed).toBe(true);
  expect(device.inbox).toEqual([]);
  expect(watcher.messages()).toEqual(['bye']);
});

test('[MQTT-3.1.1:3.1.3-6] an empty client id is taken with Clean Session 1', () => {
  expect(new World().device(4).connect({ clientId: '' }).take('connack')).toMatchObject([{ returnCode: 0 }]);
});

test('[MQTT-3.1.1:3.1.3-8] with Clean Session 0 it is answered with 0x02, and the connection closed', () => {
  const device = new World().device(4).raw('10 0c 0004 4d515454 04 00 0000 0000');
  expect(device.take('connack')).toMatchObject([{ sessionPresent: false, returnCode: 2 }]);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.1.1:3.1.4-2] the older connection of a client id is closed without a packet', () => {
  const world = new World();
  const old = world.connected({ clientId: 'c' }, 4);
  world.connected({ clientId: 'c' }, 4);
  expect(old.closed).toBe(true);
  expect(old.inbox).toEqual([]);
});

test('[MQTT-3.1.1:3.2.2-4] [MQTT-3.1.1:3.2.2-5] [MQTT-3.1.1:3.2.2-6] a CONNACK that refuses has a code of 3.1.1, and closes', () => {
  const world = new World();
  for (const [answer, code] of [
    ['bad-credentials', 4],
    ['not-authorized', 5],
    ['unavailable', 3],
  ] as const) {
    world.authenticate = () => answer;
    const device = world.device(4).connect({ clean: false });
    expect(device.inbox).toMatchObject([{ cmd: 'connack', sessionPresent: false, returnCode: code }]);
    expect(device.closed).toBe(true);
  }
});

test('[MQTT-3.1.1:3.3.5-1] overlapping subscriptions: one copy, the highest QoS', () => {
  const world = new World();
  const device = world.connected({}, 4).subscribe('t/#').subscribe('t/a', { qos: 1 });
  world.connected({}, 4).publish('t/a', 'x', { qos: 1, messageId: 1 });
  expect(device.take('publish')).toMatchObject([{ qos: 1 }]);
});

test('[MQTT-3.1.1:3.3.5-2] [QNT-MQT-022] a publication that was not stored closes the connection without PUBACK', () => {
  const world = new World();
  world.cluster.outcome = () => 'not-authorized';
  for (const qos of [1, 2]) {
    const device = world.connected({}, 4).publish('t', 'x', { qos, messageId: 1 });
    expect(device.inbox).toEqual([]);
    expect(device.closed).toBe(true);
  }
});

test('[MQTT-3.1.1:3.9.3-2] SUBACK says 0, 1, 2 or 0x80', () => {
  const world = new World();
  world.maySubscribe = (filter) => filter !== 'secret';
  const device = world.connected({}, 4);
  const subscriptions = ['a', 'secret', 'b', 'c'].map((topic, i) => ({ topic, qos: [0, 1, 1, 2][i] }));
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  expect(device.take('suback')).toMatchObject([{ granted: [0, 0x80, 1, 2] }]);
});

test('[MQTT-3.1.1:3.10.4-5] UNSUBACK has no payload', () => {
  const device: Device = new World().connected({}, 4);
  device.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['never'] });
  expect(device.packetsInHex.at(-1)).toBe('b0020005');
});

test('[MQTT-3.1.1:3.14.4-3] any DISCONNECT discards the will', () => {
  const world = new World();
  const watcher = world.connected({}, 4).subscribe('gone');
  world.connected({ will: WILL }, 4).send({ cmd: 'disconnect' });
  expect(watcher.messages()).toEqual([]);
});

test('[MQTT-3.1.1:4.4.0-1] what was not acknowledged comes again with DUP when the session goes on', () => {
  const world = new World();
  const device = world.connected({ clientId: 'c', clean: false }, 4).subscribe('t', { qos: 1 });
  world.connected({}, 4).publish('t', 'x', { qos: 1, messageId: 1 });
  const messageId = device.take('publish')[0]?.messageId as number;
  device.drop();
  const again = world.connected({ clientId: 'x' }, 4);
  expect(again.inbox).toEqual([]);
  const resumed = world.device(4).connect({ clientId: 'c', clean: false });
  expect(resumed.take('publish')).toMatchObject([{ messageId, dup: true }]);
});
