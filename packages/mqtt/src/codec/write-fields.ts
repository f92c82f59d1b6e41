import { utf8Length, writeUint16At, writeUtf8 } from '@qanat/core';
import { MqttError } from './mqtt-error.ts';
import { REMAINING_LENGTH_MAX } from './packet-end.ts';
import { REASON } from './reason-codes.ts';

const UINT16_MAX = 0xffff;

/** What cannot be said in MQTT. It is no fault of the peer, and names none: 0x83. */
export const unsayable = (message: string): MqttError => new MqttError(REASON.IMPLEMENTATION_SPECIFIC_ERROR, message);

/** Writes a variable byte integer (MQTT 5.0 section 1.5.5), at most 268,435,455. @returns the place behind it. */
export function writeVariable(target: Uint8Array, at: number, value: number): number {
  let to = at;
  let rest = value;
  while (rest >= 0x80) {
    target[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[to] = rest;
  return to + 1;
}

/** Writes the fixed header. @throws MqttError 0x95 where `length` is more than any packet has. */
export function writeHead(target: Uint8Array, at: number, first: number, length: number): number {
  target[at] = first;
  return writeVariable(target, at + 1, checkRemaining(length));
}

/** @throws MqttError 0x95 where the remaining length of a packet is more than can be said. */
export function checkRemaining(length: number): number {
  if (length > REMAINING_LENGTH_MAX) throw new MqttError(REASON.PACKET_TOO_LARGE, `a packet of ${length} bytes cannot be said`);
  return length;
}

/** @throws MqttError 0x83 where it is none of a packet that has one [MQTT-2.2.1-4]. */
export function checkSentId(packetId: number): number {
  if (packetId < 1 || packetId > UINT16_MAX) throw unsayable(`${packetId} is no packet identifier`);
  return packetId;
}

/**
 * Bytes of the UTF-8 of a text, without its length. Half of a surrogate pair is sent as U+FFFD [MQTT-1.5.4-1].
 * @throws MqttError 0x83 where they are more than 65,535, or the text has U+0000 [MQTT-1.5.4-2].
 */
export function textBytes(text: string): number {
  const length = utf8Length(text);
  if (length > UINT16_MAX) throw unsayable(`a text of ${length} bytes cannot be said`);
  if (text.includes('\0')) throw unsayable('a text has U+0000');
  return length;
}

/** Writes a text that `textBytes` has accepted, its length first. @returns the place behind it. */
export function writeText(target: Uint8Array, at: number, text: string): number {
  const to = writeUtf8(target, at + 2, text);
  writeUint16At(target, at, to - at - 2);
  return to;
}

/** @throws MqttError 0x83 where they are more than 65,535. */
export function binaryBytes(bytes: Uint8Array): number {
  if (bytes.length > UINT16_MAX) throw unsayable(`binary data of ${bytes.length} bytes cannot be said`);
  return bytes.length;
}

/** Writes binary data, its length first. @returns the place behind it. */
export function writeBinary(target: Uint8Array, at: number, bytes: Uint8Array): number {
  writeUint16At(target, at, bytes.length);
  target.set(bytes, at + 2);
  return at + 2 + bytes.length;
}

const SHORT_BYTES = 32;

/** Copies bytes. The call of a copy costs more than a few bytes. @returns the place behind them. */
export function copyBytes(target: Uint8Array, at: number, bytes: Uint8Array, length: number): number {
  if (length > SHORT_BYTES) target.set(length === bytes.length ? bytes : bytes.subarray(0, length), at);
  else for (let i = 0; i < length; i++) target[at + i] = bytes[i] as number;
  return at + length;
}
