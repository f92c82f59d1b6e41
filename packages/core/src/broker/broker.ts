import type { LiveFrame } from '../connection/request.ts';
import type { Request, ServerHandler, ServerSession } from '../connection/server-session.ts';
import { ServerSessions } from '../connection/server-sessions.ts';
import { EngineContext } from '../context.ts';
import type { Engine, Input, LogLevel, Output } from '../engine.ts';
import { QanatError } from '../errors.ts';
import { Door } from '../security/door.ts';
import { Login } from '../security/login.ts';
import type { UserTable } from '../security/user-table.ts';
import type { EndpointInit, HelloOkInit } from '../wire/gen/messages.ts';
import { FRAMES, LIMITS, ReplicaRole, ServerRole } from '../wire/gen/registry.ts';
import { BROKER_FEATURES, type BrokerOptions, type BrokerSettings, brokerSettings } from './broker-options.ts';
import type { BrokerFigures, GroupFigures, TopicFigures } from './figures.ts';
import { BrokerGroupHost } from './group-host.ts';
import { Groups } from './groups/groups.ts';
import { KeyedStates } from './keyed-state/keyed-states.ts';
import { BrokerLife } from './life.ts';
import { CommitLog } from './log/commit-log.ts';
import { lookUpOffsets } from './lookup.ts';
import { NameServerLink } from './name-server-link.ts';
import { notEnoughReplicas, Produce } from './produce.ts';
import { Producers } from './producers.ts';
import { Pulls } from './pulls.ts';
import { Registration } from './registration.ts';
import type { Replica } from './replication/replica.ts';
import { notOfGroup, REPLICATION, replicaOfBroker } from './replication/replica-of-broker.ts';
import type { ServerLink } from './server-link.ts';
import { BrokerState } from './state.ts';
import { Term } from './term.ts';
import { TopicAdmin } from './topic-admin.ts';
import { Topics } from './topics.ts';
import { Topology } from './topology.ts';

const STORE_ID_BYTES = 16;
const NO_STORE = new Uint8Array(STORE_ID_BYTES);
/** What is answered only once it is committed, but for SEND, which may ask for less. */
const MUST_COMMIT: ReadonlySet<LiveFrame> = new Set([
  'OFFSET_COMMIT',
  'STATE_WRITE',
  'TOPIC_CREATE',
  'TOPIC_ALTER',
  'TOPIC_REMOVE',
  'GROUP_RESET',
]);
/** Frames that a slave serves beside those of replication (spec, chapter of replication). */
const SERVED_BY_SLAVES: ReadonlySet<LiveFrame> = new Set([
  'PULL',
  'CLIENT_HEARTBEAT',
  'OFFSET_LOOKUP',
  'OFFSET_FETCH',
  'GROUP_LIST',
  'GROUP_DESCRIBE',
  'TOPIC_LIST',
  'TOPIC_DESCRIBE',
]);

/**
 * A Broker: stores and serves messages. An engine: a driver gives it inputs, a storage and a clock.
 *
 * It emits `ready` once its log is recovered and its term is durable, `fatal` when it cannot go on (CORRUPT_LOG, STORE_IO,
 * NAME_IN_USE) and `stopped` after `stop`.
 */
export class Broker implements Engine, ServerHandler {
  readonly features: readonly number[];
  readonly #settings: BrokerSettings;
  readonly #context: EngineContext;
  readonly #sessions: ServerSessions;
  readonly #login: Login | undefined;
  readonly #links: readonly NameServerLink[];
  readonly #log: CommitLog;
  readonly #term: Term;
  readonly #topics: Topics;
  readonly #admin: TopicAdmin;
  readonly #producers: Producers;
  readonly #keyedStates: KeyedStates;
  readonly #produce: Produce;
  readonly #pulls: Pulls;
  readonly #groups: Groups;
  readonly #topology: Topology;
  readonly #registration: Registration;
  readonly #state: BrokerState;
  readonly #replica: Replica | undefined;
  /** Of a slave. */
  #masterLink: ServerLink | undefined;
  readonly #life: BrokerLife;

  /** @throws QanatError BAD_CONFIG that names the setting. */
  constructor(options: BrokerOptions) {
    const settings = brokerSettings(options);
    const context = new EngineContext(settings.random);
    const { platform, limits } = settings;
    this.#settings = settings;
    this.features = settings.replication === undefined ? BROKER_FEATURES : [...BROKER_FEATURES, ...REPLICATION];
    this.#context = context;
    const door = settings.security === undefined ? undefined : new Door(context, settings.security, settings.cluster);
    this.#sessions = new ServerSessions(context, this, limits.connectionsMax, settings.session, door);
    this.#login = settings.credentials === undefined ? undefined : new Login(context, settings.credentials);
    this.#links = settings.nameServers.map((address) => this.#makeLink(address));
    const log = this.#makeLog();
    const canCommit = (): boolean => this.#replica?.enoughInSync !== false;
    const isSlave = (): boolean => this.#replica?.leads === false;
    const term = new Term(log);
    const topics = new Topics(log);
    const producers = new Producers(context, limits, log, term);
    this.#log = log;
    this.#term = term;
    this.#topics = topics;
    this.#producers = producers;
    this.#admin = new TopicAdmin(settings, log, topics);
    const keyedStates = new KeyedStates({ host: context, limits, log, term, topics });
    this.#keyedStates = keyedStates;
    this.#produce = new Produce({ host: context, platform, limits, log, term, topics, producers, keyedStates, canCommit });
    this.#pulls = new Pulls({
      host: context,
      platform,
      log,
      topics,
      leaseError: (...lease) => (isSlave() ? this.#groups.pullErrorAtSlave(...lease) : this.#groups.pullError(...lease)),
      isSlave,
    });
    this.#topology = new Topology({
      host: context,
      settings,
      topics,
      links: this.#links,
      changed: (topic) => this.#groups.topologyChanged(topic),
    });
    const groupHost = {
      engine: context,
      brokerName: settings.name,
      log,
      term,
      topics,
      topology: this.#topology,
      pulls: this.#pulls,
    };
    this.#groups = new Groups(new BrokerGroupHost(groupHost), settings.groups);
    this.#registration = new Registration({
      host: context,
      settings,
      topics,
      links: this.#links,
      // Before it has its log a slave asks who is master in the name of a store that is nobody's.
      storeId: () => (this.#life.opened ? log.storeId : NO_STORE),
      term: () => this.#ownTerm,
      replicaRole: () => this.#registeredRole,
      masterSeen: (master) => this.#replica?.masterSeen(master),
      fenced: () => this.#replica?.fenced(),
      fatal: (error) => this.#life.fatal(this.#replica === undefined ? error : notOfGroup(error, this.#replica.role)),
    });
    this.#state = new BrokerState({
      term,
      topics,
      producers,
      produce: this.#produce,
      pulls: this.#pulls,
      groups: this.#groups,
      registration: this.#registration,
      keyedStates,
    });
    this.#replica = replicaOfBroker({
      host: context,
      settings,
      login: this.#login,
      log,
      term,
      links: this.#links,
      linked: (link) => {
        this.#masterLink = link;
      },
      events: {
        leads: () => this.#groups.start(),
        stoodDown: () => this.#groups.standDown(),
        changed: () => this.#registration.changed(),
        masterMissed: () => this.#registration.askSoon(),
        fatal: (error) => this.#life.fatal(error),
      },
    });
    this.#life = new BrokerLife({
      context,
      settings,
      sessions: this.#sessions,
      links: this.#links,
      log,
      term,
      topics,
      producers,
      keyedStates,
      pulls: this.#pulls,
      groups: this.#groups,
      topology: this.#topology,
      registration: this.#registration,
      state: this.#state,
      replica: this.#replica,
    });
  }

  // ---- Engine ----

  handle(input: Input, nowMs: number): void {
    this.#context.enter(nowMs);
    if (!this.#context.handle(input) && !this.#sessions.handle(input))
      for (const link of this.#masterLink === undefined ? this.#links : [this.#masterLink, ...this.#links])
        if (link.handle(input)) break;
    this.#life.begin();
    this.#life.closeWhenLeft();
  }

  tick(nowMs: number): void {
    this.#context.enter(nowMs);
    this.#life.begin();
    this.#context.timers.tick(nowMs);
  }

  drain(): readonly Output[] {
    if (this.#life.opened) {
      this.#log.nextTurn();
      this.#pulls.flush();
      this.#keyedStates.flush();
      this.#topology.flush();
      this.#log.commit();
      this.#life.turnEnded();
    }
    const outputs = this.#context.drain();
    this.#pulls.burstEnded();
    this.#keyedStates.burstEnded();
    this.#sessions.burstEnded();
    return outputs;
  }

  nextDeadlineMs(): number | undefined {
    return this.#context.timers.nextDeadlineMs();
  }

  // ---- what its process calls, between inputs ----

  /** Where clients reach the broker from now on: ports are picked when a listener opens. The NameServers are told. */
  setEndpoints(endpoints: readonly EndpointInit[], nowMs: number): void {
    this.#context.enter(nowMs);
    this.#registration.setEndpoints(endpoints);
  }

  /** Whom the broker knows from now on. Without `security` nobody is asked. */
  setUsers(users: UserTable, nowMs: number): void {
    this.#context.enter(nowMs);
    this.#sessions.setUsers(users);
  }

  /**
   * Leaves the NameServers, says GOAWAY, answers waiting PULLs at once and what else is pending within `graceMs`, keeps a
   * snapshot, closes the store, then emits `stopped`. Idempotent.
   */
  stop(nowMs: number, graceMs: number = LIMITS.GOAWAY_GRACE_MS): void {
    this.#context.enter(nowMs);
    this.#life.stop(nowMs, graceMs);
  }

  figures(): BrokerFigures {
    return {
      ready: this.#life.phase === 'ready',
      term: this.#term.current,
      nameServers: this.#registration.registeredCount,
      topics: this.#topics.size,
      groups: this.#groups.size,
      producers: this.#producers.size,
      connections: this.#sessions.size,
      polls: this.#pulls.size,
      stagedBytes: this.#life.opened ? this.#log.stagedBytes : 0,
      logEnd: this.#life.opened ? this.#log.endPosition : 0,
      diskFull: this.#log.diskFull,
      damagedSegments: this.#log.damagedSegments,
      ...this.#keyedStates.figures(),
      messagesOut: this.#pulls.messagesOut,
      traffic: this.#sessions.traffic,
      replication: this.#life.opened ? this.#replica?.figures() : undefined,
    };
  }

  topicFigures(): Iterable<TopicFigures> {
    return this.#topics.figures();
  }

  groupFigures(): Iterable<GroupFigures> {
    return this.#groups.figures();
  }

  // ---- ServerHandler ----

  identity(): HelloOkInit {
    const { software, name, limits, replica } = this.#settings;
    const replicaRole = this.#registeredRole;
    const identity = { software, role: ServerRole.BROKER, name, batchBytesMax: limits.batchBytesMax, replica, replicaRole };
    return this.#life.opened ? { ...identity, storeId: this.#log.storeId, term: this.#ownTerm } : identity;
  }

  serves(name: LiveFrame): boolean {
    return FRAMES[name].at === 'broker' || FRAMES[name].at === 'any';
  }

  onRequest(request: Request): void {
    const refusal = this.#life.refusal();
    if (refusal !== undefined) throw refusal;
    if (this.#replica !== undefined && this.#handledByReplica(this.#replica, request)) return undefined;
    switch (request.name) {
      case 'SEND':
        return this.#produce.send(request as Request<'SEND'>);
      case 'PULL':
        return this.#pulls.pull(request as Request<'PULL'>);
      case 'INIT_PRODUCER':
        return this.#producers.init(request as Request<'INIT_PRODUCER'>);
      case 'OFFSET_LOOKUP':
        return lookUpOffsets(this.#topics, request as Request<'OFFSET_LOOKUP'>);
      default:
        if (this.#groups.handle(request) || this.#admin.handle(request) || this.#keyedStates.handle(request)) return undefined;
        throw new QanatError('UNSUPPORTED_FRAME', `a broker does not serve ${request.name}`);
    }
  }

  onClosed(session: ServerSession): void {
    this.#pulls.sessionClosed(session);
    this.#keyedStates.sessionClosed(session);
    this.#producers.sessionClosed(session);
    this.#groups.sessionClosed(session);
    this.#replica?.sessionClosed(session);
  }

  onDrained(session: ServerSession): void {
    this.#pulls.sessionDrained(session);
    this.#replica?.sessionDrained(session);
  }

  /**
   * What a replica serves by itself, and what it must not while it is not master. @returns whether the request is answered, or
   * will be.
   */
  #handledByReplica(replica: Replica, request: Request): boolean {
    if (replica.handle(request)) return true;
    if (replica.leads && !replica.enoughInSync && MUST_COMMIT.has(request.name)) throw notEnoughReplicas();
    if (replica.leads) return false;
    if (!replica.serves || !SERVED_BY_SLAVES.has(request.name)) throw replica.refusal();
    if (request.name !== 'CLIENT_HEARTBEAT') return false;
    this.#groups.renew(request as Request<'CLIENT_HEARTBEAT'>);
    return true;
  }

  /** The term that it is known with: a slave's is that of the newest master that it knows. */
  get #ownTerm(): number {
    return this.#replica?.term ?? this.#term.current;
  }

  /** What the broker is in its group; undefined: it does not know yet, or has no log of its group yet. */
  get #registeredRole(): ReplicaRole | undefined {
    if (this.#replica === undefined) return ReplicaRole.MASTER;
    return this.#life.opened ? this.#replica.role : undefined;
  }

  // ---- parts ----

  #makeLog(): CommitLog {
    const { platform, flush, random, log: sizes, replication } = this.#settings;
    const context = this.#context;
    const host = {
      timers: context.timers,
      nowMs: () => context.nowMs(),
      wallMs: () => context.wallMs(),
      storage: context.storage.bind(context),
      log: (level: LogLevel, event: string, fields: Record<string, string | number | boolean | undefined>) =>
        context.log(level, event, fields),
      fatal: (error: QanatError) => this.#life.storeFailed(error),
    };
    const newStoreId = random.bytes(STORE_ID_BYTES);
    return new CommitLog({ ...sizes, platform, flush, newStoreId, replicated: replication !== undefined }, host, {
      restore: (snapshot) => this.#state.restore(snapshot),
      apply: (entry) => this.#state.apply(entry),
      rolledBack: () => this.#state.rolledBack(),
      progressed: () => this.#replica?.logProgressed(),
      shortened: () => this.#replica?.logShortened(),
      whole: () => this.#replica?.logWhole(),
      damaged: (error) => this.#replica?.logDamaged(error),
    });
  }

  #makeLink(address: string): NameServerLink {
    const { software, name, replication } = this.#settings;
    const greeting = { software, label: name, ...(replication === undefined ? {} : { features: REPLICATION }) };
    return new NameServerLink(this.#context, address, greeting, this.#login, {
      onOpen: (link) => {
        this.#registration.linkOpened(link);
        this.#topology.linkOpened(link);
      },
      onRoutes: (link, pages) => this.#topology.routes(link, pages),
      onClosed: (link, error) => {
        this.#registration.linkClosed(link, error);
        this.#topology.linkClosed(link);
      },
    });
  }
}
