import type { Properties, Publish, QoS } from '../codec/packet.ts';
import type { PublicationProperties, StoredPublication } from '../ports.ts';
import type { Connection } from './connection.ts';

/** How one message goes to one client. */
export interface Manner {
  readonly qos: QoS;
  readonly retain: boolean;
  /** Of the subscriptions for whose sake it is sent. */
  readonly identifiers: readonly number[] | undefined;
  readonly dup: boolean;
  /** 0: none yet. Filled in when it is sent. */
  packetId: number;
  /** Of a shared subscription. */
  readonly settle: ((done: boolean) => void) | undefined;
}

export const lower = (one: QoS, other: QoS): QoS => (one < other ? one : other);

/** Whether nobody may be sent the message any more [MQTT-3.3.2-5]. */
export const isExpired = ({ properties }: StoredPublication, wallMs: number): boolean =>
  properties?.expiresAtMs !== undefined && properties.expiresAtMs <= wallMs;

/** Other clients of the cluster may name a deadline that is further away than MQTT can say. */
const LONGEST_INTERVAL_S = 0xffff_ffff;

/** Seconds that are left [MQTT-3.3.2-6]; 0 for what had begun when it expired. */
const secondsLeft = (expiresAtMs: number, wallMs: number): number =>
  Math.min(LONGEST_INTERVAL_S, Math.max(0, Math.ceil((expiresAtMs - wallMs) / 1_000)));

/** What of the message's properties is sent on, unaltered but for the expiry interval. */
function carried(properties: PublicationProperties, wallMs: number): Properties {
  const { expiresAtMs, ...rest } = properties;
  return expiresAtMs === undefined ? rest : { ...rest, messageExpiryInterval: secondsLeft(expiresAtMs, wallMs) };
}

function propertiesOf(
  message: StoredPublication,
  identifiers: readonly number[] | undefined,
  alias: number | undefined,
  wallMs: number,
): Properties | undefined {
  const { properties } = message;
  if (properties === undefined && identifiers === undefined && alias === undefined) return undefined;
  return {
    ...(properties === undefined ? undefined : carried(properties, wallMs)),
    ...(identifiers === undefined ? undefined : { subscriptionIdentifiers: identifiers }),
    ...(alias === undefined ? undefined : { topicAlias: alias }),
  };
}

/** The PUBLISH by which a message goes to a client of 3.1.1, or of 5.0 that has given us no topic aliases. */
export function plainPublish(message: StoredPublication, manner: Manner, version: 4 | 5, wallMs: number): Publish {
  const properties = version === 5 ? propertiesOf(message, manner.identifiers, undefined, wallMs) : undefined;
  return publishOf(message, manner, message.topic, properties);
}

function publishOf(message: StoredPublication, manner: Manner, topic: string, properties: Properties | undefined): Publish {
  const { qos, retain, dup, packetId } = manner;
  const publish: Publish = { type: 'PUBLISH', dup, qos, retain, topic, packetId, payload: message.payload };
  return properties === undefined ? publish : { ...publish, properties };
}

/** The PUBLISH by which a message goes to this client, with a topic alias where there is one. */
export function publishFor(connection: Connection, message: StoredPublication, manner: Manner, wallMs: number): Publish {
  const aliases = connection.aliasesOut;
  if (aliases === undefined) return plainPublish(message, manner, connection.version, wallMs);
  const known = aliases.of(message.topic);
  const alias = known ?? aliases.free;
  const topic = known === undefined ? message.topic : '';
  return publishOf(message, manner, topic, propertiesOf(message, manner.identifiers, alias, wallMs));
}
