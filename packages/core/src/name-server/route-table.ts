import type { ServerSession } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import { checkName } from '../model/names.ts';
import { compareTexts } from '../model/text-order.ts';
import { DEFAULT_LISTENER } from '../scheme.ts';
import { Silence } from '../timers.ts';
import type { BrokerRouteInit, Endpoint } from '../wire/gen/messages.ts';
import type { BrokerHeartbeat, RegisterBroker } from '../wire/gen/registration-messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { type BrokerEntry, hex } from './broker-entry.ts';

/** Topics of all brokers: 100 brokers may have 10,000 each. */
export const SHARES_MAX = 1_000_000;

export interface RouteTableTimes {
  readonly expiryMs: number;
  readonly lostMs: number;
  readonly awayMs: number;
}

/** Which brokers there are, and which topics they have. */
export class RouteTable {
  readonly #host: EngineHost;
  readonly #times: RouteTableTimes;
  readonly #brokersMax: number;
  readonly #changed: (topic: string) => void;
  readonly #brokers = new Map<string, BrokerEntry>();
  /** Topics of all brokers, one for each broker that has it. */
  #shares = 0;
  /** Brokers by topic. */
  readonly #topics = new Map<string, Map<string, BrokerEntry>>();

  /** @param changed is told each topic whose route is no longer what it was. */
  constructor(host: EngineHost, times: RouteTableTimes, brokersMax: number, changed: (topic: string) => void) {
    this.#host = host;
    this.#times = times;
    this.#brokersMax = brokersMax;
    this.#changed = changed;
  }

  brokers(): Iterable<BrokerEntry> {
    return this.#brokers.values();
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  topicNames(): Iterable<string> {
    return this.#topics.keys();
  }

  /** The brokers that have the topic, sorted by name; none when nobody has it. */
  brokersOf(topic: string): readonly BrokerEntry[] {
    const entries = this.#topics.get(topic);
    return entries === undefined ? [] : [...entries.values()].sort((a, b) => compareTexts(a.name, b.name));
  }

  /** @throws QanatError INVALID_NAME, INVALID_ARGUMENT, NAME_IN_USE, TERM_FENCED, LIMIT_EXCEEDED. */
  register(session: ServerSession, frames: readonly RegisterBroker[]): void {
    const head = frames[0] as RegisterBroker;
    if (head.broker === '') throw new QanatError('INVALID_ARGUMENT', 'RegisterBroker.broker is missing');
    checkName('broker', head.broker);
    if (head.cluster !== '') checkName('cluster', head.cluster);
    if (head.storeId.length === 0) throw new QanatError('INVALID_ARGUMENT', 'RegisterBroker.store_id is missing');
    const topics = readTopics(frames);
    const known = this.#brokers.get(head.broker);
    if (known === undefined && this.#brokers.size >= this.#brokersMax) {
      throw new QanatError('LIMIT_EXCEEDED', `${this.#brokersMax} brokers are registered (BROKERS_MAX)`);
    }
    if (known !== undefined) this.#checkHolder(known, head);
    const shares = this.#shares + topics.size - (known?.topics.size ?? 0);
    if (shares > SHARES_MAX)
      throw new QanatError('LIMIT_EXCEEDED', `${this.#shares} topics of all brokers are registered (SHARES_MAX)`);
    const entry = known ?? this.#newEntry(head.broker);
    const before = new Map([...entry.topics.keys()].map((topic) => [topic, topicText(entry, topic)]));
    this.#replaceTopics(entry, topics);
    entry.cluster = head.cluster;
    entry.storeId = hex(head.storeId);
    entry.storeIdBytes = head.storeId;
    entry.term = head.term;
    entry.revision = head.revision;
    entry.endpoints = head.endpoints;
    entry.createsTopics = head.createsTopics;
    this.#heard(entry, session);
    for (const topic of new Set([...before.keys(), ...topics.keys()])) {
      if (before.get(topic) !== topicText(entry, topic)) this.#changed(topic);
    }
    if (known === undefined)
      this.#host.log('info', 'broker registered', { broker: entry.name, topics: topics.size, remote: session.remote });
  }

  /** @returns whether the broker must register again. */
  heartbeat(session: ServerSession, beat: BrokerHeartbeat): boolean {
    const entry = this.#brokers.get(beat.broker);
    if (
      entry === undefined ||
      entry.storeId !== hex(beat.storeId) ||
      entry.term !== beat.term ||
      entry.revision !== beat.revision
    )
      return true;
    this.#heard(entry, session);
    return false;
  }

  /** A broker stops on purpose: it is away at once, and keeps its place. */
  unregister(name: string, storeId: Uint8Array): void {
    const entry = this.#brokers.get(name);
    if (entry !== undefined && entry.storeId === hex(storeId)) this.#leave(entry, 'it said so');
  }

  /** A connection is gone: the brokers that were heard on it have `lostMs` to come back. */
  sessionClosed(session: ServerSession): void {
    for (const entry of this.#brokers.values()) {
      if (entry.session !== session) continue;
      entry.session = undefined;
      if (entry.state !== 'live') continue;
      const dueMs = Math.min(this.#host.nowMs() + this.#times.lostMs, entry.silence.endsMs(this.#times.expiryMs));
      this.#arm(entry, dueMs, () => this.#leave(entry, 'its connection was lost'));
    }
  }

  #checkHolder(known: BrokerEntry, head: RegisterBroker): void {
    const sameStore = known.storeId === hex(head.storeId);
    if (!sameStore && known.state === 'live') {
      throw new QanatError('NAME_IN_USE', `broker ${head.broker} is live with another store (${known.storeId.slice(0, 8)}…)`);
    }
    if (sameStore && head.term < known.term)
      throw new QanatError('TERM_FENCED', `broker ${head.broker} is known with term ${known.term}, not ${head.term}`);
  }

  #newEntry(name: string): BrokerEntry {
    const entry: BrokerEntry = {
      name,
      cluster: '',
      storeId: '',
      storeIdBytes: new Uint8Array(0),
      term: 0,
      revision: 0,
      endpoints: [],
      createsTopics: false,
      topics: new Map(),
      state: 'live',
      silence: new Silence(this.#host.timers, this.#host.nowMs()),
      session: undefined,
      timer: undefined,
    };
    this.#brokers.set(name, entry);
    return entry;
  }

  #replaceTopics(entry: BrokerEntry, topics: ReadonlyMap<string, number>): void {
    for (const topic of entry.topics.keys()) if (!topics.has(topic)) this.#dropTopic(entry, topic);
    for (const topic of topics.keys()) {
      const holders = this.#topics.get(topic) ?? new Map<string, BrokerEntry>();
      holders.set(entry.name, entry);
      this.#topics.set(topic, holders);
    }
    this.#shares += topics.size - entry.topics.size;
    entry.topics = topics;
  }

  #dropTopic(entry: BrokerEntry, topic: string): void {
    const holders = this.#topics.get(topic);
    holders?.delete(entry.name);
    if (holders?.size === 0) this.#topics.delete(topic);
  }

  #heard(entry: BrokerEntry, session: ServerSession): void {
    entry.silence.heard(this.#host.nowMs());
    entry.session = session;
    if (entry.state === 'away') {
      entry.state = 'live';
      this.#host.log('info', 'broker is back', { broker: entry.name });
      this.#allChanged(entry);
    }
    this.#arm(entry, entry.silence.endsMs(this.#times.expiryMs), () =>
      this.#leave(entry, `nothing was heard for ${this.#times.expiryMs} ms`),
    );
  }

  #leave(entry: BrokerEntry, why: string): void {
    if (entry.state === 'away') return;
    entry.state = 'away';
    this.#host.log('warn', 'broker is away', { broker: entry.name, why });
    this.#allChanged(entry);
    this.#arm(entry, this.#host.nowMs() + this.#times.awayMs, () => this.#remove(entry));
  }

  #remove(entry: BrokerEntry): void {
    this.#brokers.delete(entry.name);
    this.#shares -= entry.topics.size;
    for (const topic of entry.topics.keys()) {
      this.#dropTopic(entry, topic);
      this.#changed(topic);
    }
    this.#host.log('warn', 'broker is forgotten', { broker: entry.name });
  }

  #allChanged(entry: BrokerEntry): void {
    for (const topic of entry.topics.keys()) this.#changed(topic);
  }

  #arm(entry: BrokerEntry, dueMs: number, run: () => void): void {
    entry.timer?.cancel();
    entry.timer = this.#host.timers.at(dueMs, run, { forPeer: true });
  }
}

/**
 * What a broker looks like in a route.
 * @param network the name of the listener that the asker came in on.
 */
export const brokerRoute = (entry: BrokerEntry, network: string): BrokerRouteInit => ({
  broker: entry.name,
  cluster: entry.cluster,
  storeId: entry.storeIdBytes,
  term: entry.term,
  endpoints: endpointsIn(entry.endpoints, network),
  away: entry.state === 'away',
  createsTopics: entry.createsTopics,
});

/** Who came in over one network reaches a broker there, where it has an endpoint of that name (QNT-RTE-026). */
function endpointsIn(endpoints: readonly Endpoint[], network: string): readonly Endpoint[] {
  const near = endpoints.filter(({ listener }) => (listener || DEFAULT_LISTENER) === network);
  return near.length > 0 ? near : endpoints;
}

/** Two equal texts: the route of the topic through this broker is the same. */
function topicText(entry: BrokerEntry, topic: string): string {
  const queues = entry.topics.get(topic);
  if (queues === undefined) return '';
  const endpoints = entry.endpoints.map((e) => `${e.listener} ${e.scheme} ${e.address}`).join();
  return `${queues}|${entry.cluster}|${entry.storeId}|${entry.term}|${entry.createsTopics}|${endpoints}`;
}

function readTopics(frames: readonly RegisterBroker[]): ReadonlyMap<string, number> {
  const topics = new Map<string, number>();
  for (const frame of frames) {
    for (const { topic, queues } of frame.topics) {
      checkName('topic', topic);
      if (queues < 1 || queues > LIMITS.QUEUES_PER_TOPIC_MAX)
        throw new QanatError('INVALID_ARGUMENT', `topic ${topic} has ${queues} queues`);
      topics.set(topic, queues);
    }
  }
  if (topics.size > LIMITS.TOPICS_PER_BROKER_MAX)
    throw new QanatError('LIMIT_EXCEEDED', `more than ${LIMITS.TOPICS_PER_BROKER_MAX} topics (TOPICS_PER_BROKER_MAX)`);
  return topics;
}
