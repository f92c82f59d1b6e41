import type { ProtocolVersion } from '../codec/packet.ts';
import { levelsOf } from '../filters/topic-filter.ts';
import type { SessionSubscription } from '../ports.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { Connection } from './connection.ts';
import { type Flight, Flights } from './flights.ts';
import type { Waiting } from './waiting.ts';

const NO_SUBSCRIPTIONS: ReadonlyMap<string, SessionSubscription> = new Map();

export interface SessionSettings {
  readonly connection: Connection;
  readonly clientId: string;
  readonly epoch: number;
  readonly principal: string;
  /** Seconds, as the server keeps it. */
  readonly expiryInterval: number;
  /** Messages of QoS 1 and 2 that may be under way to the client. */
  readonly window: number;
  readonly firstPacketId: number;
  /** As `Claimed` says. */
  readonly sentUntilMs: number;
}

/** A session while its client is connected here. Offline, it is the cluster's alone. */
export class Session {
  readonly connection: Connection;
  readonly clientId: string;
  readonly epoch: number;
  readonly principal: string;
  readonly version: ProtocolVersion;
  /** Seconds. DISCONNECT may change it. */
  expiryInterval: number;
  readonly window: number;
  readonly sentUntilMs: number;
  /** Messages of QoS 1 and 2 that were sent on this connection and are not acknowledged [MQTT-3.3.4-9]. */
  underWay = 0;
  readonly flights: Flights;
  /** What cannot be sent yet; undefined: nothing. */
  waiting: Waiting | undefined;
  /** The shared subscriptions that it is a member of, by their keys in `Shares`. */
  shares: Set<string> | undefined;
  /** Publishes that wait for the cluster, to be answered in their order. */
  acknowledgements: Acknowledgements | undefined;
  /** Packet ids of QoS 2 that were received on this connection and not released. */
  open: Set<number> | undefined;
  /** Publishes of QoS 1 that were received and not answered, for the Receive Maximum; those of QoS 2 are in `open`. */
  unanswered = 0;
  /** What sending it retained messages has cost since it last waited for its turn. */
  retainedCost = 0;
  /** Its retained messages go on in a later turn. */
  resting = false;
  /** What it asked of the cluster and waits for. */
  requests = 0;
  /** Changes with its subscriptions. */
  edition = 0;
  /** Of the filters of its subscriptions, in UTF-8. */
  filterBytes = 0;
  /** Of the filters of all its subscriptions together. */
  filterLevels = 0;
  #subscriptions: Map<string, SessionSubscription> | undefined;

  constructor(settings: SessionSettings) {
    this.connection = settings.connection;
    this.clientId = settings.clientId;
    this.epoch = settings.epoch;
    this.principal = settings.principal;
    this.version = settings.connection.version;
    this.expiryInterval = settings.expiryInterval;
    this.window = settings.window;
    this.sentUntilMs = settings.sentUntilMs;
    this.flights = new Flights(settings.firstPacketId);
  }

  /** By filter, as the client named it. */
  get subscriptions(): ReadonlyMap<string, SessionSubscription> {
    return this.#subscriptions ?? NO_SUBSCRIPTIONS;
  }

  subscribe(subscription: SessionSubscription): void {
    this.edition++;
    const { filter } = subscription;
    this.#subscriptions ??= new Map();
    if (!this.#subscriptions.has(filter)) {
      this.filterBytes += Buffer.byteLength(filter);
      this.filterLevels += levelsOf(filter);
    }
    this.#subscriptions.set(filter, subscription);
  }

  unsubscribe(filter: string): void {
    this.edition++;
    if (this.#subscriptions?.delete(filter) !== true) return;
    this.filterBytes -= Buffer.byteLength(filter);
    this.filterLevels -= levelsOf(filter);
  }

  /** One more message of QoS 1 or 2 may be sent now. */
  get hasRoom(): boolean {
    return this.underWay < this.window && !this.connection.blocked;
  }

  /** A delivery ended, or its packet was not sent after all. */
  landed(flight: Flight): void {
    if (flight.counted) this.underWay--;
    flight.counted = false;
  }
}

/** The session of a connection that is online, found without a look into a map. */
export const sessionOf = ({ session }: Connection): Session | undefined => session as Session | undefined;
