import type { MessageInit } from '@qanat/client';
import { encodeBase64, LIMITS, utf8, utf8Length } from '@qanat/core';
import type { Publication, PublicationProperties } from '../ports.ts';
import { PROPERTY } from './property-names.ts';
import type { MappedTopic } from './rule.ts';

type Texts = Record<string, string>;

/**
 * The message that stands for a publication in the cluster. `toPublication` gives the same publication again (QNT-MQT-007).
 *
 * @param receivedAtMs ms since 1970.
 * @param from name of the MQTT server that it was fetched from. Default: none, a device published it.
 * @returns a message whose body is the publication's payload, borrowed as that is, except where properties stand in front of it.
 */
export function toMessage(publication: Publication, mapped: MappedTopic, receivedAtMs: number, from?: string): MessageInit {
  const texts: Texts = {};
  const { clientId, topic, properties } = publication;
  const qos = Math.min(publication.qos, mapped.maxQos);
  if (qos !== (clientId === undefined ? 1 : 0)) texts[PROPERTY.QOS] = String(qos);
  if (publication.retain && mapped.retain) texts[PROPERTY.RETAIN] = '1';
  if (clientId !== undefined) texts[PROPERTY.CLIENT] = clientId;
  if (mapped.carriesTopic) texts[PROPERTY.TOPIC] = topic;
  if (from !== undefined) texts[PROPERTY.FROM] = from;
  if (properties !== undefined) addProperties(texts, properties);
  const head = fits(texts, publication) ? undefined : takeHead(texts);
  const body = head === undefined ? publication.payload : joined(head, publication.payload);
  const { key, tag } = mapped;
  return tag === undefined
    ? { body, key, properties: texts, bornTimeMs: receivedAtMs }
    : { body, key, tag, properties: texts, bornTimeMs: receivedAtMs };
}

function addProperties(texts: Texts, properties: PublicationProperties): void {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties, expiresAtMs } = properties;
  if (payloadFormatIndicator !== undefined) texts[PROPERTY.FORMAT] = String(payloadFormatIndicator);
  if (contentType !== undefined) texts[PROPERTY.CONTENT_TYPE] = contentType;
  if (responseTopic !== undefined) texts[PROPERTY.RESPONSE_TOPIC] = responseTopic;
  if (correlationData !== undefined) texts[PROPERTY.CORRELATION] = encodeBase64(correlationData);
  if (expiresAtMs !== undefined) texts[PROPERTY.EXPIRES] = String(Math.trunc(expiresAtMs));
  if (userProperties !== undefined && userProperties.length > 0) texts[PROPERTY.USER] = JSON.stringify(userProperties);
}

/** More than the names, QoS, RETAIN and the name of a server take: a name has PRINCIPAL_NAME_BYTES_MAX bytes at most. */
const FIXED_BYTES = 256;

/** Most messages have few short texts: their lengths tell without counting bytes. */
function fits(texts: Texts, { topic, clientId, properties }: Publication): boolean {
  // No UTF-16 unit takes more than three bytes.
  const few =
    properties === undefined && (topic.length + (clientId?.length ?? 0)) * 3 + FIXED_BYTES <= LIMITS.PROPERTIES_BYTES_MAX;
  if (few) return true;
  let bytes = 0;
  for (const name in texts) bytes += utf8Length(name) + utf8Length(texts[name] as string);
  return bytes <= LIMITS.PROPERTIES_BYTES_MAX;
}

/**
 * MQTT allows more bytes of properties than a message of the cluster has room for: then all but QoS, RETAIN and the server that
 * it is from stand in front of the body. Takes them out of `texts`.
 */
function takeHead(texts: Texts): Uint8Array {
  const { [PROPERTY.QOS]: _qos, [PROPERTY.RETAIN]: _retain, [PROPERTY.FROM]: _from, ...rest } = texts;
  for (const name in rest) delete texts[name];
  const head = utf8(JSON.stringify(rest));
  texts[PROPERTY.HEAD] = String(head.length);
  return head;
}

function joined(head: Uint8Array, payload: Uint8Array): Uint8Array {
  const body = new Uint8Array(head.length + payload.length);
  body.set(head);
  body.set(payload, head.length);
  return body;
}
