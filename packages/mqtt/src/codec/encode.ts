import { writeUint16At } from '@qanat/core';
import { ACK_BYTES, publishLength, writeAck, writePublish } from './encode-publish.ts';
import type { Ack, Auth, Connack, Disconnect, Properties, ProtocolVersion, ServerPacket, Suback } from './packet.ts';
import { variableLength } from './packet-end.ts';
import { firstByte, PACKET_TYPE, type PacketTypeName } from './packet-type.ts';
import { isFailure, REASON } from './reason-codes.ts';
import { checkSentId, unsayable, writeHead } from './write-fields.ts';
import { propertiesBytes, writeProperties } from './write-properties.ts';

const CONNACK_RETURN_CODE_LAST = 5;
/** What SUBACK of 3.1.1 says of each failure (its section 3.9.3). */
const SUBACK_FAILURE = 0x80;

/** A packet of three parts: bytes, properties, bytes. `properties` undefined: there is no place for them. */
function build(
  type: PacketTypeName,
  before: readonly number[],
  properties: { readonly of: Properties | undefined } | undefined,
  after: readonly number[] = [],
): Uint8Array {
  const number = PACKET_TYPE[type];
  const propertyBytes = properties === undefined ? 0 : propertiesBytes(properties.of, number);
  const withLength = properties === undefined ? 0 : variableLength(propertyBytes) + propertyBytes;
  const length = before.length + withLength + after.length;
  const target = new Uint8Array(1 + variableLength(length) + length);
  const from = writeHead(target, 0, firstByte(number), length);
  target.set(before, from);
  if (properties !== undefined) writeProperties(target, from + before.length, properties.of, propertyBytes);
  target.set(after, target.length - after.length);
  return target;
}

const idBytes = (packetId: number): readonly number[] => {
  const bytes = new Uint8Array(2);
  writeUint16At(bytes, 0, checkSentId(packetId));
  return [...bytes];
};

/** Whether a packet may leave out its properties, and with the reason 0 that too. */
const isShort = (properties: Properties | undefined, type: PacketTypeName): boolean =>
  propertiesBytes(properties, PACKET_TYPE[type]) === 0;

/** No session is said to go on where the connection is refused [MQTT-3.2.2-6]. */
function encodeConnack({ sessionPresent, reasonCode, properties }: Connack, version: ProtocolVersion): Uint8Array {
  const start = [sessionPresent && reasonCode === REASON.SUCCESS ? 1 : 0, reasonCode];
  if (version === 5) return build('CONNACK', start, { of: properties });
  if (reasonCode > CONNACK_RETURN_CODE_LAST) throw unsayable(`${reasonCode} is no return code of 3.1.1`);
  return build('CONNACK', start, undefined);
}

function encodeAck({ type, packetId, reasonCode, properties }: Ack, version: ProtocolVersion): Uint8Array {
  if (version === 4 && reasonCode !== REASON.SUCCESS) throw unsayable(`${type} of 3.1.1 has no reason code`);
  const start = idBytes(packetId);
  if (version === 5 && !isShort(properties, type)) return build(type, [...start, reasonCode], { of: properties });
  if (reasonCode !== REASON.SUCCESS) return build(type, [...start, reasonCode], undefined);
  const target = new Uint8Array(ACK_BYTES);
  writeAck(target, 0, type, packetId);
  return target;
}

function encodeSuback({ type, packetId, reasonCodes, properties }: Suback, version: ProtocolVersion): Uint8Array {
  if (version === 5) return build(type, idBytes(packetId), { of: properties }, reasonCodes);
  const codes = type === 'UNSUBACK' ? [] : reasonCodes.map((code) => (isFailure(code) ? SUBACK_FAILURE : code));
  return build(type, idBytes(packetId), undefined, codes);
}

function encodeDisconnect({ type, reasonCode, properties }: Disconnect, version: ProtocolVersion): Uint8Array {
  if (version === 4) throw unsayable('a server of 3.1.1 sends no DISCONNECT');
  if (!isShort(properties, type)) return build(type, [reasonCode], { of: properties });
  return build(type, reasonCode === REASON.NORMAL_DISCONNECTION ? [] : [reasonCode], undefined);
}

function encodeAuth({ type, reasonCode, properties }: Auth, version: ProtocolVersion): Uint8Array {
  if (version === 4) throw unsayable('3.1.1 has no AUTH');
  const short = reasonCode === REASON.SUCCESS && isShort(properties, type);
  return short ? build(type, [], undefined) : build(type, [reasonCode], { of: properties });
}

/**
 * Encodes one packet towards a client. With 3.1.1 properties are left out, SUBACK says each failure as 0x80, and UNSUBACK no
 * codes.
 * @returns bytes that are the caller's.
 * @throws MqttError 0x83 where it cannot be said: a text or binary data of more than 65,535 bytes, U+0000, a packet identifier
 * that is none, a property that a server may not say there, DISCONNECT, AUTH or a reason code with 3.1.1. 0x95 beyond 256 MiB.
 */
export function encodePacket(packet: ServerPacket, version: ProtocolVersion): Uint8Array {
  switch (packet.type) {
    case 'PUBLISH': {
      const target = new Uint8Array(publishLength(packet, version));
      writePublish(target, 0, packet, version);
      return target;
    }
    case 'CONNACK':
      return encodeConnack(packet, version);
    case 'SUBACK':
    case 'UNSUBACK':
      return encodeSuback(packet, version);
    case 'PINGRESP':
      return build('PINGRESP', [], undefined);
    case 'DISCONNECT':
      return encodeDisconnect(packet, version);
    case 'AUTH':
      return encodeAuth(packet, version);
    default:
      return encodeAck(packet, version);
  }
}

/** Without what may be left out. */
function withoutDetails<Packet extends ServerPacket>(packet: Packet, names: readonly (keyof Properties)[]): Packet {
  const properties = 'properties' in packet ? packet.properties : undefined;
  if (properties === undefined) return packet;
  return {
    ...packet,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !names.some((n) => n === name))),
  };
}

/**
 * Encodes one packet towards a client that takes no more than `packetBytesMax` bytes: where it would be longer its User
 * Properties are dropped, then its Reason String too ([MQTT-3.2.2-19], [MQTT-3.2.2-20] and the like of each packet); never
 * those of a PUBLISH.
 * @param packetBytesMax the client's Maximum Packet Size (MQTT 5.0 section 3.1.2.11.4).
 * @returns undefined: it does not fit. A PUBLISH is then taken for done [MQTT-3.1.2-25].
 * @throws MqttError as `encodePacket`.
 */
export function encodeWithin(packet: ServerPacket, version: ProtocolVersion, packetBytesMax: number): Uint8Array | undefined {
  if (packet.type === 'PUBLISH')
    return publishLength(packet, version) > packetBytesMax ? undefined : encodePacket(packet, version);
  const drops: readonly (readonly (keyof Properties)[])[] = [[], ['userProperties'], ['userProperties', 'reasonString']];
  for (const names of drops) {
    const bytes = encodePacket(names.length === 0 ? packet : withoutDetails(packet, names), version);
    if (bytes.length <= packetBytesMax) return bytes;
  }
  return undefined;
}
