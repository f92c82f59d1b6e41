import { malformed, protocolError } from './mqtt-error.ts';
import type { Ack, ProtocolVersion } from './packet.ts';
import { checkPacketId } from './packet-id.ts';
import { PacketReader } from './packet-reader.ts';
import { PACKET_TYPE } from './packet-type.ts';
import { readProperties } from './read-properties.ts';
import { REASON } from './reason-codes.ts';

/** [MQTT-3.4.2-1] [MQTT-3.5.2-1]. */
const OF_PUBLISH: ReadonlySet<number> = new Set([
  REASON.SUCCESS,
  REASON.NO_MATCHING_SUBSCRIBERS,
  REASON.UNSPECIFIED_ERROR,
  REASON.IMPLEMENTATION_SPECIFIC_ERROR,
  REASON.NOT_AUTHORIZED,
  REASON.TOPIC_NAME_INVALID,
  REASON.PACKET_IDENTIFIER_IN_USE,
  REASON.QUOTA_EXCEEDED,
  REASON.PAYLOAD_FORMAT_INVALID,
]);
/** [MQTT-3.6.2-1] [MQTT-3.7.2-1]. */
const OF_RELEASE: ReadonlySet<number> = new Set([REASON.SUCCESS, REASON.PACKET_IDENTIFIER_NOT_FOUND]);

/** Reads reason code and properties, of which MQTT 5.0 allows to leave out both, or the properties (section 3.4.2.1). */
function decodeRest(bytes: Uint8Array, type: Ack['type'], packetId: number, at: number, end: number): Ack {
  const reader = new PacketReader(bytes, at, end);
  const reasonCode = reader.byte();
  const allowed = type === 'PUBACK' || type === 'PUBREC' ? OF_PUBLISH : OF_RELEASE;
  if (!allowed.has(reasonCode)) throw protocolError(`${reasonCode} is no reason code of ${type}`);
  if (reader.left === 0) return { type, packetId, reasonCode };
  const properties = readProperties(reader, PACKET_TYPE[type]);
  reader.finish();
  return properties === undefined ? { type, packetId, reasonCode } : { type, packetId, reasonCode, properties };
}

/** Reads what follows the fixed header of PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function decodeAck(bytes: Uint8Array, type: Ack['type'], from: number, end: number, version: ProtocolVersion): Ack {
  if (end - from < 2) throw malformed(`${type} ends within its packet identifier`);
  const packetId = checkPacketId(((bytes[from] as number) << 8) | (bytes[from + 1] as number));
  if (end - from === 2) return { type, packetId, reasonCode: REASON.SUCCESS };
  if (version === 4) throw malformed(`${type} of 3.1.1 has nothing behind its packet identifier`);
  return decodeRest(bytes, type, packetId, from + 2, end);
}
