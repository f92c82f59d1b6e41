import { MqttError, malformed, protocolError } from './mqtt-error.ts';
import type { Connect, Properties, ProtocolVersion, QoS, Will } from './packet.ts';
import type { PacketReader } from './packet-reader.ts';
import { PACKET_TYPE } from './packet-type.ts';
import { WILL } from './property-table.ts';
import { readProperties } from './read-properties.ts';
import { REASON } from './reason-codes.ts';
import type { TopicReader } from './topic-reader.ts';

/** Flags of CONNECT (MQTT 5.0 section 3.1.2.3). */
const RESERVED = 0x01;
const CLEAN_START = 0x02;
const WILL_FLAG = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USER_NAME = 0x80;
const willQoS = (flags: number): number => (flags >>> 3) & 3;

function readVersion(reader: PacketReader): { readonly level: number; readonly supported: boolean } {
  const name = reader.text();
  const level = reader.byte();
  return { level, supported: name === 'MQTT' && (level === 4 || level === 5) };
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  if (flags & RESERVED) throw malformed('the reserved flag of CONNECT is set');
  if (willQoS(flags) === 3) throw malformed('the QoS of the will is 3');
  if (!(flags & WILL_FLAG) && (flags & WILL_RETAIN || willQoS(flags) !== 0))
    throw malformed('CONNECT has no will, and says how to publish it');
  if (version === 4 && flags & PASSWORD && !(flags & USER_NAME)) throw malformed('CONNECT has a password without a user name');
}

function checkAuthentication(properties: Properties | undefined): void {
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined)
    throw protocolError('CONNECT has authentication data without a method');
}

function readWill(reader: PacketReader, flags: number, version: ProtocolVersion, topics: TopicReader): Will {
  const properties = version === 5 ? readProperties(reader, WILL) : undefined;
  const { bytes, at, end } = reader.part(reader.uint16());
  const topic = topics.read(bytes, at, end);
  if (topic === '') throw new MqttError(REASON.TOPIC_NAME_INVALID, 'the topic of the will is empty');
  const will = { topic, payload: reader.binary(), qos: willQoS(flags) as QoS, retain: (flags & WILL_RETAIN) !== 0 };
  return properties === undefined ? will : { ...will, properties };
}

function readConnect(reader: PacketReader, version: ProtocolVersion, topics: TopicReader): Connect {
  const flags = reader.byte();
  checkFlags(flags, version);
  const keepAlive = reader.uint16();
  const properties = version === 5 ? readProperties(reader, PACKET_TYPE.CONNECT) : undefined;
  checkAuthentication(properties);
  const clientId = reader.text();
  const cleanStart = (flags & CLEAN_START) !== 0;
  const connect: Connect = {
    type: 'CONNECT',
    version,
    cleanStart,
    keepAlive,
    clientId,
    ...(flags & WILL_FLAG ? { will: readWill(reader, flags, version, topics) } : {}),
    ...(flags & USER_NAME ? { username: reader.text() } : {}),
    ...(flags & PASSWORD ? { password: reader.binary() } : {}),
    ...(properties === undefined ? {} : { properties }),
  };
  reader.finish();
  // 3.1.1 statement [MQTT-3.1.3-8]; the last of all checks, since its answer is a CONNACK of its own.
  if (version === 4 && clientId === '' && !cleanStart)
    throw new MqttError(REASON.CLIENT_IDENTIFIER_NOT_VALID, 'a session that goes on needs a client identifier');
  return connect;
}

/**
 * Reads what follows the fixed header of CONNECT.
 * @throws MqttError 0x84 for other protocols and levels than 3.1.1 and 5.0 [MQTT-3.1.2-1] [MQTT-3.1.2-2]. Errors behind the level
 * carry it as `version`.
 */
export function decodeConnect(reader: PacketReader, topics: TopicReader): Connect {
  const { level, supported } = readVersion(reader);
  if (!supported)
    throw new MqttError(REASON.UNSUPPORTED_PROTOCOL_VERSION, `level ${level} of the protocol is not spoken here`, level);
  try {
    return readConnect(reader, level as ProtocolVersion, topics);
  } catch (error) {
    throw error instanceof MqttError ? new MqttError(error.reasonCode, error.message, level) : error;
  }
}
