import { type Message, readUtf8 } from '@qanat/core';
import type { IPublishPacket } from 'mqtt';
import type { UserProperty } from '../codec/packet.ts';
import { PROPERTY } from '../mapping/property-names.ts';
import type { Publication, PublicationProperties } from '../ports.ts';

type PacketProperties = NonNullable<IPublishPacket['properties']>;

/** Name of the MQTT server that a message was fetched from; undefined: of none. */
export function serverOf({ properties, body }: Message): string | undefined {
  const head = properties[PROPERTY.HEAD];
  if (head === undefined || !/^\d{1,9}$/.test(head)) return properties[PROPERTY.FROM];
  try {
    const more = JSON.parse(readUtf8(body, 0, Math.min(Number(head), body.length))) as Record<string, string>;
    return more[PROPERTY.FROM] ?? properties[PROPERTY.FROM];
  } catch {
    return properties[PROPERTY.FROM];
  }
}

/** The properties of PUBLISH; undefined where the publication has none. @param wallMs ms since 1970. */
export function packetProperties(properties: PublicationProperties | undefined, wallMs: number): PacketProperties | undefined {
  if (properties === undefined) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties, expiresAtMs } = properties;
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    ...(userProperties === undefined ? {} : { userProperties: grouped(userProperties) }),
    ...(expiresAtMs === undefined ? {} : { messageExpiryInterval: Math.max(0, Math.ceil((expiresAtMs - wallMs) / 1_000)) }),
  };
}

/** MQTT.js keeps the order of values of one name, not that of names. */
function grouped(pairs: readonly UserProperty[]): Record<string, string | string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) values.set(name, [...(values.get(name) ?? []), value]);
  return Object.fromEntries(Array.from(values, ([name, list]) => [name, list.length === 1 ? (list[0] as string) : list]));
}

/** The publication that a PUBLISH of the other broker is here. @param wallMs ms since 1970. */
export function publicationOf(packet: IPublishPacket, topic: string, wallMs: number): Publication {
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  const properties = packet.properties === undefined ? undefined : carried(packet.properties, wallMs);
  return { topic, qos: packet.qos, retain: packet.retain, payload, clientId: undefined, properties };
}

function carried(from: PacketProperties, wallMs: number): PublicationProperties {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties, messageExpiryInterval } = from;
  const pairs = Object.entries(userProperties ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value): UserProperty => [name, value]),
  );
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator ? 1 : 0 }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(pairs.length === 0 ? {} : { userProperties: pairs }),
    ...(messageExpiryInterval === undefined ? {} : { expiresAtMs: wallMs + messageExpiryInterval * 1_000 }),
  };
}
