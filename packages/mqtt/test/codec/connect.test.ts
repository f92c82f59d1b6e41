import { decodePacket, type MqttError, type ProtocolVersion, REASON } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { binary, concat, connect, decode, hex, packet, props, refusal, refused, text, uint16, uint32 } from './bytes.ts';

const ok = undefined;
const WILL = [text('c'), props(), text('will/topic'), binary([1, 2])];

function versionOf(bytes: Uint8Array): number | undefined {
  try {
    decode(bytes, 5);
  } catch (error) {
    return (error as MqttError).version;
  }
  throw new Error('was not refused');
}

test('CONNECT of 5.0 with all that it can have, its payload in the order of section 3.1.3 [MQTT-3.1.3-1] [MQTT-3.1.3-10]', () => {
  const properties = props(
    [17],
    uint32(0xffff_ffff),
    [33, ...uint16(20), 39, ...uint32(1_000), 34, ...uint16(10), 25, 1, 23, 0],
    [38],
    text('b'),
    text('1'),
    [21],
    text('m'),
    [22],
    binary([9]),
    [38],
    text('a'),
    text('2'),
  );
  const willProperties = props([24], uint32(7), [1, 1, 2], uint32(8), [3], text('t'), [8], text('r'), [9], binary([5]));
  const rest = [text('client'), willProperties, text('w'), binary([1, 2]), text('user'), binary([3, 4])];
  expect(decode(connect({ flags: 0xf6, properties, rest }), 5)).toEqual({
    type: 'CONNECT',
    version: 5,
    cleanStart: true,
    keepAlive: 60,
    clientId: 'client',
    will: {
      topic: 'w',
      payload: new Uint8Array([1, 2]),
      qos: 2,
      retain: true,
      properties: {
        willDelayInterval: 7,
        payloadFormatIndicator: 1,
        messageExpiryInterval: 8,
        contentType: 't',
        responseTopic: 'r',
        correlationData: new Uint8Array([5]),
      },
    },
    username: 'user',
    password: new Uint8Array([3, 4]),
    properties: {
      sessionExpiryInterval: 0xffff_ffff,
      receiveMaximum: 20,
      maximumPacketSize: 1_000,
      topicAliasMaximum: 10,
      requestResponseInformation: 1,
      requestProblemInformation: 0,
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ],
      authenticationMethod: 'm',
      authenticationData: new Uint8Array([9]),
    },
  });
});

test('CONNECT of 3.1.1, the least and the most', () => {
  expect(decode(connect({ level: 4, flags: 0, keepAlive: 0 }), 4)).toEqual({
    type: 'CONNECT',
    version: 4,
    cleanStart: false,
    keepAlive: 0,
    clientId: 'c',
  });
  const rest = [text('c'), text('w'), binary([]), text(''), binary([])];
  expect(decode(connect({ level: 4, flags: 0xce, rest }), 4)).toEqual({
    type: 'CONNECT',
    version: 4,
    cleanStart: true,
    keepAlive: 60,
    clientId: 'c',
    will: { topic: 'w', payload: new Uint8Array(0), qos: 1, retain: false },
    username: '',
    password: new Uint8Array(0),
  });
});

test('the first packet is CONNECT, and no later one [MQTT-3.1.0-1] [MQTT-3.1.0-2]', () => {
  const bytes = connect();
  expect(refusal(() => decodePacket(bytes, 0, bytes.length, 5))).toBe(REASON.PROTOCOL_ERROR);
  expect(refusal(() => decodePacket(bytes, 0, bytes.length, 4))).toBe(REASON.PROTOCOL_ERROR);
  for (const other of ['c000', '3003000161', '40020001', 'e000', 'f000', '82060001000001610'.slice(0, 16)])
    expect(
      refusal(() => decodePacket(hex(other), 0, other.length / 2, undefined)),
      other,
    ).toBe(REASON.PROTOCOL_ERROR);
});

test('other protocols and levels are told so, with the level that was named [MQTT-3.1.2-1] [MQTT-3.1.2-2]', () => {
  for (const [name, level] of [
    ['MQTT', 3],
    ['MQTT', 6],
    ['MQTT', 0],
    ['MQTT', 0x84],
    ['MQIsdp', 3],
    ['MQIsdp', 4],
    ['MQIsdp', 5],
    ['mqtt', 5],
    ['', 5],
    ['MQTTX', 5],
  ] as const) {
    expect(refused(connect({ name, level }), 5), `${name} ${level}`).toBe(REASON.UNSUPPORTED_PROTOCOL_VERSION);
    expect(versionOf(connect({ name, level }))).toBe(level);
  }
  // Of another level nothing else can be understood: it is enough that name and level are there.
  expect(refused(packet(0x10, text('MQTT'), [6]), 5)).toBe(REASON.UNSUPPORTED_PROTOCOL_VERSION);
  expect(refused(packet(0x10, text('MQTT')), 5)).toBe(0x81);
});

test('an error in CONNECT tells the version, so that CONNACK can be said in it', () => {
  expect(versionOf(connect({ flags: 3 }))).toBe(5);
  expect(versionOf(connect({ level: 4, flags: 3 }))).toBe(4);
  expect(versionOf(packet(0x10, hex('00')))).toBeUndefined();
});

test('the reserved flag is 0 [MQTT-3.1.2-3]', () => {
  expect(refused(connect({ flags: 3 }), 5)).toBe(0x81);
  expect(refused(connect({ level: 4, flags: 1 }), 4)).toBe(0x81);
});

test('without a will its QoS and retain flags are 0 [MQTT-3.1.2-11] [MQTT-3.1.2-13]', () => {
  for (const level of [4, 5] as const)
    for (const flags of [0x08, 0x10, 0x18, 0x20]) expect(refused(connect({ level, flags }), level)).toBe(0x81);
});

test('the QoS of a will is not 3 [MQTT-3.1.2-12]', () => {
  for (const [qos, code] of [
    [0, ok],
    [1, ok],
    [2, ok],
    [3, 0x81],
  ] as const)
    expect(refused(connect({ flags: 0x06 | (qos << 3), rest: WILL }), 5)).toBe(code);
});

test('the flags say which fields the payload has [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]', () => {
  for (const [flags, rest, code] of [
    [0x06, WILL, ok],
    [0x02, WILL, 0x81],
    [0x06, [text('c')], 0x81],
    [0x82, [text('c'), text('u')], ok],
    [0x82, [text('c')], 0x81],
    [0x02, [text('c'), text('u')], 0x81],
    [0xc2, [text('c'), text('u'), text('p')], ok],
    [0xc2, [text('c'), text('u')], 0x81],
    [0x42, [text('c'), text('p')], ok],
  ] as const)
    expect(refused(connect({ flags, rest }), 5), `${flags}`).toBe(code);
});

test('with 3.1.1 there is no password without a user name [MQTT-3.1.1:3.1.2-22]', () => {
  expect(refused(connect({ level: 4, flags: 0x42, rest: [text('c'), text('p')] }), 4)).toBe(0x81);
});

test('with 3.1.1 an empty client identifier wants a clean session [MQTT-3.1.1:3.1.3-8]', () => {
  expect(refused(connect({ level: 4, flags: 0, rest: [text('')] }), 4)).toBe(REASON.CLIENT_IDENTIFIER_NOT_VALID);
  expect(refused(connect({ level: 4, flags: 2, rest: [text('')] }), 4)).toBe(ok);
  expect(refused(connect({ flags: 0, rest: [text('')] }), 5)).toBe(ok);
});

test('the client identifier is there, and a UTF-8 string [MQTT-3.1.3-3] [MQTT-3.1.3-4]', () => {
  expect(refused(connect({ rest: [] }), 5)).toBe(0x81);
  expect(refused(connect({ rest: [binary([0xff])] }), 5)).toBe(0x81);
  expect(decode(connect({ rest: [text('__proto__')] }), 5)).toMatchObject({ clientId: '__proto__' });
});

test('topic and user name are UTF-8 strings [MQTT-3.1.3-11] [MQTT-3.1.3-12]', () => {
  const will = (topic: Uint8Array) => connect({ flags: 6, rest: [text('c'), props(), binary(topic), binary([])] });
  expect(refused(will(hex('c080')), 5)).toBe(0x81);
  expect(refused(connect({ flags: 0x82, rest: [text('c'), binary([0xed, 0xa0, 0x80])] }), 5)).toBe(0x81);
});

test('the topic of a will is a topic name [MQTT-3.3.2-2] [MQTT-4.7.3-1]', () => {
  for (const topic of ['a/+', '#', ''])
    expect(refused(connect({ flags: 6, rest: [text('c'), props(), text(topic), binary([])] }), 5)).toBe(
      REASON.TOPIC_NAME_INVALID,
    );
});

test('nothing follows the last field', () => {
  for (const level of [4, 5] as const) expect(refused(connect({ level, rest: [text('c'), hex('00')] }), level)).toBe(0x81);
});

test('values that a property may not have are protocol errors (section 3.1.2.11)', () => {
  for (const [bytes, code] of [
    ['21 0000', 0x82],
    ['21 0001', ok],
    ['27 00000000', 0x82],
    ['27 00000001', ok],
    ['17 02', 0x82],
    ['17 00', ok],
    ['19 02', 0x82],
    ['22 0000', ok],
    ['16 0001 00', 0x82],
    ['15 0001 6d 16 0001 00', ok],
    ['11 00000001 11 00000001', 0x82],
  ] as const)
    expect(refused(connect({ properties: props(hex(bytes)) }), 5), bytes).toBe(code);
});

test('properties that are none of CONNECT, or none of a will, are malformed (section 2.2.2.2)', () => {
  const properties = (bytes: Uint8Array) => refused(connect({ properties: props(bytes) }), 5);
  expect(properties(hex('01 01'))).toBe(0x81);
  expect(properties(hex('18 00000001'))).toBe(0x81);
  expect(properties(concat([0x12], text('x')))).toBe(0x81);
  expect(properties(concat([0x1f], text('x')))).toBe(0x81);
  const will = connect({ flags: 6, rest: [text('c'), props([0x23, 0, 1]), text('t'), binary([])] });
  expect(refused(will, 5)).toBe(0x81);
});

test('CONNECT that is cut within the payload, in either version', () => {
  for (const level of [4, 5] as const satisfies readonly ProtocolVersion[]) {
    const whole = connect({ level, flags: 0xc2, rest: [text('client'), text('user'), text('password')] }).subarray(2);
    for (let length = 0; length < whole.length; length++)
      expect(refused(packet(0x10, whole.subarray(0, length)), level), `${length}`).toBe(0x81);
  }
});
