import { expect, test } from 'vitest';
import type { Device, Received } from './device.ts';
import { World } from './world.ts';

type Fields = Received & {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly qos?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly topic?: string;
};

/** What a subscriber gets of one publish. */
function forwarded(world: World, options: Readonly<Record<string, unknown>>, subscription = {}): Fields {
  const subscriber = world.connected().subscribe('t/#', { qos: 2, ...subscription });
  world.connected().publish('t', 'x', options);
  return subscriber.take('publish')[0] as Fields;
}

const reasonOf = (packet: Received | undefined): unknown => (packet as { reasonCode?: number } | undefined)?.reasonCode;

/** Sends bytes on a connection, and tells how it ended. */
function endOf(hex: string, prepare: (device: Device) => Device = (device) => device): number | undefined {
  const device = prepare(new World().connected()).raw(hex);
  expect(device.closed).toBe(true);
  return device.reason;
}

test.each([
  ['[MQTT-1.5.4-1] a topic name that is half of a surrogate pair', '30 07 0003 eda080 00 78', 0x81],
  ['[MQTT-1.5.4-2] [MQTT-4.7.3-2] a topic name with U+0000', '30 06 0002 6100 00 78', 0x81],
  ['[MQTT-1.5.5-1] a length that is not in its fewest bytes', 'c0 8000', 0x81],
  ['[MQTT-1.5.7-1] a user property whose value is no UTF-8', '30 0b 0001 74 07 26 0001 61 0001 ff', 0x81],
  ['[MQTT-2.1.3-1] reserved flags of PINGREQ', 'c1 00', 0x81],
  ['[MQTT-2.2.1-3] PUBLISH of QoS 1 with identifier 0', '32 07 0001 74 0000 00 78', 0x82],
  ['[MQTT-3.3.1-2] PUBLISH of QoS 0 with DUP', '38 05 0001 74 00 78', 0x81],
  ['[MQTT-3.3.1-4] PUBLISH of QoS 3', '36 07 0001 74 0001 00 78', 0x81],
  ['[MQTT-3.3.2-1] a topic name that is no UTF-8', '30 05 0001 ff 00 78', 0x81],
  ['[MQTT-3.3.2-2] [MQTT-4.7.0-1] a topic name with a wildcard', '30 05 0001 23 00 78', 0x90],
  ['[MQTT-3.3.2-8] topic alias 0', '30 08 0001 74 03 23 0000 78', 0x94],
  ['[MQTT-3.3.2-13] a response topic that is no UTF-8', '30 09 0001 74 04 08 0001 ff 78', 0x81],
  ['[MQTT-3.3.2-14] a response topic with a wildcard', '30 09 0001 74 04 08 0001 2b 78', 0x82],
  ['[MQTT-3.3.2-19] a content type that is no UTF-8', '30 09 0001 74 04 03 0001 ff 78', 0x81],
  ['[MQTT-3.3.4-6] a subscription identifier of a client', '30 07 0001 74 02 0b 01 78', 0x82],
  ['[MQTT-4.7.3-1] an empty topic name without an alias', '30 04 0000 00 78', 0x82],
] as const)('%s ends the connection with its reason', (_what, hex, reason) => {
  expect(endOf(hex)).toBe(reason);
});

test('[MQTT-1.5.4-3] a byte order mark in a topic name is a character', () => {
  const world = new World();
  const marked = world.connected().subscribe('\ufefft');
  const plain = world.connected().subscribe('t');
  world.connected().publish('\ufefft', 'x');
  expect([marked.messages(), plain.messages()]).toEqual([['x'], []]);
});

test('[MQTT-2.2.1-2] PUBLISH of QoS 0 has no identifier', () => {
  const world = new World();
  const subscriber = world.connected().subscribe('t');
  world.connected().publish('t', 'x');
  expect(subscriber.packetsInHex.at(-1)).toBe('3005000174' + '0078');
});

test('[MQTT-2.2.2-1] a packet without properties says so by a length of 0', () => {
  const world = new World();
  const subscriber = world.connected().subscribe('t', { qos: 1 });
  world.connected().publish('t', 'x', { qos: 1, messageId: 1 });
  expect(subscriber.packetsInHex.at(-1)).toBe('3207000174fde80078');
});

test('[MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1] messages get identifiers that are not 0 and not in use', () => {
  const world = new World();
  const subscriber = world.connected().subscribe('t', { qos: 2 });
  const publisher = world.connected();
  for (let i = 1; i <= 40; i++) publisher.publish('t', String(i), { qos: 1 + (i % 2), messageId: i });
  const ids = subscriber.take('publish').map(({ messageId }) => messageId as number);
  expect(ids).toHaveLength(40);
  expect(new Set(ids).size).toBe(40);
  expect(ids).not.toContain(0);
});

test('[MQTT-2.2.1-5] [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8] PUBLISH is answered by its QoS, with its identifier', () => {
  const device = new World().connected();
  device.publish('t', 'a').publish('t', 'b', { qos: 1, messageId: 7 }).publish('t', 'c', { qos: 2, messageId: 9 });
  expect(device.all().map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
    ['puback', 7],
    ['pubrec', 9],
  ]);
});

test('[MQTT-4.3.2-4] [MQTT-4.3.3-8] [QNT-MQT-021] PUBACK and PUBREC wait until the message is stored', () => {
  const world = new World();
  const device = world.connected();
  world.cluster.holding = true;
  device.publish('t', 'a', { qos: 1, messageId: 1 }).publish('t', 'b', { qos: 2, messageId: 2 });
  expect(device.all()).toEqual([]);
  world.cluster.release();
  expect(device.all().map(({ cmd }) => cmd)).toEqual(['puback', 'pubrec']);
});

test('[MQTT-3.4.2-1] [MQTT-3.5.2-1] [QNT-MQT-022] a publication that was not stored is told why', () => {
  const world = new World();
  for (const [outcome, reason] of [
    ['topic-name-invalid', 0x90],
    ['not-authorized', 0x87],
    ['quota-exceeded', 0x97],
  ] as const) {
    world.cluster.outcome = () => outcome;
    const device = world.connected().publish('t', 'a', { qos: 1, messageId: 1 }).publish('t', 'b', { qos: 2, messageId: 2 });
    expect(reasonOf(device.take('puback')[0])).toBe(reason);
    expect(reasonOf(device.take('pubrec')[0])).toBe(reason);
    expect(device.closed).toBe(false);
  }
});

test('[MQTT-3.2.2-15] a packet beyond the Maximum Packet Size is 0x95, by its length alone', () => {
  const world = new World({ packetBytesMax: 1000 });
  const device = world.device().connect();
  const [connack] = device.take('connack');
  expect((connack as Fields).properties?.maximumPacketSize).toBe(1000);
  expect(device.raw('30 ff7f').reason).toBe(0x95);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.2.2-17] [MQTT-3.3.2-9] a topic alias above the Topic Alias Maximum is 0x94', () => {
  const world = new World({ topicAliasMaximum: 3 });
  expect(world.connected().raw('30 08 0001 74 03 23 0004 78').reason).toBe(0x94);
});

test('[MQTT-3.3.2-12] every topic alias up to the Topic Alias Maximum is taken', () => {
  const world = new World({ topicAliasMaximum: 3 });
  const subscriber = world.connected().subscribe('#');
  const device = world.connected();
  for (const topicAlias of [1, 2, 3]) device.publish(`t/${topicAlias}`, 'x', { properties: { topicAlias } });
  for (const topicAlias of [3, 2, 1]) device.publish('', 'y', { properties: { topicAlias } });
  expect(subscriber.take('publish').map((packet) => (packet as Fields).topic)).toEqual([
    't/1',
    't/2',
    't/3',
    't/3',
    't/2',
    't/1',
  ]);
});

test('[MQTT-3.3.2-7] topic aliases end with the connection', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 100 };
  world
    .connected({ clientId: 'c', properties })
    .publish('t', 'x', { properties: { topicAlias: 1 } })
    .drop();
  const again = world.connected({ clientId: 'c', clean: false, properties });
  again.publish('', 'y', { properties: { topicAlias: 1 } });
  expect([0x82, 0x94]).toContain(again.reason);
  expect(again.closed).toBe(true);
});

test('[MQTT-3.1.2-26] [MQTT-3.3.2-11] aliases towards a client stay within its maximum', () => {
  const world = new World();
  const subscriber = world.connected({ properties: { topicAliasMaximum: 2 } }).subscribe('#');
  const publisher = world.connected();
  for (let i = 0; i < 10; i++) publisher.publish(`t/${i % 5}`, 'x');
  const aliases = subscriber.take('publish').map((packet) => (packet as Fields).properties?.topicAlias ?? 1);
  expect(aliases).toHaveLength(10);
  expect(aliases.every((alias) => alias === 1 || alias === 2)).toBe(true);
});

test('[MQTT-3.1.2-27] a client without a Topic Alias Maximum is sent none', () => {
  const world = new World();
  const subscriber = world.connected().subscribe('#');
  const publisher = world.connected();
  for (let i = 0; i < 3; i++) publisher.publish('t', 'x', { properties: { topicAlias: 1 } });
  for (const packet of subscriber.take('publish')) expect((packet as Fields).properties?.topicAlias).toBeUndefined();
});

test('[MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT-4.3.1-1] DUP of what came is not forwarded', () => {
  const world = new World();
  for (const qos of [1, 2]) {
    const subscriber = world.connected().subscribe('t', { qos: 2 });
    world.connected().publish('t', 'x', { qos, messageId: 3, dup: true });
    expect(subscriber.take('publish')).toMatchObject([{ dup: false, qos }]);
  }
  expect(forwarded(world, {})).toMatchObject({ dup: false, qos: 0 });
});

test('[MQTT-3.3.2-3] a message goes to the subscriptions that select its topic, and to no others', () => {
  const world = new World();
  const filters = ['t', 't/+', 't/#', '+/a', '#', 't/b', 't/a/#', '/t/a', 'T/a'];
  const devices = filters.map((filter) => world.connected().subscribe(filter));
  world.connected().publish('t/a', 'x');
  const hit = devices.flatMap((device, i) => (device.messages().length > 0 ? [filters[i]] : []));
  expect(hit).toEqual(['t/+', 't/#', '+/a', '#', 't/a/#']);
});

test.each([
  ['[MQTT-3.3.2-4] the Payload Format Indicator', { payloadFormatIndicator: true }],
  ['[MQTT-3.3.2-15] the response topic', { responseTopic: 'answers/é' }],
  ['[MQTT-3.3.2-16] correlation data', { correlationData: Buffer.from('00ff10', 'hex') }],
  ['[MQTT-3.3.2-20] the content type', { contentType: 'text/plain' }],
  ['[MQTT-3.3.2-17] user properties', { userProperties: { a: ['1', '2'], b: '' } }],
] as const)('%s is forwarded as it came', (_what, properties) => {
  const { properties: got } = forwarded(new World(), { qos: 1, messageId: 1, properties });
  expect({ ...got, userProperties: { ...(got?.userProperties as object | undefined) } }).toEqual({
    ...properties,
    userProperties: 'userProperties' in properties ? properties.userProperties : {},
  });
});

test('[MQTT-3.3.2-18] user properties keep their order', () => {
  const world = new World();
  const subscriber = world.connected().subscribe('t');
  // b=1, a=2, b=3, 1=x
  const user = '26000162000131 26000161000132 26000162000133 26000131000178'.replace(/ /g, '');
  world.connected().raw(`30 21 0001 74 1c ${user} 78`);
  expect(subscriber.packetsInHex.at(-1)).toContain(user);
});

test('[MQTT-3.3.2-5] a message that expires before it can be sent is dropped for that subscriber', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 1000 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }).drop();
  const publisher = world.connected();
  publisher.publish('t', 'short', { qos: 1, messageId: 1, properties: { messageExpiryInterval: 5 } });
  publisher.publish('t', 'long', { qos: 1, messageId: 2, properties: { messageExpiryInterval: 500 } });
  world.advance(6_000);
  expect(world.connected({ clientId: 'c', clean: false, properties }).messages()).toEqual([]);
  const device = world.device().connect({ clientId: 'c', clean: false, properties });
  expect(device.messages()).toEqual(['long']);
});

test('[MQTT-3.3.2-6] [QNT-MQT-019] the time that a message waited is taken off its expiry interval', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 1000 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }).drop();
  world.connected().publish('t', 'x', { qos: 1, messageId: 1, properties: { messageExpiryInterval: 100 } });
  world.advance(30_000);
  const device = world.device().connect({ clientId: 'c', clean: false, properties });
  expect((device.take('publish')[0] as Fields).properties?.messageExpiryInterval).toBe(70);
});

test('[QNT-MQT-019] a deadline that is further away than MQTT can say is told as the longest interval', () => {
  const world = new World();
  const device = world.connected().subscribe('t');
  const properties = { expiresAtMs: Number.MAX_SAFE_INTEGER };
  world.cluster.store({ topic: 't', qos: 0, retain: false, payload: new Uint8Array(1), clientId: undefined, properties });
  world.cluster.run();
  expect((device.take('publish')[0] as Fields).properties?.messageExpiryInterval).toBe(0xffff_ffff);
});

test('[MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] overlapping subscriptions: one copy, the highest QoS, all identifiers', () => {
  const world = new World();
  const device = world.connected();
  device.subscribe('t/#', { qos: 0 }, { subscriptionIdentifier: 5 });
  device.subscribe('t/a', { qos: 2 }, { subscriptionIdentifier: 300 });
  device.subscribe('+/a', { qos: 1 });
  device.all();
  world.connected().publish('t/a', 'x', { qos: 2, messageId: 1 });
  const messages = device.take('publish') as Fields[];
  expect(messages).toHaveLength(1);
  expect(messages[0]?.qos).toBe(2);
  expect([messages[0]?.properties?.subscriptionIdentifier].flat().sort()).toEqual([300, 5]);
});

test('[MQTT-3.3.4-3] identifiers are kept with the session', () => {
  const world = new World();
  const properties = { sessionExpiryInterval: 1000 };
  world.connected({ clientId: 'c', properties }).subscribe('t', { qos: 1 }, { subscriptionIdentifier: 7 }).drop();
  world.connected().publish('t', 'x', { qos: 1, messageId: 1 });
  const device = world.device().connect({ clientId: 'c', clean: false, properties });
  expect((device.take('publish')[0] as Fields).properties?.subscriptionIdentifier).toEqual(7);
});

test('[MQTT-3.3.4-7] more than the Receive Maximum under way is 0x93', () => {
  const world = new World({ receiveMaximum: 3 });
  const device = world.connected();
  world.cluster.holding = true;
  for (let messageId = 1; messageId <= 3; messageId++) device.publish('t', 'x', { qos: 1, messageId });
  expect(device.closed).toBe(false);
  expect(device.publish('t', 'x', { qos: 1, messageId: 4 }).reason).toBe(0x93);
  expect(device.closed).toBe(true);
});

test('[MQTT-3.3.4-7] an exchange of QoS 2 counts until PUBCOMP', () => {
  const device = new World({ receiveMaximum: 2 }).connected();
  device.publish('t', 'x', { qos: 2, messageId: 1 }).publish('t', 'x', { qos: 2, messageId: 2 });
  device.send({ cmd: 'pubrel', messageId: 1, reasonCode: 0 }).publish('t', 'x', { qos: 2, messageId: 1 });
  expect(device.closed).toBe(false);
  expect(device.publish('t', 'x', { qos: 2, messageId: 3 }).reason).toBe(0x93);
});

test('[MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2] no more is under way to a client than its Receive Maximum', () => {
  const world = new World();
  const device = world.connected({ properties: { receiveMaximum: 2 } }).subscribe('t', { qos: 1 });
  const publisher = world.connected();
  for (let i = 1; i <= 5; i++) publisher.publish('t', String(i), { qos: 1, messageId: i });
  const first = device.take('publish');
  expect(first).toHaveLength(2);
  device.send({ cmd: 'puback', messageId: first[0]?.messageId as number, reasonCode: 0 });
  expect(device.messages()).toEqual(['3']);
});

test('[MQTT-3.3.4-10] [MQTT-4.9.0-3] a full window holds nothing up but PUBLISH above QoS 0', () => {
  const world = new World();
  const device = world.connected({ properties: { receiveMaximum: 1 } }).subscribe('t', { qos: 1 });
  const publisher = world.connected();
  for (let i = 1; i <= 3; i++) publisher.publish('t', String(i), { qos: 1, messageId: i });
  device.all();
  device.send({ cmd: 'pingreq' }).subscribe('u').publish('v', 'x', { qos: 1, messageId: 9 });
  publisher.publish('u', 'quick');
  expect(device.inbox.map(({ cmd }) => cmd)).toEqual(['pingresp', 'suback', 'puback', 'publish']);
});

test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] what is too long for a client is dropped, and the rest goes on', () => {
  const world = new World();
  const device = world.connected({ properties: { maximumPacketSize: 60, receiveMaximum: 1 } }).subscribe('t', { qos: 1 });
  const publisher = world.connected();
  publisher.publish('t', 'x'.repeat(100), { qos: 1, messageId: 1 }).publish('t', 'y'.repeat(100));
  publisher.publish('t', 'short', { qos: 1, messageId: 2 });
  expect(device.messages()).toEqual(['short']);
  expect(device.packetsInHex.every((hex) => hex.length <= 120)).toBe(true);
});

test('[MQTT-4.6.0-5] [MQTT-4.6.0-6] [QNT-MQT-017] [QNT-MQT-023] messages of a topic and QoS come in the order of their publisher', () => {
  const world = new World();
  const device = world.connected({ properties: { receiveMaximum: 3 } }).subscribe('t/#', { qos: 1 });
  const publisher = world.connected();
  for (let i = 1; i <= 20; i++) publisher.publish(`t/${i % 2}`, String(i), { qos: 1, messageId: i });
  const got: string[] = [];
  for (let packets = device.take('publish'); packets.length > 0; packets = device.take('publish')) {
    for (const packet of packets) {
      got.push(String((packet as { payload?: unknown }).payload));
      device.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode: 0 });
    }
  }
  const numbers = got.map(Number);
  for (const rest of [0, 1]) {
    const ofTopic = numbers.filter((number) => number % 2 === rest);
    expect(ofTopic).toEqual([...ofTopic].sort((a, b) => a - b));
    expect(ofTopic).toHaveLength(10);
  }
});

test('[MQTT-4.7.3-3] topic names of up to 65,535 bytes are taken', () => {
  const world = new World();
  const topic = 'x'.repeat(65_535);
  const device = world.connected().subscribe('#');
  world.connected().publish(topic, 'long');
  expect((device.take('publish')[0] as Fields).topic).toBe(topic);
});

test('[MQTT-4.7.3-4] names are compared as they are', () => {
  const world = new World();
  const devices = ['é', 'e\u0301', 'a/', 'a', '/a', 'A'].map((filter) => world.connected().subscribe(filter));
  const publisher = world.connected();
  for (const name of ['e\u0301', 'a/', '/a']) publisher.publish(name, name);
  expect(devices.map((device) => device.messages())).toEqual([[], ['e\u0301'], ['a/'], [], ['/a'], []]);
});

test('[MQTT-4.7.2-1] a wildcard in front selects no topic of $', () => {
  const world = new World();
  const devices = ['#', '+/a', '$x/#'].map((filter) => world.connected().subscribe(filter));
  world.connected().publish('$x/a', 'x');
  expect(devices.map((device) => device.messages())).toEqual([[], [], ['x']]);
});
