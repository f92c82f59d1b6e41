import type { LiveFrame, RequestInit, RequestOptions, ResponseDone } from '../connection/request.ts';
import { MINOR_VERSION } from '../connection/server-session-options.ts';
import { EngineContext, type EngineHost } from '../context.ts';
import type { Engine, Input, Output } from '../engine.ts';
import { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import type { Random } from '../random.ts';
import type { Login } from '../security/login.ts';
import { Feature, LIMITS } from '../wire/gen/registry.ts';
import { BrokerPool } from './broker-pool.ts';
import { ClientSessions } from './client-sessions.ts';
import type { BrokerListener, ClientEvent, ClientHost, ClientPart, ClientSettings, KnownBroker, TopicRoute } from './host.ts';
import type { ConnectionHost } from './name-server-query.ts';
import { Producer } from './producer/producer.ts';
import type { ProducerOptions } from './producer/producer-options.ts';
import { RouteCache } from './route-cache.ts';

/** How long a close waits for peers that do not take what is being flushed. */
const CLOSE_GRACE_MS = 1_000;

export interface ClientOptions {
  readonly platform: Platform;
  readonly random: Random;
  /** Addresses of the NameServers, `host:port` or with a scheme of the transports. At least one. */
  readonly nameServers: readonly string[];
  /** URL schemes that the transports serve, for choosing the endpoint of a broker. */
  readonly schemes: readonly string[];
  /** What operators see. Default: empty. */
  readonly label?: string;
  /** Name and version, for the logs of servers. */
  readonly software?: string;
  /** Takes the endpoint of this listener; default: the first one of a served scheme. */
  readonly listener?: string;
  /**
   * Makes what logs the client in at servers that ask; called once, by the constructor, which throws what it throws. Default: the
   * client does not say who it is, and goes to servers only that do not ask.
   */
  login?(host: EngineHost): Login;
  /** One attempt of a request, ms. Default 3000. */
  readonly attemptMs?: number;
  /** Time to open a connection, ms. Default 3000. */
  readonly connectMs?: number;
  /** Interval of asking for routes anew, ms. Default ROUTE_POLL_MS. */
  readonly routePollMs?: number;
  onEvent?(event: ClientEvent): void;
}

const ATTEMPT_MS = 3_000;
const CONNECT_MS = 3_000;
/** What a client of this version uses where a server has it. */
const FEATURES: readonly number[] = [Feature.FEATURE_KEYED_STATE, Feature.FEATURE_DEDUP, Feature.FEATURE_REPLICATION];

/**
 * The engine of one application's client: the routes, and a connection to each broker in use. Producers, consumers and
 * administration share them; whoever wants a consumer or administration makes it for the client, as `new Admin(client)`. Its
 * methods are called inside `driver.enter`, after `enter(nowMs)`; what they ask for leaves with the driver's next `perform`.
 * Emits `ready` when a NameServer has answered for the first time.
 */
export class Client implements Engine, ClientHost, ConnectionHost {
  readonly settings: ClientSettings;
  readonly platform: Platform;
  readonly sessions: ClientSessions;
  readonly routes: RouteCache;
  readonly pool: BrokerPool;
  readonly #context: EngineContext;
  readonly #onEvent: ((event: ClientEvent) => void) | undefined;
  readonly #parts = new Set<ClientPart>();
  #started = false;
  #ready = false;
  #closed: QanatError | undefined;
  #ended = false;

  /** @throws QanatError BAD_CONFIG without a NameServer or a scheme. */
  constructor(options: ClientOptions) {
    if (options.nameServers.length === 0) throw new QanatError('BAD_CONFIG', 'at least one NameServer address is needed');
    if (options.schemes.length === 0) throw new QanatError('BAD_CONFIG', 'at least one scheme is needed');
    this.platform = options.platform;
    this.settings = {
      nameServers: options.nameServers,
      label: options.label ?? '',
      ...(options.listener === undefined ? {} : { listener: options.listener }),
      schemes: options.schemes,
      attemptMs: options.attemptMs ?? ATTEMPT_MS,
      routePollMs: options.routePollMs ?? LIMITS.ROUTE_POLL_MS,
    };
    this.#onEvent = options.onEvent?.bind(options);
    this.#context = new EngineContext(options.random);
    const greeting = { minor: MINOR_VERSION, features: FEATURES, software: options.software ?? '', label: this.settings.label };
    this.sessions = new ClientSessions(this.#context, greeting, options.login?.(this.#context), (session) =>
      this.pool.drained(session),
    );
    this.routes = new RouteCache(this, (broker) => this.pool.brokerChanged(broker));
    this.pool = new BrokerPool(this, this.routes.directory, options.connectMs ?? CONNECT_MS);
  }

  /** @throws QanatError CLOSED, BAD_CONFIG. */
  producer(options: ProducerOptions = {}): Producer {
    if (this.#closed !== undefined) throw this.#closed;
    return new Producer(this, options);
  }

  /** Lets a part live with this client. @returns what lets it go. */
  attach(part: ClientPart): () => void {
    if (this.#closed !== undefined) throw this.#closed;
    this.#parts.add(part);
    return () => this.#parts.delete(part);
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Fails what is pending with CLOSED, closes every connection, then emits `stopped`. Producers that shall flush are closed
   * before.
   */
  close(): void {
    if (this.#closed !== undefined) return;
    const error = new QanatError('CLOSED', 'the client was closed', { outcome: 'not-sent' });
    this.#closed = error;
    for (const part of [...this.#parts]) part.clientClosed(error);
    this.#parts.clear();
    this.routes.close(error);
    this.pool.close(error);
    this.sessions.closeAll(error);
    this.#context.timers.at(this.#context.nowMs() + CLOSE_GRACE_MS, () => this.#stopped());
    this.#stopWhenAlone();
  }

  // ---- Engine ----

  /** Sets the present time: called before any other method from outside. */
  enter(nowMs: number): void {
    this.#context.enter(nowMs);
    if (this.#started || this.#closed !== undefined) return;
    this.#started = true;
    this.routes.link.start();
  }

  handle(input: Input, nowMs: number): void {
    this.enter(nowMs);
    if (this.#context.handle(input)) return;
    this.sessions.handle(input);
    if (this.#closed !== undefined) this.#stopWhenAlone();
  }

  tick(nowMs: number): void {
    this.enter(nowMs);
    this.#context.timers.tick(nowMs);
  }

  drain(): readonly Output[] {
    if (this.#closed === undefined) {
      for (const part of this.#parts) part.flush?.();
      this.routes.flush();
    }
    return this.#context.drain();
  }

  nextDeadlineMs(): number | undefined {
    return this.#ended ? undefined : this.#context.timers.nextDeadlineMs();
  }

  #stopWhenAlone(): void {
    if (this.sessions.size === 0) this.#stopped();
  }

  #stopped(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#context.emit({ kind: 'stopped' });
  }

  // ---- ClientHost ----

  get engine(): EngineHost {
    return this.#context;
  }

  watchRoute(topic: string, listener: (route: TopicRoute) => void): () => void {
    return this.routes.watch(topic, listener);
  }

  refreshRoute(topic: string): void {
    this.routes.refresh(topic);
  }

  request<N extends LiveFrame>(
    broker: string,
    name: N,
    header: RequestInit<N>,
    options: RequestOptions,
    done: ResponseDone<N>,
  ): void {
    this.pool.request(broker, { name, header: header as never, options, done: done as never });
  }

  known(peer: string): KnownBroker | undefined {
    return this.routes.directory.get(peer);
  }

  isOpen(broker: string): boolean {
    return this.pool.session(broker) !== undefined;
  }

  whyNotOpen(broker: string): QanatError | undefined {
    return this.pool.whyNotOpen(broker);
  }

  hold(broker: string): () => void {
    return this.pool.hold(broker);
  }

  suspect(broker: string, error: QanatError): void {
    this.pool.suspect(broker, error);
  }

  listen(listener: BrokerListener): () => void {
    return this.pool.listen(listener);
  }

  event(event: ClientEvent): void {
    if (!this.#ready && event.kind === 'connected') {
      this.#ready = true;
      this.#context.emit({ kind: 'ready' });
    }
    this.#onEvent?.(event);
  }
}
