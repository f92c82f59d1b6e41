import type { Properties } from './packet.ts';
import { PACKET_TYPE } from './packet-type.ts';

export type PropertyKind = 'byte' | 'uint16' | 'uint32' | 'variable' | 'text' | 'binary' | 'pair';

/** A property of MQTT 5.0 (section 2.2.2.2). */
export interface PropertyRule {
  readonly id: number;
  readonly name: keyof Properties;
  readonly kind: PropertyKind;
  /** Bit `1 << type` for each packet in which a client, or a server, may say it. */
  readonly fromClient: number;
  readonly fromServer: number;
  /** What its value may not be. */
  readonly least: 0 | 1;
  readonly most: number;
}

/** Stands for the properties of a will beside the types of packets. */
export const WILL = 0;

const { CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP } = PACKET_TYPE;
const { SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH } = PACKET_TYPE;
const among = (...types: readonly number[]): number => types.reduce((bits, type) => bits | (1 << type), 0);

const ACKS = among(PUBACK, PUBREC, PUBREL, PUBCOMP);
const EITHER = among(DISCONNECT, AUTH);
const MESSAGE = { client: among(WILL, PUBLISH), server: among(PUBLISH) };
const LOGIN = { client: among(CONNECT, AUTH), server: among(CONNACK, AUTH) };
const SETTING = { client: among(CONNECT), server: among(CONNACK) };
const ASKED = { client: among(CONNECT), server: 0 };
const OFFERED = { client: 0, server: among(CONNACK) };
const REASONS = { client: ACKS | EITHER, server: ACKS | EITHER | among(CONNACK, SUBACK, UNSUBACK) };
const EVERYWHERE = {
  client: ACKS | EITHER | among(WILL, CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE),
  server: REASONS.server | among(PUBLISH),
};

const UINT16 = 0xffff;
const UINT32 = 0xffff_ffff;
const rule = (
  id: number,
  name: keyof Properties,
  kind: PropertyKind,
  { client, server }: { readonly client: number; readonly server: number },
  least: 0 | 1 = 0,
  most = kind === 'byte' ? 1 : kind === 'uint16' ? UINT16 : UINT32,
): PropertyRule => ({ id, name, kind, fromClient: client, fromServer: server, least, most });

/** In the order of their identifiers. */
export const PROPERTY_RULES: readonly PropertyRule[] = [
  rule(1, 'payloadFormatIndicator', 'byte', MESSAGE),
  rule(2, 'messageExpiryInterval', 'uint32', MESSAGE),
  rule(3, 'contentType', 'text', MESSAGE),
  rule(8, 'responseTopic', 'text', MESSAGE),
  rule(9, 'correlationData', 'binary', MESSAGE),
  rule(11, 'subscriptionIdentifiers', 'variable', { client: among(SUBSCRIBE), server: among(PUBLISH) }, 1, 268_435_455),
  // A server never says it in DISCONNECT [MQTT-3.14.2-2].
  rule(17, 'sessionExpiryInterval', 'uint32', { client: among(CONNECT, DISCONNECT), server: among(CONNACK) }),
  rule(18, 'assignedClientIdentifier', 'text', OFFERED),
  rule(19, 'serverKeepAlive', 'uint16', OFFERED),
  rule(21, 'authenticationMethod', 'text', LOGIN),
  rule(22, 'authenticationData', 'binary', LOGIN),
  rule(23, 'requestProblemInformation', 'byte', ASKED),
  rule(24, 'willDelayInterval', 'uint32', { client: among(WILL), server: 0 }),
  rule(25, 'requestResponseInformation', 'byte', ASKED),
  rule(26, 'responseInformation', 'text', OFFERED),
  rule(28, 'serverReference', 'text', { client: 0, server: among(CONNACK, DISCONNECT) }),
  rule(31, 'reasonString', 'text', REASONS),
  rule(33, 'receiveMaximum', 'uint16', SETTING, 1),
  rule(34, 'topicAliasMaximum', 'uint16', SETTING),
  rule(35, 'topicAlias', 'uint16', { client: among(PUBLISH), server: among(PUBLISH) }, 1),
  rule(36, 'maximumQoS', 'byte', OFFERED),
  rule(37, 'retainAvailable', 'byte', OFFERED),
  rule(38, 'userProperties', 'pair', EVERYWHERE),
  rule(39, 'maximumPacketSize', 'uint32', SETTING, 1),
  rule(40, 'wildcardSubscriptionAvailable', 'byte', OFFERED),
  rule(41, 'subscriptionIdentifiersAvailable', 'byte', OFFERED),
  rule(42, 'sharedSubscriptionAvailable', 'byte', OFFERED),
];
