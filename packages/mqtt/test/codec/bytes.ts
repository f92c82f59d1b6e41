// Packets as bytes, made by hand, and what the codec says of them.
import { type ClientPacket, decodePacket, MqttError, type ProtocolVersion, packetEnd } from '@qanat/mqtt';

export const PACKET_BYTES_MAX = 268_435_460;
const encoder = new TextEncoder();

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
export const uint16 = (value: number): readonly number[] => [value >> 8, value & 0xff];
export const uint32 = (value: number): readonly number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)];

export function variable(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...variable(value >>> 7)];
}

export const binary = (bytes: Uint8Array | readonly number[]): Uint8Array => concat(uint16(bytes.length), bytes);
export const text = (value: string): Uint8Array => binary(encoder.encode(value));
/** Properties, their length before them. */
export function props(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = concat(...parts);
  return concat(variable(bytes.length), bytes);
}

/** A packet: its first byte, and what follows the fixed header. */
export function packet(first: number, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const body = concat(...parts);
  return concat([first], variable(body.length), body);
}

/**
 * Decodes the one packet that `bytes` are, from the middle of a buffer: what stands before and behind must not matter. CONNECT is
 * the first packet, every other one comes after it.
 */
export function decode(bytes: Uint8Array, version: ProtocolVersion): ClientPacket {
  const around = [0x20, 0x01, 0x00, 0x26, 0x00, 0x03];
  const buffer = concat(around, bytes, around);
  const end = packetEnd(buffer, around.length, around.length + bytes.length, PACKET_BYTES_MAX);
  if (end !== around.length + bytes.length) throw new Error(`${end} is not the end of the packet`);
  return decodePacket(buffer, around.length, end, (bytes[0] as number) >>> 4 === 1 ? undefined : version);
}

/** The reason code of the MqttError that `run` throws; undefined where it throws none. */
export function refusal(run: () => unknown): number | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    return error.reasonCode;
  }
  return undefined;
}

export const refused = (bytes: Uint8Array, version: ProtocolVersion): number | undefined => refusal(() => decode(bytes, version));

/** What CONNECT may be told to be otherwise. */
interface ConnectParts {
  readonly name?: string;
  readonly level?: number;
  readonly flags?: number;
  readonly keepAlive?: number;
  readonly properties?: Uint8Array;
  readonly rest?: readonly Uint8Array[];
}

/** A CONNECT, of 5.0 where nothing else is said. `rest`: the payload. */
export function connect(parts: ConnectParts = {}): Uint8Array {
  const { name = 'MQTT', level = 5, flags = 2, keepAlive = 60, properties = props(), rest = [text('c')] } = parts;
  return packet(0x10, text(name), [level, flags], uint16(keepAlive), level === 5 ? properties : [], ...rest);
}
