import { expect, test } from 'vitest';
import type { Device, Received } from './device.ts';
import { World } from './world.ts';

const grantedOf = (packet: Received | undefined): unknown => (packet as { granted?: unknown } | undefined)?.granted;

/** Publishes a retained message. */
const retain = (world: World, topic: string, payload: string): Device =>
  world.connected().publish(topic, payload, { retain: true });

test.each([
  ['[MQTT-3.8.1-1] SUBSCRIBE with other flags', '80 07 0001 00 0001 74 00', 0x81],
  ['[MQTT-3.8.3-1] a filter that is no UTF-8', '82 07 0001 00 0001 ff 00', 0x81],
  ['[MQTT-3.8.3-2] SUBSCRIBE without a filter', '82 03 0001 00', 0x82],
  ['[MQTT-3.8.3-4] No Local on a shared subscription', '82 10 0001 00 000a 2473686172652f672f74 04', 0x82],
  ['[MQTT-3.8.3-5] reserved bits of the options', '82 07 0001 00 0001 74 40', 0x81],
  ['[MQTT-3.10.1-1] UNSUBSCRIBE with other flags', 'a0 06 0001 00 0001 74', 0x81],
  ['[MQTT-3.10.3-1] a filter to unsubscribe that is no UTF-8', 'a2 06 0001 00 0001 ff', 0x81],
  ['[MQTT-3.10.3-2] UNSUBSCRIBE without a filter', 'a2 03 0001 00', 0x82],
  ['[MQTT-3.6.1-1] PUBREL with other flags', '60 02 0001', 0x81],
  ['[MQTT-3.14.1-1] DISCONNECT with flags', 'e1 00', 0x81],
  ['[MQTT-3.15.1-1] AUTH with flags', 'f1 00', 0x81],
] as const)('%s ends the connection with its reason [MQTT-4.13.1-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1]', (_what, hex, reason) => {
  const device = new World().connected().raw(hex);
  expect(device.reason).toBe(reason);
  expect(device.closed).toBe(true);
});

test('[MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2] filters with wildcards or shares in wrong places are refused', () => {
  for (const filter of ['a#', '#/a', 'a+', '+a/b', '$share/', '$share//t', '$share/g', '$share/g+/t', '$share/g/']) {
    const device = new World().connected().subscribe(filter);
    const refused = device.closed || (grantedOf(device.take('suback')[0]) as number[]).every((code) => code >= 0x80);
    expect(refused, filter).toBe(true);
  }
});

test('[MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5] answers bear the identifier that came', () => {
  const device = new World().connected();
  device.send({ cmd: 'subscribe', messageId: 77, subscriptions: [{ topic: 't', qos: 0 }] });
  device.send({ cmd: 'unsubscribe', messageId: 78, unsubscriptions: ['t'] });
  device.send({ cmd: 'unsubscribe', messageId: 79, unsubscriptions: ['never'] });
  expect(device.all().map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
    ['suback', 77],
    ['unsuback', 78],
    ['unsuback', 79],
  ]);
});

test('[MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT-3.2.2-10] one code for each filter, in order', () => {
  const world = new World();
  world.maySubscribe = (filter) => filter !== 'secret';
  const device = world.connected();
  const subscriptions = ['a', 'b', 'secret', 'c'].map((topic, i) => ({ topic, qos: [2, 0, 1, 1][i] }));
  device.send({ cmd: 'subscribe', messageId: 1, subscriptions });
  expect(grantedOf(device.take('suback')[0])).toEqual([2, 0, 0x87, 1]);
});

test('[MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2] UNSUBACK has a code for each filter, in order', () => {
  const device = new World().connected().subscribe('a').subscribe('b');
  device.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a', 'x', 'b'] });
  expect(grantedOf(device.take('unsuback')[0])).toEqual([0, 0x11, 0]);
});

test('[MQTT-3.8.4-3] a subscription with the same filter takes the place of the one before', () => {
  const world = new World();
  const device = world.connected().subscribe('t', { qos: 2 }).subscribe('t', { qos: 0 });
  world.connected().publish('t', 'x', { qos: 2, messageId: 1 });
  expect(device.take('publish')).toMatchObject([{ qos: 0 }]);
});

test('[MQTT-3.8.4-4] [MQTT-3.3.1-9] a replacement with Retain Handling 0 sends the retained message again', () => {
  const world = new World();
  retain(world, 't', 'kept');
  const device = world.connected().subscribe('t');
  expect(device.messages()).toEqual(['kept']);
  expect(device.subscribe('t').messages()).toEqual(['kept']);
});

test('[MQTT-3.3.1-10] Retain Handling 1 sends it to a new subscription only', () => {
  const world = new World();
  retain(world, 't', 'kept');
  const device = world.connected().subscribe('t', { rh: 1 });
  expect(device.messages()).toEqual(['kept']);
  expect(device.subscribe('t', { rh: 1 }).messages()).toEqual([]);
});

test('[MQTT-3.3.1-11] Retain Handling 2 sends none', () => {
  const world = new World();
  retain(world, 't', 'kept');
  expect(world.connected().subscribe('t', { rh: 2 }).messages()).toEqual([]);
});

test('[MQTT-3.3.1-5] [MQTT-3.3.1-8] RETAIN replaces the retained message, a message without it leaves it alone', () => {
  const world = new World();
  retain(world, 't', 'first').publish('t', 'second', { retain: true }).publish('t', 'third');
  expect(world.connected().subscribe('t').messages()).toEqual(['second']);
});

test('[MQTT-3.3.1-6] [MQTT-3.3.1-7] an empty message with RETAIN removes it, and is none; subscribers get it', () => {
  const world = new World();
  const watcher = world.connected().subscribe('t');
  retain(world, 't', 'first').publish('t', '', { retain: true });
  expect(watcher.messages()).toEqual(['first', '']);
  expect(world.connected().subscribe('t').messages()).toEqual([]);
});

test('retained messages are found by wildcards, and shared subscriptions get none', () => {
  const world = new World();
  retain(world, 'a/1', 'one').publish('a/2', 'two', { retain: true });
  expect(world.connected().subscribe('a/+').messages().sort()).toEqual(['one', 'two']);
  expect(world.connected().subscribe('$share/g/a/+').messages()).toEqual([]);
});

test('[MQTT-3.3.1-12] [MQTT-3.3.1-13] RETAIN is forwarded where Retain As Published asks for it', () => {
  const world = new World();
  const plain = world.connected().subscribe('t', { rap: false });
  const asked = world.connected().subscribe('t', { rap: true });
  retain(world, 't', 'a').publish('t', 'b');
  const retainOf = (device: Device) => device.take('publish').map((packet) => (packet as { retain?: boolean }).retain);
  expect(retainOf(plain)).toEqual([false, false]);
  expect(retainOf(asked)).toEqual([true, false]);
});

test('[MQTT-3.8.3-3] [QNT-MQT-020] with No Local a client does not get what it published', () => {
  const world = new World();
  const device = world.connected().subscribe('t', { nl: true });
  device.publish('t', 'mine');
  world.connected().publish('t', 'theirs');
  expect(device.messages()).toEqual(['theirs']);
});

test('[MQTT-3.8.4-8] a message is sent with the lower QoS of message and subscription', () => {
  const world = new World();
  const devices = [0, 1, 2].map((qos) => world.connected().subscribe('t', { qos }));
  const publisher = world.connected();
  for (const qos of [0, 1, 2]) publisher.publish('t', 'x', { qos, messageId: 1 + qos });
  const got = devices.map((device) => device.take('publish').map((packet) => (packet as { qos?: number }).qos));
  expect(got).toEqual([
    [0, 0, 0],
    [0, 1, 1],
    [0, 1, 2],
  ]);
});

test('[MQTT-3.10.4-1] [MQTT-3.10.4-2] UNSUBSCRIBE ends the subscription with this very filter', () => {
  const world = new World();
  const device = world.connected().subscribe('t/+').subscribe('t/#');
  device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t/+', 't/a'] });
  world.connected().publish('t/a', 'x');
  expect(device.messages()).toEqual(['x']);
  device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['t/#'] });
  world.connected().publish('t/a', 'y');
  expect(device.messages()).toEqual([]);
});

test('[MQTT-3.10.4-3] an exchange that had begun is completed after UNSUBSCRIBE', () => {
  const world = new World();
  const device = world.connected().subscribe('t', { qos: 2 });
  world.connected().publish('t', 'x', { qos: 2, messageId: 1 });
  const messageId = device.take('publish')[0]?.messageId as number;
  device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t'] });
  device.all();
  device.send({ cmd: 'pubrec', messageId, reasonCode: 0 });
  expect(device.all()).toMatchObject([{ cmd: 'pubrel', messageId }]);
});

test('[MQTT-4.8.2-3] each member of a shared subscription gets messages with the QoS that it was granted', () => {
  const world = new World();
  const devices = [0, 1].map((qos) => world.connected().subscribe('$share/g/t', { qos }));
  const publisher = world.connected();
  for (let i = 1; i <= 4; i++) publisher.publish('t', String(i), { qos: 2, messageId: i });
  const got = devices.map((device) => device.take('publish').map((packet) => (packet as { qos?: number }).qos));
  expect(got).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test('[MQTT-4.8.2-4] a shared message of QoS 2 is completed with the member that has it, when it is back', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  const one = world.connected({ clientId: 'one', properties }).subscribe('$share/g/t', { qos: 2 });
  world.connected().publish('t', 'x', { qos: 2, messageId: 1 });
  const messageId = one.take('publish')[0]?.messageId as number;
  const two = world.connected().subscribe('$share/g/t', { qos: 2 });
  one.drop();
  expect(two.messages()).toEqual([]);
  const again = world.device().connect({ clientId: 'one', clean: false, properties });
  expect(again.take('publish')).toMatchObject([{ messageId, dup: true, qos: 2 }]);
});

test('[MQTT-4.8.2-5] it goes to nobody else when the session of that member ends', () => {
  const world = new World();
  const one = world.connected().subscribe('$share/g/t', { qos: 2 });
  world.connected().publish('t', 'x', { qos: 2, messageId: 1 });
  const two = world.connected().subscribe('$share/g/t', { qos: 2 });
  expect(one.messages()).toEqual(['x']);
  one.drop();
  world.advance(1_000);
  expect(two.messages()).toEqual([]);
});

test('[MQTT-4.8.2-6] [MQTT-4.4.0-2] a message that a member refuses goes to nobody else, and is not sent again', () => {
  const world = new World();
  const one = world.connected({ clientId: 'one' }).subscribe('$share/g/t', { qos: 1 });
  world.connected().publish('t', 'x', { qos: 1, messageId: 1 });
  const two = world.connected().subscribe('$share/g/t', { qos: 1 });
  const messageId = one.take('publish')[0]?.messageId as number;
  one.send({ cmd: 'puback', messageId, reasonCode: 0x80 }).drop();
  expect(two.messages()).toEqual([]);
});

test('[MQTT-3.12.4-1] PINGREQ is answered with PINGRESP', () => {
  expect(new World().connected().send({ cmd: 'pingreq' }).all()).toMatchObject([{ cmd: 'pingresp' }]);
});
