import type { ClientSession } from '../connection/client-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { Timer } from '../timers.ts';
import type { EndpointInit, TopicShareInit } from '../wire/gen/messages.ts';
import {
  REGISTRATION_REQUESTS as CODECS,
  type MasterRoute,
  type RegisterBrokerInit,
  type RegisterBrokerOk,
} from '../wire/gen/registration-messages.ts';
import { ReplicaRole } from '../wire/gen/registry.ts';
import type { BrokerSettings } from './broker-options.ts';
import type { NameServerLink } from './name-server-link.ts';
import { topicPages } from './topic-pages.ts';
import type { Topics } from './topics.ts';

/** Changes that come close together are one registration. */
const COALESCE_MS = 20;
/** A new master may not have registered yet. */
const ASK_SOON_MS = 200;
const TOPICS_PER_FRAME = 1000;
/** A NameServer that does not answer within this time gets a new connection. */
const ANSWER_MS = 3_000;
/** How long a broker that stops waits for the answer. */
const UNREGISTER_MS = 1_000;

/** What one NameServer knows of us. */
interface LinkState {
  /** How the first attempt ended; the start is over when there is none without. */
  first: 'none' | 'failed' | 'in-use' | 'registered';
  registered: boolean;
  registering: boolean;
  again: boolean;
  heartbeatMs: number;
  heartbeat: Timer | undefined;
  report: Timer | undefined;
}

export interface RegistrationParts {
  readonly host: EngineHost;
  readonly settings: BrokerSettings;
  readonly topics: Topics;
  readonly links: readonly NameServerLink[];
  readonly storeId: () => Uint8Array;
  readonly term: () => number;
  /**
   * What the broker is in its group at this moment; undefined: a slave that does not have the log of its group yet, and so must
   * not register (QNT-REG-030). Call `changed` when it is another one. Default: the master.
   */
  readonly replicaRole?: () => ReplicaRole | undefined;
  /** A NameServer told where another replica is master; comes again with every heartbeat. */
  readonly masterSeen?: (master: MasterRoute) => void;
  /** A NameServer refused us in this term: another replica is master, of which it tells next, or our term is an old one. */
  readonly fenced?: (term: number) => void;
  /** The name belongs to another broker. */
  readonly fatal: (error: QanatError) => void;
}

/** Tells every NameServer who we are, where we listen and which topics we have (spec, chapter of broker registration). */
export class Registration {
  readonly #parts: RegistrationParts;
  readonly #states = new Map<NameServerLink, LinkState>();
  #endpoints: readonly EndpointInit[];
  /** Of the text that was told last. */
  #revision = 0;
  #text = '';
  #changed: Timer | undefined;
  #asking: Timer | undefined;
  #stopped = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    this.#endpoints = parts.settings.endpoints;
    for (const link of parts.links) {
      this.#states.set(link, {
        first: 'none',
        registered: false,
        registering: false,
        again: false,
        heartbeatMs: parts.settings.times.heartbeatMs,
        heartbeat: undefined,
        report: undefined,
      });
    }
  }

  /** NameServers that have what we told them last. */
  get registeredCount(): number {
    return [...this.#states.values()].filter(({ registered }) => registered).length;
  }

  setEndpoints(endpoints: readonly EndpointInit[]): void {
    this.#endpoints = endpoints;
    this.changed();
  }

  /** The text of the registration may no longer be what was told. */
  changed(): void {
    if (this.#changed !== undefined || this.#stopped) return;
    const { host } = this.#parts;
    this.#changed = host.timers.at(host.nowMs() + COALESCE_MS, () => {
      this.#changed = undefined;
      for (const link of this.#states.keys()) this.#register(link);
    });
  }

  /** Asks where the master is, and does not wait for the next heartbeat. */
  askSoon(): void {
    if (this.#asking !== undefined || this.#stopped) return;
    const { host } = this.#parts;
    this.#asking = host.timers.at(host.nowMs() + ASK_SOON_MS, () => {
      this.#asking = undefined;
      for (const [link, state] of this.#states) this.#beat(link, state);
    });
  }

  linkOpened(link: NameServerLink): void {
    this.#register(link);
  }

  linkClosed(link: NameServerLink, error: QanatError | undefined): void {
    const state = this.#state(link);
    this.#tellLoss(link, state, error);
    state.registered = false;
    state.registering = false;
    state.heartbeat?.cancel();
    state.report?.cancel();
    this.#decide(state, 'failed');
  }

  /** Once for each time that it is gone, not for every try, and not where this broker itself has closed. */
  #tellLoss({ address }: NameServerLink, { registered, first }: LinkState, error: QanatError | undefined): void {
    const { host } = this.#parts;
    if (registered) host.log('warn', 'broker.name-server.lost', { address, error: error?.message });
    else if (first === 'none' && error?.code !== 'CLOSED')
      host.log('warn', 'broker.name-server.away', { address, error: error?.message, hint: 'the broker goes on trying' });
  }

  /** Leaves every NameServer; `done` comes when all have answered or had their time. */
  unregister(done: () => void): void {
    this.#stopped = true;
    this.#changed?.cancel();
    this.#asking?.cancel();
    let waiting = 1;
    const ended = (): void => {
      if (--waiting === 0) done();
    };
    for (const [link, state] of this.#states) {
      state.heartbeat?.cancel();
      state.report?.cancel();
      if (!state.registered || link.session === undefined) continue;
      waiting++;
      const { name: broker, replica } = this.#parts.settings;
      const header = { broker, replica, storeId: this.#parts.storeId() };
      link.session.request('UNREGISTER_BROKER', header, { timeoutMs: UNREGISTER_MS, codec: CODECS.UNREGISTER_BROKER }, ended);
    }
    ended();
  }

  #state(link: NameServerLink): LinkState {
    return this.#states.get(link) as LinkState;
  }

  #register(link: NameServerLink): void {
    const state = this.#state(link);
    const { session } = link;
    if (session === undefined || this.#stopped) return;
    if (this.#role === undefined) return this.#ask(link, state);
    if (this.#endpoints.length === 0) return;
    if (state.registering) {
      state.again = true;
      return;
    }
    state.registering = true;
    state.again = false;
    const term = this.#parts.term();
    const options = { timeoutMs: ANSWER_MS, codec: CODECS.REGISTER_BROKER };
    session.request('REGISTER_BROKER', this.#frames(), options, (error, { header }) => {
      if (link.session !== session) return;
      state.registering = false;
      if (error === undefined) this.#registered(link, state, header);
      else this.#refused(link, state, error, term);
      if (state.again) this.#register(link);
    });
  }

  #registered(link: NameServerLink, state: LinkState, { heartbeatMs, master }: RegisterBrokerOk): void {
    const { host, settings } = this.#parts;
    if (!state.registered) host.log('info', 'broker.registered', { address: link.address, topics: this.#parts.topics.size });
    state.registered = true;
    state.heartbeatMs = heartbeatMs === 0 ? settings.times.heartbeatMs : Math.min(heartbeatMs, settings.times.heartbeatMs);
    this.#decide(state, 'registered');
    state.report?.cancel();
    state.report = host.timers.at(host.nowMs() + settings.times.reportMs, () => this.#register(link));
    this.#armHeartbeat(link, state);
    this.#saw(master);
  }

  #refused(link: NameServerLink, state: LinkState, error: QanatError, term: number): void {
    this.#parts.host.log('error', 'broker.registration.refused', {
      address: link.address,
      code: error.code,
      error: error.message,
    });
    if (error.code === 'TIMEOUT') return link.suspect(error);
    this.#decide(state, error.code === 'NAME_IN_USE' ? 'in-use' : 'failed', error);
    state.registered = false;
    this.#armHeartbeat(link, state);
    if (error.code !== 'TERM_FENCED') return undefined;
    this.#parts.fenced?.(term);
    return this.#ask(link, state);
  }

  #saw(master: MasterRoute | undefined): void {
    if (master !== undefined) this.#parts.masterSeen?.(master);
  }

  get #role(): ReplicaRole | undefined {
    return this.#parts.replicaRole === undefined ? ReplicaRole.MASTER : this.#parts.replicaRole();
  }

  /** Who is not registered asks where the master is by a heartbeat, whose answer tells it (QNT-REG-030). */
  #ask(link: NameServerLink, state: LinkState): void {
    const { session } = link;
    if (session === undefined || this.#stopped) return;
    state.registered = false;
    this.#armHeartbeat(link, state);
    this.#sendHeartbeat(link, session, () => {});
  }

  /** Fatal only when, at the start, every NameServer that could be asked says that the name is taken. */
  #decide(state: LinkState, outcome: LinkState['first'], error?: QanatError): void {
    if (state.first !== 'none') return;
    state.first = outcome;
    const firsts = Array.from(this.#states.values(), ({ first }) => first);
    if (firsts.includes('none') || firsts.includes('registered') || !firsts.includes('in-use')) return;
    this.#parts.fatal(
      error ?? new QanatError('NAME_IN_USE', `every NameServer says that the name ${this.#parts.settings.name} is in use`),
    );
  }

  #armHeartbeat(link: NameServerLink, state: LinkState): void {
    const { host } = this.#parts;
    state.heartbeat?.cancel();
    state.heartbeat = host.timers.at(host.nowMs() + state.heartbeatMs, () => this.#beat(link, state));
  }

  #beat(link: NameServerLink, state: LinkState): void {
    const { session } = link;
    if (session === undefined || this.#stopped) return;
    this.#armHeartbeat(link, state);
    if (!state.registered) return this.#register(link);
    return this.#sendHeartbeat(link, session, (register) => {
      if (register) this.#register(link);
    });
  }

  #sendHeartbeat(link: NameServerLink, session: ClientSession, done: (register: boolean) => void): void {
    const { name: broker, replica } = this.#parts.settings;
    const [storeId, term] = [this.#parts.storeId(), this.#parts.term()];
    const header = { broker, replica, storeId, term, revision: this.#revision };
    const options = { timeoutMs: ANSWER_MS, codec: CODECS.BROKER_HEARTBEAT };
    session.request('BROKER_HEARTBEAT', header, options, (error, response) => {
      if (link.session !== session || this.#stopped) return;
      if (error?.code === 'TIMEOUT') link.suspect(error);
      if (error !== undefined) return;
      this.#saw(response.header.master);
      done(response.header.register);
    });
  }

  /**
   * A registration may be due for another reason just before a change is told by itself: the text is what counts, not the call
   * that it changed.
   */
  #revise(shares: readonly TopicShareInit[]): void {
    const text = JSON.stringify([this.#endpoints, shares, this.#role]);
    if (text === this.#text) return;
    this.#text = text;
    this.#revision++;
  }

  #frames(): RegisterBrokerInit[] {
    const { settings, topics } = this.#parts;
    const shares: TopicShareInit[] = [];
    for (const topic of topics.all()) if (!topic.removed) shares.push({ topic: topic.name, queues: topic.queues.length });
    this.#revise(shares);
    const [first, ...rest] = topicPages(shares, TOPICS_PER_FRAME);
    const head: RegisterBrokerInit = {
      broker: settings.name,
      cluster: settings.cluster,
      storeId: this.#parts.storeId(),
      term: this.#parts.term(),
      revision: this.#revision,
      endpoints: this.#endpoints,
      createsTopics: settings.createsTopics,
      software: settings.software,
      topics: first,
      replica: settings.replica,
      replicaRole: this.#role,
      zone: settings.zone,
    };
    return [head, ...rest.map((page) => ({ topics: page }))];
  }
}
