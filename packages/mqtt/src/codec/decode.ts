import { decodeAck } from './decode-ack.ts';
import { decodeConnect } from './decode-connect.ts';
import { decodeAuth, decodeDisconnect } from './decode-disconnect.ts';
import { decodePublish } from './decode-publish.ts';
import { decodeSubscribe, decodeUnsubscribe } from './decode-subscribe.ts';
import { malformed, protocolError } from './mqtt-error.ts';
import type { ClientPacket, Disconnect, ProtocolVersion } from './packet.ts';
import { bodyStart } from './packet-end.ts';
import { PacketReader } from './packet-reader.ts';
import { firstByte, PACKET_TYPE } from './packet-type.ts';
import { TopicReader } from './topic-reader.ts';

const topics = /* @__PURE__ */ new TopicReader();

const PINGREQ = Object.freeze({ type: 'PINGREQ' } as const);
const DISCONNECT_3: Disconnect = Object.freeze({ type: 'DISCONNECT', reasonCode: 0 } as const);

/** @returns `packet`, of a type that has nothing behind its fixed header. */
function bare<Packet extends ClientPacket>(packet: Packet, length: number): Packet {
  if (length > 0) throw malformed(`${packet.type} has ${length} bytes behind its fixed header`);
  return packet;
}

/** All but CONNECT, whose place is the first [MQTT-3.1.0-1] [MQTT-3.1.0-2]. */
function decodeLater(bytes: Uint8Array, type: number, from: number, end: number, version: ProtocolVersion): ClientPacket {
  switch (type) {
    case PACKET_TYPE.PUBACK:
      return decodeAck(bytes, 'PUBACK', from, end, version);
    case PACKET_TYPE.PUBREC:
      return decodeAck(bytes, 'PUBREC', from, end, version);
    case PACKET_TYPE.PUBREL:
      return decodeAck(bytes, 'PUBREL', from, end, version);
    case PACKET_TYPE.PUBCOMP:
      return decodeAck(bytes, 'PUBCOMP', from, end, version);
    case PACKET_TYPE.PINGREQ:
      return bare(PINGREQ, end - from);
    case PACKET_TYPE.SUBSCRIBE:
      return decodeSubscribe(new PacketReader(bytes, from, end), version);
    case PACKET_TYPE.UNSUBSCRIBE:
      return decodeUnsubscribe(new PacketReader(bytes, from, end), version);
    case PACKET_TYPE.DISCONNECT:
      return version === 4 ? bare(DISCONNECT_3, end - from) : decodeDisconnect(new PacketReader(bytes, from, end));
    case PACKET_TYPE.AUTH:
      if (version === 5) return decodeAuth(new PacketReader(bytes, from, end));
      throw malformed('packets of type 15 are none of 3.1.1');
    default:
      throw protocolError(`a packet of type ${type} is not for clients to send`);
  }
}

/**
 * Decodes one packet that a client sent.
 * @param bytes hold it from `at` up to `packetEnd`, as the function `packetEnd` said.
 * @param version what CONNECT said; undefined before it: then only CONNECT may come.
 * @returns the packet. Payloads and binary data are borrowed: they lie in `bytes`. Texts are not.
 * @throws MqttError, and nothing else, where MQTT forbids what came; the reason code says what. After it nothing more of this
 * connection can be understood [MQTT-4.13.1-1].
 */
export function decodePacket(
  bytes: Uint8Array,
  at: number,
  packetEnd: number,
  version: ProtocolVersion | undefined,
): ClientPacket {
  const first = bytes[at] as number;
  const type = first >>> 4;
  const from = bodyStart(bytes, at);
  if (type === PACKET_TYPE.PUBLISH && version !== undefined)
    return decodePublish(bytes, first & 15, from, packetEnd, version, topics);
  if (type === 0) throw malformed('packets of type 0 are none');
  if (type !== PACKET_TYPE.PUBLISH && first !== firstByte(type)) throw malformed('reserved flags of the fixed header are wrong');
  if (type === PACKET_TYPE.CONNECT && version === undefined)
    return decodeConnect(new PacketReader(bytes, from, packetEnd), topics);
  if (type === PACKET_TYPE.CONNECT) throw protocolError('a second CONNECT');
  if (version === undefined) throw protocolError('the first packet is no CONNECT');
  return decodeLater(bytes, type, from, packetEnd, version);
}
