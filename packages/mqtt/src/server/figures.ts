/** Counters since the start, for metrics. */
export class Figures {
  connectionsAccepted = 0;
  /** Over a limit of connections. */
  connectionsRefused = 0;
  /** CONNECT that was answered with something else than success. */
  connectsRefused = 0;
  sessionsTakenOver = 0;
  keepAliveTimeouts = 0;
  /** Connections that were ended because of what the client sent. */
  protocolErrors = 0;
  /** Subscriptions that were not granted: forbidden, or over a limit. */
  subscriptionsRefused = 0;
  /** PUBLISH from clients, by QoS. */
  readonly published: [number, number, number] = [0, 0, 0];
  /** Of these, what was not stored. */
  publishesRefused = 0;
  /** PUBLISH to clients, by QoS. */
  readonly delivered: [number, number, number] = [0, 0, 0];
  /** QoS 0 that met a client which does not read. */
  droppedSlow = 0;
  /** Not sent since its expiry interval had passed. */
  droppedExpired = 0;
  /** Not sent since it is larger than the client takes, or cannot be said in MQTT. */
  droppedTooLarge = 0;
  /** Gone from the log before it could be sent. */
  droppedGone = 0;
  /** PUBACK, PUBREC and PUBCOMP from clients that ended a delivery. */
  acknowledged = 0;
}

/** What stands now. */
export interface Gauges {
  readonly connections: number;
  /** Connections whose CONNECT was accepted. */
  readonly sessions: number;
  /** Subscriptions of these sessions, shared ones not counted. */
  readonly subscriptions: number;
  /** Shared subscriptions of these sessions, one that several have counted once. */
  readonly shares: number;
  /** Of these, those beyond the limit, which are given nothing until others are left. */
  readonly sharesLate: number;
  /** Sessions that have more to send than their window or socket takes. */
  readonly sessionsBehind: number;
  /** Messages of QoS 1 and 2 that are under way to clients. */
  readonly underWay: number;
}
