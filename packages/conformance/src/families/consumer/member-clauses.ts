import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen } from '../../history/view.ts';
import { assignmentsOf } from '../clients/assignments.ts';
import { asked, type ClientRun, clientOf, endOfConnection, type Facts, factsOf, once, runsAt, served } from '../clients/facts.ts';
import { routesOf } from '../clients/routes-told.ts';
import { arrived } from './lease-circumstances.ts';
import { runOfMember } from './leases.ts';
import { isMember } from './log.ts';

/** Time to connect, with a back-off. */
const JOIN_MS = 8_000;
/** At once. */
const AT_ONCE_MS = 500;
/** Timers of clients are coarse. */
const COARSE = 1.4;

interface Beat {
  readonly exchange: Exchange;
  readonly request: FrameSeen;
  readonly run: ClientRun | undefined;
  readonly node: string;
}

/** Heartbeats by member and broker, in order. */
export const beatsOf = once((facts: Facts): ReadonlyMap<string, readonly Beat[]> => {
  const beats = new Map<string, Beat[]>();
  const all = facts.connections.flatMap((connection) =>
    asked(connection).filter(({ name, header }) => name === 'CLIENT_HEARTBEAT' && header !== undefined),
  );
  for (const exchange of all.toSorted((a, b) => a.request.index - b.request.index)) {
    if (exchange.request.index >= facts.end.index) continue;
    const who = `${exchange.connection.node} ${exchange.header.member}`;
    const own = beats.get(who) ?? [];
    beats.set(who, own);
    own.push({
      exchange,
      request: exchange.request,
      run: runOfMember(facts.view).get(exchange.header.member),
      node: exchange.connection.node,
    });
  }
  return beats;
});

/** Ids of members in the order in which they were heard, with the start of a client before which they cannot have been drawn. */
const drawsItsId: Clause = {
  id: 'QNT-GRP-001',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    const owners = new Map<string, ClientRun>();
    for (const beats of beatsOf(view).values())
      for (const { request, exchange } of beats) {
        const run = clientOf(facts, exchange.connection);
        if (run === undefined) continue;
        const id = exchange.header.member as string;
        const owner = owners.get(id) ?? run;
        owners.set(id, owner);
        if (owner !== run)
          judge.fail(
            request,
            `expected an id of its own for each consumer, got ${id} of ${owner.name} also from ${run.name}`,
            'member',
          );
      }
    const starts = facts.clients.filter((run) => [...owners.values()].includes(run));
    if (starts.length > 1 && owners.size >= starts.length) for (const run of starts) judge.pass(run.start.index);
  },
};

const heartbeats: Clause = {
  id: 'QNT-GRP-002',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const run of facts.clients.filter(isMember)) judgeEveryBroker(facts, judge, run);
    for (const beats of beatsOf(view).values()) judgeIntervals(facts, judge, beats);
    for (const connection of facts.connections) judgeAtOnce(facts, judge, connection);
  },
};

/** Every broker that a route gives queues of the client's topics. */
function judgeEveryBroker(facts: Facts, judge: Judge, run: ClientRun): void {
  const topics = new Set(((run.args.subscriptions ?? []) as readonly { topic: string }[]).map(({ topic }) => topic));
  const due = new Map<string, FrameSeen>();
  for (const { connection, routes, brokers, last } of routesOf(facts.view)) {
    if (clientOf(facts, connection) !== run) continue;
    const here = new Set(brokers.filter(({ away }) => !away).map(({ broker }) => broker));
    for (const { topic, code, shares } of routes)
      if (topics.has(topic) && code === 0)
        for (const { broker, queues } of shares) if (queues > 0 && here.has(broker) && !due.has(broker)) due.set(broker, last);
  }
  for (const [broker, at] of due) {
    const untilMs = at.atMs + JOIN_MS + facts.view.slackMs;
    const beat = [...beatsOf(facts.view).values()]
      .flat()
      .find((one) => one.node === broker && clientOf(facts, one.exchange.connection) === run);
    if (beat !== undefined) judge.pass(beat.request);
    else if (
      run.closing.ms > untilMs &&
      run.ended === undefined &&
      facts.end.ms > untilMs &&
      served(facts, broker, at.atMs - 1_000, untilMs) &&
      !isMeddled(facts, broker)
    )
      judge.fail(at, `expected CLIENT_HEARTBEAT to ${broker}, which has queues of its topics, got none within ${JOIN_MS} ms`);
  }
}

/** Somebody kept the client from being served there. */
const isMeddled = (facts: Facts, node: string): boolean =>
  facts.meddled.some(
    ({ connection, what }) => what !== 'split' && facts.connections.some((one) => one.number === connection && one.node === node),
  );

/** `heartbeat_ms` counts from one heartbeat to the next on a connection where each is answered. */
function judgeIntervals(facts: Facts, judge: Judge, beats: readonly Beat[]): void {
  beats.forEach(({ exchange, request, run }, i) => {
    const next = beats[i + 1];
    const { answer, response, connection } = exchange;
    if (answer === undefined || response === undefined || run === undefined || connection.goAways.length > 0) return;
    const everyMs = answer.heartbeatMs > 0 ? answer.heartbeatMs : LIMITS.MEMBER_HEARTBEAT_MS;
    const mostMs = everyMs * COARSE + 200 + facts.view.slackMs;
    const untilMs = Math.min(endOfConnection(facts, connection).ms, run.closing.ms, run.ended?.ms ?? facts.end.ms);
    const next_ = next !== undefined && next.exchange.connection === connection ? next.request.atMs : untilMs;
    if (next_ - request.atMs > mostMs)
      judge.fail(
        request,
        `expected CLIENT_HEARTBEAT every ${everyMs} ms, got the next after ${Math.round(next_ - request.atMs)} ms`,
      );
    else if (next !== undefined && next.request.atMs - request.atMs > everyMs / 2) judge.pass(next.request);
  });
}

/** The first thing that a member says on the connection on which it is alive. */
function judgeAtOnce(facts: Facts, judge: Judge, connection: ConnectionSeen): void {
  const greeted = connection.hello?.response;
  const beat = asked(connection).find(({ name }) => name === 'CLIENT_HEARTBEAT');
  if (greeted === undefined || beat === undefined) return;
  const dueMs = greeted.atMs + AT_ONCE_MS + facts.view.slackMs;
  const isFirst = !asked(connection).some(
    ({ request, name }) => request.index < beat.request.index && name !== 'HELLO' && name !== 'PING',
  );
  const isNew = !facts.connections.some(
    (other) =>
      other !== connection &&
      other.node === connection.node &&
      clientOf(facts, other) === clientOf(facts, connection) &&
      endOfConnection(facts, other).ms > greeted.atMs &&
      other.openedAtMs < greeted.atMs,
  );
  if (isFirst && isNew)
    judgeThat(
      judge,
      beat.request,
      beat.request.atMs <= dueMs,
      () =>
        `expected CLIENT_HEARTBEAT at once on a new connection, got it after ${Math.round(beat.request.atMs - greeted.atMs)} ms`,
    );
}

const sendsSubscription: Clause = {
  id: 'QNT-GRP-003',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const beats of beatsOf(view).values()) {
      const seen = new Set<ConnectionSeen>();
      let wanted: FrameSeen | undefined;
      for (const { exchange, request } of beats) {
        const has = exchange.header.subscription !== undefined;
        const first = !seen.has(exchange.connection);
        seen.add(exchange.connection);
        if (first)
          judgeThat(
            judge,
            request,
            has,
            () => 'expected the subscription with the first heartbeat on a connection, got none',
            'subscription',
          );
        else if (wanted !== undefined && request.atMs > wanted.atMs + facts.view.slackMs)
          judgeThat(judge, request, has, () => 'expected the subscription after want_subscription, got none', 'subscription');
        if (first || has || (wanted !== undefined && request.atMs > wanted.atMs + facts.view.slackMs)) wanted = undefined;
        if (exchange.answer?.wantSubscription === true && exchange.response !== undefined) wanted = exchange.response;
      }
    }
  },
};

const namesGeneration: Clause = {
  id: 'QNT-GRP-005',
  roles: ['consumer'],
  check(view, judge) {
    for (const [who, beats] of beatsOf(view)) {
      const told = assignmentsOf(view).filter((one) => `${one.node} ${one.member}` === who);
      let zeros = 0;
      for (const { request, exchange } of beats) {
        const named = exchange.header.generation as number;
        const before = told.filter(({ last }) => last.index < request.index);
        const term = exchange.connection.helloOk?.term;
        const sure = before.filter(
          (one) => one.last.atMs < request.atMs - view.slackMs && one.term === term && arrived(factsOf(view), one.last),
        );
        const newest = sure.reduce((most, { generation }) => Math.max(most, generation), 0);
        zeros = named === 0 && newest > 0 ? zeros + 1 : 0;
        if (named === 0) {
          // 0 asks for the whole, where a member doubts what it holds.
          if (zeros > 2)
            judge.fail(
              request,
              `expected the generation ${newest} of the last assignment, got 0 for the ${zeros}rd time`,
              'generation',
            );
          else if (before.length === 0) judge.pass(request);
        } else if (!before.some(({ generation }) => generation === named))
          judge.fail(
            request,
            `expected the generation of an assignment of ${who}, got ${named}, which was never told`,
            'generation',
          );
        else if (named < newest)
          judge.fail(request, `expected the generation ${newest} of the last assignment, got ${named}`, 'generation');
        else judge.pass(request);
      }
    }
  },
};

/** How long after its start a first heartbeat may say that the consumer is younger than it is. */
const STARTING_MS = 2_000;

const tellsItsAge: Clause = {
  id: 'QNT-GRP-016',
  roles: ['consumer'],
  check(view, judge) {
    for (const beats of beatsOf(view).values())
      for (const { request, exchange, run } of beats) {
        if (run === undefined || !runsAt(run, request.index)) continue;
        const ageMs = request.atMs - run.start.ms;
        // Its driver may have waited for a NameServer before it made the consumer.
        const leastMs = request.atMs - (run.ready?.ms ?? request.atMs) - STARTING_MS - view.slackMs;
        const said = exchange.header.joinedAgoMs as number;
        if (leastMs <= view.slackMs) continue;
        judgeThat(
          judge,
          request,
          said <= ageMs + view.slackMs && said >= leastMs,
          () => `expected joined_ago_ms of about ${Math.round(ageMs)}, got ${said}`,
          'joined_ago_ms',
        );
      }
  },
};

export const MEMBER_CLAUSES: readonly Clause[] = [drawsItsId, heartbeats, sendsSubscription, namesGeneration, tellsItsAge];
