import type { Properties, QoS, Subscription, UserProperty, Will } from './codec/packet.ts';

/**
 * A message as it lies in the cluster: what MQTT says of it, without what belongs to one connection (DUP, alias, identifiers).
 */
export interface Publication {
  readonly topic: string;
  /** As it was published; who receives it may get less. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payload: Uint8Array;
  /** Client id of who published it, for No Local; undefined for other clients of the cluster. */
  readonly clientId: string | undefined;
  readonly properties: PublicationProperties | undefined;
}

export interface PublicationProperties {
  readonly payloadFormatIndicator?: 0 | 1;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  /** In their order. */
  readonly userProperties?: readonly UserProperty[];
  /** When it expires, ms since 1970 [MQTT-3.3.2-5]. */
  readonly expiresAtMs?: number;
}

/** Place of a stored message. `queue` is a small number by which the `Cluster` knows a data queue, the same while it lives. */
export interface Place {
  readonly queue: number;
  readonly offset: number;
}

/** A message that was read from the log. Its bytes are its own: it may be kept. */
export interface StoredPublication extends Publication, Place {
  /** ms since 1970. */
  readonly storeTimeMs: number;
}

/** What became of a publish. The names are the reasons of MQTT 5.0 (section 3.4.2.1). */
export type PublishOutcome =
  | 'success'
  /** No rule maps the topic, or the rule's direction forbids it. */
  | 'topic-name-invalid'
  | 'not-authorized'
  | 'quota-exceeded'
  | 'packet-too-large'
  /** The cluster did not answer in time: it may be stored or not. */
  | 'unspecified-error';

/** One subscription of a session, with what SUBSCRIBE said beside it. */
export interface SessionSubscription extends Subscription {
  readonly subscriptionIdentifier: number | undefined;
}

/** An outbound exchange of QoS 2 that is under way [MQTT-4.3.3]. */
export interface OutboundExchange extends Place {
  readonly packetId: number;
  /** PUBREC came: what is sent again is PUBREL. */
  readonly released: boolean;
}

/** A place of QoS 1 that was sent, with its packet id: it is sent again with the same [MQTT-4.4.0-1]. */
export interface SentPlace extends Place {
  readonly packetId: number;
}

/** What a session still has to send, oldest first in each queue. What `exchanges` names is not in `places`. */
export interface Backlog {
  /** Places, of QoS 1 and 2. */
  readonly places: readonly Place[];
  /** For a queue: everything from here on has to be looked through, it was too much to list. */
  readonly scanFrom: readonly Place[];
  /** The places (of `places`) that may have been sent before, in the order in which they were: DUP is set [MQTT-3.3.1-1]. */
  readonly maybeSent: readonly SentPlace[];
  readonly exchanges: readonly OutboundExchange[];
}

export interface ClaimRequest {
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds from the disconnection; 0: it ends with it; 0xFFFFFFFF: never. */
  readonly expiryInterval: number;
  readonly will: Will | undefined;
  /** User that the device logged in as. A session that another one began is refused, also to a clean start. */
  readonly principal: string;
  /** Asked of each subscription of a session that goes on: without those that are refused. */
  readonly maySubscribe: (filter: string) => boolean;
  /** Whether the device still waits. Where it does not, what the cluster cannot do now is not tried again. */
  readonly wanted: () => boolean;
}

/** A session that is this bridge's now. */
export interface Claimed {
  /** Fences: calls with an older epoch do nothing. */
  readonly epoch: number;
  /** There was one, and it goes on. */
  readonly sessionPresent: boolean;
  readonly subscriptions: readonly SessionSubscription[];
  readonly backlog: Backlog;
  /**
   * First packet id to use for what has none by its place: ids of the connection before, which nobody may remember, are not used
   * again at once.
   */
  readonly firstPacketId: number;
  /**
   * What was stored until then, ms since 1970, may have been sent before, although `maybeSent` does not name it: a bridge ended
   * without telling. Then it is sent with DUP [MQTT-3.3.1-1]. 0: nothing.
   */
  readonly sentUntilMs: number;
}

/** Why a session could not be claimed. */
export type ClaimRefusal = 'unavailable' | 'not-authorized' | 'quota-exceeded';

/** What a session has at a moment. */
export interface Standing {
  readonly subscriptions: readonly SessionSubscription[];
  /** What was selected by the subscriptions before. */
  readonly backlog: Backlog;
}

/** How a session's connection ended. */
export interface Suspension {
  /** Seconds, as DISCONNECT may have changed it. 0: the session ends now. */
  readonly expiryInterval: number;
  /** DISCONNECT with reason 0: the will is forgotten [MQTT-3.1.2-10]. Otherwise it is published, after its delay. */
  readonly discardWill: boolean;
  readonly backlog: Backlog;
}

/** A shared subscription, of all the sessions that have it. */
export interface ShareId {
  readonly name: string;
  readonly filter: string;
}

/**
 * What the MQTT server asks of the cluster. Every `done` is called exactly once, never inside the call itself, and never after
 * `close`. Calls for one session take effect in the order in which they are made.
 */
export interface Cluster {
  /**
   * Stores a message. QoS 0 needs no `done`. Calls of one client, topic and QoS are stored in their order. The bytes of the
   * publication are not written again: they may be kept, but they lie in the whole chunk that a socket gave.
   * @param done success: stored as durable as the bridge was told to ask for, and retained where it says so.
   * @returns false: the clients should send no more for now; `ClusterEvents.ready` tells when.
   */
  publish(publication: Publication, done?: (outcome: PublishOutcome) => void): boolean;
  /**
   * Stores a message of QoS 2 once: until `forget`, the same client and packet id store nothing again [MQTT-4.3.3-10], whichever
   * bridge they come to. `unspecified-error`: the connection ends, so that the client sends it again under the same packet id.
   */
  publishOnce(publication: Publication, packetId: number, done: (outcome: PublishOutcome) => void): boolean;
  /** Whether a rule has a place for what is published to a topic; otherwise it comes to `topic-name-invalid`. */
  takes(topic: string): boolean;
  /** PUBREL came. `known`: such an exchange was under way. */
  forget(clientId: string, packetId: number, done: (known: boolean) => void): void;
  /** The exchanges of QoS 2 that the client began and did not release; asked when a session goes on. */
  inboundExchanges(clientId: string, done: (packetIds: readonly number[]) => void): void;

  /**
   * CONNECT: makes the session this bridge's, and takes it from whoever had it. When `done` is called every message before the
   * next `arrived` is in the backlog, where a subscription selects it: the subscriptions must be in the tree when `done` returns.
   */
  claim(request: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void;
  /** The subscriptions of a session changed. What they were before must not be needed to know what it still has to send. */
  subscribed(clientId: string, epoch: number, standing: Standing, done: (ok: boolean) => void): void;
  /**
   * Whether the cluster keeps a session with so many subscriptions, whose filters have so many bytes; otherwise it is told to the
   * operator. Asked for one that outlives its connection, before one more is made.
   */
  mayHold(clientId: string, subscriptions: number, filterBytes: number): boolean;
  /**
   * The packet id by which a message is sent to sessions with QoS 1, 1 to PLACE_IDS: the same at every bridge, so that one which
   * knows only that it may have been sent uses it again.
   */
  packetIdOf(place: Place): number;
  /** The connection ended. */
  suspend(clientId: string, epoch: number, suspension: Suspension): void;
  /**
   * An outbound exchange of QoS 2 begins, is released, or ended (undefined). It must be durable before the packet is sent. The
   * `done`s of one session come in the order of the calls.
   * @param done `false`: the session is another bridge's, which knows nothing of it; `takenOver` or `setOffline` came before.
   *   Or the message that was `shared` may be another member's: this session must not be sent it.
   * @param shared with an exchange that begins, the message as `shared` gave it: from now on it is this session's, whatever
   *   becomes of the bridge, unless it is settled with `false` [MQTT-4.8.2-5].
   */
  exchange(
    clientId: string,
    epoch: number,
    packetId: number,
    exchange: OutboundExchange | undefined,
    done: (held: boolean) => void,
    shared?: StoredPublication,
  ): void;

  /** Reads messages again. Undefined for those that are gone. */
  read(places: readonly Place[], done: (messages: readonly (StoredPublication | undefined)[]) => void): void;
  /**
   * Looks through a queue from a place, up to a number of messages or to what has `arrived`, for those that a filter of the list
   * selects.
   */
  scan(from: Place, filters: readonly string[], done: (found: readonly StoredPublication[], next: Place) => void): void;
  /** The retained messages that a filter selects. */
  retained(filter: string): Iterable<StoredPublication>;
  /** About how many are retained in all: so much it may cost to find those that a wildcard selects. */
  retainedCount(): number;

  /**
   * This bridge has a member of a shared subscription that is online: its messages come by `shared`. Idempotent. The cluster
   * bounds how many are given and not settled: the server holds all of them.
   */
  joinShare(share: ShareId): void;
  /** It has none any more. What was not settled goes to others. */
  leaveShare(share: ShareId): void;
}

/** What an online session has still to send. */
export interface Unsettled {
  readonly clientId: string;
  readonly epoch: number;
  readonly backlog: Backlog;
}

/** What the cluster tells the MQTT server. */
export interface ClusterEvents {
  /** Whether any session wants what `arrives`. Asked for each batch: where nobody does it is passed over. */
  listens(): boolean;
  /** What was stored in a queue, in order and without gaps since the call before for this queue. */
  arrived(messages: readonly StoredPublication[], nowMs: number): void;
  /**
   * A device has come for the session to another bridge: the connection ends with reason 0x8E [MQTT-3.1.4-3]. The server answers
   * with `suspend` inside this call: what it knew of the session may be handed over, or is of an older epoch and does nothing.
   */
  takenOver(clientId: string, epoch: number, nowMs: number): void;
  /** As above, but no device came: this bridge stood still, and others took it for dead. The connection ends with reason 0x89. */
  setOffline(clientId: string, epoch: number, nowMs: number): void;
  /** A message of a shared subscription; `settle(true)` once a member has acknowledged it, `settle(false)`: give it again. */
  shared(share: ShareId, message: StoredPublication, settle: (done: boolean) => void, nowMs: number): void;
  /** Publishing may go on. */
  ready(nowMs: number): void;
  /**
   * Asked each second: the sessions that outlive their connection, are online, and have something that is not sent or not
   * acknowledged, with what `suspend` would say of them now. It is saved, so that little is sent again when this bridge dies.
   */
  unsettled(): Iterable<Unsettled>;
}

/** A device that connects. */
export interface Peer {
  /** Address and port, for logs. */
  readonly address: string;
  readonly secure: boolean;
  /** User of the certificate that it showed. */
  readonly certificate?: string;
}

export interface Credentials {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly peer: Peer;
}

/** Who a device is, and what it may do. */
export interface Gate {
  /**
   * @param done the user, or that the device is refused; `why` is for the operator's log, never for the device. May take a while:
   *   keys are derived.
   */
  authenticate(
    credentials: Credentials,
    done: (principal: string | 'bad-credentials' | 'not-authorized' | 'unavailable', why?: string) => void,
  ): void;
  /** @param clientId for rights that name it; without it these grant nothing. */
  mayPublish(principal: string, topic: string, clientId?: string): boolean;
  /** @param filter of a shared subscription the part behind the name. @param clientId as above. */
  maySubscribe(principal: string, filter: string, clientId?: string): boolean;
}

/** The sockets of devices, by the numbers that they were accepted with. */
export interface Sockets {
  /**
   * @param bytes not written again; other sockets may send the same memory. @returns false: more than it wants waits; `drained`
   *   follows.
   */
  send(connection: number, bytes: Uint8Array): boolean;
  /** Sends what waits, then closes. */
  close(connection: number): void;
  /** Closes at once. */
  abort(connection: number): void;
  /** Stops or goes on to read. */
  pause(connection: number): void;
  resume(connection: number): void;
}

/** Properties that a will or PUBLISH takes along into the cluster, of all that a packet may have. */
export type CarriedProperties = Pick<
  Properties,
  'payloadFormatIndicator' | 'messageExpiryInterval' | 'contentType' | 'responseTopic' | 'correlationData' | 'userProperties'
>;
