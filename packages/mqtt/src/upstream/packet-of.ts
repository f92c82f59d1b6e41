import type { Message } from '@qanat/core';
import type { IPublishPacket } from 'mqtt';
import type { UserProperty } from '../codec/packet.ts';
import { PROPERTY } from '../mapping/property-names.ts';
import type { CarriedProperties, Publication, PublicationProperties } from '../ports.ts';

type PacketProperties = NonNullable<IPublishPacket['properties']>;

/** Name of the MQTT server that a message was fetched from; undefined: of none. */
export const serverOf = ({ properties }: Message): string | undefined => properties[PROPERTY.FROM];

/** Other clients of the cluster may name a deadline that is further away than MQTT can say. */
const LONGEST_INTERVAL_S = 0xffff_ffff;

/** The properties of PUBLISH; undefined where the publication has none. @param wallMs ms since 1970. */
export function packetProperties(properties: PublicationProperties | undefined, wallMs: number): PacketProperties | undefined {
  if (properties === undefined) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties, expiresAtMs } = properties;
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator: payloadFormatIndicator === 1 }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    ...userPropertiesOf(userProperties),
    ...(expiresAtMs === undefined ? {} : { messageExpiryInterval: secondsLeft(expiresAtMs, wallMs) }),
  };
}

const secondsLeft = (expiresAtMs: number, wallMs: number): number =>
  Math.min(LONGEST_INTERVAL_S, Math.max(0, Math.ceil((expiresAtMs - wallMs) / 1_000)));

/** A name that MQTT.js loses when it copies a packet, to send it again. With nothing beside it the copy cannot be sent at all. */
const LOST_NAME = '__proto__';

/** MQTT.js keeps the order of values of one name, not that of names. */
function userPropertiesOf(pairs: readonly UserProperty[] = []): Pick<PacketProperties, 'userProperties'> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) if (name !== LOST_NAME) values.set(name, [...(values.get(name) ?? []), value]);
  if (values.size === 0) return {};
  const texts = Array.from(values, ([name, list]) => [name, list.length === 1 ? (list[0] as string) : list] as const);
  return { userProperties: Object.fromEntries(texts) };
}

/** The publication that a PUBLISH of the other broker is here. @param wallMs ms since 1970. */
export function publicationOf(packet: IPublishPacket, topic: string, wallMs: number): Publication {
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  const properties = packet.properties === undefined ? undefined : carried(packet.properties, wallMs);
  return { topic, qos: packet.qos, retain: packet.retain, payload, clientId: undefined, properties };
}

function carried(from: PacketProperties, wallMs: number): PublicationProperties {
  const { messageExpiryInterval, ...rest } = carriedProperties(from);
  return messageExpiryInterval === undefined ? rest : { ...rest, expiresAtMs: wallMs + messageExpiryInterval * 1_000 };
}

/** What of the properties of MQTT.js a message takes along, in the form of the codec. */
export function carriedProperties(from: PacketProperties): CarriedProperties {
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
    ...(messageExpiryInterval === undefined ? {} : { messageExpiryInterval }),
  };
}
