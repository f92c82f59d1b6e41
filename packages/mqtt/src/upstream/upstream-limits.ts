import { utf8Length } from '@qanat/core';
import type { IConnackPacket, IPublishPacket } from 'mqtt';
import { publishLength } from '../codec/encode-publish.ts';
import { MqttError } from '../codec/mqtt-error.ts';
import type { ProtocolVersion, QoS } from '../codec/packet.ts';
import { variableLength } from '../codec/packet-end.ts';
import { REASON } from '../codec/reason-codes.ts';
import { isMqttTopic } from '../mapping/mqtt-string.ts';
import { carriedProperties } from './packet-of.ts';

/** A publish for the other broker. */
export type UpstreamPublish = Pick<IPublishPacket, 'topic' | 'qos' | 'retain' | 'payload' | 'properties'>;

/** What the other broker takes, by its CONNACK (MQTT 5.0 section 3.2.2.3). It can be another with every connection. */
export interface UpstreamLimits {
  /** Bytes of one packet, its fixed header included. */
  readonly packetBytesMax: number;
  readonly qosMax: QoS;
  /** Whether a publish may have RETAIN. */
  readonly retains: boolean;
  /** Whether a subscription may have wildcards. */
  readonly wildcards: boolean;
  /** Publishes of QoS 1 and 2 that are not acknowledged. */
  readonly receiveMaximum: number;
}

/** @param properties of CONNACK; 3.1.1 has none, and knows no limit. */
export function limitsOf(properties: IConnackPacket['properties'] = {}): UpstreamLimits {
  const { maximumPacketSize, maximumQoS, retainAvailable, wildcardSubscriptionAvailable, receiveMaximum } = properties;
  return {
    packetBytesMax: maximumPacketSize ?? Number.POSITIVE_INFINITY,
    qosMax: (maximumQoS ?? 2) as QoS,
    retains: retainAvailable ?? true,
    wildcards: wildcardSubscriptionAvailable ?? true,
    receiveMaximum: receiveMaximum ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * The publish as it may be sent: of no higher QoS than the other broker takes [MQTT-3.2.2-11], and without RETAIN where it keeps
 * nothing [MQTT-3.2.2-14].
 */
export function lowered(publish: UpstreamPublish, { qosMax, retains }: UpstreamLimits): UpstreamPublish {
  return { ...publish, qos: Math.min(publish.qos, qosMax) as QoS, retain: publish.retain && retains };
}

/** @throws MqttError where MQTT cannot say it, or the other broker takes no packet as large [MQTT-3.2.2-15]. */
export function checkSayable(publish: UpstreamPublish, version: ProtocolVersion, { packetBytesMax }: UpstreamLimits): void {
  if (!isMqttTopic(publish.topic)) throw new MqttError(REASON.TOPIC_NAME_INVALID, 'its topic there is none that MQTT can say');
  if (bytesOf(publish, version) <= packetBytesMax) return;
  const why = `its packet has more than the ${packetBytesMax} bytes that the other broker takes`;
  throw new MqttError(REASON.PACKET_TOO_LARGE, why);
}

/** Whether a packet that was made for another connection may be sent as it is. */
export function mayGoAgain(packet: UpstreamPublish, version: ProtocolVersion, limits: UpstreamLimits): boolean {
  const { qosMax, retains, packetBytesMax } = limits;
  return packet.qos <= qosMax && (retains || !packet.retain) && bytesOf(packet, version) <= packetBytesMax;
}

/** Of the whole packet, as MQTT.js writes it. */
function bytesOf({ topic, qos, retain, payload, properties }: UpstreamPublish, version: ProtocolVersion): number {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const carried = properties === undefined ? {} : { properties: carriedProperties(properties) };
  return publishLength({ type: 'PUBLISH', dup: false, qos, retain, topic, packetId: 1, payload: bytes, ...carried }, version);
}

/** Why a subscription cannot be asked for; undefined: it can. */
export function refusalOfFilter(filter: string, version: ProtocolVersion, limits: UpstreamLimits): string | undefined {
  if (!limits.wildcards && /[+#]/.test(filter)) return 'the other broker takes no wildcards';
  // Packet identifier, properties of 5.0, the filter with its length, and its options.
  const length = 2 + (version === 5 ? 1 : 0) + 2 + utf8Length(filter) + 1;
  if (1 + variableLength(length) + length <= limits.packetBytesMax) return undefined;
  return `its packet has more than the ${limits.packetBytesMax} bytes that the other broker takes`;
}
