import type { Exchange, Header, View } from '../../history/view.ts';
import { codeOf, excused, isPlain, NEVER } from './told.ts';

/** Something changed, or may have, between two moments. */
export interface Change {
  readonly fromMs: number;
  readonly toMs: number;
  readonly at: number;
  /** It only does what the target wants: a queue is given back that was to be. */
  readonly follows?: boolean;
}

interface TopicChange extends Change {
  readonly topic: string;
  readonly answeredAt: number;
  /** Undefined when it is not known how it ended. */
  readonly queues: number | undefined;
}

interface Said {
  readonly atMs: number;
  /** Which NameServer. */
  readonly node: string;
  readonly shares: ReadonlyMap<string, number>;
}

/** How many queues the topics of the kit have, at the subject and at other brokers. */
export class Topics {
  readonly #changes: readonly TopicChange[];
  readonly #said: ReadonlyMap<string, readonly Said[]>;
  readonly #awayMs: number;
  readonly #slackMs: number;
  /** A NameServer of the kit was lost while another one was there: what the subject believes is not known. */
  readonly #lostMs: number;
  /** The subject's name. */
  readonly broker: string;

  constructor(view: View, awayMs: number) {
    this.#awayMs = awayMs;
    this.#slackMs = view.slackMs;
    this.broker =
      view.connections.find(({ openedBy, helloOk }) => openedBy === 'kit' && helloOk !== undefined)?.helloOk.name ?? '';
    this.#changes = view.exchanges.flatMap((exchange) => topicChange(exchange) ?? []);
    this.#said = saidOf(view, this.broker);
    const links = view.connections.filter(({ openedBy, node }) => openedBy === 'subject' && node.startsWith('ns-'));
    const several = new Set(links.map(({ node }) => node)).size > 1;
    this.#lostMs = several ? Math.min(NEVER, ...links.flatMap(({ closed }) => closed?.atMs ?? [])) : NEVER;
  }

  /** Queues of a topic at the subject; undefined while they change, and of a topic of which nothing is known. */
  queuesAt(topic: string, index: number): number | undefined {
    let queues: number | undefined;
    for (const change of this.#changes) {
      if (change.topic !== topic || change.at > index) continue;
      if (change.answeredAt > index) return undefined;
      queues = change.queues;
    }
    return queues;
  }

  /** Changes of these topics, here and at other brokers. */
  changesOf(topics: readonly string[]): Change[] {
    const own = this.#changes.filter(({ topic }) => topics.includes(topic));
    const told = topics.flatMap((topic) => this.#said.get(topic) ?? []);
    return [
      ...own,
      ...told.map(({ atMs }) => ({ fromMs: atMs, toMs: atMs, at: 0 })),
      ...told.map(({ atMs }) => ({ fromMs: atMs + this.#awayMs, toMs: atMs + this.#awayMs + this.#slackMs, at: 0 })),
    ];
  }

  /** Other brokers' queues of a topic as the subject has to see them; undefined when that is not known. */
  othersAt(topic: string, atMs: number): ReadonlyMap<string, number> | undefined {
    if (this.#lostMs < atMs) return undefined;
    const said = (this.#said.get(topic) ?? []).filter((one) => one.atMs <= atMs);
    const last = new Map(said.map((one) => [one.node, one]));
    const others = new Map<string, number>();
    for (const one of last.values())
      for (const [broker, queues] of one.shares) others.set(broker, Math.max(queues, others.get(broker) ?? 0));
    for (const [broker, queues] of this.#keptAt(said, atMs)) if (!others.has(broker)) others.set(broker, queues);
    return others;
  }

  /** Whether some broker is in the list though no NameServer names it any more, or has just left it. */
  hasVanished(topic: string, atMs: number): boolean {
    const said = (this.#said.get(topic) ?? []).filter((one) => one.atMs <= atMs);
    const last = new Map(said.map((one) => [one.node, one]));
    const named = new Set([...last.values()].flatMap(({ shares }) => [...shares.keys()]));
    return said.some(({ shares }) => [...shares.keys()].some((broker) => !named.has(broker)));
  }

  /** Brokers that were named last less than BROKER_AWAY_MS ago. */
  #keptAt(said: readonly Said[], atMs: number): Map<string, number> {
    const kept = new Map<string, number>();
    said.forEach((one, i) => {
      for (const [broker, queues] of one.shares) {
        const until = said.slice(i + 1).find(({ node }) => node === one.node)?.atMs ?? NEVER;
        if (until + this.#awayMs > atMs) kept.set(broker, queues);
      }
    });
    return kept;
  }
}

function topicChange(exchange: Exchange): TopicChange | undefined {
  const { name, request, response, header, answer, code } = exchange;
  if (name !== 'TOPIC_CREATE' && name !== 'TOPIC_ALTER' && name !== 'TOPIC_REMOVE') return undefined;
  if (!isPlain(exchange)) return undefined;
  if (code !== undefined && !excused(code)) return undefined;
  const queues = response === undefined || code !== undefined ? undefined : name === 'TOPIC_REMOVE' ? 0 : answer?.queues;
  const unchanged = name === 'TOPIC_CREATE' && answer?.existed === true;
  const toMs = response?.atMs ?? NEVER;
  return {
    topic: header.topic,
    queues,
    at: request.index,
    answeredAt: response?.index ?? NEVER,
    fromMs: unchanged ? toMs : request.atMs,
    toMs,
  };
}

/** What the kit's NameServers told the subject, by topic. */
function saidOf(view: View, own: string): ReadonlyMap<string, readonly Said[]> {
  const said = new Map<string, Said[]>();
  const take = (routes: readonly Header[] | undefined, atMs: number, node: string): void => {
    for (const { topic, code, shares } of routes ?? []) {
      if (code === codeOf('NOT_READY')) continue;
      const others = shares.filter(({ broker }: Header) => broker !== own);
      const list = said.get(topic) ?? [];
      said.set(topic, list);
      list.push({ atMs, node, shares: new Map(others.map(({ broker, queues }: Header) => [broker, queues])) });
    }
  };
  for (const frame of view.frames) {
    const { connection, from, name, isResponse, isOneWay, isError, header, atMs } = frame;
    if (from !== 'kit' || connection.openedBy !== 'subject' || isError) continue;
    if ((name === 'ROUTE_QUERY' && isResponse) || (name === 'ROUTE_UPDATE' && isOneWay))
      take(header?.routes, atMs, connection.node);
  }
  return said;
}
