import type { LiveFrame } from '../connection/request.ts';
import type { Request, ServerHandler, ServerSession } from '../connection/server-session.ts';
import type { ServerSessionOptions } from '../connection/server-session-options.ts';
import { ServerSessions } from '../connection/server-sessions.ts';
import type { Traffic } from '../connection/traffic.ts';
import { EngineContext } from '../context.ts';
import type { Engine, Input, Output } from '../engine.ts';
import { assert, QanatError, wireNumberOf } from '../errors.ts';
import { nameError } from '../model/names.ts';
import type { Random } from '../random.ts';
import { Door } from '../security/door.ts';
import { maySeeTopic } from '../security/principal.ts';
import type { ServerSecurity } from '../security/server-security.ts';
import type { UserTable } from '../security/user-table.ts';
import { utf8Length } from '../wire/bytes.ts';
import type { HelloOkInit, RoutesInit } from '../wire/gen/messages.ts';
import type { MasterRouteInit } from '../wire/gen/registration-messages.ts';
import { Feature, LIMITS, ServerRole } from '../wire/gen/registry.ts';
import { type BrokerEntry, isAway } from './broker-entry.ts';
import { brokerRoute, masterRoute } from './broker-route.ts';
import { GroupRecords } from './group-records.ts';
import { RoutePages } from './route-pages.ts';
import { RouteTable } from './route-table.ts';
import { RouteWatches } from './route-watches.ts';

export interface NameServerOptions {
  readonly name: string;
  readonly software: string;
  readonly random: Random;
  /** Time after the start in which an unknown topic is NOT_READY instead of TOPIC_NOT_FOUND, ms. Default NAMESERVER_WARMUP_MS. */
  readonly warmupMs?: number;
  /** How often brokers are asked to send heartbeats, ms. Default BROKER_HEARTBEAT_MS. */
  readonly heartbeatMs?: number;
  /** Silence after which a broker is marked away, ms. Default BROKER_EXPIRY_MS. */
  readonly expiryMs?: number;
  /** Time from a broker's lost connection until it is marked away, ms. Default BROKER_LOST_MS. */
  readonly lostMs?: number;
  /** How long a vanished broker keeps its place, ms. Default BROKER_AWAY_MS. */
  readonly awayMs?: number;
  readonly brokersMax?: number;
  readonly connectionsMax?: number;
  readonly session?: Partial<ServerSessionOptions>;
  /** Makes the NameServer ask who its clients are, and check what they may do. Default: it asks nobody. */
  readonly security?: ServerSecurity;
  /**
   * Keeps the records of broker groups in the storage of its driver, and offers FEATURE_REPLICATION. Default false: it needs no
   * storage, and refuses RECORD_PUT and RECORD_GET with UNSUPPORTED_FEATURE.
   */
  readonly keepsRecords?: boolean;
}

/** What an operator may want to know of a NameServer at this moment. */
export interface NameServerFigures {
  /** It answers, and is not about to stop. */
  readonly ready: boolean;
  readonly topics: number;
  /** Brokers that are heard. */
  readonly brokers: number;
  /** Brokers that keep their places, and are not heard. */
  readonly brokersAway: number;
  readonly connections: number;
  readonly traffic: Traffic;
}

const SERVED: ReadonlySet<LiveFrame> = new Set([
  'HELLO',
  'PING',
  'GOAWAY',
  'REGISTER_BROKER',
  'UNREGISTER_BROKER',
  'BROKER_HEARTBEAT',
  'ROUTE_QUERY',
  'RECORD_PUT',
  'RECORD_GET',
]);

/** Whether the NameServer tells this client of the topic. */
const sees = ({ principal }: ServerSession, topic: string): boolean => principal === undefined || maySeeTopic(principal, topic);

/**
 * A NameServer: keeps routes in memory, and knows no other NameServer (spec, chapters of broker registration and of routes). With
 * `keepsRecords` it keeps the records of broker groups in a file, emits `ready` once it has read it, and `fatal` (CORRUPT_LOG,
 * STORE_IO) when it cannot.
 */
export class NameServer implements Engine, ServerHandler {
  readonly features: readonly number[];
  readonly #options: NameServerOptions;
  readonly #context: EngineContext;
  readonly #sessions: ServerSessions;
  readonly #watches = new RouteWatches();
  readonly #table: RouteTable;
  /** Undefined where it keeps none. */
  readonly #records: GroupRecords | undefined;
  #ready = false;
  #startedMs: number | undefined;
  #stopping = false;
  #ended = false;

  constructor(options: NameServerOptions) {
    this.#options = options;
    this.#context = new EngineContext(options.random);
    const door = options.security === undefined ? undefined : new Door(this.#context, options.security, '');
    const connectionsMax = options.connectionsMax ?? LIMITS.CONNECTIONS_MAX;
    this.#sessions = new ServerSessions(this.#context, this, connectionsMax, options.session, door);
    const times = {
      expiryMs: options.expiryMs ?? LIMITS.BROKER_EXPIRY_MS,
      lostMs: options.lostMs ?? LIMITS.BROKER_LOST_MS,
      awayMs: options.awayMs ?? LIMITS.BROKER_AWAY_MS,
    };
    const brokersMax = options.brokersMax ?? LIMITS.BROKERS_MAX;
    this.#table = new RouteTable(this.#context, times, brokersMax, (topic) => this.#watches.changed(topic));
    this.#records = options.keepsRecords === true ? new GroupRecords(this.#context, brokersMax) : undefined;
    this.features = this.#records === undefined ? [] : [Feature.FEATURE_REPLICATION];
  }

  // ---- Engine ----

  handle(input: Input, nowMs: number): void {
    this.#enter(nowMs);
    if (this.#context.handle(input)) return;
    this.#sessions.handle(input);
    if (this.#stopping) this.#stopWhenAlone();
  }

  tick(nowMs: number): void {
    this.#enter(nowMs);
    this.#context.timers.tick(nowMs);
  }

  drain(): readonly Output[] {
    this.#tellWatchers();
    this.#sessions.burstEnded();
    return this.#context.drain();
  }

  nextDeadlineMs(): number | undefined {
    return this.#context.timers.nextDeadlineMs();
  }

  /** Says GOAWAY, answers what is pending, and emits `stopped` when every connection is closed, after `graceMs` at most. */
  stop(nowMs: number, graceMs: number = LIMITS.GOAWAY_GRACE_MS): void {
    if (this.#stopping) return;
    this.#enter(nowMs);
    this.#stopping = true;
    const stops = new QanatError('SHUTTING_DOWN', `NameServer ${this.#options.name} stops`);
    this.#sessions.refuse(stops);
    this.#sessions.goAway(stops, graceMs);
    this.#context.timers.at(nowMs + graceMs, () => this.#stopped());
    this.#stopWhenAlone();
  }

  /** Whom the NameServer knows from now on. Without `security` nobody is asked. */
  setUsers(users: UserTable, nowMs: number): void {
    this.#enter(nowMs);
    this.#sessions.setUsers(users);
  }

  /** Brokers that are known, for operators. */
  brokers(): readonly { readonly name: string; readonly away: boolean; readonly topics: number; readonly slaves: number }[] {
    return [...this.#table.brokers()].map((entry) => ({
      name: entry.name,
      away: isAway(entry),
      topics: entry.topics.size,
      slaves: entry.slaves.size,
    }));
  }

  /** For operators. */
  figures(): NameServerFigures {
    const brokers = [...this.#table.brokers()];
    const brokersAway = brokers.filter(isAway).length;
    return {
      ready: this.#ready && !this.#stopping,
      topics: this.#table.topicCount,
      brokers: brokers.length - brokersAway,
      brokersAway,
      connections: this.#sessions.size,
      traffic: this.#sessions.traffic,
    };
  }

  #stopWhenAlone(): void {
    if (this.#sessions.size === 0) this.#stopped();
  }

  #stopped(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#records === undefined) return this.#context.emit({ kind: 'stopped' });
    return this.#context.storage({ op: 'close' }, () => this.#context.emit({ kind: 'stopped' }));
  }

  #enter(nowMs: number): void {
    this.#context.enter(nowMs);
    if (this.#startedMs !== undefined) return;
    this.#startedMs = nowMs;
    if (this.#records === undefined) return this.#opened(undefined);
    return this.#records.open((error) => this.#opened(error));
  }

  #opened(error: QanatError | undefined): void {
    this.#ready = error === undefined;
    this.#context.emit(error === undefined ? { kind: 'ready' } : { kind: 'fatal', error });
  }

  // ---- ServerHandler ----

  identity(): HelloOkInit {
    return { software: this.#options.software, role: ServerRole.NAMESERVER, name: this.#options.name };
  }

  serves(name: LiveFrame): boolean {
    return SERVED.has(name);
  }

  onRequest(request: Request): void {
    switch (request.name) {
      case 'REGISTER_BROKER':
        return this.#register(request as Request<'REGISTER_BROKER'>);
      case 'BROKER_HEARTBEAT':
        return this.#heartbeat(request as Request<'BROKER_HEARTBEAT'>);
      case 'UNREGISTER_BROKER':
        return this.#unregister(request as Request<'UNREGISTER_BROKER'>);
      case 'RECORD_PUT':
        return this.#recordsKept().put(request as Request<'RECORD_PUT'>);
      case 'RECORD_GET':
        return this.#recordsKept().get(request as Request<'RECORD_GET'>);
      default:
        return this.#query(request as Request<'ROUTE_QUERY'>);
    }
  }

  onClosed(session: ServerSession): void {
    this.#watches.remove(session);
    this.#table.sessionClosed(session);
  }

  #register(request: Request<'REGISTER_BROKER'>): void {
    const { broker, replica } = request.header;
    this.#table.register(request.session, request.headers);
    request.respond({
      heartbeatMs: this.#options.heartbeatMs ?? LIMITS.BROKER_HEARTBEAT_MS,
      expiryMs: this.#options.expiryMs ?? LIMITS.BROKER_EXPIRY_MS,
      master: this.#masterFor(request.session, broker, replica),
    });
  }

  #heartbeat(request: Request<'BROKER_HEARTBEAT'>): void {
    const { broker, replica } = request.header;
    const register = this.#table.heartbeat(request.session, request.header);
    request.respond({ register, master: this.#masterFor(request.session, broker, replica) });
  }

  #masterFor({ listener }: ServerSession, broker: string, replica: number): MasterRouteInit | undefined {
    return masterRoute(this.#table.broker(broker), replica, listener);
  }

  #unregister(request: Request<'UNREGISTER_BROKER'>): void {
    this.#table.unregister(request.header);
    request.respond({});
  }

  /** FEATURE_REPLICATION, which is offered with records alone, was checked before. */
  #recordsKept(): GroupRecords {
    assert(this.#records !== undefined, 'records are asked for where none are kept');
    return this.#records;
  }

  #query(request: Request<'ROUTE_QUERY'>): void {
    const { session, header } = request;
    const { topics, all, watch } = header;
    if (all && (watch || topics.length > 0)) throw new QanatError('INVALID_ARGUMENT', 'RouteQuery.all excludes topics and watch');
    // A route names its topic, so that none can say what is wrong with this one.
    if (topics.some((topic) => topic === '' || utf8Length(topic) > LIMITS.TOPIC_NAME_BYTES_MAX))
      throw new QanatError('INVALID_NAME', `a topic name has 1 to ${LIMITS.TOPIC_NAME_BYTES_MAX} bytes (TOPIC_NAME_BYTES_MAX)`);
    if (watch)
      this.#watches.add(
        session,
        topics.filter((topic) => nameError(topic) === undefined && sees(session, topic)),
      );
    const pages = all ? this.#allRoutes(session) : this.#routes([...new Set(topics)], session);
    request.respondInPages(pages as readonly never[]);
  }

  #allRoutes(session: ServerSession): readonly RoutesInit[] {
    const pages = new RoutePages();
    const topics = [...this.#table.topicNames()].filter((topic) => sees(session, topic)).sort();
    for (const topic of topics) this.#addRoute(pages, topic, new Set());
    for (const entry of this.#table.brokers()) pages.addBroker(brokerRoute(entry, session.listener));
    return pages.pages();
  }

  /** The routes of `topics`, the brokers that they name, and those that create topics on demand. */
  #routes(topics: readonly string[], session: ServerSession): readonly RoutesInit[] {
    const pages = new RoutePages();
    const named = new Set<BrokerEntry>();
    for (const topic of topics) {
      if (sees(session, topic)) this.#addRoute(pages, topic, named);
      else this.#addForbidden(pages, topic, session);
    }
    for (const entry of this.#table.brokers()) {
      if (named.has(entry) || (entry.createsTopics && !isAway(entry))) pages.addBroker(brokerRoute(entry, session.listener));
    }
    return pages.pages();
  }

  #addForbidden(pages: RoutePages, topic: string, session: ServerSession): void {
    session.tellForbidden(`"${session.principal?.name}" may not hear of topic "${topic}"`);
    pages.addRoute(topic, wireNumberOf('FORBIDDEN'), []);
  }

  #addRoute(pages: RoutePages, topic: string, named: Set<BrokerEntry>): void {
    const entries = this.#table.brokersOf(topic);
    for (const entry of entries) named.add(entry);
    const shares = entries.map((entry) => ({ broker: entry.name, queues: entry.topics.get(topic) as number }));
    pages.addRoute(topic, this.#routeCode(topic, entries.length > 0), shares);
  }

  #routeCode(topic: string, found: boolean): number {
    if (found) return 0;
    if (nameError(topic) !== undefined) return wireNumberOf('INVALID_NAME');
    const warm = this.#context.nowMs() - (this.#startedMs as number) >= (this.#options.warmupMs ?? LIMITS.NAMESERVER_WARMUP_MS);
    return wireNumberOf(warm ? 'TOPIC_NOT_FOUND' : 'NOT_READY');
  }

  /** Once for each burst of inputs, so that a registration of many topics is one update. */
  #tellWatchers(): void {
    for (const [session, topics] of this.#watches.takeChanged()) {
      const pages = this.#routes(topics, session);
      pages.forEach((page, i) => session.push('ROUTE_UPDATE', page, i < pages.length - 1));
    }
  }
}
