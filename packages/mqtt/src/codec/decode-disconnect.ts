import { protocolError } from './mqtt-error.ts';
import type { Auth, Disconnect } from './packet.ts';
import type { PacketReader } from './packet-reader.ts';
import { PACKET_TYPE } from './packet-type.ts';
import { readProperties } from './read-properties.ts';
import { REASON } from './reason-codes.ts';

/** Those that a client may say (MQTT 5.0 section 3.14.2.1) [MQTT-3.14.2-1]. */
const OF_CLIENTS: ReadonlySet<number> = new Set([
  REASON.NORMAL_DISCONNECTION,
  REASON.DISCONNECT_WITH_WILL_MESSAGE,
  REASON.UNSPECIFIED_ERROR,
  REASON.MALFORMED_PACKET,
  REASON.PROTOCOL_ERROR,
  REASON.IMPLEMENTATION_SPECIFIC_ERROR,
  REASON.TOPIC_NAME_INVALID,
  REASON.RECEIVE_MAXIMUM_EXCEEDED,
  REASON.TOPIC_ALIAS_INVALID,
  REASON.PACKET_TOO_LARGE,
  REASON.MESSAGE_RATE_TOO_HIGH,
  REASON.QUOTA_EXCEEDED,
  REASON.ADMINISTRATIVE_ACTION,
  REASON.PAYLOAD_FORMAT_INVALID,
]);
/** SUCCESS is for servers, yet a packet of length 0 says it; whoever handles AUTH refuses it [MQTT-3.15.2-1]. */
const OF_AUTH: ReadonlySet<number> = new Set([REASON.SUCCESS, REASON.CONTINUE_AUTHENTICATION, REASON.RE_AUTHENTICATE]);

/** Reads what follows the fixed header of DISCONNECT of MQTT 5.0: nothing, a reason code, or that and properties. */
export function decodeDisconnect(reader: PacketReader): Disconnect {
  const reasonCode = reader.left === 0 ? REASON.NORMAL_DISCONNECTION : reader.byte();
  if (!OF_CLIENTS.has(reasonCode)) throw protocolError(`${reasonCode} is no reason code of a client's DISCONNECT`);
  const properties = reader.left === 0 ? undefined : readProperties(reader, PACKET_TYPE.DISCONNECT);
  reader.finish();
  return properties === undefined ? { type: 'DISCONNECT', reasonCode } : { type: 'DISCONNECT', reasonCode, properties };
}

/** Reads what follows the fixed header of AUTH: nothing, or reason code and properties, of which the method is one. */
export function decodeAuth(reader: PacketReader): Auth {
  if (reader.left === 0) return { type: 'AUTH', reasonCode: REASON.SUCCESS };
  const reasonCode = reader.byte();
  if (!OF_AUTH.has(reasonCode)) throw protocolError(`${reasonCode} is no reason code of AUTH`);
  const properties = readProperties(reader, PACKET_TYPE.AUTH);
  reader.finish();
  if (properties?.authenticationMethod === undefined) throw protocolError('AUTH names no authentication method');
  return { type: 'AUTH', reasonCode, properties };
}
