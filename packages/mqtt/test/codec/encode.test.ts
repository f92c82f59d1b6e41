import {
  ACK_BYTES,
  connackReturnCode,
  encodePacket,
  encodeWithin,
  isFailure,
  type Properties,
  type Publish,
  publishLength,
  REASON,
  type ServerPacket,
  writeAck,
  writePublish,
} from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { binary, concat, hex, packet, props, refusal, text, uint16, uint32, variable } from './bytes.ts';

const PUBLISH: Publish = { type: 'PUBLISH', dup: false, qos: 0, retain: false, topic: 'a/b', packetId: 0, payload: hex('0102') };
const publish = (parts: Partial<Publish>): Publish => ({ ...PUBLISH, ...parts });
const cannot = (sent: ServerPacket, version: 4 | 5 = 5) => refusal(() => encodePacket(sent, version));

test('PUBLISH towards a client, of 3.1.1 and 5.0, with a packet identifier where it has QoS 1 or 2 [MQTT-2.2.1-2]', () => {
  expect(encodePacket(PUBLISH, 4)).toEqual(packet(0x30, text('a/b'), [1, 2]));
  expect(encodePacket(PUBLISH, 5)).toEqual(packet(0x30, text('a/b'), [0, 1, 2]));
  const all = publish({ dup: true, qos: 2, retain: true, packetId: 0x1234, properties: { payloadFormatIndicator: 1 } });
  expect(encodePacket(all, 4)).toEqual(packet(0x3d, text('a/b'), uint16(0x1234), [1, 2]));
  expect(encodePacket(all, 5)).toEqual(packet(0x3d, text('a/b'), uint16(0x1234), [2, 1, 1], [1, 2]));
  expect(encodePacket(publish({ topic: 'é𝄞\uFEFF' }), 4)).toEqual(packet(0x30, text('é𝄞\uFEFF'), [1, 2]));
});

test('its properties in their order, several subscription identifiers among them [MQTT-3.3.2-18] [MQTT-3.3.4-3] [MQTT-3.3.4-4]', () => {
  const properties: Properties = {
    userProperties: [
      ['b', '1'],
      ['2', 'é'],
      ['b', ''],
    ],
    messageExpiryInterval: 0xffff_ffff,
    subscriptionIdentifiers: [1, 268_435_455, 128],
    correlationData: hex('00ff'),
    topicAlias: 65_535,
    contentType: '',
  };
  const expected = props(
    concat([38], text('b'), text('1'), [38], text('2'), text('é'), [38], text('b'), text('')),
    [2, ...uint32(0xffff_ffff)],
    [11, 1, 11, ...variable(268_435_455), 11, ...variable(128)],
    concat([9], binary(hex('00ff'))),
    [35, 0xff, 0xff],
    concat([3], text('')),
  );
  expect(encodePacket(publish({ topic: '', properties }), 5)).toEqual(packet(0x30, text(''), expected, [1, 2]));
});

test('DUP is not said with QoS 0 [MQTT-3.3.1-2]', () => {
  expect(encodePacket(publish({ dup: true }), 4)[0]).toBe(0x30);
});

test('its length is known before it is written, and it is written where it should be', () => {
  for (const version of [4, 5] as const)
    for (const size of [0, 1, 31, 32, 33, 120, 121, 16_370, 16_390, 2_097_160])
      for (const topic of ['a', 'é'.repeat(200), 'x'.repeat(300)]) {
        const sent = publish({
          qos: 1,
          packetId: 1,
          topic,
          payload: new Uint8Array(size).fill(7),
          properties: { contentType: topic },
        });
        const length = publishLength(sent, version);
        const target = new Uint8Array(length + 10).fill(0xaa);
        expect(writePublish(target, 5, sent, version)).toBe(length + 5);
        expect(Buffer.compare(target.subarray(5, length + 5), encodePacket(sent, version))).toBe(0);
        expect([...target.subarray(0, 5), ...target.subarray(length + 5)]).toEqual(new Array(10).fill(0xaa));
      }
});

test('topics of one length, taken in turn and refused between, do not get mixed up', () => {
  for (const topic of ['aaa', 'bbb', 'ébb', 'bbb', 'aaa'])
    expect(encodePacket(publish({ topic }), 4)).toEqual(packet(0x30, text(topic), [1, 2]));
  expect(cannot(publish({ topic: 'bb\0' }))).toBe(REASON.IMPLEMENTATION_SPECIFIC_ERROR);
  expect(cannot(publish({ topic: 'bb\0' }))).toBe(REASON.IMPLEMENTATION_SPECIFIC_ERROR);
  expect(encodePacket(publish({ topic: 'aaa' }), 4)).toEqual(packet(0x30, text('aaa'), [1, 2]));
});

test('what cannot be said of a PUBLISH is refused, and nothing is cut [MQTT-1.5.4-2] [MQTT-2.2.1-4] [MQTT-3.3.2-8]', () => {
  for (const parts of [
    { topic: 'x'.repeat(65_536) },
    { topic: 'é'.repeat(32_768) },
    { topic: 'a\0' },
    { topic: '' },
    { qos: 1, packetId: 0 },
    { qos: 2, packetId: 65_536 },
    { properties: { contentType: 'x'.repeat(65_536) } },
    { properties: { correlationData: new Uint8Array(65_536) } },
    { properties: { userProperties: [['a', '\0']] } },
    { properties: { topicAlias: 0 } },
    { properties: { topicAlias: 65_536 } },
    { properties: { subscriptionIdentifiers: [0] } },
    { properties: { subscriptionIdentifiers: [268_435_456] } },
    { properties: { messageExpiryInterval: -1 } },
    { properties: { messageExpiryInterval: Number.NaN } },
    { properties: { messageExpiryInterval: 2 ** 32 } },
    { properties: { willDelayInterval: 1 } },
    { properties: { reasonString: '' } },
  ] satisfies readonly Partial<Publish>[])
    expect(cannot(publish(parts)), Object.keys(parts).join()).toBe(REASON.IMPLEMENTATION_SPECIFIC_ERROR);
  expect(encodePacket(publish({ topic: 'x'.repeat(65_535) }), 4)).toHaveLength(65_535 + 2 + 2 + 4);
  const huge = publish({ payload: { length: 268_435_455 } as Uint8Array });
  expect(refusal(() => publishLength(huge, 4))).toBe(REASON.PACKET_TOO_LARGE);
});

test('half of a surrogate pair leaves as U+FFFD [MQTT-1.5.4-1]', () => {
  expect(encodePacket(publish({ topic: 'a\uD800' }), 4)).toEqual(packet(0x30, text('a\uFFFD'), [1, 2]));
});

test('properties that are undefined are none [MQTT-2.2.2-1]', () => {
  const properties = { contentType: undefined } as unknown as Properties;
  expect(encodePacket(publish({ properties }), 5)).toEqual(packet(0x30, text('a/b'), [0, 1, 2]));
});

test('acknowledgements in the shortest form that says it (sections 3.4 to 3.7)', () => {
  for (const [type, first] of [
    ['PUBACK', 0x40],
    ['PUBREC', 0x50],
    ['PUBREL', 0x62],
    ['PUBCOMP', 0x70],
  ] as const) {
    const target = new Uint8Array(ACK_BYTES + 1);
    expect(writeAck(target, 1, type, 0xabcd)).toBe(5);
    expect(target.subarray(1)).toEqual(packet(first, [0xab, 0xcd]));
    for (const version of [4, 5] as const)
      expect(encodePacket({ type, packetId: 0xabcd, reasonCode: 0 }, version)).toEqual(packet(first, [0xab, 0xcd]));
    expect(encodePacket({ type, packetId: 1, reasonCode: 0x92 }, 5)).toEqual(packet(first, [0, 1, 0x92]));
    expect(encodePacket({ type, packetId: 1, reasonCode: 0, properties: {} }, 5)).toEqual(packet(first, [0, 1]));
    const properties = { reasonString: 'r' };
    expect(encodePacket({ type, packetId: 1, reasonCode: 0, properties }, 5)).toEqual(
      packet(first, [0, 1, 0], props([31], text('r'))),
    );
    expect(cannot({ type, packetId: 1, reasonCode: 0x92 }, 4)).toBe(0x83);
    expect(cannot({ type, packetId: 0, reasonCode: 0 }, 5)).toBe(0x83);
  }
});

test('CONNACK, of whose flags only session present may be 1 [MQTT-3.2.2-1]', () => {
  const properties: Properties = {
    sessionExpiryInterval: 1,
    receiveMaximum: 2,
    maximumQoS: 1,
    retainAvailable: 0,
    maximumPacketSize: 3,
    assignedClientIdentifier: 'id',
    topicAliasMaximum: 4,
    reasonString: 'r',
    wildcardSubscriptionAvailable: 1,
    subscriptionIdentifiersAvailable: 0,
    sharedSubscriptionAvailable: 1,
    serverKeepAlive: 5,
    responseInformation: 'i',
    serverReference: 's',
    authenticationMethod: 'm',
    authenticationData: hex('09'),
  };
  const expected = props(
    [17, ...uint32(1), 33, 0, 2, 36, 1, 37, 0, 39, ...uint32(3), 18],
    text('id'),
    [34, 0, 4, 31],
    text('r'),
    [40, 1, 41, 0, 42, 1, 19, 0, 5, 26],
    text('i'),
    [28],
    text('s'),
    [21],
    text('m'),
    [22, 0, 1, 9],
  );
  expect(encodePacket({ type: 'CONNACK', sessionPresent: true, reasonCode: 0, properties }, 5)).toEqual(
    packet(0x20, [1, 0], expected),
  );
  expect(encodePacket({ type: 'CONNACK', sessionPresent: false, reasonCode: 0x87 }, 5)).toEqual(packet(0x20, [0, 0x87, 0]));
  expect(encodePacket({ type: 'CONNACK', sessionPresent: true, reasonCode: 0, properties }, 4)).toEqual(packet(0x20, [1, 0]));
  for (const code of [1, 2, 3, 4, 5])
    expect(encodePacket({ type: 'CONNACK', sessionPresent: false, reasonCode: code }, 4)).toEqual(packet(0x20, [0, code]));
  expect(cannot({ type: 'CONNACK', sessionPresent: false, reasonCode: 0x87 }, 4)).toBe(0x83);
});

test('no session goes on where CONNACK refuses [MQTT-3.2.2-6]', () => {
  expect(encodePacket({ type: 'CONNACK', sessionPresent: true, reasonCode: 0x88 }, 5)[2]).toBe(0);
  expect(encodePacket({ type: 'CONNACK', sessionPresent: true, reasonCode: 3 }, 4)[2]).toBe(0);
});

test('SUBACK and UNSUBACK have a code for each filter, in order [MQTT-3.8.4-6] [MQTT-3.9.3-1] [MQTT-3.11.3-1]', () => {
  const reasonCodes = [0, 1, 2, 0x87];
  expect(encodePacket({ type: 'SUBACK', packetId: 5, reasonCodes }, 5)).toEqual(packet(0x90, [0, 5, 0], reasonCodes));
  expect(encodePacket({ type: 'UNSUBACK', packetId: 5, reasonCodes: [0, 0x11] }, 5)).toEqual(packet(0xb0, [0, 5, 0], [0, 0x11]));
  const properties: Properties = { userProperties: [['a', 'b']] };
  expect(encodePacket({ type: 'SUBACK', packetId: 5, reasonCodes, properties }, 5)).toEqual(
    packet(0x90, [0, 5], props([38], text('a'), text('b')), reasonCodes),
  );
});

test('with 3.1.1 SUBACK says each failure as 0x80 [MQTT-3.1.1:3.9.3-2], and UNSUBACK says no codes', () => {
  expect(encodePacket({ type: 'SUBACK', packetId: 5, reasonCodes: [0, 2, 0x8f] }, 4)).toEqual(packet(0x90, [0, 5, 0, 2, 0x80]));
  expect(encodePacket({ type: 'UNSUBACK', packetId: 5, reasonCodes: [0, 0x11] }, 4)).toEqual(packet(0xb0, [0, 5]));
});

test('PINGRESP, DISCONNECT and AUTH (sections 3.13 to 3.15)', () => {
  for (const version of [4, 5] as const) expect(encodePacket({ type: 'PINGRESP' }, version)).toEqual(hex('d000'));
  expect(encodePacket({ type: 'DISCONNECT', reasonCode: 0 }, 5)).toEqual(hex('e000'));
  expect(encodePacket({ type: 'DISCONNECT', reasonCode: 0x8e }, 5)).toEqual(hex('e0018e'));
  const moved = { type: 'DISCONNECT', reasonCode: 0x9d, properties: { serverReference: 'b' } } as const;
  expect(encodePacket(moved, 5)).toEqual(packet(0xe0, [0x9d], props([28], text('b'))));
  expect(encodePacket({ type: 'AUTH', reasonCode: 0 }, 5)).toEqual(hex('f000'));
  const auth = { type: 'AUTH', reasonCode: 0x18, properties: { authenticationMethod: 'm' } } as const;
  expect(encodePacket(auth, 5)).toEqual(packet(0xf0, [0x18], props([21], text('m'))));
  expect(cannot({ type: 'DISCONNECT', reasonCode: 0x8b }, 4)).toBe(0x83);
  expect(cannot(auth, 4)).toBe(0x83);
});

test('a server says no session expiry in DISCONNECT [MQTT-3.14.2-2]', () => {
  expect(cannot({ type: 'DISCONNECT', reasonCode: 0, properties: { sessionExpiryInterval: 1 } })).toBe(0x83);
});

test('user properties are dropped, then the reason string, where the client takes no packet of that length [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.14.2-3] [MQTT-3.14.2-4]', () => {
  const properties: Properties = { reasonString: 'reason', userProperties: [['name', 'value']] };
  for (const sent of [
    { type: 'CONNACK', sessionPresent: false, reasonCode: 0x87, properties },
    { type: 'PUBACK', packetId: 1, reasonCode: 0x87, properties },
    { type: 'PUBREC', packetId: 1, reasonCode: 0x87, properties },
    { type: 'PUBREL', packetId: 1, reasonCode: 0x92, properties },
    { type: 'PUBCOMP', packetId: 1, reasonCode: 0x92, properties },
    { type: 'SUBACK', packetId: 1, reasonCodes: [0x87], properties },
    { type: 'UNSUBACK', packetId: 1, reasonCodes: [0x87], properties },
    { type: 'DISCONNECT', reasonCode: 0x8b, properties },
    { type: 'AUTH', reasonCode: 0x18, properties: { ...properties, authenticationMethod: 'm' } },
  ] satisfies readonly ServerPacket[]) {
    const { userProperties: _, ...without } = sent.properties;
    const { reasonString: __, ...bare } = without as Properties;
    const [all, noPairs, nothing] = [sent.properties, without, bare].map((p) => encodePacket({ ...sent, properties: p }, 5)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    for (let max = all.length + 1; max >= 0; max--) {
      const expected = max >= all.length ? all : max >= noPairs.length ? noPairs : max >= nothing.length ? nothing : undefined;
      expect(encodeWithin(sent, 5, max), `${sent.type} ${max}`).toEqual(expected);
    }
    expect(sent.properties.userProperties).toHaveLength(1);
  }
});

test('a PUBLISH that is too large for the client is given up as it is [MQTT-3.1.2-24] [MQTT-3.1.2-25] [MQTT-3.3.2-17]', () => {
  const sent = publish({ properties: { userProperties: [['a', 'b']] } });
  const whole = encodePacket(sent, 5);
  expect(encodeWithin(sent, 5, whole.length)).toEqual(whole);
  expect(encodeWithin(sent, 5, whole.length - 1)).toBeUndefined();
  expect(encodeWithin(sent, 4, whole.length - 8)).toEqual(encodePacket(sent, 4));
});

test('return codes of 3.1.1 for reason codes of 5.0, none where the connection is closed without CONNACK (3.1.1 section 3.2.2.3)', () => {
  for (const [reason, code] of [
    [REASON.SUCCESS, 0],
    [REASON.UNSUPPORTED_PROTOCOL_VERSION, 1],
    [REASON.CLIENT_IDENTIFIER_NOT_VALID, 2],
    [REASON.SERVER_UNAVAILABLE, 3],
    [REASON.SERVER_BUSY, 3],
    [REASON.QUOTA_EXCEEDED, 3],
    [REASON.BAD_USER_NAME_OR_PASSWORD, 4],
    [REASON.NOT_AUTHORIZED, 5],
    [REASON.MALFORMED_PACKET, undefined],
    [REASON.PROTOCOL_ERROR, undefined],
    [REASON.PACKET_TOO_LARGE, undefined],
  ] as const)
    expect(connackReturnCode(reason)).toBe(code);
  expect([REASON.NO_SUBSCRIPTION_EXISTED, REASON.UNSPECIFIED_ERROR, 0xff].map(isFailure)).toEqual([false, true, true]);
});
