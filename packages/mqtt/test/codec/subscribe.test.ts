import { FILTERS_PER_PACKET_MAX, PROPERTIES_BYTES_MAX, REASON, TOPIC_LEVELS_MAX, USER_PROPERTIES_MAX } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { binary, concat, connect, decode, hex, packet, props, refused, text, uint16, variable } from './bytes.ts';

const ok = undefined;
const filters = (...list: readonly string[]) => list.map((filter) => concat(text(filter), [0]));
const subscribe = (...entries: readonly Uint8Array[]) => packet(0x82, uint16(9), props(), ...entries);
const options = (byte: number, filter = 'a') => refused(subscribe(concat(text(filter), [byte])), 5);
const unsubscribe = (...list: readonly string[]) => packet(0xa2, uint16(9), props(), ...list.map(text));

test('SUBSCRIBE of 5.0 (section 3.8)', () => {
  const entries = [concat(text('a/+'), [0x2e]), concat(text('$share/g/#'), [0x11])];
  expect(decode(packet(0x82, uint16(9), props([11], variable(268_435_455), [38], text('a'), text('b')), ...entries), 5)).toEqual({
    type: 'SUBSCRIBE',
    packetId: 9,
    subscriptions: [
      { filter: 'a/+', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      { filter: '$share/g/#', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 1 },
    ],
    properties: { subscriptionIdentifiers: [268_435_455], userProperties: [['a', 'b']] },
  });
});

test('SUBSCRIBE and UNSUBSCRIBE of 3.1.1', () => {
  expect(decode(packet(0x82, uint16(9), text('a'), [1], text('#'), [0]), 4)).toEqual({
    type: 'SUBSCRIBE',
    packetId: 9,
    subscriptions: [
      { filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      { filter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  });
  expect(decode(packet(0xa2, uint16(9), text('a'), text('#')), 4)).toEqual({
    type: 'UNSUBSCRIBE',
    packetId: 9,
    filters: ['a', '#'],
  });
});

test('UNSUBSCRIBE of 5.0 (section 3.10)', () => {
  expect(decode(packet(0xa2, uint16(9), props([38], text('a'), text('b')), text('x')), 5)).toEqual({
    type: 'UNSUBSCRIBE',
    packetId: 9,
    filters: ['x'],
    properties: { userProperties: [['a', 'b']] },
  });
});

test('there is at least one filter [MQTT-3.8.3-2] [MQTT-3.10.3-2]', () => {
  for (const first of [0x82, 0xa2]) {
    expect(refused(packet(first, uint16(9), props()), 5)).toBe(0x82);
    expect(refused(packet(first, uint16(9)), 4)).toBe(0x82);
  }
});

test('the packet identifier is not 0 [MQTT-2.2.1-3]', () => {
  expect(refused(packet(0x82, uint16(0), props(), ...filters('a')), 5)).toBe(0x82);
  expect(refused(packet(0xa2, uint16(0), text('a')), 4)).toBe(0x82);
});

test('each filter has its options, and nothing is left over (section 3.8.3)', () => {
  expect(refused(subscribe(text('a')), 5)).toBe(0x81);
  expect(refused(subscribe(...filters('a'), hex('00')), 5)).toBe(0x81);
  expect(refused(subscribe(...filters('a'), hex('0005 61')), 5)).toBe(0x81);
  expect(refused(packet(0xa2, uint16(9), props(), text('a'), hex('00')), 5)).toBe(0x81);
});

test('reserved bits of the options are 0 [MQTT-3.8.3-5], QoS and retain handling are not 3 (section 3.8.3.1)', () => {
  for (let byte = 0; byte < 256; byte++) {
    const code = byte & 0xc0 ? 0x81 : (byte & 3) === 3 || (byte & 0x30) === 0x30 ? 0x82 : ok;
    expect(options(byte), `${byte}`).toBe(code);
  }
});

test('with 3.1.1 the byte behind a filter is 0, 1 or 2 [MQTT-3.1.1:3.8.3-4]', () => {
  for (let byte = 0; byte < 256; byte++)
    expect(refused(packet(0x82, uint16(9), text('a'), [byte]), 4), `${byte}`).toBe(byte > 2 ? 0x81 : ok);
});

test('a shared subscription has no No Local [MQTT-3.8.3-4]', () => {
  expect(options(0x04, '$share/g/a')).toBe(0x82);
  expect(options(0x04, '$shared/g/a')).toBe(ok);
  expect(options(0x02, '$share/g/a')).toBe(ok);
});

test('a filter has its wildcards where they may stand [MQTT-4.7.1-1] [MQTT-4.7.1-2], and a character [MQTT-4.7.3-1]', () => {
  for (const filter of ['a#', 'a/#/b', '#a', 'a+', '+a/b', '', '##', '++']) {
    expect(refused(subscribe(...filters(filter)), 5), filter).toBe(REASON.TOPIC_FILTER_INVALID);
    expect(refused(unsubscribe(filter), 5), filter).toBe(REASON.TOPIC_FILTER_INVALID);
  }
  for (const filter of ['#', '+', '/', '+/+', '/#', '$SYS/#', ' '])
    expect(refused(subscribe(...filters(filter)), 5), filter).toBe(ok);
});

test('a shared subscription has a name and a filter [MQTT-4.8.2-1] [MQTT-4.8.2-2]', () => {
  for (const filter of ['$share/', '$share/g', '$share//a', '$share/g/', '$share/+/a', '$share/g#/a', '$share/g/a#'])
    expect(refused(subscribe(...filters(filter)), 5), filter).toBe(REASON.TOPIC_FILTER_INVALID);
});

test('filters are UTF-8 strings [MQTT-3.8.3-1] [MQTT-3.10.3-1]', () => {
  for (const bytes of ['00', 'c080', 'eda080', 'ff']) {
    expect(refused(subscribe(concat(binary(hex(bytes)), [0])), 5)).toBe(0x81);
    expect(refused(packet(0xa2, uint16(9), binary(hex(bytes))), 4)).toBe(0x81);
  }
});

test('one subscription identifier at most, and it is not 0 (section 3.8.2.1.2)', () => {
  const withProperties = (bytes: string) => refused(packet(0x82, uint16(9), props(hex(bytes)), ...filters('a')), 5);
  expect(withProperties('0b 01')).toBe(ok);
  expect(withProperties('0b 00')).toBe(0x82);
  expect(withProperties('0b 01 0b 02')).toBe(0x82);
  expect(withProperties('0b 8000')).toBe(0x81);
  expect(withProperties('0b ffffffff7f')).toBe(0x81);
  expect(withProperties('0b ff')).toBe(0x81);
  expect(refused(packet(0xa2, uint16(9), props(hex('0b01')), text('a')), 5)).toBe(0x81);
});

test('FILTERS_PER_PACKET_MAX filters are taken, one more is not', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `f/${i}`);
  expect(decode(subscribe(...filters(...many(FILTERS_PER_PACKET_MAX))), 5)).toMatchObject({
    subscriptions: { length: FILTERS_PER_PACKET_MAX },
  });
  expect(refused(subscribe(...filters(...many(FILTERS_PER_PACKET_MAX + 1))), 5)).toBe(REASON.QUOTA_EXCEEDED);
  expect(refused(unsubscribe(...many(FILTERS_PER_PACKET_MAX + 1)), 5)).toBe(REASON.QUOTA_EXCEEDED);
});

test('a filter has TOPIC_LEVELS_MAX levels at most', () => {
  const levels = (count: number) => Array.from({ length: count }, () => '+').join('/');
  expect(refused(subscribe(...filters(levels(TOPIC_LEVELS_MAX))), 5)).toBe(ok);
  expect(refused(subscribe(...filters(levels(TOPIC_LEVELS_MAX + 1))), 5)).toBe(REASON.TOPIC_FILTER_INVALID);
});

test('USER_PROPERTIES_MAX user properties are taken, one more is not', () => {
  const pairs = (count: number) => props(...Array.from({ length: count }, () => concat([38], text(''), text(''))));
  for (const [count, code] of [
    [USER_PROPERTIES_MAX, ok],
    [USER_PROPERTIES_MAX + 1, REASON.QUOTA_EXCEEDED],
  ] as const) {
    expect(refused(packet(0x30, text('a'), pairs(count)), 5)).toBe(code);
    expect(refused(connect({ properties: pairs(count) }), 5)).toBe(code);
  }
});

test('PROPERTIES_BYTES_MAX bytes of properties are taken, one more is not', () => {
  const data = (bytes: number) => concat([9], binary(new Uint8Array(bytes)));
  const reason = (bytes: number) => concat([3], text('x'.repeat(bytes)));
  const publish = (bytes: number) => packet(0x30, text('a'), props(data(bytes - 6 - 100), reason(100)));
  expect(refused(publish(PROPERTIES_BYTES_MAX), 5)).toBe(ok);
  expect(refused(publish(PROPERTIES_BYTES_MAX + 1), 5)).toBe(REASON.QUOTA_EXCEEDED);
});
