import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { isObject } from '../../json.ts';
import { assignmentsOf, type Told } from './assignments.ts';
import { asked, clientOf, endOfConnection, type Facts, factsOf, served } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { type RoutesTold, routesOf } from './routes-told.ts';

/** Time to connect to a broker that was just heard of. */
const ACT_MS = 5_000;
/** Time to pull a queue that was just given: shorter than until the next heartbeat, which tells it again. */
const PULL_MS = 1_200;

const namesOf = ({ brokers }: { readonly brokers: readonly { readonly broker: string }[] }): readonly string[] =>
  brokers.map(({ broker }) => broker);

/** The last frame of joined ones decides: nothing is done before it came. */
const takesEffectTogether: Clause = {
  id: 'QNT-FRM-011',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const told = routesOf(view);
    for (const routes of told.filter(({ frames }) => frames.length > 1)) {
      const before = new Set(told.filter(({ first }) => first.index < routes.first.index).flatMap(namesOf));
      const fresh = namesOf(routes).filter((broker) => !before.has(broker));
      const early = facts.connections.find(
        ({ node, frames: [frame] }) =>
          fresh.includes(node) && (frame?.index ?? 0) > routes.first.index && (frame?.index ?? 0) < routes.last.index,
      );
      if (early !== undefined)
        judge.fail(
          early.frames[0] ?? routes.last,
          `expected ${early.node} to be used behind the last of the frames that MORE joins, got a connection before it`,
        );
      else if (fresh.length > 0 && routes.last.atMs - routes.first.atMs > view.slackMs) judge.pass(routes.last);
    }
    for (const assignment of assignmentsOf(view).filter(({ first, last }) => first !== last))
      judgeLeasesTogether(facts, judge, assignment);
  },
};

const isNew = (facts: Facts, { node, member, first }: Told, epoch: number): boolean =>
  !assignmentsOf(facts.view).some(
    (other) =>
      other.node === node &&
      other.member === member &&
      other.last.index < first.index &&
      other.leases.some((lease) => lease.epoch === epoch),
  );

/** The queues and epochs that a PULL names. */
export const pulled = (header: {
  readonly topics: readonly {
    readonly topic: string;
    readonly queues: readonly { queue: number; offset: number; leaseEpoch: number }[];
  }[];
}): readonly { topic: string; queue: number; offset: number; epoch: number }[] =>
  header.topics.flatMap(({ topic, queues }) =>
    queues.map(({ queue, offset, leaseEpoch }) => ({ topic, queue, offset, epoch: leaseEpoch })),
  );

const pullsAt = (facts: Facts, node: string) =>
  facts.connections
    .filter((connection) => connection.node === node)
    .flatMap((connection) => asked(connection).filter(({ name, header }) => name === 'PULL' && header !== undefined));

function judgeLeasesTogether(facts: Facts, judge: Judge, assignment: Told): void {
  const { first, last, node } = assignment;
  const fresh = assignment.leases.filter(({ epoch }) => isNew(facts, assignment, epoch));
  const early = pullsAt(facts, node).find(
    ({ request, header }) =>
      request.index > first.index &&
      request.index < last.index &&
      pulled(header).some(({ epoch }) => fresh.some((lease) => lease.epoch === epoch)),
  );
  if (early !== undefined)
    judge.fail(
      early.request,
      'expected new leases to be used behind the last of the frames that MORE joins, got a PULL before it',
    );
  else if (fresh.length > 0 && last.atMs - first.atMs > facts.view.slackMs) judge.pass(last);
}

const listsAreJoined: Clause = {
  id: 'QNT-FRM-012',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const routes of routesOf(view).filter(({ frames }) => frames.length > 1)) judgeBrokers(facts, judge, routes);
    for (const assignment of assignmentsOf(view).filter(({ first, last }) => first !== last))
      judgeLeases(facts, judge, assignment);
  },
};

/** Brokers that only one of the frames names are known all the same. */
function judgeBrokers(facts: Facts, judge: Judge, { frames, last, connection, routes, brokers }: RoutesTold): void {
  const client = clientOf(facts, connection);
  const dueMs = last.atMs + ACT_MS + facts.view.slackMs;
  const needed = new Set(routes.flatMap(({ shares }) => shares.map(({ broker }) => broker)));
  for (const { broker, away } of brokers) {
    const everywhere = frames.every(({ header }) => header.brokers.some((one: { broker: string }) => one.broker === broker));
    if (everywhere || away || !needed.has(broker)) continue;
    const used = facts.connections.find((other) => other.node === broker && endOfConnection(facts, other).ms > last.atMs);
    if (used !== undefined) judge.pass(last);
    else if (
      client?.role === 'consumer' &&
      client.closing.ms > dueMs &&
      facts.end.ms > dueMs &&
      served(facts, broker, last.atMs, dueMs)
    )
      judge.fail(last, `expected the lists of joined frames as one, got no connection to ${broker}, which is in one of them`);
    else judgeSends(facts, judge, broker, last.index);
  }
}

/** A producer needs a broker when it is told to send to it. */
function judgeSends(facts: Facts, judge: Judge, broker: string, index: number): void {
  for (const { call, result } of facts.view.calls('send')) {
    const { queue } = isObject(call.args) ? call.args : {};
    if (call.index < index || !isObject(queue) || queue.broker !== broker || result?.error === undefined) continue;
    if (served(facts, broker, call.atMs, result.atMs))
      judge.fail(
        result.index,
        `expected the lists of joined frames as one, got no SEND to ${broker}, which is in one of them, but ${result.error.code}`,
      );
  }
}

function judgeLeases(facts: Facts, judge: Judge, assignment: Told): void {
  const { last, node, member, connection, generation } = assignment;
  const dueMs = last.atMs + PULL_MS + facts.view.slackMs;
  const replaced = assignmentsOf(facts.view).some(
    (other) =>
      other.node === node &&
      other.member === member &&
      other !== assignment &&
      other.last.index > last.index &&
      other.last.atMs < dueMs,
  );
  const end = endOfConnection(facts, connection);
  const client = clientOf(facts, connection);
  if (replaced || end.ms < dueMs || client === undefined || client.closing.ms < dueMs) return;
  const held = assignment.leases.filter(({ releasing }) => !releasing);
  const missing = held.find(
    ({ epoch }) =>
      !pullsAt(facts, node).some(
        ({ request, header }) => request.atMs < dueMs && pulled(header).some((one) => one.epoch === epoch),
      ),
  );
  judgeThat(
    judge,
    last,
    missing === undefined,
    () =>
      `expected the ${assignment.leases.length} leases of joined frames as one list, got no PULL for queue ${missing?.queue} within ${PULL_MS} ms`,
  );
  const beat = asked(connection).find(
    ({ name, request }) => name === 'CLIENT_HEARTBEAT' && request.atMs > last.atMs + facts.view.slackMs,
  );
  const next = assignmentsOf(facts.view).find(
    (other) => other.node === node && other.member === member && other.last.index > last.index,
  );
  if (beat !== undefined && (next?.first.index ?? beat.request.index) >= beat.request.index)
    judgeThat(
      judge,
      beat.request,
      beat.header.generation === generation,
      () => `expected the generation ${generation} of the first of joined frames, got ${beat.header.generation}`,
      'generation',
    );
}

export const JOINED_CLAUSES: readonly Clause[] = [takesEffectTogether, listsAreJoined];
