import { packetEnd, REASON, REMAINING_LENGTH_MAX } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { concat, connect, decode, hex, PACKET_BYTES_MAX, packet, refusal, refused, text, uint16, variable } from './bytes.ts';

const endOf = (bytes: Uint8Array, packetBytesMax = PACKET_BYTES_MAX) => packetEnd(bytes, 0, bytes.length, packetBytesMax);

test('the end of a packet is known with its fixed header', () => {
  expect(endOf(hex(''))).toBeUndefined();
  expect(endOf(hex('c0'))).toBeUndefined();
  expect(endOf(hex('c000'))).toBe(2);
  expect(endOf(hex('307f'))).toBe(129);
  expect(endOf(hex('3080'))).toBeUndefined();
  expect(endOf(hex('308001'))).toBe(131);
  expect(endOf(hex('30ff7f'))).toBe(16_386);
  expect(endOf(hex('30808001'))).toBe(16_388);
  expect(endOf(hex('30ffff7f'))).toBe(2_097_155);
  expect(endOf(hex('30ffffff'))).toBeUndefined();
  expect(endOf(hex('30ffffff7f'))).toBe(REMAINING_LENGTH_MAX + 5);
});

test('it is that of the packet at the given place, and what was received ends where it is said', () => {
  const bytes = concat(hex('ffff'), packet(0x30, new Uint8Array(200)), hex('c0'));
  expect(packetEnd(bytes, 2, bytes.length, 1_000)).toBe(bytes.length - 1);
  expect(packetEnd(bytes, 2, 4, 1_000)).toBeUndefined();
  expect(packetEnd(bytes, 2, 5, 1_000)).toBe(bytes.length - 1);
});

test('a remaining length is said in as few bytes as it can be [MQTT-1.5.5-1]', () => {
  for (const bytes of ['c08000', 'c0808000', 'c080808000', 'c0ff00']) expect(refusal(() => endOf(hex(bytes)))).toBe(0x81);
});

test('a remaining length has four bytes at most (section 1.5.5)', () => {
  for (const bytes of ['30ffffffff', '3080808080', '30ffffffff01']) expect(refusal(() => endOf(hex(bytes)))).toBe(0x81);
});

test('a packet that is too large is refused as soon as its fixed header is there [MQTT-3.2.2-15]', () => {
  expect(refusal(() => endOf(hex('30ffffff7f'), 1_048_576))).toBe(REASON.PACKET_TOO_LARGE);
  expect(endOf(hex('307e'), 128)).toBe(128);
  expect(refusal(() => endOf(hex('307f'), 128))).toBe(REASON.PACKET_TOO_LARGE);
  // The fixed header counts (section 3.1.2.11.4).
  expect(endOf(hex('308001'), 131)).toBe(131);
  expect(refusal(() => endOf(hex('308001'), 130))).toBe(REASON.PACKET_TOO_LARGE);
});

/** One that is right but for its flags, of each type. */
const BODIES: readonly (readonly [number, Uint8Array])[] = [
  [0x10, connect().subarray(2)],
  [0x40, hex('0001')],
  [0x50, hex('0001')],
  [0x62, hex('0001')],
  [0x70, hex('0001')],
  [0x82, concat(uint16(1), [0], text('a'), [0])],
  [0xa2, concat(uint16(1), [0], text('a'))],
  [0xc0, hex('')],
  [0xe0, hex('')],
  [0xf0, hex('')],
];

test('reserved flags of the fixed header have the values of section 2.1.3 [MQTT-2.1.3-1] [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]', () => {
  for (const [first, body] of BODIES) {
    for (let flags = 0; flags < 16; flags++) {
      const wrong = ((first & 0xf0) | flags) !== first;
      expect(refused(packet((first & 0xf0) | flags, body), 5), `${first} with ${flags}`).toBe(wrong ? 0x81 : undefined);
    }
  }
  expect(refused(packet(0x80, uint16(1), text('a'), [0]), 4)).toBe(0x81);
  expect(refused(packet(0xe1), 4)).toBe(0x81);
});

test('types that are none, and types that only a server sends, are refused', () => {
  for (const version of [4, 5] as const) {
    expect(refused(hex('0000'), version)).toBe(0x81);
    for (const bytes of ['20020000', '9003000100', 'b0020001', 'd000']) expect(refused(hex(bytes), version), bytes).toBe(0x82);
  }
  expect(refused(hex('f000'), 4)).toBe(0x81);
});

test('PINGREQ has a fixed header alone (section 3.12)', () => {
  expect(decode(hex('c000'), 5)).toEqual({ type: 'PINGREQ' });
  expect(decode(hex('c000'), 4)).toEqual({ type: 'PINGREQ' });
  expect(refused(hex('c00100'), 5)).toBe(0x81);
});

test('variable byte integers of the table of section 1.5.5', () => {
  for (const value of [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, REMAINING_LENGTH_MAX]) {
    const header = concat([0x30], variable(value));
    expect(endOf(header)).toBe(header.length + value);
  }
});
