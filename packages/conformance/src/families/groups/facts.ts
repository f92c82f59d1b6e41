import type { Exchange, Header, View } from '../../history/view.ts';
import { type GroupSettings, settingsOf } from './settings.ts';
import { Records } from './subscriptions.ts';
import { type Beat, type Give, isPlain, isRefused, NEVER, pushesOf, type Telling, tellingOf, type Use } from './told.ts';
import { Topics } from './topics.ts';

/** From one start of the subject to its end. */
export interface Life {
  readonly number: number;
  /** Place and time at which it was known to serve. */
  readonly from: number;
  readonly fromMs: number;
  /** It was not started before. */
  readonly bornMs: number;
  /** Place and time of its end; behind everything while it lives. */
  readonly to: number;
  readonly toMs: number;
  readonly end: 'killed' | 'stopped' | undefined;
  /** Place at which it was asked to stop. */
  readonly stopping: number;
}

/** Everything of a history that is about one group. */
export class GroupFacts {
  readonly name: string;
  readonly facts: Facts;
  readonly beats: Beat[] = [];
  readonly tellings: Telling[] = [];
  readonly gives: Give[] = [];
  readonly uses: Use[] = [];
  /** GROUP_RESET but dry runs, GROUP_DESCRIBE, OFFSET_FETCH. */
  readonly resets: Exchange[] = [];
  readonly describes: Exchange[] = [];
  readonly fetches: Exchange[] = [];
  #records: Records | undefined;
  #byMember: ReadonlyMap<string, readonly Beat[]> | undefined;

  constructor(name: string, facts: Facts) {
    this.name = name;
    this.facts = facts;
  }

  get records(): Records {
    this.#records ??= new Records(this.beats);
    return this.#records;
  }

  /** Who sent heartbeats, with them. */
  get byMember(): ReadonlyMap<string, readonly Beat[]> {
    if (this.#byMember !== undefined) return this.#byMember;
    const byMember = new Map<string, Beat[]>();
    for (const beat of this.beats) byMember.set(beat.member, [...(byMember.get(beat.member) ?? []), beat]);
    this.#byMember = byMember;
    return byMember;
  }

  beatsOf(member: string): readonly Beat[] {
    return this.byMember.get(member) ?? [];
  }
}

/** What a history says of groups, in the words of the chapter of groups. */
export class Facts {
  readonly view: View;
  readonly settings: GroupSettings;
  readonly lives: readonly Life[];
  readonly groups = new Map<string, GroupFacts>();
  readonly topics: Topics;
  /** The subject never stood still: its clock is that of the kit. */
  readonly timed: boolean;
  /** Connections on which the kit did not always read, or could not read on. */
  readonly deaf: ReadonlySet<number>;

  constructor(view: View) {
    this.view = view;
    this.settings = settingsOf(view);
    this.lives = livesOf(view);
    this.topics = new Topics(view, this.settings.awayMs);
    this.timed = !view.of('subject').some(({ what }) => what === 'paused');
    const broken = view.connections.filter((one) => one.broken !== undefined).map(({ number }) => number);
    this.deaf = new Set([...view.notes('reading').map(({ args }) => (args as Header).connection), ...broken]);
    for (const exchange of view.exchanges) this.#take(exchange);
    // What was sent in a strange way may have been taken or not: of such a group nothing is said.
    for (const name of strangeGroups(view)) this.groups.delete(name);
    for (const push of pushesOf(view, (index) => this.lifeAt(index).number)) this.groups.get(push.group)?.tellings.push(push);
    for (const { tellings } of this.groups.values()) tellings.sort((a, b) => a.frame.index - b.frame.index);
  }

  lifeAt(index: number): Life {
    let life = this.lives[0] as Life;
    for (const one of this.lives) if (one.from <= index) life = one;
    return life;
  }

  msAt(index: number): number {
    return this.view.events[Math.min(index, this.view.events.length - 1)]?.atMs ?? 0;
  }

  #group(name: string): GroupFacts {
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    const group = new GroupFacts(name, this);
    this.groups.set(name, group);
    return group;
  }

  #take(exchange: Exchange): void {
    const { name, header } = exchange;
    if (!isPlain(exchange) || typeof header.group !== 'string') return;
    const group = this.#group(header.group);
    const life = this.lifeAt(exchange.request.index).number;
    switch (name) {
      case 'CLIENT_HEARTBEAT': {
        const beat = beatOf(exchange, life, this.settings.sessionMs);
        group.beats.push(beat);
        if (beat.telling !== undefined) group.tellings.push(beat.telling);
        return;
      }
      case 'RELEASE':
      case 'LEAVE':
        group.gives.push(giveOf(exchange, name, life));
        return;
      case 'PULL':
      case 'OFFSET_COMMIT':
        group.uses.push(...usesOf(exchange, name, life));
        return;
      case 'GROUP_RESET':
        if (!header.dryRun) group.resets.push(exchange);
        return;
      case 'GROUP_DESCRIBE':
        group.describes.push(exchange);
        return;
      case 'OFFSET_FETCH':
        group.fetches.push(exchange);
    }
  }
}

/** It was answered, and nobody can read how; or the kit could not read on. */
const isUnreadable = ({ response, answer, code, connection }: Exchange): boolean =>
  response === undefined ? connection.broken !== undefined : answer === undefined && code === undefined;

function strangeGroups(view: View): string[] {
  const strange = view.exchanges.filter(
    (one) => one.connection.openedBy === 'kit' && one.request.from === 'kit' && (!isPlain(one) || isUnreadable(one)),
  );
  const oneWays = view.frames.filter(
    ({ from, isOneWay, connection }) => from === 'kit' && isOneWay && connection.openedBy === 'kit',
  );
  return [...strange, ...oneWays].flatMap(({ header }) => (typeof header?.group === 'string' ? header.group : []));
}

const cache = new WeakMap<View, Facts>();

/** All clauses of the family look at the same facts of a history. */
export function factsOf(view: View): Facts {
  const facts = cache.get(view) ?? new Facts(view);
  cache.set(view, facts);
  return facts;
}

function livesOf(view: View): Life[] {
  const lives: { -readonly [K in keyof Life]: Life[K] }[] = [];
  let bornMs = 0;
  const begin = (from: number, fromMs: number): void => {
    lives.push({ number: lives.length, from, fromMs, bornMs, to: NEVER, toMs: NEVER, end: undefined, stopping: NEVER });
  };
  begin(0, 0);
  for (const { what, index, atMs } of view.of('subject')) {
    const life = lives.at(-1) as (typeof lives)[number];
    if (what === 'stopping' && life.stopping === NEVER) life.stopping = index;
    if (what === 'killed' || what === 'stopped' || what === 'ended') {
      Object.assign(life, { to: index, toMs: atMs, end: what === 'stopped' ? 'stopped' : 'killed' });
      bornMs = atMs;
    }
    if (what === 'started' && life.end !== undefined) begin(index, atMs);
  }
  return lives;
}

function beatOf(exchange: Exchange, life: number, ownSessionMs: number): Beat {
  const { request, response, responses, header, answer, code } = exchange;
  const answeredAt = response?.index ?? NEVER;
  const isMember = header.subscription !== undefined || !(answer?.wantSubscription === true && answer.generation === 0);
  const accepted = response !== undefined && code === undefined && isMember;
  const pages = responses.flatMap((frame) => frame.header?.assignment ?? []);
  return {
    exchange,
    at: request.index,
    sentMs: request.atMs,
    answeredAt,
    answeredMs: response?.atMs ?? NEVER,
    life,
    group: header.group,
    member: header.member,
    label: header.label,
    subscription: header.subscription,
    code,
    accepted,
    counts:
      accepted || response === undefined || code === 'SUBSCRIPTION_CONFLICT' || (code !== undefined && !isRefused({ code })),
    sessionMs: header.sessionMs !== 0 ? header.sessionMs : answer?.sessionMs || ownSessionMs,
    telling: response === undefined ? undefined : tellingOf(pages, response, life, false),
  };
}

const giveOf = (exchange: Exchange, kind: Give['kind'], life: number): Give => ({
  exchange,
  kind,
  at: exchange.request.index,
  answeredAt: exchange.response?.index ?? NEVER,
  life,
  group: exchange.header.group,
  member: exchange.header.member,
  offsets: exchange.header.offsets,
  done: exchange.response !== undefined && exchange.code === undefined,
});

function usesOf(exchange: Exchange, kind: Use['kind'], life: number): Use[] {
  const { header, request, response, code, answer } = exchange;
  if (header.group === '') return [];
  const items: { topic: string; queue: number; epoch: number }[] =
    kind === 'PULL'
      ? header.topics.flatMap(({ topic, queues }: Header) =>
          queues.map(({ queue, leaseEpoch }: Header) => ({ topic, queue, epoch: leaseEpoch })),
        )
      : header.offsets.map(({ topic, queue, leaseEpoch }: Header) => ({ topic, queue, epoch: leaseEpoch }));
  const isOnce = ({ topic, queue }: Header): boolean =>
    items.filter((one) => one.topic === topic && one.queue === queue).length === 1;
  return items.map((item) => ({
    exchange,
    kind,
    at: request.index,
    answeredAt: response?.index ?? NEVER,
    life,
    group: header.group,
    member: header.member,
    ...item,
    code: response === undefined || code !== undefined || !isOnce(item) ? undefined : codeIn(answer?.results, item),
  }));
}

/** The number of the code of a queue in a list of results; 0 for a queue that is not in it. */
export const codeIn = (results: readonly Header[] | undefined, { topic, queue }: { topic: string; queue: number }): number =>
  results?.find((one) => one.topic === topic && one.queue === queue)?.code ?? 0;
