import type { ServerSession } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import { checkName } from '../model/names.ts';
import { compareTexts } from '../model/text-order.ts';
import { Silence } from '../timers.ts';
import type { BrokerHeartbeat, RegisterBroker, UnregisterBroker } from '../wire/gen/registration-messages.ts';
import { LIMITS, ReplicaRole } from '../wire/gen/registry.ts';
import { type BrokerEntry, findReplica, hex, newBrokerEntry, type ReplicaEntry, replicasOf } from './broker-entry.ts';
import { routeText } from './broker-route.ts';

/** Topics of all brokers: 100 brokers may have 10,000 each. */
export const SHARES_MAX = 1_000_000;

export interface RouteTableTimes {
  readonly expiryMs: number;
  readonly lostMs: number;
  readonly awayMs: number;
}

/** Which brokers there are, with their replicas, and which topics they have. */
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

  broker(name: string): BrokerEntry | undefined {
    return this.#brokers.get(name);
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
    checkHead(head);
    const topics = readTopics(frames);
    const known = this.#brokers.get(head.broker);
    if (known === undefined && this.#brokers.size >= this.#brokersMax) {
      throw new QanatError('LIMIT_EXCEEDED', `${this.#brokersMax} brokers are registered (BROKERS_MAX)`);
    }
    if (known !== undefined) checkHolder(known, head);
    const tells = known === undefined || tellsTopics(known, head);
    if (tells) this.#checkShares(topics.size - (known?.topics.size ?? 0));
    const isNew = known === undefined || findReplica(known, head.replica) === undefined;
    const entry = known ?? this.#newEntry(head.broker);
    const before = new Map([...entry.topics.keys()].map((topic) => [topic, routeText(entry, topic)]));
    if (entry.storeId !== hex(head.storeId)) this.#beginStore(entry, head.storeId);
    if (tells) this.#takeShape(entry, head, topics);
    const replica = isSlave(head) ? this.#takeSlave(entry, head) : this.#takeMaster(entry, head);
    replica.term = head.term;
    replica.revision = head.revision;
    replica.endpoints = head.endpoints;
    replica.zone = head.zone;
    this.#heard(entry, replica, session);
    for (const topic of new Set([...before.keys(), ...entry.topics.keys()])) {
      if ((before.get(topic) ?? '') !== routeText(entry, topic)) this.#changed(topic);
    }
    const { name: broker } = entry;
    const { remote } = session;
    if (isNew) this.#host.log('info', 'broker registered', { broker, replica: head.replica, topics: topics.size, remote });
  }

  /** @returns whether the replica must register again. */
  heartbeat(session: ServerSession, beat: BrokerHeartbeat): boolean {
    const entry = this.#brokers.get(beat.broker);
    const replica = entry && findReplica(entry, beat.replica);
    if (
      entry === undefined ||
      replica === undefined ||
      entry.storeId !== hex(beat.storeId) ||
      replica.term !== beat.term ||
      replica.revision !== beat.revision
    )
      return true;
    this.#heard(entry, replica, session);
    return false;
  }

  /** A replica stops on purpose: it is away at once, and keeps its place. */
  unregister({ broker, storeId, replica: number }: UnregisterBroker): void {
    const entry = this.#brokers.get(broker);
    const replica = entry && findReplica(entry, number);
    if (entry !== undefined && replica !== undefined && entry.storeId === hex(storeId)) this.#leave(entry, replica, 'it said so');
  }

  /** A connection is gone: the replicas that were heard on it have `lostMs` to come back. */
  sessionClosed(session: ServerSession): void {
    for (const entry of this.#brokers.values()) {
      for (const replica of replicasOf(entry)) if (replica.session === session) this.#lost(entry, replica);
    }
  }

  #lost(entry: BrokerEntry, replica: ReplicaEntry): void {
    replica.session = undefined;
    if (replica.state !== 'live') return;
    const dueMs = Math.min(this.#host.nowMs() + this.#times.lostMs, replica.silence.endsMs(this.#times.expiryMs));
    this.#arm(replica, dueMs, () => this.#leave(entry, replica, 'its connection was lost'));
  }

  #checkShares(more: number): void {
    if (this.#shares + more > SHARES_MAX)
      throw new QanatError('LIMIT_EXCEEDED', `${this.#shares} topics of all brokers are registered (SHARES_MAX)`);
  }

  #newEntry(name: string): BrokerEntry {
    const entry = newBrokerEntry(name);
    this.#brokers.set(name, entry);
    return entry;
  }

  #newReplica(replica: number): ReplicaEntry {
    const silence = new Silence(this.#host.timers, this.#host.nowMs());
    return {
      replica,
      term: 0,
      revision: 0,
      endpoints: [],
      zone: '',
      state: 'live',
      silence,
      session: undefined,
      timer: undefined,
    };
  }

  /** Nobody is live any more who had the other store (QNT-REG-015). */
  #beginStore(entry: BrokerEntry, storeId: Uint8Array): void {
    for (const replica of replicasOf(entry)) replica.timer?.cancel();
    entry.master = undefined;
    entry.slaves.clear();
    entry.holder = undefined;
    entry.term = 0;
    entry.storeId = hex(storeId);
    entry.storeIdBytes = storeId;
  }

  #takeShape(entry: BrokerEntry, head: RegisterBroker, topics: ReadonlyMap<string, number>): void {
    this.#replaceTopics(entry, topics);
    entry.cluster = head.cluster;
    entry.createsTopics = head.createsTopics;
  }

  /** A slave stands beside the master; one that was the master itself leaves that place empty (QNT-REG-024, QNT-REG-026). */
  #takeSlave(entry: BrokerEntry, { replica, term }: RegisterBroker): ReplicaEntry {
    if (entry.master?.replica === replica) {
      entry.master.timer?.cancel();
      entry.master = undefined;
    }
    if (entry.holder === undefined) entry.term = Math.max(entry.term, term);
    const slave = entry.slaves.get(replica) ?? this.#newReplica(replica);
    entry.slaves.set(replica, slave);
    return slave;
  }

  /** The name is the master's of the highest term (QNT-REG-025). */
  #takeMaster(entry: BrokerEntry, { replica, term }: RegisterBroker): ReplicaEntry {
    const slave = entry.slaves.get(replica);
    entry.slaves.delete(replica);
    entry.term = term;
    entry.holder = replica;
    const { master } = entry;
    if (master !== undefined && master.replica === replica) return master;
    master?.timer?.cancel();
    entry.master = slave ?? this.#newReplica(replica);
    return entry.master;
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

  #heard(entry: BrokerEntry, replica: ReplicaEntry, session: ServerSession): void {
    replica.silence.heard(this.#host.nowMs());
    replica.session = session;
    if (replica.state === 'away') {
      replica.state = 'live';
      this.#host.log('info', 'broker is back', { broker: entry.name, replica: replica.replica });
      this.#allChanged(entry);
    }
    this.#arm(replica, replica.silence.endsMs(this.#times.expiryMs), () =>
      this.#leave(entry, replica, `nothing was heard for ${this.#times.expiryMs} ms`),
    );
  }

  #leave(entry: BrokerEntry, replica: ReplicaEntry, why: string): void {
    if (replica.state === 'away') return;
    replica.state = 'away';
    this.#host.log('warn', 'broker is away', { broker: entry.name, replica: replica.replica, why });
    this.#allChanged(entry);
    this.#arm(replica, this.#host.nowMs() + this.#times.awayMs, () => this.#over(entry, replica));
  }

  /** A replica was away for long enough. The group keeps its place, with its master, as long as it has a slave (QNT-REG-027). */
  #over(entry: BrokerEntry, replica: ReplicaEntry): void {
    replica.timer = undefined;
    if (entry.slaves.get(replica.replica) === replica) {
      entry.slaves.delete(replica.replica);
      this.#allChanged(entry);
    }
    if (entry.slaves.size === 0 && entry.master?.timer === undefined) this.#remove(entry);
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

  #arm(replica: ReplicaEntry, dueMs: number, run: () => void): void {
    replica.timer?.cancel();
    replica.timer = this.#host.timers.at(dueMs, run, { forPeer: true });
  }
}

const isSlave = ({ replicaRole }: RegisterBroker): boolean => replicaRole === ReplicaRole.SLAVE;

/** The topics are the master's to tell; a slave's count only where no master has told any. */
const tellsTopics = (known: BrokerEntry, head: RegisterBroker): boolean =>
  !isSlave(head) || known.holder === undefined || known.storeId !== hex(head.storeId);

function checkHead(head: RegisterBroker): void {
  if (head.broker === '') throw new QanatError('INVALID_ARGUMENT', 'RegisterBroker.broker is missing');
  checkName('broker', head.broker);
  if (head.cluster !== '') checkName('cluster', head.cluster);
  if (head.storeId.length === 0) throw new QanatError('INVALID_ARGUMENT', 'RegisterBroker.store_id is missing');
}

function checkHolder(known: BrokerEntry, head: RegisterBroker): void {
  if (known.storeId !== hex(head.storeId)) {
    if (!replicasOf(known).some(({ state }) => state === 'live')) return;
    throw new QanatError('NAME_IN_USE', `broker ${head.broker} is live with another store (${known.storeId.slice(0, 8)}…)`);
  }
  if (isSlave(head)) checkSlave(known, head);
  else if (head.term < known.term)
    throw new QanatError('TERM_FENCED', `broker ${head.broker} is known with term ${known.term}, not ${head.term}`);
  else if (head.term === known.term && known.holder !== undefined && known.holder !== head.replica)
    throw new QanatError('TERM_FENCED', `the master of broker ${head.broker} in term ${known.term} is replica ${known.holder}`);
}

function checkSlave({ master, term, slaves }: BrokerEntry, head: RegisterBroker): void {
  if (master?.replica === head.replica && head.term < term)
    throw new QanatError('TERM_FENCED', `replica ${head.replica} of broker ${head.broker} is known as master of term ${term}`);
  if (!slaves.has(head.replica) && slaves.size >= LIMITS.REPLICAS_MAX - 1)
    throw new QanatError('LIMIT_EXCEEDED', `broker ${head.broker} has ${LIMITS.REPLICAS_MAX} replicas (REPLICAS_MAX)`);
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
