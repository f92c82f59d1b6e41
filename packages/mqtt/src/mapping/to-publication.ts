import { decodeBase64, type Message, readUtf8 } from '@qanat/core';
import type { QoS, UserProperty } from '../codec/packet.ts';
import type { Publication, PublicationProperties } from '../ports.ts';
import { isMqttString, isMqttTopic, STRING_BYTES_MAX } from './mqtt-string.ts';
import { PROPERTY } from './property-names.ts';
import { PropertyScan } from './property-scan.ts';
import type { TopicRules } from './topic-rules.ts';

type Texts = Readonly<Record<string, string>>;

const INTEGER = /^(?:0|[1-9]\d{0,15})$/;
const OURS = /^(?:mqtt|qnt)\./;

const scan = new PropertyScan();

/**
 * The publication for which a message stands; undefined where it is none for devices: no rule leads from its MQTT topic to
 * its topic of the cluster, or one of direction `up` does (QNT-MQT-011, QNT-MQT-012). What other clients of the cluster wrote
 * and MQTT cannot say is left out.
 *
 * @returns what borrows its bytes from the message.
 */
export function toPublication(message: Message, rules: TopicRules): Publication | undefined {
  scan.read(message);
  if (scan.more) return fromTexts(message, rules);
  const topic = scan.topic ?? message.key;
  if (topic === undefined || !isForDevices(topic, message.topic, rules)) return undefined;
  const { clientId } = scan;
  return {
    topic,
    qos: qosOf(scan.qos, clientId),
    retain: scan.retain,
    payload: message.body,
    clientId,
    properties: undefined,
  };
}

function isForDevices(topic: string, clusterTopic: string, rules: TopicRules): boolean {
  const mapped = rules.toCluster(topic);
  return mapped !== undefined && mapped.topic === clusterTopic && mapped.direction !== 'up';
}

/** Of devices it is 0 where nothing is said, of other clients 1: they sent it to be received (QNT-MQT-009). */
function qosOf(text: string | undefined, clientId: string | undefined): QoS {
  if (text === '0' || text === '1' || text === '2') return Number(text) as QoS;
  return clientId === undefined ? 1 : 0;
}

function fromTexts(message: Message, rules: TopicRules): Publication | undefined {
  const whole = withHead(message.properties, message.body);
  if (whole === undefined) return undefined;
  const { texts, payload } = whole;
  const topic = texts[PROPERTY.TOPIC] ?? message.key;
  if (topic === undefined || !isForDevices(topic, message.topic, rules)) return undefined;
  const clientId = texts[PROPERTY.CLIENT];
  return {
    topic,
    qos: qosOf(texts[PROPERTY.QOS], clientId),
    retain: texts[PROPERTY.RETAIN] === '1',
    payload,
    clientId,
    properties: propertiesOf(texts, clientId === undefined),
  };
}

/** The properties with those in front of the body; undefined where these are none. */
function withHead(properties: Texts, body: Uint8Array): { texts: Texts; payload: Uint8Array } | undefined {
  const length = properties[PROPERTY.HEAD];
  if (length === undefined) return { texts: properties, payload: body };
  const end = integerOf(length);
  const head = end === undefined || end > body.length ? undefined : jsonOf(readUtf8(body, 0, end));
  if (end === undefined || head === null || typeof head !== 'object' || Array.isArray(head)) return undefined;
  if (!Object.values(head).every((value) => typeof value === 'string')) return undefined;
  return { texts: Object.assign(Object.create(null), properties, head), payload: body.subarray(end) };
}

function propertiesOf(texts: Texts, foreign: boolean): PublicationProperties | undefined {
  const format = texts[PROPERTY.FORMAT];
  const contentType = texts[PROPERTY.CONTENT_TYPE];
  const responseTopic = texts[PROPERTY.RESPONSE_TOPIC];
  const correlationData = correlationOf(texts[PROPERTY.CORRELATION]);
  const expiresAtMs = integerOf(texts[PROPERTY.EXPIRES]);
  const userProperties = [...userOf(texts[PROPERTY.USER]), ...(foreign ? foreignOf(texts) : [])];
  const properties: PublicationProperties = {
    ...(format === '0' || format === '1' ? { payloadFormatIndicator: Number(format) as 0 | 1 } : {}),
    ...(contentType !== undefined && isMqttString(contentType) ? { contentType } : {}),
    ...(responseTopic !== undefined && isMqttTopic(responseTopic) ? { responseTopic } : {}),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties.length === 0 ? {} : { userProperties }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  };
  return Object.keys(properties).length === 0 ? undefined : properties;
}

function correlationOf(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : decodeBase64(text);
  return bytes !== undefined && bytes.length <= STRING_BYTES_MAX ? bytes : undefined;
}

function integerOf(text: string | undefined): number | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function userOf(text: string | undefined): readonly UserProperty[] {
  const list = text === undefined ? undefined : jsonOf(text);
  return Array.isArray(list) ? list.filter(isUserProperty) : [];
}

function isUserProperty(pair: unknown): pair is UserProperty {
  return Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === 'string' && isMqttString(text));
}

/** What other clients of the cluster gave their messages along (QNT-MQT-010). */
function foreignOf(texts: Texts): readonly UserProperty[] {
  return Object.entries(texts).filter((pair) => !OURS.test(pair[0]) && isUserProperty(pair));
}
