import { codeNumber, LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { listOf, textOf } from '../../play/program.ts';
import { asked, type ClientRun, clientOf, endOfConnection, type Facts, factsOf, isNameServer, served } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { ASK_MS, asksFor, LEAVE_MS, mainOnes, NEXT_MS, runsUntil, someServes } from './route-circumstances.ts';
import { ROUTE_USE_CLAUSES } from './route-use.ts';
import { routesOf } from './routes-told.ts';
import { mayClose } from './survival.ts';

/** Time to give a silent server up for good. */
const HUNG_MS = 75_000;

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
  const sends = view
    .calls('send')
    .filter(
      ({ call }) =>
        call.atMs >= fromMs && call.atMs <= toMs && isObject(call.args) && textOf(call.args, 'client', 'p') === client.name,
    );
  return [...new Set(sends.map(({ call }) => textOf(call.args as never, 'topic')))];
}

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
  const untilMs = Math.min(endOfConnection(facts, connection).ms, client.closing.ms, client.ended?.ms ?? facts.end.ms);
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

const NOT_FOUND = codeNumber('TOPIC_NOT_FOUND');

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

export const ROUTE_CLAUSES: readonly Clause[] = [
  staysWithOne,
  watchesItsTopics,
  asksNowAndThen,
  believesAllOfThem,
  routesLeaveNobody,
  ...ROUTE_USE_CLAUSES,
];
