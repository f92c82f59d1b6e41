import { Feature } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import type { Exchange, FrameSeen, Header, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { isGroup } from '../naming/groups.ts';
import { isToTheMatter } from '../naming/operations.ts';
import { settingsOf } from '../naming/settings.ts';
import { knowsReplicas } from './active.ts';
import { GroupTable, isSlave, masterIn, masterTold, slavesIn } from './group-table.ts';
import { clausesBy, Sentences } from './sentences.ts';

const IN_ROUTES = 'QNT-RTE-029';
const MASTER_TOLD = 'QNT-REG-028';
/** No rule says how late an update may be; one that takes so long has not been sent. */
const UPDATE_MS = 1_000;

const ABOUT = new Set(['REGISTER_BROKER', 'BROKER_HEARTBEAT', 'UNREGISTER_BROKER', 'ROUTE_QUERY']);

/** A change of a group's slaves. */
interface SlavesChange {
  readonly exchange: Exchange;
  readonly broker: string;
  readonly slaves: string;
  readonly topics: readonly string[];
}

/** Plays what a NameServer has to make of the replicas that the kit registers, one request after the other. */
class GroupBook {
  readonly sentences = new Sentences();
  readonly #view: View;
  readonly #groups = new Map<string, GroupTable>();
  /** Groups of which the kit cannot know any more what the table has. */
  readonly #unclear = new Set<string>();
  readonly #changes: SlavesChange[] = [];
  readonly #awayMs: number;
  #expiryMs = Number.POSITIVE_INFINITY;

  constructor(view: View) {
    this.#view = view;
    this.#awayMs = settingsOf(view).awayMs;
    // What time does to a group is looked at where nothing stood still and nobody began anew.
    if (view.of('subject').length > 0) return;
    const asked = view.exchanges.filter(({ name, request }) => request.from === 'kit' && ABOUT.has(name ?? ''));
    asked.forEach((exchange, i) => {
      const meets = (asked[i + 1]?.request.index ?? Number.POSITIVE_INFINITY) < (exchange.response?.index ?? view.events.length);
      this.#see(exchange, meets);
    });
    for (const change of this.#changes) this.#judgeUpdate(change);
  }

  #see(exchange: Exchange, meets: boolean): void {
    const { name, response, connection, request } = exchange;
    for (const [broker, group] of this.#groups) this.#pass(broker, group, response?.atMs ?? request.atMs);
    if (name === 'ROUTE_QUERY') {
      if (!meets && response !== undefined && knowsReplicas(connection)) this.#query(exchange);
      return;
    }
    const broker = exchange.header?.broker;
    if (typeof broker !== 'string' || !isGroup(this.#view, broker)) return;
    if (meets || response === undefined || !isToTheMatter(exchange) || !knowsReplicas(connection)) this.#unclear.add(broker);
    else if (!this.#unclear.has(broker)) this.#about(broker, exchange);
  }

  #about(broker: string, exchange: Exchange): void {
    const group = this.#groups.get(broker) ?? new GroupTable();
    const before = group.slavesText();
    if (exchange.name === 'REGISTER_BROKER') this.#register(broker, group, exchange);
    else if (exchange.name === 'BROKER_HEARTBEAT') this.#beat(group, exchange);
    else if (group.storeId === hexOf(exchange.header.storeId)) group.change(exchange.header.replica, { away: true });
    const slaves = group.slavesText();
    if (before !== slaves) this.#changes.push({ exchange, broker, slaves, topics: [...group.topics.keys()] });
  }

  #register(broker: string, group: GroupTable, exchange: Exchange): void {
    const { header, code, response, answer } = exchange;
    if (group.members.length > 0 && group.storeId !== hexOf(header.storeId)) return void this.#unclear.add(broker);
    const refusal = group.refusalOf(header);
    if (refusal !== undefined) {
      const says = (): string =>
        `a registration of replica ${header.replica} with term ${header.term} has to be refused with ${refusal.code}, for ${refusal.because}; it was answered ${code ?? 'without an error'}`;
      this.sentences.that(refusal.id, response as FrameSeen, code === refusal.code, says, 'code');
      if (code === undefined) this.#unclear.add(broker);
      return;
    }
    if (code !== undefined) {
      const id = isSlave(header.replicaRole) ? 'QNT-REG-024' : 'QNT-REG-025';
      this.sentences.fail(id, response as FrameSeen, `replica ${header.replica} has to be registered, and got ${code}`, 'code');
      this.#unclear.add(broker);
      return;
    }
    group.register(exchange);
    this.#groups.set(broker, group);
    this.#expiryMs = answer.expiryMs || this.#expiryMs;
    this.#judgeMaster(group, exchange);
  }

  #beat(group: GroupTable, exchange: Exchange): void {
    const { header, answer, response, connection } = exchange;
    if (answer === undefined) return;
    if (!answer.register) group.change(header.replica, { away: false, heardMs: response?.atMs ?? 0, connection });
    this.#judgeMaster(group, exchange);
  }

  #judgeMaster(group: GroupTable, { header, answer, response }: Exchange): void {
    const [told, known] = [masterTold(answer.master), group.masterFor(header.replica)];
    const says = (): string =>
      `replica ${header.replica} has to be told where the master is: ${known} (replica, term, endpoints, away); it was told: ${told}`;
    this.sentences.that(MASTER_TOLD, response as FrameSeen, told === known, says, 'master');
  }

  /** What time has done to a group: where the kit cannot say for certain, it does not. */
  #pass(broker: string, group: GroupTable, nowMs: number): void {
    for (const { replica, away, heardMs, connection } of group.members) {
      const isQuiet = !away && (nowMs - heardMs >= this.#expiryMs || connection.closed !== undefined);
      if (isQuiet && (connection.closed?.atMs ?? 0) <= nowMs) this.#unclear.add(broker);
      if (!away) continue;
      const overMs = nowMs - heardMs - this.#awayMs;
      if (overMs <= 0) continue;
      if (group.slaves.has(replica) || group.slaves.size === 0) this.#unclear.add(broker);
    }
  }

  #query(exchange: Exchange): void {
    const { header, answer, response } = exchange;
    if (answer === undefined) return;
    for (const [broker, group] of this.#groups) {
      if (this.#unclear.has(broker)) continue;
      const asked = header.all || [...group.topics.keys()].some((topic) => header.topics.includes(topic));
      if (asked) this.#judgeRoute(broker, group, answer, response as FrameSeen);
    }
  }

  #judgeRoute(broker: string, group: GroupTable, answer: Header, response: FrameSeen): void {
    const route = answer.brokers.find((one: Header) => one.broker === broker);
    const { cause } = group;
    if (route === undefined)
      return this.sentences.fail(cause, response, `the group ${broker} has to be in the routes`, 'brokers');
    const [told, known] = [masterIn(route), group.masterText()];
    const master = (): string =>
      `of the master of ${broker} the route has to say ${known} (replica, term, endpoints, away, zone), and says ${told}`;
    this.sentences.that(cause, response, told === known, master, 'brokers');
    this.sentences.that(IN_ROUTES, response, told === known, master, 'brokers');
    const slaves = group.slavesText();
    const says = (): string =>
      `of the slaves of ${broker} the route has to say ${slaves} (replica, endpoints, away, zone), and says ${slavesIn(route)}`;
    this.sentences.that(IN_ROUTES, response, slavesIn(route) === slaves, says, 'brokers');
    this.#judgeTopics(broker, group, answer, response);
  }

  #judgeTopics(broker: string, { topics, cause }: GroupTable, { routes }: Header, response: FrameSeen): void {
    for (const { topic, shares } of routes) {
      const share = shares.find((one: Header) => one.broker === broker);
      const says = (): string =>
        `${broker} has topic ${topic} with ${topics.get(topic) ?? 'no'} queues; the route says ${share?.queues ?? 'none'}`;
      this.sentences.that(cause, response, share?.queues === topics.get(topic), says, 'routes');
    }
  }

  /** Who watches a topic of the group is told that its slaves have changed. */
  #judgeUpdate({ exchange, broker, slaves, topics }: SlavesChange): void {
    const { response, request } = exchange;
    if (response === undefined) return;
    const untilMs = response.atMs + UPDATE_MS + this.#view.slackMs;
    for (const { connection, header, response: since, answer } of this.#view.requests('ROUTE_QUERY', 'kit')) {
      if (header?.watch !== true || since === undefined || answer === undefined || since.index > request.index) continue;
      if (!header.topics.some((topic: string) => topics.includes(topic))) continue;
      const told = connection.frames.find(
        (frame) => frame.index > request.index && isUpdateOf(frame, broker) && tells(frame, broker, slaves),
      );
      if (told !== undefined && told.atMs <= untilMs) this.sentences.pass(IN_ROUTES, told);
      else if (this.#isStill(exchange, untilMs) && connection.closed === undefined && this.#view.endMs >= untilMs)
        this.sentences.fail(
          IN_ROUTES,
          response,
          `who watches a topic of ${broker} has to be told that its slaves are ${slaves}, and was not`,
        );
    }
  }

  /** Nothing else happened to brokers until then. */
  #isStill(exchange: Exchange, untilMs: number): boolean {
    return !this.#view.exchanges.some(
      ({ name, request }) =>
        request.index > exchange.request.index && request.atMs <= untilMs && name !== 'ROUTE_QUERY' && ABOUT.has(name ?? ''),
    );
  }
}

const isUpdateOf = ({ name, isResponse, header }: FrameSeen, broker: string): boolean =>
  name === 'ROUTE_UPDATE' && !isResponse && (header?.brokers ?? []).some((one: Header) => one.broker === broker);

const tells = ({ header }: FrameSeen, broker: string, slaves: string): boolean =>
  slavesIn(header.brokers.find((one: Header) => one.broker === broker)) === slaves;

export const GROUP_CLAUSES: readonly Clause[] = clausesBy(
  (view) => new GroupBook(view).sentences,
  ['QNT-REG-024', 'QNT-REG-025', 'QNT-REG-026', 'QNT-REG-027', MASTER_TOLD, IN_ROUTES],
  { roles: ['nameserver'], feature: Feature.FEATURE_REPLICATION },
);
