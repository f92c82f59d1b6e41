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
import { FRAMES, LIMITS, ServerRole } from '../wire/gen/registry.ts';
import { BROKER_FEATURES, type BrokerOptions, type BrokerSettings, brokerSettings } from './broker-options.ts';
import type { BrokerFigures, GroupFigures, TopicFigures } from './figures.ts';
import { BrokerGroupHost } from './group-host.ts';
import { Groups } from './groups/groups.ts';
import { KeyedStates } from './keyed-state/keyed-states.ts';
import { CommitLog } from './log/commit-log.ts';
import { lookUpOffsets } from './lookup.ts';
import { NameServerLink } from './name-server-link.ts';
import { Produce } from './produce.ts';
import { Producers } from './producers.ts';
import { Pulls } from './pulls.ts';
import { Registration } from './registration.ts';
import { BrokerState } from './state.ts';
import { Term } from './term.ts';
import { TopicAdmin } from './topic-admin.ts';
import { Topics } from './topics.ts';
import { Topology } from './topology.ts';

/** When a broker that recovers is asked again. */
const NOT_READY_RETRY_MS = 200;
/** After the log refused the record of the term. */
const TERM_RETRY_MS = 1_000;
const STORE_ID_BYTES = 16;

/** Life of a broker: it recovers, logs its term, serves, and stops (spec, chapter of brokers). */
type Phase = 'new' | 'opening' | 'ready' | 'stopping' | 'closing' | 'stopped';

/**
 * A Broker: stores and serves messages. An engine: a driver gives it inputs, a storage and a clock.
 *
 * It emits `ready` once its log is recovered and its term is durable, `fatal` when it cannot go on (CORRUPT_LOG, STORE_IO,
 * NAME_IN_USE) and `stopped` after `stop`.
 */
export class Broker implements Engine, ServerHandler {
  readonly features = BROKER_FEATURES;
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
  #phase: Phase = 'new';
  #opened = false;
  /** No NameServer waits for us any more. */
  #unregistered = false;
  #snapshotting = false;

  /** @throws QanatError BAD_CONFIG that names the setting. */
  constructor(options: BrokerOptions) {
    const settings = brokerSettings(options);
    const context = new EngineContext(settings.random);
    const { platform, limits } = settings;
    this.#settings = settings;
    this.#context = context;
    const door = settings.security === undefined ? undefined : new Door(context, settings.security, settings.cluster);
    this.#sessions = new ServerSessions(context, this, limits.connectionsMax, settings.session, door);
    this.#login = settings.credentials === undefined ? undefined : new Login(context, settings.credentials);
    this.#links = settings.nameServers.map((address) => this.#makeLink(address));
    const log = this.#makeLog();
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
    this.#produce = new Produce({ host: context, platform, limits, log, term, topics, producers, keyedStates });
    this.#pulls = new Pulls({
      host: context,
      platform,
      log,
      topics,
      leaseError: (group, member, topicId, queue, epoch) => this.#groups.pullError(group, member, topicId, queue, epoch),
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
      storeId: () => log.storeId,
      term: () => term.current,
      fatal: (error) => this.#fatal(error),
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
  }

  // ---- Engine ----

  handle(input: Input, nowMs: number): void {
    this.#context.enter(nowMs);
    if (!this.#context.handle(input) && !this.#sessions.handle(input))
      for (const link of this.#links) if (link.handle(input)) break;
    if (this.#phase === 'new') this.#open();
    this.#closeWhenLeft();
  }

  tick(nowMs: number): void {
    this.#context.enter(nowMs);
    if (this.#phase === 'new') this.#open();
    this.#context.timers.tick(nowMs);
  }

  drain(): readonly Output[] {
    if (this.#opened) {
      this.#log.nextTurn();
      this.#pulls.flush();
      this.#keyedStates.flush();
      this.#topology.flush();
      this.#log.commit();
      if (this.#phase === 'ready' && this.#log.wantsSnapshot) this.#keepSnapshot(() => {});
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
    if (this.#phase === 'stopping' || this.#phase === 'closing' || this.#phase === 'stopped') return;
    this.#context.enter(nowMs);
    const before = this.#phase;
    this.#phase = 'stopping';
    this.#groups.stop();
    this.#topology.stop();
    this.#pulls.endAll();
    this.#keyedStates.endAll();
    const stops = new QanatError('SHUTTING_DOWN', `broker ${this.#settings.name} stops`);
    this.#sessions.refuse(stops);
    this.#sessions.goAway(stops, graceMs);
    if (before === 'new') this.#closeStorage();
    if (before !== 'ready') return;
    this.#context.timers.at(nowMs + graceMs, () => this.#close());
    this.#registration.unregister(() => {
      this.#unregistered = true;
      for (const link of this.#links) link.close();
      this.#closeWhenLeft();
    });
  }

  figures(): BrokerFigures {
    return {
      ready: this.#phase === 'ready',
      term: this.#term.current,
      nameServers: this.#registration.registeredCount,
      topics: this.#topics.size,
      groups: this.#groups.size,
      producers: this.#producers.size,
      connections: this.#sessions.size,
      polls: this.#pulls.size,
      stagedBytes: this.#opened ? this.#log.stagedBytes : 0,
      logEnd: this.#opened ? this.#log.endPosition : 0,
      diskFull: this.#log.diskFull,
      damagedSegments: this.#log.damagedSegments,
      ...this.#keyedStates.figures(),
      messagesOut: this.#pulls.messagesOut,
      traffic: this.#sessions.traffic,
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
    const identity = { software, role: ServerRole.BROKER, name, batchBytesMax: limits.batchBytesMax, replica };
    return this.#opened ? { ...identity, storeId: this.#log.storeId, term: this.#term.current } : identity;
  }

  serves(name: LiveFrame): boolean {
    return FRAMES[name].at === 'broker' || FRAMES[name].at === 'any';
  }

  onRequest(request: Request): void {
    if (this.#phase !== 'ready') throw this.#refusal();
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
  }

  onDrained(session: ServerSession): void {
    this.#pulls.sessionDrained(session);
  }

  #refusal(): QanatError {
    if (this.#phase === 'new' || this.#phase === 'opening') {
      return new QanatError('NOT_READY', `broker ${this.#settings.name} recovers its log`, { retryAfterMs: NOT_READY_RETRY_MS });
    }
    return new QanatError('SHUTTING_DOWN', `broker ${this.#settings.name} stops`);
  }

  // ---- parts ----

  #makeLog(): CommitLog {
    const { platform, flush, random, log: sizes } = this.#settings;
    const context = this.#context;
    const host = {
      timers: context.timers,
      nowMs: () => context.nowMs(),
      wallMs: () => context.wallMs(),
      storage: context.storage.bind(context),
      log: (level: LogLevel, event: string, fields: Record<string, string | number | boolean | undefined>) =>
        context.log(level, event, fields),
      fatal: (error: QanatError) => this.#storeFailed(error),
    };
    return new CommitLog({ ...sizes, platform, flush, newStoreId: random.bytes(STORE_ID_BYTES) }, host, {
      restore: (snapshot) => this.#state.restore(snapshot),
      apply: (entry) => this.#state.apply(entry),
      rolledBack: () => this.#state.rolledBack(),
    });
  }

  #makeLink(address: string): NameServerLink {
    const { software, name } = this.#settings;
    return new NameServerLink(this.#context, address, { software, label: name }, this.#login, {
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

  // ---- life ----

  #open(): void {
    this.#phase = 'opening';
    this.#log.open((error) => {
      if (error !== undefined) return this.#fatal(error);
      this.#opened = true;
      this.#term.saw(this.#log.term);
      this.#producers.recovered();
      return this.#beginTerm();
    });
  }

  #beginTerm(): void {
    if (this.#phase === 'stopping') return this.#close();
    return this.#term.begin((error) => {
      if (this.#phase === 'stopping') return this.#close();
      if (error === undefined) return this.#ready();
      this.#context.log('error', 'broker.term.failed', { error: error.message });
      this.#context.timers.at(this.#context.nowMs() + TERM_RETRY_MS, () => this.#beginTerm());
      return undefined;
    });
  }

  #ready(): void {
    this.#phase = 'ready';
    this.#groups.start();
    this.#topology.start();
    for (const link of this.#links) link.connect();
    this.#context.log('info', 'broker.ready', { name: this.#settings.name, term: this.#term.current, topics: this.#topics.size });
    this.#context.emit({ kind: 'ready' });
  }

  #closeWhenLeft(): void {
    if (this.#phase === 'stopping' && this.#unregistered && this.#sessions.size === 0) this.#close();
  }

  /** All connections are gone, or had their time. */
  #close(): void {
    if (this.#phase !== 'stopping' || !this.#opened) return;
    this.#phase = 'closing';
    this.#keepSnapshot(() => this.#log.close(() => this.#closeStorage()));
  }

  /** One at a time; where one is being written, a restart reads a little more of the log. */
  #keepSnapshot(done: () => void): void {
    if (this.#snapshotting) return done();
    this.#snapshotting = true;
    this.#log.snapshot(this.#state.snapshot(), () => {
      this.#snapshotting = false;
      done();
    });
  }

  #closeStorage(): void {
    this.#phase = 'closing';
    this.#context.storage({ op: 'close' }, () => this.#stopped());
  }

  #stopped(): void {
    this.#phase = 'stopped';
    for (const link of this.#links) link.close();
    this.#context.emit({ kind: 'stopped' });
  }

  #storeFailed(error: QanatError): void {
    this.#producers.storeFailed();
    this.#keyedStates.storeFailed();
    this.#fatal(error);
  }

  #fatal(error: QanatError): void {
    this.#context.log('error', 'broker.fatal', { code: error.code, error: error.message });
    this.#context.emit({ kind: 'fatal', error });
  }
}
