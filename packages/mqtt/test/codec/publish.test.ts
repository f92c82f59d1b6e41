import {
  decodePacket,
  type ProtocolVersion,
  type Publish,
  packetEnd,
  payloadFormatHolds,
  REASON,
  TOPIC_LEVELS_MAX,
} from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { binary, concat, decode, hex, packet, props, refused, text, uint16, uint32 } from './bytes.ts';

const ok = undefined;
const decodeFirst = (first: number) => decode(packet(first, text('a'), first & 6 ? uint16(7) : [], props()), 5);
const withProps = (...parts: readonly (Uint8Array | readonly number[])[]) => packet(0x30, text('a'), props(...parts), [9]);
const topicCode = (topic: Uint8Array, version: ProtocolVersion) =>
  refused(packet(0x30, topic, version === 5 ? props() : []), version);

test('PUBLISH of 3.1.1 and of 5.0 (section 3.3)', () => {
  expect(decode(packet(0x30, text('a/b'), [1, 2, 3]), 4)).toEqual({
    type: 'PUBLISH',
    dup: false,
    qos: 0,
    retain: false,
    topic: 'a/b',
    packetId: 0,
    payload: new Uint8Array([1, 2, 3]),
  });
  const properties = props(
    [1, 1, 2],
    uint32(60),
    [3],
    text('t'),
    [8],
    text('re/ply'),
    [9],
    binary([7]),
    [35],
    uint16(3),
    [38],
    text('k'),
    text('v'),
  );
  expect(decode(packet(0x3d, text('é'), uint16(0xffff), properties), 5)).toEqual({
    type: 'PUBLISH',
    dup: true,
    qos: 2,
    retain: true,
    topic: 'é',
    packetId: 0xffff,
    payload: new Uint8Array(0),
    properties: {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 60,
      contentType: 't',
      responseTopic: 're/ply',
      correlationData: new Uint8Array([7]),
      topicAlias: 3,
      userProperties: [['k', 'v']],
    },
  });
});

test('DUP, QoS and RETAIN are those of the first byte [MQTT-3.3.1-2] [MQTT-3.3.1-4]', () => {
  for (let flags = 0; flags < 16; flags++) {
    const qos = (flags >> 1) & 3;
    const first = 0x30 | flags;
    const bytes = packet(first, text('a'), uint16(7));
    if (qos === 3 || (qos === 0 && flags & 8)) {
      expect(refused(bytes, 4)).toBe(0x81);
      expect(() => decodeFirst(first)).toThrow();
    } else
      expect(decodeFirst(first)).toMatchObject({ dup: flags > 7, qos, retain: (flags & 1) === 1, packetId: qos === 0 ? 0 : 7 });
  }
});

test('the payload is what follows, and lies in the bytes that were given', () => {
  const bytes = packet(0x32, text('a'), uint16(1), props(), [1, 2, 3]);
  const { payload } = decodePacket(bytes, 0, bytes.length, 5) as Publish;
  expect(payload).toEqual(new Uint8Array([1, 2, 3]));
  expect(payload.buffer).toBe(bytes.buffer);
  const inBuffer = decodePacket(Buffer.from(bytes), 0, bytes.length, 5) as Publish;
  expect(Buffer.isBuffer(inBuffer.payload)).toBe(false);
  expect(inBuffer.payload).toEqual(payload);
});

test('a topic name has no wildcards [MQTT-3.3.2-2]', () => {
  for (const topic of ['+', '#', 'a/+/b', 'a#', 'a+b', `${'x'.repeat(300)}/#`, 'é/+'])
    for (const version of [4, 5] as const) expect(topicCode(text(topic), version), topic).toBe(REASON.TOPIC_NAME_INVALID);
});

test('a topic name is a UTF-8 string [MQTT-3.3.2-1], without U+0000 [MQTT-4.7.3-2]', () => {
  for (const topic of ['00', '6100', 'ff', 'c080', 'eda080', '61eda080', 'f4908080', 'e28f', 'c3', '2b00'])
    expect(topicCode(binary(hex(topic)), 4), topic).toBe(0x81);
});

test('a topic name is not made another one: slashes, spaces, case, dollar and U+FEFF stay [MQTT-4.7.3-4]', () => {
  for (const topic of [
    '/',
    '//',
    '/a',
    'a/',
    ' a ',
    'A/a',
    '$SYS/x',
    '\uFEFFa',
    'a\uFEFF',
    'e\u0301',
    'é',
    '𝄞',
    '\u0001',
    '\uFFFF',
  ])
    expect(decode(packet(0x30, text(topic)), 4)).toMatchObject({ topic });
});

test('a topic is at least one character long [MQTT-4.7.3-1], unless an alias stands for it (section 3.3.2.1)', () => {
  expect(topicCode(text(''), 4)).toBe(0x82);
  expect(topicCode(text(''), 5)).toBe(0x82);
  expect(refused(packet(0x30, text(''), props([1, 0])), 5)).toBe(0x82);
  expect(decode(packet(0x30, text(''), props([35, 0, 1])), 5)).toMatchObject({ topic: '', properties: { topicAlias: 1 } });
});

test(`a topic has TOPIC_LEVELS_MAX levels at most`, () => {
  const levels = (count: number, level: string) => text(Array.from({ length: count }, () => level).join('/'));
  for (const level of ['', 'a', 'abc', 'é']) {
    expect(topicCode(levels(TOPIC_LEVELS_MAX, level), 4)).toBe(ok);
    expect(topicCode(levels(TOPIC_LEVELS_MAX + 1, level), 4)).toBe(REASON.TOPIC_NAME_INVALID);
  }
  expect(topicCode(levels(65_536, ''), 4)).toBe(REASON.TOPIC_NAME_INVALID);
});

test('a topic of 65,535 bytes is taken', () => {
  expect(decode(packet(0x30, text('x'.repeat(65_535)), props(), [1]), 5)).toMatchObject({ topic: 'x'.repeat(65_535) });
});

test('topics that differ in one byte, that are prefixes, or that meet in memory are told apart', () => {
  const names = Array.from({ length: 3_000 }, (_, i) => `t/${i.toString(36)}`);
  names.push('a', 'aa', 'aaa', 'b', 'ab', 'x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(63)}y`);
  for (let round = 0; round < 2; round++)
    for (const topic of names) expect((decode(packet(0x30, text(topic)), 4) as Publish).topic).toBe(topic);
});

test('a topic that was refused is refused again', () => {
  for (let i = 0; i < 3; i++) {
    expect(topicCode(text('a/+'), 4)).toBe(REASON.TOPIC_NAME_INVALID);
    expect(topicCode(binary([0x61, 0x00]), 4)).toBe(0x81);
    expect(topicCode(text('a/b'), 4)).toBe(ok);
  }
});

test('with QoS above 0 there is a packet identifier, and it is not 0 [MQTT-2.2.1-3]', () => {
  for (const first of [0x32, 0x34, 0x3a, 0x3c]) {
    expect(refused(packet(first, text('a'), [0, 0], props()), 5)).toBe(0x82);
    expect(refused(packet(first, text('a'), [0, 0]), 4)).toBe(0x82);
    for (const id of [[], [1]])
      for (const version of [4, 5] as const) expect(refused(packet(first, text('a'), id), version)).toBe(0x81);
  }
});

test('without properties their length 0 is there all the same [MQTT-2.2.2-1]', () => {
  expect(refused(packet(0x30, text('a')), 5)).toBe(0x81);
  expect(decode(packet(0x30, text('a'), [0]), 5)).not.toHaveProperty('properties');
});

test('a topic or properties that reach beyond the packet are malformed, whatever follows it', () => {
  for (const bytes of ['3003000261', '300100', '3000', '30020001', '320400026100'])
    expect(refused(hex(bytes), 4), bytes).toBe(0x81);
  expect(refused(hex('3006 0001 61 02 23 01'), 5)).toBe(0x81);
  expect(refused(hex('3005 0001 61 02 23'), 5)).toBe(0x81);
  expect(refused(hex('3005 0001 61 80 00'), 5)).toBe(0x81);
});

test('each property comes once but for user properties (section 3.3.2.3)', () => {
  for (const bytes of ['01 00', '02 00000001', '03 0000', '08 0001 61', '09 0000', '23 0001']) {
    expect(refused(withProps(hex(bytes)), 5), bytes).toBe(ok);
    expect(refused(withProps(hex(bytes), hex(bytes)), 5), bytes).toBe(0x82);
  }
});

test('user properties keep their order, also where a name comes twice or is a number [MQTT-3.3.2-18] [MQTT-1.5.7-1]', () => {
  const pairs = [
    ['b', '1'],
    ['a', '2'],
    ['b', '3'],
    ['2', 'x'],
    ['1', 'y'],
    ['__proto__', ''],
    ['', ''],
  ] as const;
  const bytes = pairs.map(([name, value]) => concat([38], text(name), text(value)));
  expect(decode(withProps(...bytes), 5)).toMatchObject({ properties: { userProperties: pairs } });
  const between = withProps(bytes[0] as Uint8Array, [1, 1], bytes[1] as Uint8Array);
  expect(decode(between, 5)).toMatchObject({ properties: { payloadFormatIndicator: 1, userProperties: pairs.slice(0, 2) } });
  expect(refused(withProps([38], text('a'), binary([0xff])), 5)).toBe(0x81);
  expect(refused(withProps([38], binary([0]), text('a')), 5)).toBe(0x81);
  expect(refused(withProps([38], text('a')), 5)).toBe(0x81);
});

test('an alias of 0 is refused as such [MQTT-3.3.2-8]', () => {
  expect(refused(withProps(hex('23 0000')), 5)).toBe(REASON.TOPIC_ALIAS_INVALID);
  expect(refused(withProps(hex('23 ffff')), 5)).toBe(ok);
});

test('a client says no subscription identifier [MQTT-3.3.4-6]', () => {
  expect(refused(withProps(hex('0b 01')), 5)).toBe(0x82);
});

test('a response topic is a topic name [MQTT-3.3.2-13] [MQTT-3.3.2-14]', () => {
  for (const topic of ['a/+', '#', '']) expect(refused(withProps([8], text(topic)), 5), topic).toBe(0x82);
  expect(refused(withProps([8], binary([0xc0, 0x80])), 5)).toBe(0x81);
});

test('content type and all texts are UTF-8 strings [MQTT-3.3.2-19]', () => {
  expect(refused(withProps([3], binary([0xe2, 0x82])), 5)).toBe(0x81);
});

test('a payload format indicator is 0 or 1 (section 3.3.2.3.2)', () => {
  expect(refused(withProps([1, 7]), 5)).toBe(0x82);
  expect(decode(withProps([1, 0]), 5)).toMatchObject({ properties: { payloadFormatIndicator: 0 } });
});

test('a payload that is said to be UTF-8 and is none can be told (section 3.3.2.3.2)', () => {
  const publish = (indicator: number, payload: string) =>
    decode(packet(0x30, text('a'), props([1, indicator]), hex(payload)), 5) as Publish;
  expect(payloadFormatHolds(publish(1, '61c3a9'))).toBe(true);
  expect(payloadFormatHolds(publish(1, 'eda080'))).toBe(false);
  expect(payloadFormatHolds(publish(0, 'eda080'))).toBe(true);
  expect(payloadFormatHolds(decode(packet(0x30, text('a'), [0xff]), 4) as Publish)).toBe(true);
});

test('unknown properties, and those of other packets, are malformed (section 2.2.2.2)', () => {
  for (const bytes of ['00', '04 00', '2b 00', '7f', 'ff7f', '11 00000001', '18 00000001', '21 0001', '1f 0000', '27 00000001'])
    expect(refused(withProps(hex(bytes)), 5), bytes).toBe(0x81);
});

test('many packets of one chunk are found one after the other', () => {
  const packets = Array.from({ length: 500 }, (_, i) => packet(0x32, text(`t/${i % 7}`), uint16(i + 1), new Uint8Array(i)));
  const chunk = concat(...packets);
  let at = 0;
  for (let i = 0; i < packets.length; i++) {
    const end = packetEnd(chunk, at, chunk.length, 1_000) as number;
    expect(decodePacket(chunk, at, end, 4)).toMatchObject({ topic: `t/${i % 7}`, packetId: i + 1, payload: { length: i } });
    at = end;
  }
  expect(at).toBe(chunk.length);
});
