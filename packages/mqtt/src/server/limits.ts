/** Bytes of a packet that a client may send, the Maximum Packet Size of CONNACK. */
export const PACKET_BYTES_MAX = 1_048_576;
/** Bytes of a CONNECT: whoever sends one is not known yet. */
export const CONNECT_BYTES_MAX = 65_536;
/** Publishes of QoS 1 and 2 that a client may have under way, the Receive Maximum of CONNACK. */
export const RECEIVE_MAXIMUM = 100;
/** Messages of QoS 1 and 2 that are under way to a client, where it allows so many. */
export const WINDOW_MAX = 1_000;
/** Topic aliases of one connection, each way. */
export const TOPIC_ALIASES_MAX = 16;
/** Seconds for which a session is kept after its connection, whatever the client asks for. */
export const SESSION_EXPIRY_MAX_S = 7 * 24 * 3_600;
/** From the accept until CONNECT is answered. */
export const CONNECT_DEADLINE_MS = 10_000;
/** Subscriptions of one session. */
export const SUBSCRIPTIONS_MAX = 1_000;
/** Shared subscriptions of one session: each is one more consumer of the bridge. */
export const SHARES_PER_SESSION_MAX = 32;
/**
 * Shared subscriptions of all sessions of a bridge, one that several sessions have counted once. Each reads every message of the
 * topics that it may select from, which takes some 40 µs each time.
 */
export const SHARES_MAX = 128;
/** Shared subscriptions that may be new to a bridge at once: each makes a consumer group, which the cluster keeps for ever. */
export const NEW_SHARES_MAX = 256;
/** After this one more of them may be new, ms. */
export const NEW_SHARE_MS = 600_000;
/** Shared subscriptions that a bridge remembers, so that they are not new to it. */
export const SHARES_KEPT_MAX = 10_000;
/** Levels of all filters of one session together: 16 for each of SUBSCRIPTIONS_MAX. */
export const FILTER_LEVELS_MAX = 16_000;
/** Places that a session remembers; beyond it, it looks through the queue instead. */
export const PENDING_PLACES_MAX = 100_000;
/** Retained messages, of filters whose turn has not come, of which a session's record knows, and what may be looked at for it. */
export const RETAINED_PLACES_MAX = 10_000;
/** The same when its connection ends. */
export const RETAINED_PLACES_LEFT_MAX = 200_000;
/** Retained messages that one session is sent, or that are looked at for it, in one turn of the event loop. */
export const RETAINED_PER_TURN_MAX = 1_000;
/** Filters of SUBSCRIBE and UNSUBSCRIBE of one client that are handled in one turn of the event loop. */
export const FILTERS_PER_TURN_MAX = 1_024;
/** Clients whose work goes on in one turn of the event loop. */
export const CLIENTS_PER_TURN_MAX = 16;
/** Connections of all listeners. */
export const CONNECTIONS_MAX = 20_000;
/** Connections of one address. */
export const CONNECTIONS_PER_ADDRESS_MAX = 20_000;
/** Bytes of a client id in UTF-8: it is part of keys in the cluster. */
export const CLIENT_ID_BYTES_MAX = 128;
/** What one connection asked of the cluster and waits for: beyond it, its socket is not read. */
export const REQUESTS_MAX = 1_000;
/** Places that are read from the log at once for one session. */
export const READ_PLACES_MAX = 32;
/** Topics whose receivers are remembered. */
export const MATCHES_MAX = 10_000;
/** Bytes for one socket that are gathered before they are sent within one input. */
export const CORK_BYTES_MAX = 65_536;
/** Bytes of answers to a client that does not read: beyond it, its socket is not read either. */
export const UNREAD_ANSWER_BYTES_MAX = 65_536;
/** Sessions that are remembered as receivers of topics, all topics together. */
export const RECEIVERS_KEPT_MAX = 1_000_000;

/** What clients may take up, each with the default of its constant. */
export interface MqttLimits {
  /** Bytes, 1 to 268,435,460; PACKET_BYTES_MAX. */
  readonly packetBytesMax: number;
  /** Bytes; CONNECT_BYTES_MAX. */
  readonly connectBytesMax: number;
  /** 1 to 65,535; RECEIVE_MAXIMUM. */
  readonly receiveMaximum: number;
  /** 1 to 32,767, so that packet ids do not run out; WINDOW_MAX. */
  readonly windowMax: number;
  /** 0 to 65,535, each way; TOPIC_ALIASES_MAX. */
  readonly topicAliasMaximum: number;
  /** Seconds, to 65,535; 0, the default: as the client asks. Clients of 3.1.1 cannot be told, and keep theirs. */
  readonly keepAliveMax: number;
  /** Seconds; SESSION_EXPIRY_MAX_S. 0xFFFFFFFF: for ever. */
  readonly sessionExpiryMax: number;
  /** CONNECT_DEADLINE_MS. */
  readonly connectDeadlineMs: number;
  /** SUBSCRIPTIONS_MAX. */
  readonly subscriptionsPerSessionMax: number;
  /** SHARES_PER_SESSION_MAX. */
  readonly sharesPerSessionMax: number;
  /** SHARES_MAX. */
  readonly sharesMax: number;
  /** PENDING_PLACES_MAX. */
  readonly pendingPlacesMax: number;
  /** CONNECTIONS_MAX. */
  readonly connectionsMax: number;
  /** CONNECTIONS_PER_ADDRESS_MAX. */
  readonly connectionsPerAddressMax: number;
}

export const DEFAULT_LIMITS: MqttLimits = {
  packetBytesMax: PACKET_BYTES_MAX,
  connectBytesMax: CONNECT_BYTES_MAX,
  receiveMaximum: RECEIVE_MAXIMUM,
  windowMax: WINDOW_MAX,
  topicAliasMaximum: TOPIC_ALIASES_MAX,
  keepAliveMax: 0,
  sessionExpiryMax: SESSION_EXPIRY_MAX_S,
  connectDeadlineMs: CONNECT_DEADLINE_MS,
  subscriptionsPerSessionMax: SUBSCRIPTIONS_MAX,
  sharesPerSessionMax: SHARES_PER_SESSION_MAX,
  sharesMax: SHARES_MAX,
  pendingPlacesMax: PENDING_PLACES_MAX,
  connectionsMax: CONNECTIONS_MAX,
  connectionsPerAddressMax: CONNECTIONS_PER_ADDRESS_MAX,
};
