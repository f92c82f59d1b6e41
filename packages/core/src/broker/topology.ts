import type { EngineHost } from '../context.ts';
import { compareTexts } from '../model/text-order.ts';
import type { Timer } from '../timers.ts';
import type { Routes } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import type { BrokerSettings } from './broker-options.ts';
import type { TopicShareOf } from './groups/host.ts';
import type { NameServerLink } from './name-server-link.ts';
import { RouteView } from './route-view.ts';
import type { Topics } from './topics.ts';

/** Bytes of topic names in one question. */
const QUERY_BYTES = LIMITS.CONTROL_HEADER_BYTES_MAX / 2;
const ANSWER_MS = 3_000;

/** Another broker's share of a topic. */
interface Share {
  queues: number;
  /**
   * When it ends, since no NameServer names it; undefined while one does, also as one that is away (QNT-GRP-032). The timer and
   * who looks at the clock go by this one sum: what is reckoned twice may round both ways, and the timer would come again at
   * once, for ever.
   */
  endsMs: number | undefined;
}

export interface TopologyParts {
  readonly host: EngineHost;
  readonly settings: BrokerSettings;
  readonly topics: Topics;
  readonly links: readonly NameServerLink[];
  /** The shares of the topic are no longer what they were. */
  readonly changed: (topic: string) => void;
}

/**
 * The queues of the topics of groups over all brokers: the union of what the NameServers say. A broker that vanished keeps its
 * place for a while, so that its restart moves nothing; a NameServer that cannot be reached takes nothing away (spec, chapter of
 * groups).
 */
export class Topology {
  readonly #parts: TopologyParts;
  readonly #watched = new Map<string, Map<string, Share>>();
  readonly #views = new Map<NameServerLink, RouteView>();
  /** Topics that the NameServers were not asked for yet. */
  #asking: string[] = [];
  /** Topics with a share that is away, and the timer for the first of them that ends. */
  readonly #away = new Set<string>();
  #sweep: Timer | undefined;
  #poll: Timer | undefined;

  constructor(parts: TopologyParts) {
    this.#parts = parts;
    for (const link of parts.links) this.#views.set(link, new RouteView());
  }

  /** Begins to ask again now and then, in case that an update was lost. */
  start(): void {
    const { host, settings, links } = this.#parts;
    if (links.length === 0) return;
    this.#poll = host.timers.at(host.nowMs() + settings.times.routePollMs, () => {
      for (const link of links) this.#ask(link, [...this.#watched.keys()]);
      this.start();
    });
  }

  stop(): void {
    this.#poll?.cancel();
    this.#sweep?.cancel();
  }

  watch(topic: string): void {
    if (this.#watched.has(topic)) return;
    this.#watched.set(topic, new Map());
    if (this.#parts.links.length > 0) this.#asking.push(topic);
  }

  /** What a NameServer still tells of it is not looked at. */
  unwatch(topic: string): void {
    this.#watched.delete(topic);
    this.#away.delete(topic);
  }

  /** Asks for the topics that are new. To be called once after each burst of inputs. */
  flush(): void {
    if (this.#asking.length === 0) return;
    const asking = this.#asking;
    this.#asking = [];
    for (const link of this.#parts.links) this.#ask(link, asking);
  }

  /** Sorted by broker name, this broker included. */
  shares(topic: string): readonly TopicShareOf[] {
    const shares: TopicShareOf[] = [];
    for (const [broker, { queues }] of this.#watched.get(topic) ?? []) shares.push({ broker, queues });
    const own = this.#parts.topics.get(topic);
    if (own !== undefined) shares.push({ broker: this.#parts.settings.name, queues: own.queues.length });
    return shares.sort((a, b) => compareTexts(a.broker, b.broker));
  }

  linkOpened(link: NameServerLink): void {
    this.#ask(link, [...this.#watched.keys()]);
  }

  /** What it said last is no longer believed where another NameServer knows better. */
  linkClosed(link: NameServerLink): void {
    for (const topic of this.#view(link).clear()) this.#merge(topic);
  }

  routes(link: NameServerLink, pages: readonly Routes[]): void {
    for (const topic of this.#view(link).take(pages, this.#parts.settings.name)) this.#merge(topic);
  }

  #view(link: NameServerLink): RouteView {
    return this.#views.get(link) as RouteView;
  }

  #ask(link: NameServerLink, topics: readonly string[]): void {
    let chunk: string[] = [];
    let bytes = 0;
    for (const topic of topics) {
      if (bytes + topic.length > QUERY_BYTES || chunk.length >= LIMITS.LIST_ITEMS_MAX) {
        this.#askChunk(link, chunk);
        chunk = [];
        bytes = 0;
      }
      chunk.push(topic);
      bytes += topic.length;
    }
    if (chunk.length > 0) this.#askChunk(link, chunk);
  }

  #askChunk(link: NameServerLink, topics: readonly string[]): void {
    const { session } = link;
    session?.request('ROUTE_QUERY', { topics, watch: true }, { timeoutMs: ANSWER_MS }, (error, { headers }) => {
      if (error === undefined) this.routes(link, headers);
      else if (link.session !== session) return;
      // A watch ends with its connection only: those of topics that no group has any more go with it.
      else if (error.code === 'LIMIT_EXCEEDED') link.suspect(error);
      else this.#parts.host.log('warn', 'broker.route.failed', { address: link.address, code: error.code, error: error.message });
    });
  }

  /** Makes the union anew from what the NameServers that can be reached say. */
  #merge(topic: string): void {
    const shares = this.#watched.get(topic);
    if (shares === undefined) return;
    const said = [...this.#views.values()].map((view) => view.get(topic)).filter((route) => route !== undefined);
    if (said.length === 0) return;
    const { host, settings } = this.#parts;
    const endsMs = host.nowMs() + settings.times.awayMs;
    let changed = false;
    const present = new Map<string, number>();
    for (const route of said)
      for (const [broker, { queues }] of route) present.set(broker, Math.max(queues, present.get(broker) ?? 0));
    for (const [broker, queues] of present) {
      changed ||= shares.get(broker)?.queues !== queues;
      shares.set(broker, { queues, endsMs: undefined });
    }
    for (const [broker, share] of shares) if (!present.has(broker)) share.endsMs ??= endsMs;
    changed = this.#dropAway(topic, shares) || changed;
    if (changed) this.#parts.changed(topic);
  }

  /** Drops the shares that were away for too long. */
  #dropAway(topic: string, shares: Map<string, Share>): boolean {
    const nowMs = this.#parts.host.nowMs();
    let away = false;
    let dropped = false;
    for (const [broker, { endsMs }] of shares) {
      if (endsMs === undefined) continue;
      if (nowMs < endsMs) away = true;
      else dropped = shares.delete(broker);
    }
    if (away) this.#away.add(topic);
    else this.#away.delete(topic);
    if (away) this.#armSweep();
    return dropped;
  }

  #armSweep(): void {
    if (this.#sweep !== undefined) return;
    let firstMs = Number.POSITIVE_INFINITY;
    for (const topic of this.#away) {
      for (const { endsMs } of this.#watched.get(topic)?.values() ?? []) firstMs = Math.min(firstMs, endsMs ?? firstMs);
    }
    this.#sweep = this.#parts.host.timers.at(firstMs, () => {
      this.#sweep = undefined;
      for (const topic of [...this.#away]) {
        const shares = this.#watched.get(topic);
        if (shares !== undefined && this.#dropAway(topic, shares)) this.#parts.changed(topic);
      }
    });
  }
}
