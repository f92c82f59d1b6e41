import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { listOf, textOf } from '../../play/program.ts';
import {
  asked,
  type ClientRun,
  clientOf,
  endOfConnection,
  type Facts,
  factsOf,
  isBroker,
  isNameServer,
  served,
} from './facts.ts';
import { CLIENTS } from './roles.ts';
import { type RoutesTold, routesOf } from './routes-told.ts';
import { isOneOff, mayClose } from './survival.ts';

/** The longest back-off, the time for HELLO, and some more. */
const NEXT_MS = 13_000;
/** Time to ask for what is used. */
const ASK_MS = 3_000;
/** Time to give a silent server up for good. */
const HUNG_MS = 75_000;

const runsUntil = (client: ClientRun, ms: number): boolean => client.closing.ms > ms && (client.ended?.ms ?? ms + 1) > ms;

/** Connections to NameServers that are there for routes, not for one question. */
const mainOnes = ({ connections }: Facts): readonly ConnectionSeen[] =>
  connections.filter((connection) => isNameServer(connection.node) && connection.helloOk !== undefined && !isOneOff(connection));

const someServes = (facts: Facts, fromMs: number, toMs: number): boolean =>
  facts.nameServers.some((node) => served(facts, node, fromMs, toMs));

const staysWithOne: Clause = {
  id: 'QNT-RTE-015',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of mainOnes(facts)) {
      const end = endOfConnection(facts, connection);
      const client = clientOf(facts, connection);
      const fromMs = end.by === 'open' ? hungSince(facts, connection) : end.ms;
      if (client === undefined || fromMs === undefined) continue;
      const dueMs = fromMs + (end.by === 'open' ? HUNG_MS : NEXT_MS) + view.slackMs;
      const next = facts.connections.find(
        (other) =>
          other !== connection &&
          isNameServer(other.node) &&
          clientOf(facts, other) === client &&
          other.helloOk !== undefined &&
          other.openedAtMs <= dueMs &&
          endOfConnection(facts, other).ms > fromMs + view.slackMs,
      );
      const at = connection.frames.at(-1) ?? connection.closedIndex;
      if (next !== undefined) judge.pass(at);
      else if (runsUntil(client, dueMs) && facts.end.ms > dueMs && someServes(facts, fromMs, dueMs))
        judge.fail(
          at,
          `expected another NameServer after ${connection.node} was gone, got none within ${Math.round(dueMs - fromMs)} ms`,
        );
    }
  },
};

const hungSince = ({ outages }: Facts, { node, openedAtMs }: ConnectionSeen): number | undefined =>
  outages.find((outage) => outage.node === node && outage.from.ms >= openedAtMs)?.from.ms;

/** The topics that a client uses while a connection is there. */
function topicsOf({ view }: Facts, client: ClientRun, fromMs: number, toMs: number): readonly string[] {
  if (client.role === 'consumer')
    return listOf(client.args, 'subscriptions').flatMap((one) => (isObject(one) ? [textOf(one, 'topic')] : []));
  const sends = view.calls('send').filter(({ call }) => call.atMs >= fromMs && call.atMs <= toMs && isObject(call.args));
  return [...new Set(sends.map(({ call }) => textOf(call.args as never, 'topic')))];
}

const asksFor = (connection: ConnectionSeen, topic: string): readonly Exchange[] =>
  asked(connection).filter(({ name, header }) => name === 'ROUTE_QUERY' && header?.topics?.includes(topic) === true);

const watchesItsTopics: Clause = {
  id: 'QNT-RTE-016',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const all = facts.connections.filter(({ node, helloOk }) => isNameServer(node) && helloOk !== undefined);
    for (const connection of all) {
      const client = clientOf(facts, connection);
      const end = endOfConnection(facts, connection);
      const fromMs = connection.hello?.response?.atMs ?? 0;
      if (client === undefined || client.ready === undefined) continue;
      for (const topic of topicsOf(facts, client, fromMs, end.ms - ASK_MS - view.slackMs)) {
        const watch = asksFor(connection, topic).find(({ header }) => header.watch === true);
        if (watch !== undefined) judge.pass(watch.request);
        else if (shouldWatch(facts, connection, client) && !watchesElsewhere(facts, client, connection, topic))
          judge.fail(
            connection.frames.at(-1) ?? connection.closedIndex,
            `expected a watch of ${topic} on the new connection to ${connection.node}, got none in ${Math.round(end.ms - fromMs)} ms`,
          );
      }
    }
  },
};

const shouldWatch = (facts: Facts, connection: ConnectionSeen, client: ClientRun): boolean => {
  const fromMs = Math.max(connection.hello?.response?.atMs ?? 0, client.ready?.ms ?? 0);
  const untilMs = Math.min(endOfConnection(facts, connection).ms, client.closing.ms);
  return (
    untilMs - fromMs > ASK_MS + facts.view.slackMs &&
    served(facts, connection.node, fromMs, untilMs) &&
    connection.goAways.length === 0
  );
};

const watchesElsewhere = (facts: Facts, client: ClientRun, connection: ConnectionSeen, topic: string): boolean =>
  facts.connections.some(
    (other) =>
      other !== connection &&
      clientOf(facts, other) === client &&
      asksFor(other, topic).some(({ header }) => header.watch === true) &&
      endOfConnection(facts, other).ms > (connection.hello?.response?.atMs ?? 0),
  );

const POLL_COARSE = 1.25;

const asksNowAndThen: Clause = {
  id: 'QNT-RTE-017',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of mainOnes(facts)) {
      const client = clientOf(facts, connection);
      if (client === undefined) continue;
      const untilMs = Math.min(endOfConnection(facts, connection).ms, client.closing.ms);
      for (const topic of topicsOf(facts, client, 0, untilMs)) {
        const times = asksFor(connection, topic).map(({ request }) => request);
        times.forEach((request, i) => {
          const gapMs = (times[i + 1]?.atMs ?? untilMs) - request.atMs;
          // A producer uses a topic while it sends to it.
          if (gapMs > LIMITS.ROUTE_POLL_MS * POLL_COARSE + view.slackMs && client.role === 'consumer')
            judge.fail(
              request,
              `expected the route of ${topic} to be asked for every ${LIMITS.ROUTE_POLL_MS} ms, got nothing for ${Math.round(gapMs)} ms`,
            );
          else if (times[i + 1] !== undefined && gapMs > LIMITS.ROUTE_POLL_MS / 2) judge.pass(times[i + 1] as FrameSeen);
        });
      }
    }
  },
};

const NOT_FOUND = 4005;

/** What each NameServer said of a topic last, before a place. */
function lastWords(facts: Facts, topic: string, index: number): ReadonlyMap<string, number> {
  const words = new Map<string, number>();
  for (const { connection, routes, last } of routesOf(facts.view))
    for (const route of routes) if (route.topic === topic && last.index < index) words.set(connection.node, route.code);
  return words;
}

/** Places at which a client says that there is no such topic. */
function* disbeliefs({ view, end }: Facts): Generator<{ readonly topic: string; readonly index: number; readonly ms: number }> {
  for (const { args, index, atMs } of view.told('waiting-for-topic'))
    if (isObject(args) && index < end.index) yield { topic: textOf(args, 'topic'), index, ms: atMs };
  for (const { call, result } of view.calls('send')) {
    const code = result?.error?.code;
    if (result !== undefined && isObject(call.args) && (code === 'TOPIC_NOT_FOUND' || code === `${NOT_FOUND}`))
      yield { topic: textOf(call.args, 'topic'), index: result.index, ms: result.atMs };
  }
}

const believesAllOfThem: Clause = {
  id: 'QNT-RTE-018',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { topic, index, ms } of disbeliefs(facts)) {
      const words = lastWords(facts, topic, index);
      const other = facts.nameServers.find((node) => words.get(node) !== NOT_FOUND && served(facts, node, ms - NEXT_MS, ms));
      judgeThat(
        judge,
        index,
        other === undefined,
        () =>
          `expected ${topic} to be missing only when every NameServer says so, got that while ${other} said ${words.get(other ?? '') ?? 'nothing'}`,
      );
    }
    for (const { topic, at } of contradictions(facts)) if (isUsed(facts, topic, at)) judge.pass(at);
  },
};

/** One NameServer does not find what another one has. */
function* contradictions(facts: Facts): Generator<{ readonly topic: string; readonly at: FrameSeen }> {
  for (const { routes, last } of routesOf(facts.view))
    for (const { topic, code } of routes) {
      const later = lastWords(facts, topic, facts.end.index);
      if (code === NOT_FOUND && [...later.values()].includes(0)) yield { topic, at: last };
    }
}

const isUsed = ({ view }: Facts, topic: string, { index }: FrameSeen): boolean =>
  view.told('delivered').some((one) => one.index > index && isObject(one.args) && one.args.topic === topic) ||
  view
    .calls('send')
    .some(
      ({ call, result }) =>
        (result?.index ?? 0) > index && isObject(call.args) && call.args.topic === topic && result?.ok !== undefined,
    );

/** How long a connection to a broker is watched after a route left the broker out. */
const LEAVE_MS = 5_000;

const routesLeaveNobody: Clause = {
  id: 'QNT-RTE-019',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { broker, at } of dismissals(facts)) {
      const client = clientOf(facts, at.connection);
      const connection = facts.connections.find(
        (one) =>
          one.node === broker &&
          one.helloOk !== undefined &&
          one.openedAtMs < at.atMs &&
          endOfConnection(facts, one).ms > at.atMs &&
          clientOf(facts, one) === client,
      );
      if (connection === undefined || client === undefined) continue;
      const end = endOfConnection(facts, connection);
      const released = asked(connection).find(
        ({ name, request }) =>
          (name === 'RELEASE' || name === 'LEAVE') && request.index > at.index && request.atMs < at.atMs + LEAVE_MS,
      );
      if (end.by === 'subject' && end.ms < at.atMs + LEAVE_MS && !mayClose(facts, connection))
        judge.fail(
          at,
          `expected the connection to ${broker} to stay although a route leaves it out, got its end ${Math.round(end.ms - at.atMs)} ms later`,
        );
      else if (released !== undefined && runsUntil(client, at.atMs + LEAVE_MS) && isIdleGroup(facts, connection))
        judge.fail(
          released.request,
          `expected no lease to be given up because a route leaves ${broker} out, got ${released.name}`,
        );
      else if (
        end.ms > at.atMs + LEAVE_MS &&
        runsUntil(client, at.atMs + LEAVE_MS) &&
        !isInUse(connection, at) &&
        client.role === 'consumer'
      )
        judge.fail(at, `expected ${broker} to be used on although a route leaves it out, got no request to it in ${LEAVE_MS} ms`);
      else if (end.ms > at.atMs + Math.min(LEAVE_MS, 2_000)) judge.pass(at);
    }
  },
};

const isInUse = (connection: ConnectionSeen, { atMs }: FrameSeen): boolean =>
  asked(connection).some(({ name, request }) => name !== 'PING' && request.atMs > atMs && request.atMs <= atMs + LEAVE_MS);

/** Nobody joined or left: no broker takes a lease. */
const isIdleGroup = (facts: Facts, { node }: ConnectionSeen): boolean =>
  facts.clients.length === 1 && facts.connections.filter((connection) => connection.node === node).length === 1;

/** Routes that leave a broker out which an earlier one named, or call it away, although it serves. */
function* dismissals(facts: Facts): Generator<{ readonly broker: string; readonly at: FrameSeen }> {
  const named = new Map<string, Set<string>>();
  for (const { routes, brokers, last } of routesOf(facts.view))
    for (const { topic, code, shares } of routes) {
      if (code !== 0) continue;
      const before = named.get(topic) ?? new Set<string>();
      named.set(topic, before);
      const away = new Set(brokers.filter((one) => one.away).map(({ broker }) => broker));
      for (const broker of before)
        if (away.has(broker) || !shares.some((share) => share.broker === broker)) yield { broker, at: last };
      for (const { broker } of shares) before.add(broker);
    }
}

/** Brokers that the client has to find for what it does: a consumer all of them, a producer those that it is told to send to. */
function judgeFound(facts: Facts, judge: Judge, routes: RoutesTold, names: readonly string[], what: string): void {
  const client = clientOf(facts, routes.connection);
  const dueMs = routes.last.atMs + 8_000 + facts.view.slackMs;
  for (const broker of names) {
    const earlier = facts.connections.some(({ node, openedAtMs }) => node === broker && openedAtMs < routes.first.atMs);
    if (earlier || client === undefined) continue;
    const found = facts.connections.find(({ node, openedAtMs }) => node === broker && openedAtMs >= routes.first.atMs);
    const wants = client.role === 'consumer' ? runsUntil(client, dueMs) : wasToldToSend(facts, broker, routes.last.index);
    if (found !== undefined) judge.pass(found.frames[0] ?? routes.last);
    else if (wants && facts.end.ms > dueMs && served(facts, broker, routes.last.atMs, dueMs))
      judge.fail(routes.last, `expected ${what}, got no connection to ${broker}`);
  }
}

const wasToldToSend = ({ view }: Facts, broker: string, index: number): boolean =>
  view.calls('send').some(({ call, result }) => {
    const queue = isObject(call.args) ? call.args.queue : undefined;
    return call.index > index && isObject(queue) && queue.broker === broker && result?.error !== undefined;
  });

const sharesAddUp: Clause = {
  id: 'QNT-RTE-021',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const told of routesOf(view)) {
      const topics = told.routes.map(({ topic }) => topic);
      const split = told.routes.filter(
        ({ topic, shares }) => topics.filter((one) => one === topic).length > 1 && shares.length > 0,
      );
      const names = split.flatMap(({ shares }) => shares.map(({ broker }) => broker));
      judgeFound(facts, judge, told, names, 'the shares of several routes of a topic to be added up');
    }
  },
};

const takesServedEndpoint: Clause = {
  id: 'QNT-RTE-022',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const told of routesOf(view)) {
      const choosy = told.brokers.filter(({ endpoints }) => endpoints[0]?.scheme === 'zz' && endpoints.length > 1);
      judgeFound(
        facts,
        judge,
        told,
        choosy.map(({ broker }) => broker),
        'the first endpoint of a scheme that the client serves',
      );
    }
  },
};

const asksEveryCreator: Clause = {
  id: 'QNT-RTE-023',
  roles: ['producer'],
  check(view, judge) {
    const facts = factsOf(view);
    const creations = facts.connections.flatMap(asked).filter(({ name }) => name === 'TOPIC_CREATE');
    for (const topic of new Set(creations.map(({ header }) => header?.topic as string))) {
      const own = creations.filter(({ header }) => header?.topic === topic);
      const [first] = own;
      if (first === undefined) continue;
      const demanding = own.find(({ header }) => header?.onDemand !== true);
      if (demanding !== undefined)
        judge.fail(demanding.request, `expected TOPIC_CREATE with on_demand for ${topic}, got it without`, 'on_demand');
      const told = routesOf(view)
        .filter(({ last }) => last.index < first.request.index)
        .at(-1);
      const dueMs = first.request.atMs + LEAVE_MS + view.slackMs;
      for (const { broker } of (told?.brokers ?? []).filter(({ createsTopics, away }) => createsTopics && !away)) {
        if (own.some(({ connection }) => connection.node === broker)) judge.pass(first.request);
        else if (facts.end.ms > dueMs && served(facts, broker, first.request.atMs, dueMs))
          judge.fail(first.request, `expected TOPIC_CREATE at every broker that creates topics, got none at ${broker}`);
      }
    }
  },
};

const REROUTE = new Set(['WRONG_BROKER', 'NOT_MASTER', 'TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND']);
const REROUTE_NUMBERS = new Set([2001, 2002, 4005, 4006]);

/** Answers of brokers that say that a route is old, with the topics that they are about. */
function* reroutes({ connections, end }: Facts): Generator<{ readonly at: FrameSeen; readonly topics: readonly string[] }> {
  for (const connection of connections.filter(({ node }) => isBroker(node)))
    for (const { response, code, name, header, answer } of asked(connection)) {
      if (response === undefined || response.index >= end.index || (name !== 'SEND' && name !== 'PULL')) continue;
      if (code !== undefined && REROUTE.has(code))
        yield {
          at: response,
          topics: name === 'SEND' ? [header?.topic] : (header?.topics ?? []).map(({ topic }: { topic: string }) => topic),
        };
      const missing = (answer?.results ?? []).filter((result: { code: number }) => REROUTE_NUMBERS.has(result.code));
      if (missing.length > 0) yield { at: response, topics: missing.map(({ topic }: { topic: string }) => topic) };
    }
}

const asksAnew: Clause = {
  id: 'QNT-RTE-024',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { at, topics } of reroutes(facts)) {
      const client = clientOf(facts, at.connection);
      const dueMs = at.atMs + ASK_MS + view.slackMs;
      if (client === undefined) continue;
      const [topic] = topics;
      const queries = mainOnes(facts)
        .filter((connection) => clientOf(facts, connection) === client)
        .flatMap((connection) => asksFor(connection, topic ?? ''));
      const next = queries.find(({ request }) => request.index > at.index && request.atMs <= dueMs);
      if (next !== undefined) judgeRate(judge, queries, next, at, view.slackMs);
      else if (runsUntil(client, dueMs) && facts.end.ms > dueMs && someServes(facts, at.atMs - NEXT_MS, dueMs))
        judge.fail(
          at,
          `expected the route of ${topic} to be asked for after ${at.code ?? 'the code of a queue'}, got no ROUTE_QUERY within ${ASK_MS} ms`,
        );
    }
  },
};

/** At most once a second, for this reason. */
function judgeRate(judge: Judge, queries: readonly Exchange[], next: Exchange, at: FrameSeen, slackMs: number): void {
  const before = queries.findLast(({ request, connection }) => request.index < at.index && connection === next.connection);
  const gapMs = next.request.atMs - (before?.request.atMs ?? 0);
  judgeThat(
    judge,
    next.request,
    before === undefined || gapMs >= 1_000 - slackMs - 50,
    () => `expected one ROUTE_QUERY for a topic a second, got the next after ${Math.round(gapMs)} ms`,
  );
}

/** Outages that routes told of, or over which they lost the broker, and from which it came back in time. */
const keepsAwayBrokers: Clause = {
  id: 'QNT-RTE-025',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { node, from, to } of facts.outages.filter((outage) => isBroker(outage.node) && outage.to !== facts.end)) {
      const told = routesOf(view).find(
        ({ last, brokers }) =>
          last.index > from.index && last.index < to.index && brokers.find(({ broker }) => broker === node)?.away !== false,
      );
      if (told === undefined || to.ms - from.ms > LIMITS.BROKER_AWAY_MS) continue;
      const client = clientOf(facts, told.connection);
      const had = facts.connections.some(
        (one) => one.node === node && one.helloOk !== undefined && one.openedAtMs < from.ms && clientOf(facts, one) === client,
      );
      if (client === undefined || !had) continue;
      if (client.role === 'producer') judgeKeys(facts, judge, node, from.index, to.index);
      else {
        const dueMs = to.ms + NEXT_MS + view.slackMs;
        const back = facts.connections.find(
          ({ node: at, openedAtMs }) => at === node && openedAtMs >= from.ms && openedAtMs <= dueMs,
        );
        if (back !== undefined) judge.pass(back.frames[0] ?? to.index);
        else if (runsUntil(client, dueMs) && facts.end.ms > dueMs && served(facts, node, to.ms + 1, dueMs))
          judge.fail(
            told.last,
            `expected ${node} to be kept while it was away, got no connection to it within ${NEXT_MS} ms of its return`,
          );
      }
    }
  },
};

/** Messages with a key keep their queue while its broker is away. */
function judgeKeys(facts: Facts, judge: Judge, node: string, from: number, to: number): void {
  const placed = facts.view.calls('send').flatMap(({ call, result }) => {
    const [receipt] = Array.isArray(result?.ok) ? result.ok : [];
    const args = isObject(call.args) ? call.args : {};
    if (typeof args.key !== 'string' || isObject(args.queue) || !isObject(receipt) || result === undefined) return [];
    return [
      {
        key: `${args.topic} ${args.key}`,
        index: call.index,
        result: result.index,
        broker: textOf(receipt, 'broker'),
        queue: receipt.queue,
      },
    ];
  });
  for (const during of placed.filter(({ index }) => index > from && index < to)) {
    const before = placed.find(({ key, result }) => key === during.key && result < from);
    if (before?.broker !== node) continue;
    judgeThat(
      judge,
      during.result,
      before.broker === during.broker && before.queue === during.queue,
      () =>
        `expected the queue ${before.broker}/${before.queue} of the key also while its broker is away, got ${during.broker}/${during.queue}`,
    );
  }
}

export const ROUTE_CLAUSES: readonly Clause[] = [
  staysWithOne,
  watchesItsTopics,
  asksNowAndThen,
  believesAllOfThem,
  routesLeaveNobody,
  sharesAddUp,
  takesServedEndpoint,
  asksEveryCreator,
  asksAnew,
  keepsAwayBrokers,
];
