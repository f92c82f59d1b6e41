import type { ServerSessions } from '../connection/server-sessions.ts';
import type { EngineContext } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { BrokerSettings } from './broker-options.ts';
import type { Groups } from './groups/groups.ts';
import type { KeyedStates } from './keyed-state/keyed-states.ts';
import type { CommitLog, OpenChange } from './log/commit-log.ts';
import type { NameServerLink } from './name-server-link.ts';
import type { Producers } from './producers.ts';
import type { Pulls } from './pulls.ts';
import type { Registration } from './registration.ts';
import type { Replica } from './replication/replica.ts';
import type { BrokerState } from './state.ts';
import type { Term } from './term.ts';
import type { Topics } from './topics.ts';
import type { Topology } from './topology.ts';

/** When a broker that recovers is asked again. */
const NOT_READY_RETRY_MS = 200;
/** After the log refused the record of the term. */
const TERM_RETRY_MS = 1_000;

/** Life of a broker: it recovers, logs its term, serves, and stops (spec, chapter of brokers). */
export type Phase = 'new' | 'opening' | 'ready' | 'stopping' | 'closing' | 'stopped';

export interface LifeParts {
  readonly context: EngineContext;
  readonly settings: BrokerSettings;
  readonly sessions: ServerSessions;
  readonly links: readonly NameServerLink[];
  readonly log: CommitLog;
  readonly term: Term;
  readonly topics: Topics;
  readonly producers: Producers;
  readonly keyedStates: KeyedStates;
  readonly pulls: Pulls;
  readonly groups: Groups;
  readonly topology: Topology;
  readonly registration: Registration;
  readonly state: BrokerState;
  /** Undefined where the broker is alone. */
  readonly replica: Replica | undefined;
}

/** How a broker begins and ends. */
export class BrokerLife {
  readonly #parts: LifeParts;
  #phase: Phase = 'new';
  #opened = false;
  /** No NameServer waits for us any more. */
  #unregistered = false;
  #snapshotting = false;
  /** A replica learns what log it is to have: it may wait long for others. */
  #preparing = false;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The log is recovered. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Why nothing is served now; undefined when the broker is ready. */
  refusal(): QanatError | undefined {
    const { name } = this.#parts.settings;
    if (this.#phase === 'ready') return undefined;
    if (this.#phase === 'new' || this.#phase === 'opening')
      return new QanatError('NOT_READY', `broker ${name} recovers its log`, { retryAfterMs: NOT_READY_RETRY_MS });
    return new QanatError('SHUTTING_DOWN', `broker ${name} stops`);
  }

  begin(): void {
    if (this.#phase !== 'new') return;
    this.#phase = 'opening';
    const { replica, links } = this.#parts;
    if (replica === undefined) return this.#open();
    // Whose log it is, and who is master, stands at the NameServers.
    for (const link of links) link.connect();
    this.#preparing = true;
    return replica.prepare((error, change) => {
      if (this.#phase !== 'opening') return;
      this.#preparing = false;
      if (error !== undefined) return this.fatal(error);
      return this.#open(change);
    });
  }

  /** A burst of inputs was handled, and what it staged is on its way. */
  turnEnded(): void {
    if (this.#phase === 'ready' && this.#parts.log.wantsSnapshot && !this.#parts.state.isBetween) this.#keepSnapshot(() => {});
  }

  stop(nowMs: number, graceMs: number): void {
    if (this.#phase === 'stopping' || this.#phase === 'closing' || this.#phase === 'stopped') return;
    const { context, settings, sessions, groups, topology, pulls, keyedStates, registration, links } = this.#parts;
    const before = this.#phase;
    this.#phase = 'stopping';
    groups.stop();
    topology.stop();
    pulls.endAll();
    keyedStates.endAll();
    const stops = new QanatError('SHUTTING_DOWN', `broker ${settings.name} stops`);
    sessions.refuse(stops);
    sessions.goAway(stops, graceMs);
    if (before === 'new') this.#closeStorage();
    if (this.#preparing) this.#parts.replica?.stop(() => this.#closeStorage());
    if (before !== 'ready') return;
    context.timers.at(nowMs + graceMs, () => this.#close());
    registration.unregister(() => {
      this.#unregistered = true;
      for (const link of links) link.close();
      this.closeWhenLeft();
    });
  }

  closeWhenLeft(): void {
    if (this.#phase === 'stopping' && this.#unregistered && this.#parts.sessions.size === 0) this.#close();
  }

  storeFailed(error: QanatError): void {
    this.#parts.producers.storeFailed();
    this.#parts.keyedStates.storeFailed();
    this.#failed(error);
  }

  fatal(error: QanatError): void {
    const { context } = this.#parts;
    this.#phase = 'stopped';
    context.log('error', 'broker.fatal', { code: error.code, error: error.message });
    context.emit({ kind: 'fatal', error });
  }

  #open(change?: Partial<OpenChange>): void {
    const { log, term, producers, replica } = this.#parts;
    log.open((error) => {
      if (error !== undefined) return this.#failed(error);
      this.#opened = true;
      term.saw(log.term);
      producers.recovered();
      if (replica === undefined) return this.#beginTerm();
      if (this.#phase === 'stopping') return this.#close();
      this.#ready();
      return replica.start();
    }, change);
  }

  /** A slave may have from others what its own log has lost. */
  #failed(error: QanatError): void {
    const { replica } = this.#parts;
    if (replica === undefined) this.fatal(error);
    else replica.logFailed(error, (final) => this.fatal(final));
  }

  #beginTerm(): void {
    const { context, term, groups, links } = this.#parts;
    if (this.#phase === 'stopping') return this.#close();
    return term.begin((error) => {
      if (this.#phase === 'stopping') return this.#close();
      if (error === undefined) {
        groups.start();
        this.#ready();
        for (const link of links) link.connect();
        return undefined;
      }
      context.log('error', 'broker.term.failed', { error: error.message });
      context.timers.at(context.nowMs() + TERM_RETRY_MS, () => this.#beginTerm());
      return undefined;
    });
  }

  #ready(): void {
    const { context, settings, term, topics, topology } = this.#parts;
    this.#phase = 'ready';
    topology.start();
    context.log('info', 'broker.ready', { name: settings.name, term: term.current, topics: topics.size });
    context.emit({ kind: 'ready' });
  }

  /** All connections are gone, or had their time. */
  #close(): void {
    if (this.#phase !== 'stopping' || !this.#opened) return;
    this.#phase = 'closing';
    const { log, replica } = this.#parts;
    this.#keepSnapshot(() => {
      const closeLog = (): void => log.close(() => this.#closeStorage());
      if (replica === undefined) closeLog();
      else replica.stop(closeLog);
    });
  }

  /** One at a time; where one is being written, a restart reads a little more of the log. */
  #keepSnapshot(done: () => void): void {
    const { log, state } = this.#parts;
    if (this.#snapshotting || state.isBetween || !log.whole) return done();
    this.#snapshotting = true;
    log.snapshot(state.snapshot(), () => {
      this.#snapshotting = false;
      done();
    });
  }

  #closeStorage(): void {
    this.#phase = 'closing';
    this.#parts.context.storage({ op: 'close' }, () => this.#stopped());
  }

  #stopped(): void {
    this.#phase = 'stopped';
    for (const link of this.#parts.links) link.close();
    this.#parts.context.emit({ kind: 'stopped' });
  }
}
