import { MqttError, malformed } from './mqtt-error.ts';
import { REASON } from './reason-codes.ts';

/** What a remaining length can say at most (MQTT 5.0 section 1.5.5). */
export const REMAINING_LENGTH_MAX = 268_435_455;

/** Bytes of a variable byte integer. */
export const variableLength = (value: number): number => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4);

/**
 * Where the packet that begins at `at` ends.
 * @param end of what was received: `bytes` holds it from `at` to there.
 * @param packetBytesMax of the whole packet, its fixed header included.
 * @returns undefined: more bytes are needed. Otherwise a place that may lie behind `end`.
 * @throws MqttError as soon as the fixed header is there: 0x81 where its length is longer than needed or than four bytes
 * [MQTT-1.5.5-1], 0x95 where the packet is too large [MQTT-3.2.2-15].
 */
export function packetEnd(bytes: Uint8Array, at: number, end: number, packetBytesMax: number): number | undefined {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= end) return undefined;
    const byte = bytes[at + i] as number;
    length |= (byte & 0x7f) << (7 * (i - 1));
    if (byte >= 0x80) continue;
    if (byte === 0 && i > 1) throw malformed('the remaining length has more bytes than it needs');
    const packetBytes = 1 + i + length;
    if (packetBytes > packetBytesMax)
      throw new MqttError(REASON.PACKET_TOO_LARGE, `a packet of ${packetBytes} bytes, at most ${packetBytesMax} are taken`);
    return at + packetBytes;
  }
  throw malformed('the remaining length has more than four bytes');
}

/** Where what follows the fixed header begins, of a packet that `packetEnd` has accepted. */
export function bodyStart(bytes: Uint8Array, at: number): number {
  let to = at + 1;
  while ((bytes[to] as number) >= 0x80) to++;
  return to + 1;
}
