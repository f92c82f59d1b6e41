/** Reason codes of MQTT 5.0 (section 2.4), by the names of the standard. From 0x80 on they say that something failed. */
export const REASON = {
  SUCCESS: 0x00,
  NORMAL_DISCONNECTION: 0x00,
  GRANTED_QOS_0: 0x00,
  GRANTED_QOS_1: 0x01,
  GRANTED_QOS_2: 0x02,
  DISCONNECT_WITH_WILL_MESSAGE: 0x04,
  NO_MATCHING_SUBSCRIBERS: 0x10,
  NO_SUBSCRIPTION_EXISTED: 0x11,
  CONTINUE_AUTHENTICATION: 0x18,
  RE_AUTHENTICATE: 0x19,
  UNSPECIFIED_ERROR: 0x80,
  MALFORMED_PACKET: 0x81,
  PROTOCOL_ERROR: 0x82,
  IMPLEMENTATION_SPECIFIC_ERROR: 0x83,
  UNSUPPORTED_PROTOCOL_VERSION: 0x84,
  CLIENT_IDENTIFIER_NOT_VALID: 0x85,
  BAD_USER_NAME_OR_PASSWORD: 0x86,
  NOT_AUTHORIZED: 0x87,
  SERVER_UNAVAILABLE: 0x88,
  SERVER_BUSY: 0x89,
  BANNED: 0x8a,
  SERVER_SHUTTING_DOWN: 0x8b,
  BAD_AUTHENTICATION_METHOD: 0x8c,
  KEEP_ALIVE_TIMEOUT: 0x8d,
  SESSION_TAKEN_OVER: 0x8e,
  TOPIC_FILTER_INVALID: 0x8f,
  TOPIC_NAME_INVALID: 0x90,
  PACKET_IDENTIFIER_IN_USE: 0x91,
  PACKET_IDENTIFIER_NOT_FOUND: 0x92,
  RECEIVE_MAXIMUM_EXCEEDED: 0x93,
  TOPIC_ALIAS_INVALID: 0x94,
  PACKET_TOO_LARGE: 0x95,
  MESSAGE_RATE_TOO_HIGH: 0x96,
  QUOTA_EXCEEDED: 0x97,
  ADMINISTRATIVE_ACTION: 0x98,
  PAYLOAD_FORMAT_INVALID: 0x99,
  RETAIN_NOT_SUPPORTED: 0x9a,
  QOS_NOT_SUPPORTED: 0x9b,
  USE_ANOTHER_SERVER: 0x9c,
  SERVER_MOVED: 0x9d,
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED: 0x9e,
  CONNECTION_RATE_EXCEEDED: 0x9f,
  MAXIMUM_CONNECT_TIME: 0xa0,
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED: 0xa1,
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: 0xa2,
} as const;

/** Whether a reason code says that something failed (section 2.4). */
export const isFailure = (reasonCode: number): boolean => reasonCode >= REASON.UNSPECIFIED_ERROR;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(REASON).map(([name, reasonCode]) => [reasonCode, name]));

/** What the standard calls a reason code, for people; one that it does not know in hexadecimal. */
export const reasonName = (reasonCode: number): string =>
  NAMES.get(reasonCode) ?? `0x${reasonCode.toString(16).padStart(2, '0')}`;

const RETURN_CODES: ReadonlyMap<number, number> = new Map([
  [REASON.SUCCESS, 0],
  [REASON.UNSUPPORTED_PROTOCOL_VERSION, 1],
  [REASON.CLIENT_IDENTIFIER_NOT_VALID, 2],
  [REASON.UNSPECIFIED_ERROR, 3],
  [REASON.IMPLEMENTATION_SPECIFIC_ERROR, 3],
  [REASON.SERVER_UNAVAILABLE, 3],
  [REASON.SERVER_BUSY, 3],
  [REASON.SERVER_SHUTTING_DOWN, 3],
  [REASON.QUOTA_EXCEEDED, 3],
  [REASON.USE_ANOTHER_SERVER, 3],
  [REASON.SERVER_MOVED, 3],
  [REASON.CONNECTION_RATE_EXCEEDED, 3],
  [REASON.BAD_USER_NAME_OR_PASSWORD, 4],
  [REASON.NOT_AUTHORIZED, 5],
  [REASON.BANNED, 5],
  [REASON.BAD_AUTHENTICATION_METHOD, 5],
]);

/**
 * The return code of a CONNACK of 3.1.1 (its section 3.2.2.3) that says what a reason code of 5.0 says. Undefined where there is
 * none: the connection is closed without CONNACK (3.1.1 statement [MQTT-3.2.2-6]).
 */
export const connackReturnCode = (reasonCode: number): number | undefined => RETURN_CODES.get(reasonCode);
