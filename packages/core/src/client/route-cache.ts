import type { QanatError } from '../errors.ts';
import type { Timer } from '../timers.ts';
import type { Routes } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { BrokerDirectory } from './broker-directory.ts';
import type { RouteShare, TopicRoute } from './host.ts';
import { NameServerLink } from './name-server-link.ts';
import { type ConnectionHost, queryNameServer } from './name-server-query.ts';
import { addAnswer, readRoutes, type TopicAnswer } from './routes-answer.ts';

/** Topics in one query: their names stay well below CONTROL_HEADER_BYTES_MAX. */
const TOPICS_PER_QUERY = 256;
/** The least time between two questions for one topic, but for those that the cache asks itself. */
const REFRESH_MIN_MS = 1_000;
/** How soon a NameServer that knows too little is asked again. */
const NOT_READY_RETRY_MS = 250;
/** How soon a query that was refused is tried again. */
const REFUSED_RETRY_MS = 1_000;
/** How long a NameServer that let a question time out is not waited for again: it cannot be reached (spec, chapter of routes). */
const SILENT_MS = 10_000;

interface Entry {
  readonly topic: string;
  readonly listeners: Set<(route: TopicRoute) => void>;
  /** Called once, with the next answer that is sure. */
  asking: ((route: TopicRoute) => void)[];
  route: TopicRoute | undefined;
  askedMs: number;
  /** When an answer named each broker last. */
  readonly namedMs: Map<string, number>;
  timer: Timer | undefined;
  /** Counts answers with a route, so that a late verdict of other NameServers does not undo a newer one. */
  found: number;
  /** The other NameServers are being asked. */
  doubtful: boolean;
  /** The newest answer says that this client may not hear of the topic. */
  forbidden: boolean;
}

/**
 * The routes of the topics that somebody here wants: watched at one NameServer, asked for again now and then. A topic is
 * missing only when every NameServer that answers says so; without a NameServer the last known routes stay in force.
 */
export class RouteCache {
  readonly directory: BrokerDirectory;
  readonly link: NameServerLink;
  readonly #host: ConnectionHost;
  readonly #entries = new Map<string, Entry>();
  /** Address -> until when it counts as silent. */
  readonly #silent = new Map<string, number>();
  #due = new Set<string>();
  #graceUntilMs = 0;
  #stopped = false;

  constructor(host: ConnectionHost, onBrokerChange: (broker: string) => void) {
    this.#host = host;
    this.directory = new BrokerDirectory(host.settings, onBrokerChange);
    this.link = new NameServerLink(host, {
      onOpen: () => this.#linkOpened(),
      onUpdate: (pages, nameServer) => this.#take(pages, nameServer),
      onSilent: (address) => this.#noteSilent(address),
    });
    this.#schedulePoll();
  }

  /** See ClientHost.watchRoute. */
  watch(topic: string, listener: (route: TopicRoute) => void): () => void {
    const entry = this.#entry(topic);
    // A function of its own, so that one listener may watch twice.
    const own = (route: TopicRoute): void => listener(route);
    entry.listeners.add(own);
    if (entry.route !== undefined) own(entry.route);
    return () => {
      entry.listeners.delete(own);
      this.#forgetUnused(entry);
    };
  }

  /** Asks anew, whatever is known; `done` is called once with an answer that is sure. @returns what withdraws it. */
  ask(topic: string, done: (route: TopicRoute) => void): () => void {
    const entry = this.#entry(topic);
    entry.asking.push(done);
    this.#due.add(topic);
    return () => {
      entry.asking = entry.asking.filter((other) => other !== done);
      this.#forgetUnused(entry);
    };
  }

  /** See ClientHost.refreshRoute. */
  refresh(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) return;
    const waitMs = entry.askedMs + REFRESH_MIN_MS - this.#host.engine.nowMs();
    if (waitMs <= 0) this.#due.add(topic);
    else this.#askLater(entry, waitMs);
  }

  /** Sends what is to be asked, many topics in one query. Called once after each burst of inputs. */
  flush(): void {
    if (this.#due.size === 0 || !this.link.open) return;
    const topics = [...this.#due].filter((topic) => this.#entries.has(topic));
    this.#due = new Set();
    for (let i = 0; i < topics.length; i += TOPICS_PER_QUERY) this.#query(topics.slice(i, i + TOPICS_PER_QUERY));
  }

  close(error: QanatError): void {
    this.#stopped = true;
    this.link.close(error);
  }

  #entry(topic: string): Entry {
    const known = this.#entries.get(topic);
    if (known !== undefined) return known;
    const entry: Entry = {
      topic,
      listeners: new Set(),
      asking: [],
      route: undefined,
      askedMs: -REFRESH_MIN_MS,
      namedMs: new Map(),
      timer: undefined,
      found: 0,
      doubtful: false,
      forbidden: false,
    };
    this.#entries.set(topic, entry);
    this.#due.add(topic);
    return entry;
  }

  #forgetUnused(entry: Entry): void {
    if (entry.listeners.size > 0 || entry.asking.length > 0 || this.#entries.get(entry.topic) !== entry) return;
    entry.timer?.cancel();
    this.#entries.delete(entry.topic);
    this.#due.delete(entry.topic);
  }

  // ---- asking ----

  #linkOpened(): void {
    this.#silent.delete(this.link.address);
    this.#graceUntilMs = this.#host.engine.nowMs() + LIMITS.NAMESERVER_WARMUP_MS;
    for (const topic of this.#entries.keys()) this.#due.add(topic);
  }

  #schedulePoll(): void {
    const { engine, settings } = this.#host;
    const ms = settings.routePollMs * (0.9 + engine.random.fraction() * 0.2);
    engine.timers.at(engine.nowMs() + ms, () => {
      if (this.#stopped) return;
      for (const topic of this.#entries.keys()) this.#due.add(topic);
      this.#schedulePoll();
    });
  }

  #askLater(entry: Entry, ms: number): void {
    const { engine } = this.#host;
    if (entry.timer !== undefined) return;
    entry.timer = engine.timers.at(engine.nowMs() + ms, () => {
      entry.timer = undefined;
      this.#due.add(entry.topic);
    });
  }

  #query(topics: readonly string[]): void {
    const nowMs = this.#host.engine.nowMs();
    for (const topic of topics) (this.#entries.get(topic) as Entry).askedMs = nowMs;
    this.link.ask({ topics, watch: true }, (error, pages, nameServer) => {
      if (error === undefined) return this.#take(pages, nameServer);
      for (const topic of topics) {
        const entry = this.#entries.get(topic);
        if (entry !== undefined) this.#askLater(entry, error.retryAfterMs ?? REFUSED_RETRY_MS);
      }
    });
  }

  // ---- answers ----

  #take(pages: readonly Routes[], nameServer: string): void {
    const answer = readRoutes(pages);
    for (const broker of answer.brokers) this.directory.update(broker, nameServer);
    this.#takeTopics(answer.topics, (doubtful) => this.#verify(doubtful));
  }

  #takeTopics(topics: ReadonlyMap<string, TopicAnswer>, notFound: (entries: readonly Entry[]) => void): void {
    const missing: Entry[] = [];
    for (const [topic, { verdict, forbidden, shares }] of topics) {
      const entry = this.#entries.get(topic);
      if (entry === undefined) continue;
      entry.forbidden = forbidden;
      if (verdict === 'found') this.#found(entry, shares);
      else if (verdict === 'not-ready') this.#askLater(entry, NOT_READY_RETRY_MS);
      else missing.push(entry);
    }
    if (missing.length > 0) notFound(missing);
  }

  /** Asks all the other NameServers whether they too do not know these topics. Those that do not answer have no say. */
  #verify(missing: readonly Entry[]): void {
    const entries = missing.filter((entry) => !entry.doubtful);
    const before = entries.map((entry) => entry.found);
    const merged = new Map<string, TopicAnswer>();
    for (const entry of entries) {
      entry.doubtful = true;
      merged.set(entry.topic, { verdict: 'not-found', forbidden: entry.forbidden, shares: new Map() });
    }
    const conclude = (): void => {
      entries.forEach((entry, i) => {
        entry.doubtful = false;
        if (entry.found !== before[i] || this.#entries.get(entry.topic) !== entry) merged.delete(entry.topic);
      });
      this.#takeTopics(merged, (sure) => {
        for (const entry of sure) this.#settle(entry, missingRoute(entry));
      });
    };
    this.#askOthers(entries, merged, conclude);
  }

  #askOthers(entries: readonly Entry[], merged: Map<string, TopicAnswer>, done: () => void): void {
    const askedMs = this.#host.engine.nowMs();
    const others = this.link.others().filter((address) => (this.#silent.get(address) ?? 0) <= askedMs);
    let open = others.length;
    if (open === 0 || entries.length === 0) return done();
    const topics = entries.map(({ topic }) => topic);
    for (const address of others) {
      queryNameServer(this.#host, address, { topics }, (error, pages) => {
        if (error === undefined) {
          const answer = readRoutes(pages);
          for (const broker of answer.brokers) this.directory.update(broker, address, true);
          addAnswer(merged, answer.topics);
        } else if (this.#host.engine.nowMs() - askedMs >= this.#host.settings.attemptMs) this.#noteSilent(address);
        if (--open === 0 && !this.#stopped) done();
      });
    }
  }

  #noteSilent(address: string): void {
    this.#silent.set(address, this.#host.engine.nowMs() + SILENT_MS);
  }

  #found(entry: Entry, answered: ReadonlyMap<string, number>): void {
    entry.found++;
    const queues = new Map(answered);
    for (const broker of answered.keys()) entry.namedMs.set(broker, this.#host.engine.nowMs());
    this.#keepShares(entry, queues);
    const shares: RouteShare[] = [...queues.keys()].sort().map((broker) => ({
      broker,
      queues: queues.get(broker) as number,
      away: this.directory.get(broker)?.away ?? false,
    }));
    this.#settle(entry, { topic: entry.topic, found: true, shares });
  }

  /**
   * A NameServer that has just started may know some of a topic's brokers and not yet the others. Until its warm-up is over,
   * a share that was known keeps its place, or the keys of its queues would move for a second and break their order. That of
   * an away broker keeps it for BROKER_AWAY_MS after it was named last (QNT-RTE-025).
   */
  #keepShares(entry: Entry, queues: Map<string, number>): void {
    const nowMs = this.#host.engine.nowMs();
    let againMs = Number.POSITIVE_INFINITY;
    for (const { broker, queues: count, away } of entry.route?.shares ?? []) {
      if (queues.has(broker)) continue;
      const awayUntilMs = away ? (entry.namedMs.get(broker) ?? nowMs) + LIMITS.BROKER_AWAY_MS : 0;
      const untilMs = Math.max(this.#graceUntilMs, awayUntilMs);
      if (nowMs >= untilMs) entry.namedMs.delete(broker);
      else {
        queues.set(broker, count);
        againMs = Math.min(againMs, untilMs);
      }
    }
    if (againMs < Number.POSITIVE_INFINITY) this.#askLater(entry, againMs - nowMs);
  }

  #settle(entry: Entry, route: TopicRoute): void {
    const changed = entry.route === undefined || !sameRoute(entry.route, route);
    if (changed) entry.route = route;
    const asking = entry.asking;
    entry.asking = [];
    if (changed) for (const listener of [...entry.listeners]) listener(route);
    for (const done of asking) done(route);
    this.#forgetUnused(entry);
  }
}

const missingRoute = ({ topic, forbidden }: Entry): TopicRoute =>
  forbidden ? { topic, found: false, forbidden, shares: [] } : { topic, found: false, shares: [] };

function sameRoute(a: TopicRoute, b: TopicRoute): boolean {
  return (
    a.found === b.found &&
    a.forbidden === b.forbidden &&
    a.shares.length === b.shares.length &&
    a.shares.every((share, i) => {
      const other = b.shares[i] as RouteShare;
      return share.broker === other.broker && share.queues === other.queues && share.away === other.away;
    })
  );
}
