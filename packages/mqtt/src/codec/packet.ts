/** 4 is MQTT 3.1.1, 5 is MQTT 5.0: the protocol level in CONNECT. */
export type ProtocolVersion = 4 | 5;

export type QoS = 0 | 1 | 2;

/** Name and value, in the order of the packet; a name may come more than once. */
export type UserProperty = readonly [name: string, value: string];

/**
 * The properties of a packet of MQTT 5.0 (section 2.2.2), by the standard's names. Absent with 3.1.1. Which of them a packet may
 * have, the codec checks.
 */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Borrowed from what was received. */
  readonly correlationData?: Uint8Array;
  /** Of PUBLISH towards a client there may be several, of SUBSCRIBE one. */
  readonly subscriptionIdentifiers?: readonly number[];
  /** Seconds; 0xFFFFFFFF: never. */
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  /** Seconds. */
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
  readonly requestProblemInformation?: 0 | 1;
  /** Seconds. */
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: 0 | 1;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: 0 | 1;
  readonly userProperties?: readonly UserProperty[];
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: 0 | 1;
  readonly subscriptionIdentifiersAvailable?: 0 | 1;
  readonly sharedSubscriptionAvailable?: 0 | 1;
}

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: Properties;
}

export interface Connect {
  readonly type: 'CONNECT';
  readonly version: ProtocolVersion;
  readonly cleanStart: boolean;
  /** Seconds; 0: none. */
  readonly keepAlive: number;
  readonly clientId: string;
  readonly will?: Will;
  readonly username?: string;
  readonly password?: Uint8Array;
  readonly properties?: Properties;
}

export interface Connack {
  readonly type: 'CONNACK';
  readonly sessionPresent: boolean;
  /** Of 5.0; with 3.1.1 the return code, 0 to 5. */
  readonly reasonCode: number;
  readonly properties?: Properties;
}

export interface Publish {
  readonly type: 'PUBLISH';
  readonly dup: boolean;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Empty where a topic alias stands for it. */
  readonly topic: string;
  /** 0 with QoS 0. */
  readonly packetId: number;
  /** Of one that was received: borrowed, until the next bytes are given. */
  readonly payload: Uint8Array;
  readonly properties?: Properties;
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export interface Ack {
  readonly type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP';
  readonly packetId: number;
  /** 0 with 3.1.1. */
  readonly reasonCode: number;
  readonly properties?: Properties;
}

export type RetainHandling = 0 | 1 | 2;

/** One subscription of SUBSCRIBE; with 3.1.1 the options of 5.0 have the values that behave as 3.1.1 does. */
export interface Subscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
}

export interface Subscribe {
  readonly type: 'SUBSCRIBE';
  readonly packetId: number;
  readonly subscriptions: readonly Subscription[];
  readonly properties?: Properties;
}

export interface Unsubscribe {
  readonly type: 'UNSUBSCRIBE';
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly properties?: Properties;
}

export interface Suback {
  readonly type: 'SUBACK' | 'UNSUBACK';
  readonly packetId: number;
  /** One for each filter, in their order. UNSUBACK of 3.1.1 has none. */
  readonly reasonCodes: readonly number[];
  readonly properties?: Properties;
}

export interface Ping {
  readonly type: 'PINGREQ' | 'PINGRESP';
}

export interface Disconnect {
  readonly type: 'DISCONNECT';
  /** 0 with 3.1.1. */
  readonly reasonCode: number;
  readonly properties?: Properties;
}

export interface Auth {
  readonly type: 'AUTH';
  readonly reasonCode: number;
  readonly properties?: Properties;
}

/** What a client may send. */
export type ClientPacket = Connect | Publish | Ack | Subscribe | Unsubscribe | (Ping & { type: 'PINGREQ' }) | Disconnect | Auth;
/** What a server may send. */
export type ServerPacket = Connack | Publish | Ack | Suback | (Ping & { type: 'PINGRESP' }) | Disconnect | Auth;
