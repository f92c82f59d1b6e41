// How clients use what routes say.

import { codeNumber, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { textOf } from '../../play/program.ts';
import { asked, clientOf, type Facts, factsOf, isBroker, served } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { ASK_MS, asksFor, LEAVE_MS, mainOnes, NEXT_MS, runsUntil, someServes } from './route-circumstances.ts';
import { type RoutesTold, routesOf } from './routes-told.ts';

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

const REROUTE_CODES = ['WRONG_BROKER', 'NOT_MASTER', 'TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND'] as const;
const REROUTE: ReadonlySet<string> = new Set(REROUTE_CODES);
const REROUTE_NUMBERS = new Set(REROUTE_CODES.map(codeNumber));

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

export const ROUTE_USE_CLAUSES: readonly Clause[] = [
  sharesAddUp,
  takesServedEndpoint,
  asksEveryCreator,
  asksAnew,
  keepsAwayBrokers,
];
