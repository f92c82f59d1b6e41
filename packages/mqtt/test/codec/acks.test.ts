import { type Ack, REASON } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { concat, decode, hex, packet, props, refused, text } from './bytes.ts';

const TYPES = [
  [0x40, 'PUBACK'],
  [0x50, 'PUBREC'],
  [0x62, 'PUBREL'],
  [0x70, 'PUBCOMP'],
] as const satisfies readonly (readonly [number, Ack['type']])[];
const OF_PUBLISH = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const OF_RELEASE = [0x00, 0x92];

test('an acknowledgement of 3.1.1 is its packet identifier (3.1.1 sections 3.4 to 3.7)', () => {
  for (const [first, type] of TYPES) {
    expect(decode(packet(first, [1, 2]), 4)).toEqual({ type, packetId: 0x102, reasonCode: 0 });
    for (const body of ['', '01', '010200', '01020000']) expect(refused(packet(first, hex(body)), 4), body).toBe(0x81);
  }
});

test('one of 5.0 may leave out its properties, and with success its reason code (sections 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1)', () => {
  for (const [first, type] of TYPES) {
    expect(decode(packet(first, [1, 2]), 5)).toEqual({ type, packetId: 0x102, reasonCode: 0 });
    expect(decode(packet(first, [1, 2, 0]), 5)).toEqual({ type, packetId: 0x102, reasonCode: 0 });
    expect(decode(packet(first, [1, 2, 0, 0]), 5)).toEqual({ type, packetId: 0x102, reasonCode: 0 });
    for (const body of ['', '01']) expect(refused(packet(first, hex(body)), 5)).toBe(0x81);
  }
});

test('its reason code is one of its type [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]', () => {
  for (const [first, type] of TYPES) {
    const allowed = type === 'PUBACK' || type === 'PUBREC' ? OF_PUBLISH : OF_RELEASE;
    for (let reasonCode = 0; reasonCode < 256; reasonCode++) {
      for (const body of [
        [0, 1, reasonCode],
        [0, 1, reasonCode, 0],
      ]) {
        if (allowed.includes(reasonCode)) expect(decode(packet(first, body), 5)).toEqual({ type, packetId: 1, reasonCode });
        else expect(refused(packet(first, body), 5), `${type} ${reasonCode}`).toBe(REASON.PROTOCOL_ERROR);
      }
    }
  }
});

test('it has a reason string and user properties, and nothing else (section 3.4.2.2)', () => {
  for (const [first] of TYPES) {
    const properties = props([31], text('why'), [38], text('a'), text('b'), [38], text('a'), text('c'));
    expect(decode(packet(first, [0, 1, 0], properties), 5)).toMatchObject({
      properties: {
        reasonString: 'why',
        userProperties: [
          ['a', 'b'],
          ['a', 'c'],
        ],
      },
    });
    expect(refused(packet(first, [0, 1, 0], props([31], text(''), [31], text(''))), 5)).toBe(0x82);
    expect(refused(packet(first, [0, 1, 0], props([35, 0, 1])), 5)).toBe(0x81);
    expect(refused(packet(first, [0, 1, 0], [5], hex('00')), 5)).toBe(0x81);
    expect(refused(packet(first, [0, 1, 0], props(), hex('00')), 5)).toBe(0x81);
    expect(refused(packet(first, [0, 1, 0], [0x80]), 5)).toBe(0x81);
  }
});

test('its packet identifier is not 0 [MQTT-2.2.1-3]', () => {
  for (const [first] of TYPES) for (const version of [4, 5] as const) expect(refused(packet(first, [0, 0]), version)).toBe(0x82);
});

test('a DISCONNECT of 5.0 may be empty, a reason code, or that and properties (section 3.14.2)', () => {
  expect(decode(packet(0xe0), 5)).toEqual({ type: 'DISCONNECT', reasonCode: 0 });
  expect(decode(packet(0xe0, [4]), 5)).toEqual({ type: 'DISCONNECT', reasonCode: 4 });
  expect(decode(packet(0xe0, [4, 0]), 5)).toEqual({ type: 'DISCONNECT', reasonCode: 4 });
  const properties = props([17, 0, 0, 0, 9, 31], text('bye'), [38], text('a'), text('b'));
  expect(decode(packet(0xe0, [0], properties), 5)).toEqual({
    type: 'DISCONNECT',
    reasonCode: 0,
    properties: { sessionExpiryInterval: 9, reasonString: 'bye', userProperties: [['a', 'b']] },
  });
  expect(refused(packet(0xe0, [0, 0, 0]), 5)).toBe(0x81);
  expect(refused(packet(0xe0, [0, 1]), 5)).toBe(0x81);
});

test('one that follows is no part of it: DISCONNECT of length 0 and 1 in front of other packets', () => {
  for (const bytes of ['e000', 'e00104']) {
    const chunk = concat(hex(bytes), hex('c000'));
    expect(decode(chunk.subarray(0, bytes.length / 2), 5).type).toBe('DISCONNECT');
  }
});

test('a client says the reason codes of clients [MQTT-3.14.2-1]', () => {
  const allowed = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
  for (let reasonCode = 0; reasonCode < 256; reasonCode++)
    expect(refused(packet(0xe0, [reasonCode]), 5), `${reasonCode}`).toBe(allowed.includes(reasonCode) ? undefined : 0x82);
});

test('a client names no other server in DISCONNECT (section 3.14.2.2.5)', () => {
  expect(refused(packet(0xe0, [0], props([28], text('other'))), 5)).toBe(0x82);
});

test('a DISCONNECT of 3.1.1 has nothing behind its fixed header (3.1.1 section 3.14)', () => {
  expect(decode(packet(0xe0), 4)).toEqual({ type: 'DISCONNECT', reasonCode: 0 });
  expect(refused(packet(0xe0, [0]), 4)).toBe(0x81);
});

test('AUTH may be empty, else it has a reason code and names a method (sections 3.15.2.1, 3.15.2.2)', () => {
  expect(decode(packet(0xf0), 5)).toEqual({ type: 'AUTH', reasonCode: 0 });
  expect(decode(packet(0xf0, [0x18], props([21], text('m'), [22, 0, 1, 5])), 5)).toEqual({
    type: 'AUTH',
    reasonCode: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: new Uint8Array([5]) },
  });
  expect(refused(packet(0xf0, [0x18]), 5)).toBe(0x81);
  expect(refused(packet(0xf0, [0x18, 0]), 5)).toBe(0x82);
  expect(refused(packet(0xf0, [0x19], props([22, 0, 0])), 5)).toBe(0x82);
  expect(refused(packet(0xf0, [0x18], props([21], text('m')), [0]), 5)).toBe(0x81);
});

test('the reason codes of AUTH are three [MQTT-3.15.2-1]', () => {
  for (let reasonCode = 0; reasonCode < 256; reasonCode++) {
    const code = refused(packet(0xf0, [reasonCode], props([21], text('m'))), 5);
    expect(code, `${reasonCode}`).toBe([0, 0x18, 0x19].includes(reasonCode) ? undefined : 0x82);
  }
});
