import type { LiveFrame, RequestHeader, RequestInit, RequestOptions, ResponseDone } from '../connection/request.ts';
import type { EngineHost } from '../context.ts';
import type { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import type { Endpoint } from '../wire/gen/messages.ts';
import type { RecordInit } from '../wire/record.ts';

/** One queue of a topic. Queues sort by broker name (code units), then number. */
export interface QueueId {
  readonly topic: string;
  readonly broker: string;
  readonly queue: number;
}

/** How many messages of a queue a consumer has not handled. */
export interface QueueLag extends QueueId {
  readonly lag: number;
}

/** A topic's share at one broker, as the route tells it. */
export interface RouteShare {
  readonly broker: string;
  readonly queues: number;
  /** The broker vanished lately: new sends without a key go elsewhere, its queues keep their place. */
  readonly away: boolean;
}

/** What the routes tell of one broker, that is of its master, or of one of its slaves. */
export interface KnownBroker {
  /** A broker's name, or what `slavePeer` makes of it. */
  readonly name: string;
  readonly cluster: string;
  readonly term: number;
  /** Where to connect; undefined when none of those `offered` suits this client. */
  readonly endpoint: Endpoint | undefined;
  readonly offered: readonly Endpoint[];
  /** The NameServer whose route this is. */
  readonly nameServer: string;
  /** Not heard of lately: new sends without a key go elsewhere. */
  readonly away: boolean;
  readonly createsTopics: boolean;
  /** Peers of its slaves. */
  readonly slaves: readonly string[];
  /** Where it stands; empty where it does not say. */
  readonly zone: string;
  /** The store that all replicas of the broker group have. */
  readonly store: string;
}

export interface TopicRoute {
  readonly topic: string;
  /** False: every reachable NameServer says that the topic does not exist. */
  readonly found: boolean;
  /** It was not found, because this client may not hear of it. */
  readonly forbidden?: boolean;
  /** Sorted by broker name. */
  readonly shares: readonly RouteShare[];
}

export interface ClientSettings {
  /** Addresses of the NameServers, `host:port`. */
  readonly nameServers: readonly string[];
  /** Sent with HELLO and as the default label of members. */
  readonly label: string;
  /** Which listener's endpoint is taken from a route; undefined: the first of a scheme that the transports serve. */
  readonly listener?: string;
  readonly schemes: readonly string[];
  /** One attempt of a request. */
  readonly attemptMs: number;
  readonly routePollMs: number;
}

/** What tells an application how its client fares. */
export type ClientEvent =
  | { readonly kind: 'connected'; readonly peer: string; readonly address: string }
  | { readonly kind: 'disconnected'; readonly peer: string; readonly address: string; readonly error: QanatError | undefined }
  | { readonly kind: 'waiting-for-topic'; readonly topic: string }
  | { readonly kind: 'assigned' | 'revoked'; readonly consumer: number; readonly queues: readonly QueueId[] }
  | {
      readonly kind: 'idle';
      readonly consumer: number;
      readonly members: number;
      readonly queues: number;
      readonly message: string;
    }
  | {
      /** Queues that fill faster than the consumer empties them. */
      readonly kind: 'lagging';
      readonly consumer: number;
      readonly queues: readonly QueueLag[];
    }
  | {
      readonly kind: 'retrying';
      readonly consumer: number;
      readonly queue: QueueId;
      readonly offset: number;
      readonly attempt: number;
      readonly error: unknown;
    }
  | {
      /** What failed for the last time was sent to the dead-letter topic, and is passed. */
      readonly kind: 'dead-letter';
      readonly consumer: number;
      readonly queue: QueueId;
      readonly offset: number;
      /** Messages of the delivery. */
      readonly count: number;
      /** How many times it was tried. */
      readonly attempt: number;
      /** Where it went. */
      readonly topic: string;
      readonly error: unknown;
    }
  | {
      readonly kind: 'undecodable';
      readonly consumer: number;
      readonly queue: QueueId;
      readonly offset: number;
      readonly count: number;
      readonly error: QanatError;
    }
  | {
      /** It reads a broker group at a slave from now on, or at its master again. */
      readonly kind: 'reading';
      readonly consumer: number;
      readonly broker: string;
      readonly from: 'master' | 'slave';
      /** As in `connected`: the broker, or broker/replica. */
      readonly peer: string;
      /** Why, for people. */
      readonly message: string;
    }
  | { readonly kind: 'error'; readonly consumer?: number; readonly error: QanatError };

export interface BrokerListener {
  onOpen?(broker: string): void;
  /** Everything that was pending there was failed before. */
  onClosed?(broker: string, error: QanatError | undefined): void;
  onGoAway?(broker: string): void;
  onPush?<N extends LiveFrame>(broker: string, name: N, headers: readonly RequestHeader<N>[]): void;
  /** The broker reads again after its connection was blocked. */
  onDrained?(broker: string): void;
}

/** A producer, a consumer or whatever else lives as long as its client at most. */
export interface ClientPart {
  /** Called once after each burst of inputs, before the outputs are taken: the moment to send what has gathered. */
  flush?(): void;
  /** The client is being closed: fail what is pending with `error`. Nothing can be sent any more. */
  clientClosed(error: QanatError): void;
}

/** The part of a producer that others of the client's parts send with. */
export interface RecordSender {
  send(
    topic: string,
    record: RecordInit,
    options: { readonly timeoutMs?: number },
    done: (error: QanatError | undefined) => void,
  ): void;
  close(): void;
}

/**
 * What producers, consumers and administration share: the routes, and one connection to each broker. Where a broker is named, its
 * name means the master of its group, and `slavePeer` names a slave.
 */
export interface ClientHost {
  readonly engine: EngineHost;
  readonly platform: Platform;
  readonly settings: ClientSettings;
  /**
   * Watches a route: `listener` is called with each new state, and at once (before this returns) when one is known. @returns
   * what stops it.
   */
  watchRoute(topic: string, listener: (route: TopicRoute) => void): () => void;
  /** Asks a NameServer now instead of at the next poll: a broker said WRONG_BROKER, QUEUE_NOT_FOUND, ... Rate-limited inside. */
  refreshRoute(topic: string): void;
  /**
   * Sends a request to a broker of a route; connects first where needed. `done` is called exactly once. Without a connection
   * within `connectMs` (3 s) the error has outcome `not-sent`.
   */
  request<N extends LiveFrame>(
    broker: string,
    name: N,
    header: RequestInit<N>,
    options: RequestOptions,
    done: ResponseDone<N>,
  ): void;
  /** What the routes tell of a broker, or of the slave that a peer is; undefined: nothing (any more). */
  known(peer: string): KnownBroker | undefined;
  /** Whether the connection to the broker is open, and not leaving. */
  isOpen(broker: string): boolean;
  /** Why the last attempt to connect to the broker failed; undefined while none has, or it is connected. */
  whyNotOpen(broker: string): QanatError | undefined;
  /** Keeps a connection to the broker, made again with back-off whenever it is lost, until the result is called. */
  hold(broker: string): () => void;
  /** Drops the connection to a broker that does not answer; `hold` makes a new one. */
  suspect(broker: string, error: QanatError): void;
  listen(listener: BrokerListener): () => void;
  /** A producer of its own. @throws QanatError CLOSED. */
  producer(): RecordSender;
  event(event: ClientEvent): void;
}
