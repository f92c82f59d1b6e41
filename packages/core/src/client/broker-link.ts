import type { ClientSession, ClientSessionEvents } from '../connection/client-session.ts';
import type { LiveFrame, RequestHeader, RequestInit, RequestOptions, ResponseDone } from '../connection/request.ts';
import { QanatError } from '../errors.ts';
import type { Timer } from '../timers.ts';
import { LIMITS, ReplicaRole, ServerRole } from '../wire/gen/registry.ts';
import { BackOff } from './back-off.ts';
import { addressOf } from './broker-directory.ts';
import { noEndpoint, noMaster, notReached } from './broker-reach.ts';
import type { KnownBroker } from './host.ts';
import type { ConnectionHost } from './name-server-query.ts';
import { slavePeer } from './peer.ts';

const BACK_OFF_LEAST_MS = 100;
const BACK_OFF_MOST_MS = 2_000;
/** A connection that lived shorter than this was no success: the back-off goes on growing. */
const STABLE_AFTER_MS = 2_000;

/** A request whose frame type is no longer known to the compiler. */
export interface PoolRequest {
  readonly name: LiveFrame;
  readonly header: RequestInit<never>;
  readonly options: RequestOptions;
  readonly done: ResponseDone<never>;
}

interface Waiting {
  readonly request: PoolRequest;
  readonly sinceMs: number;
}

export interface BrokerLinkEvents {
  onOpen(broker: string): void;
  onClosed(broker: string, error: QanatError | undefined): void;
  onGoAway(broker: string): void;
  onPush<N extends LiveFrame>(broker: string, name: N, headers: readonly RequestHeader<N>[]): void;
  /** Nobody has used the connection for a while; it is closed, and this object is done. */
  onUnused(broker: string): void;
}

/** The connection to one broker: made when it is wanted, made again with back-off while it is held, closed when unused. */
export class BrokerLink {
  readonly broker: string;
  readonly #host: ConnectionHost;
  readonly #known: () => KnownBroker | undefined;
  readonly #connectMs: number;
  readonly #events: BrokerLinkEvents;
  readonly #backOff: BackOff;
  /** Being opened or open, never leaving. */
  #session: ClientSession | undefined;
  #openedMs: number | undefined;
  #connectTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #waiting: Waiting[] = [];
  #holds = 0;
  #inFlight = 0;
  #usedMs: number;
  #closed = false;
  #failure: QanatError | undefined;
  /** Where it was dialled and connected last, and where it was told that it cannot be. */
  #dialledAt: string | undefined;
  #reachedAt: string | undefined;
  #missedAt: string | undefined;
  /** Of the broker group, when it was dialled last. */
  #term = 0;

  constructor(
    host: ConnectionHost,
    broker: string,
    known: () => KnownBroker | undefined,
    connectMs: number,
    events: BrokerLinkEvents,
  ) {
    this.#host = host;
    this.broker = broker;
    this.#known = known;
    this.#connectMs = connectMs;
    this.#events = events;
    this.#backOff = new BackOff(host.engine.random, BACK_OFF_LEAST_MS, BACK_OFF_MOST_MS);
    this.#usedMs = host.engine.nowMs();
    this.#watchUse();
  }

  /** Why the last attempt to connect failed; undefined while none has, or it is connected. */
  get failure(): QanatError | undefined {
    return this.#failure;
  }

  get openSession(): ClientSession | undefined {
    return this.#session?.open === true ? this.#session : undefined;
  }

  request({ name, header, options, done }: PoolRequest): void {
    this.#inFlight++;
    const request: PoolRequest = {
      name,
      header,
      options,
      done: (error, response) => {
        this.#inFlight--;
        this.#usedMs = this.#host.engine.nowMs();
        done(error && this.#explained(error), response);
      },
    };
    // One that has just closed is still telling its requests so; the next connection takes this one.
    if (this.#session?.closed === false) return this.#session.request(name, request.header as never, options, request.done);
    this.#waiting.push({ request, sinceMs: this.#host.engine.nowMs() });
    this.#connect();
  }

  hold(): void {
    this.#holds++;
    this.#connect();
  }

  release(): void {
    this.#holds--;
    this.#usedMs = this.#host.engine.nowMs();
  }

  suspect(error: QanatError): void {
    this.#session?.abort(error);
  }

  /**
   * A working connection stays, but for one to a master that another has followed; one that is being tried at an old address, or
   * that waits for its turn, is tried now.
   */
  addressChanged(): void {
    const known = this.#known();
    const address = addressOf(known);
    const moved = this.#session !== undefined && this.#session.address !== address;
    const replaced = moved && address !== undefined && known !== undefined && known.term > this.#term;
    if (this.#session?.open === true && !replaced) return;
    if (moved) this.#session?.abort(this.#unreachable('it has moved'));
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#connect();
  }

  close(error: QanatError): void {
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#session?.close(error);
    this.#failWaiting(error);
  }

  #unreachable(why: string): QanatError {
    return new QanatError('CONNECTION_FAILED', `broker ${this.broker}: ${why}`, { outcome: 'not-sent' });
  }

  // ---- connecting ----

  #connect(): void {
    if (this.#closed || this.#session !== undefined || this.#retryTimer !== undefined) return;
    if (this.#holds === 0 && this.#waiting.length === 0) return;
    const known = this.#known();
    const address = addressOf(known);
    if (address !== undefined) return this.#dial(address);
    const why = noEndpoint(this.broker, known, this.#host.settings.schemes);
    this.#failure = why;
    if (known !== undefined) this.#tellMissed('', why);
    // Later, so that no request is answered before it was made.
    this.#retryTimer = this.#host.engine.timers.at(this.#host.engine.nowMs(), () => {
      this.#retryTimer = undefined;
      this.#failWaiting(why);
    });
  }

  #dial(address: string): void {
    const { engine, sessions } = this.#host;
    const session = sessions.open(address, this.#sessionEvents());
    this.#session = session;
    this.#dialledAt = address;
    this.#term = this.#known()?.term ?? 0;
    this.#connectTimer = engine.timers.at(engine.nowMs() + this.#connectMs, () => {
      session.abort(this.#unreachable(`${address} did not answer within ${this.#connectMs} ms`));
    });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { request, sinceMs } of waiting) {
      const timeoutMs = Math.max(1, request.options.timeoutMs - (engine.nowMs() - sinceMs));
      session.request(request.name, request.header as never, { ...request.options, timeoutMs }, request.done);
    }
  }

  #sessionEvents(): ClientSessionEvents {
    return {
      onOpen: (session) => this.#opened(session),
      onPush: (_, name, headers) => this.#events.onPush(this.broker, name, headers),
      onGoAway: (session) => this.#goingAway(session),
      onClosed: (session, error) => this.#sessionClosed(session, error),
    };
  }

  #opened(session: ClientSession): void {
    this.#connectTimer?.cancel();
    if (!this.#isWanted(session)) {
      session.abort(this.#unreachable(`${session.address} is ${whatIs(session)}`));
      return;
    }
    this.#openedMs = this.#host.engine.nowMs();
    this.#reachedAt = session.address;
    this.#missedAt = undefined;
    this.#failure = undefined;
    this.#host.event({ kind: 'connected', peer: this.broker, address: session.address });
    this.#events.onOpen(this.broker);
  }

  /** A slave that was promoted meanwhile has all that is read from slaves (QNT-RPL-082). */
  #isWanted({ hello }: ClientSession): boolean {
    if (hello?.role !== ServerRole.BROKER) return false;
    const { name, replica, replicaRole } = hello;
    return this.broker === slavePeer(name, replica) || (this.broker === name && replicaRole === ReplicaRole.MASTER);
  }

  /** What is pending there may still be answered; new requests go to a new connection. */
  #goingAway(session: ClientSession): void {
    if (session !== this.#session) return;
    this.#session = undefined;
    this.#events.onGoAway(this.broker);
    this.#connectLater();
  }

  #sessionClosed(session: ClientSession, error: QanatError | undefined): void {
    const current = session === this.#session;
    if (current) {
      this.#connectTimer?.cancel();
      this.#session = undefined;
    }
    const wasOpen = session.opened && this.#isWanted(session);
    if (!wasOpen) this.#missed(session, error);
    else {
      this.#host.event({ kind: 'disconnected', peer: this.broker, address: session.address, error });
      // The old connection of two says nothing new: the other one is open already.
      if (this.openSession === undefined) this.#events.onClosed(this.broker, error);
    }
    if (current) this.#connectLater();
  }

  #missed({ address }: ClientSession, error: QanatError | undefined): void {
    this.#host.engine.log('debug', 'broker not reached', { broker: this.broker, address, error: error?.message });
    if (error === undefined) return;
    this.#failure = this.#explained(error);
    if (this.#failure !== error && address !== this.#reachedAt) this.#tellMissed(address, this.#failure);
  }

  /** Once, until it is reached or is somewhere else. */
  #tellMissed(address: string, error: QanatError): void {
    if (this.#missedAt === address) return;
    this.#missedAt = address;
    this.#host.event({ kind: 'error', error });
  }

  /**
   * A broker that is heard of, and was never reached where it is said to be, may be advertised wrongly; one that was, or is away,
   * is down: a group needs another master then.
   */
  #explained(error: QanatError): QanatError {
    if (error.code !== 'CONNECTION_FAILED' && error.code !== 'TLS_FAILED') return error;
    const known = this.#known();
    const address = addressOf(known);
    if (known?.endpoint === undefined || address !== this.#dialledAt) return error;
    if (!known.away && address !== this.#reachedAt) return notReached(known, known.endpoint, error);
    return known.slaves.length > 0 && error.code === 'CONNECTION_FAILED' ? noMaster(known, error) : error;
  }

  #connectLater(): void {
    if (this.#closed || this.#retryTimer !== undefined || this.#session !== undefined) return;
    const { engine } = this.#host;
    if (this.#openedMs !== undefined && engine.nowMs() - this.#openedMs >= STABLE_AFTER_MS) this.#backOff.reset();
    this.#openedMs = undefined;
    this.#retryTimer = engine.timers.at(engine.nowMs() + this.#backOff.next(), () => {
      this.#retryTimer = undefined;
      this.#connect();
    });
  }

  #failWaiting(error: QanatError): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { request } of waiting) request.done(error, NO_RESPONSE);
  }

  // ---- idleness ----

  #watchUse(): void {
    const { engine } = this.#host;
    this.#idleTimer = engine.timers.at(engine.nowMs() + LIMITS.IDLE_MS, () => this.#checkUse());
  }

  #checkUse(): void {
    const used = this.#holds > 0 || this.#inFlight > 0 || this.#host.engine.nowMs() - this.#usedMs < LIMITS.IDLE_MS;
    if (used) return this.#watchUse();
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#session?.close();
    this.#events.onUnused(this.broker);
  }
}

function whatIs({ hello }: ClientSession): string {
  if (hello?.role !== ServerRole.BROKER) return 'a NameServer';
  return `broker ${hello.name}${hello.replicaRole === ReplicaRole.SLAVE ? ', a slave' : ''}`;
}

const NO_RESPONSE = { header: undefined, headers: [], payload: new Uint8Array(0) } as never;
