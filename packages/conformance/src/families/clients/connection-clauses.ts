import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { asked, clientOf, endOfConnection, type Facts, factsOf, isBroker, isNameServer, runsAt, served } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject, opensLater } from './sequences.ts';

/** Time that a client may take for something that is to be done without waiting. */
const SOON_MS = 1_000;
/** The longest wait before a client connects again, and the time for the connection itself. */
const CONNECT_AGAIN_MS = 10_000;

const helloFirst: Clause = {
  id: 'QNT-CON-001',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const [first, ...rest] = framesOfSubject(connection);
      if (first === undefined) continue;
      const greets = first.name === 'HELLO' && !first.isResponse && !first.isOneWay;
      if (!greets) judge.fail(first, `expected HELLO as the first frame, got ${nameOf(first)}`);
      const second = rest.find(({ name, isResponse }) => name === 'HELLO' && !isResponse);
      if (second !== undefined) judge.fail(second, 'expected HELLO once on a connection, got a second one');
      if (greets && second === undefined) judge.pass(first);
    }
  },
};

const nothingBeforeTheAnswer: Clause = {
  id: 'QNT-CON-002',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const answeredAt = connection.hello?.response?.index ?? connection.closedIndex;
      const early = framesOfSubject(connection).find(({ name, index }) => name !== 'HELLO' && index < answeredAt);
      if (early !== undefined) judge.fail(early, `expected nothing between HELLO and its answer, got ${nameOf(early)}`);
      else if (connection.hello !== undefined) judge.pass(connection.hello.request);
    }
  },
};

/** Version 1.0 has no feature: what is in no registry belongs to one, or to a later version. */
const nothingOfOtherVersions: Clause = {
  id: 'QNT-CON-007',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const strange = framesOfSubject(connection).find(
        ({ name, type, isResponse }) => !isResponse && name === undefined && (type & 0x0f0f) !== 0x0a0a,
      );
      if (strange !== undefined)
        judge.fail(strange, `expected frame types of version 1.0 with no feature, got type 0x${strange.type.toString(16)}`);
      else if (connection.helloOk !== undefined) judge.pass(connection.hello?.request as FrameSeen);
    }
  },
};

const hungGreetingIsLeft: Clause = {
  id: 'QNT-CON-012',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const request = connection.hello?.request;
      if (request === undefined) continue;
      const dueMs = request.atMs + LIMITS.HELLO_DEADLINE_MS + view.slackMs;
      const end = endOfConnection(facts, connection);
      const answered = connection.frames.find(({ from, atMs }) => from === 'kit' && atMs <= dueMs);
      if (answered !== undefined || (end.by !== 'subject' && end.ms <= dueMs) || diedBefore(facts, connection, dueMs)) continue;
      judgeThat(
        judge,
        request,
        end.by === 'subject' && end.ms <= dueMs,
        () =>
          `expected the connection to be closed within ${LIMITS.HELLO_DEADLINE_MS} ms of a HELLO without an answer, got it open after ${Math.round(end.ms - request.atMs)} ms`,
      );
    }
  },
};

const diedBefore = (facts: Facts, connection: ConnectionSeen, ms: number): boolean => {
  const client = clientOf(facts, connection);
  return facts.clients.some((one) => (client === undefined || one === client) && one.killed && one.gone.ms <= ms);
};

const wrongBrokerIsLeft: Clause = {
  id: 'QNT-CON-013',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const { helloOk, hello, node } = connection;
      if (helloOk === undefined || hello?.response === undefined || !isBroker(node) || helloOk.name === node) continue;
      const { response } = hello;
      const used = asked(connection).find(({ request, name }) => request.index > response.index && name !== 'PING');
      const end = endOfConnection(facts, connection);
      if (used !== undefined)
        judge.fail(used.request, `expected no request to ${helloOk.name}, which answered instead of ${node}, got ${used.name}`);
      else if (end.by === 'subject' && end.ms <= response.atMs + SOON_MS + view.slackMs) judge.pass(response);
      else if (end.ms > response.atMs + SOON_MS + view.slackMs)
        judge.fail(response, `expected the connection to be closed when ${helloOk.name} answers instead of ${node}, got it open`);
    }
  },
};

/** What was on its way when GOAWAY came is no new request; PING only keeps what is pending alive. */
function askedAfterGoAway(facts: Facts, goAway: FrameSeen): FrameSeen | undefined {
  const sinceMs = goAway.atMs + facts.view.slackMs;
  return asked(goAway.connection).find(({ request, name }) => name !== 'PING' && name !== 'HELLO' && request.atMs > sinceMs)
    ?.request;
}

function judgeNoNewRequests(facts: Facts, judge: Judge, goAway: FrameSeen): void {
  const late = askedAfterGoAway(facts, goAway);
  const end = endOfConnection(facts, goAway.connection);
  if (late !== undefined)
    judge.fail(
      late,
      `expected no new request after GOAWAY (${goAway.code}), got ${nameOf(late)} ${Math.round(late.atMs - goAway.atMs)} ms later`,
    );
  else if (end.ms > goAway.atMs + facts.view.slackMs || end.by === 'subject') judge.pass(goAway);
}

const openGoAways = (facts: Facts): readonly FrameSeen[] =>
  facts.connections.flatMap(({ goAways, hello }) =>
    goAways.filter(({ from, index }) => from === 'kit' && index < facts.end.index && index > (hello?.response?.index ?? index)),
  );

const quietAfterGoAway: Clause = {
  id: 'QNT-CON-020',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const goAway of openGoAways(facts)) judgeNoNewRequests(facts, judge, goAway);
  },
};

/** A server that said GOAWAY, and stayed: the next connection must not wait for its end. */
const nextConnectionAtOnce: Clause = {
  id: 'QNT-CON-021',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const goAway of openGoAways(facts)) {
      const { connection } = goAway;
      const end = endOfConnection(facts, connection);
      const dueMs = goAway.atMs + 3_000 + view.slackMs;
      const next = opensLater(facts, goAway.index, (other) => isNameServer(other.node) === isNameServer(connection.node));
      if (next !== undefined && next.openedAtMs <= Math.min(end.ms, dueMs)) judge.pass(goAway);
      else if (end.by !== 'subject' && end.ms > dueMs && reads(facts, connection, goAway, dueMs))
        judge.fail(
          goAway,
          `expected the next connection without waiting for the end of this one, got none in ${Math.round(dueMs - goAway.atMs)} ms`,
        );
    }
  },
};

/** Whether somebody needs the connection all the time: a consumer, which reads for as long as it runs. */
const reads = (facts: Facts, connection: ConnectionSeen, { index }: FrameSeen, untilMs: number): boolean => {
  const client = clientOf(facts, connection);
  if (client === undefined || client.role !== 'consumer' || !runsAt(client, index) || client.closing.ms <= untilMs) return false;
  return facts.end.ms > untilMs && served(facts, connection.node, connection.openedAtMs, untilMs);
};

const CODE_NAMES = /[A-Z]+_[A-Z_]+/;

/** A message that speaks of something else than the code. */
export const misleads = ({ header, code }: FrameSeen): boolean =>
  typeof header?.message === 'string' && CODE_NAMES.test(header.message) && !header.message.includes(code ?? '');

const codeNotMessage: Clause = {
  id: 'QNT-CON-022',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const goAway of openGoAways(facts).filter(misleads)) {
      const client = clientOf(facts, goAway.connection);
      const ended = client?.ended;
      if (ended !== undefined && ended.ms <= goAway.atMs + SOON_MS + view.slackMs && ended.index > goAway.index)
        judge.fail(
          goAway,
          `expected the client to act on the code ${goAway.code} of GOAWAY, got its end after "${goAway.header.message}"`,
        );
      else judgeNoNewRequests(facts, judge, goAway);
    }
  },
};

/** One connection after the other to the same server, none of which was greeted. */
interface Streak {
  readonly connection: ConnectionSeen;
  readonly endMs: number;
  readonly next: ConnectionSeen;
  /** How many failed in a row, this one included. */
  readonly failures: number;
}

function streaks(facts: Facts): readonly Streak[] {
  const found: Streak[] = [];
  if (facts.clients.length !== 1) return found;
  for (const node of new Set(facts.connections.map((connection) => connection.node))) {
    const row = facts.connections.filter((connection) => connection.node === node);
    if (
      !isBroker(node) ||
      row.some((connection, i) => i > 0 && connection.openedAtMs < (row[i - 1]?.closed?.atMs ?? Number.POSITIVE_INFINITY))
    )
      continue;
    let failures = 0;
    row.forEach((connection, i) => {
      failures = connection.hello?.response === undefined && connection.goAways.length === 0 ? failures + 1 : 0;
      const next = row[i + 1];
      if (failures > 0 && next !== undefined)
        found.push({ connection, endMs: endOfConnection(facts, connection).ms, next, failures });
    });
  }
  return found;
}

const LEAST_CAP_MS = 1_000;

const backsOff: Clause = {
  id: 'QNT-CON-025',
  roles: CLIENTS,
  check(view, judge) {
    for (const { connection, endMs, next, failures } of streaks(factsOf(view))) {
      const leastMs = Math.min(50 * 2 ** (failures - 1), LEAST_CAP_MS) - view.slackMs;
      const waitedMs = next.openedAtMs - endMs;
      if (leastMs <= 0) continue;
      judgeThat(
        judge,
        next.frames[0] ?? connection.closedIndex,
        waitedMs >= leastMs,
        () =>
          `expected a wait of ${Math.round(leastMs)} ms at least after failure ${failures} in a row at ${next.node}, got ${Math.round(waitedMs)} ms`,
      );
    }
  },
};

/** From here on a wait as short as the first one shows that the count began anew. */
const GROWN = 4;

const countsUntilGreeted: Clause = {
  id: 'QNT-CON-026',
  roles: CLIENTS,
  check(view, judge) {
    for (const { connection, endMs, next, failures } of streaks(factsOf(view))) {
      if (failures < GROWN) continue;
      const waitedMs = next.openedAtMs - endMs;
      judgeThat(
        judge,
        next.frames[0] ?? connection.closedIndex,
        waitedMs > 200,
        () =>
          `expected the wait to have grown after ${failures} connections to ${next.node} that were taken and not greeted, got ${Math.round(waitedMs)} ms`,
      );
    }
  },
};

const nextNameServer: Clause = {
  id: 'QNT-CON-027',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const { hello, node } = connection;
      const failed = hello !== undefined && hello.response === undefined;
      if (!isNameServer(node) || !failed || isUsedElsewhere(facts, connection)) continue;
      const client = clientOf(facts, connection);
      const dueMs = hello.request.atMs + LIMITS.HELLO_DEADLINE_MS + CONNECT_AGAIN_MS + view.slackMs;
      const next = opensLater(
        facts,
        hello.request.index,
        (other) => isNameServer(other.node) && clientOf(facts, other) === client,
      );
      if (next !== undefined && next.node !== node && next.openedAtMs <= dueMs) judge.pass(hello.request);
      // Of one that cannot be reached nothing is seen.
      else if (client !== undefined && next?.node === node && othersServe(facts, node, hello.request.atMs, next.openedAtMs))
        judge.fail(hello.request, `expected the next NameServer after ${node} did not answer HELLO, got the same once more`);
      else if (
        client !== undefined &&
        client.closing.ms > dueMs &&
        facts.end.ms > dueMs &&
        client.ended === undefined &&
        othersServe(facts, node, hello.request.atMs, dueMs)
      )
        judge.fail(
          hello.request,
          `expected the next NameServer after ${node} did not answer HELLO, got none within ${Math.round(dueMs - hello.request.atMs)} ms`,
        );
    }
  },
};

/** Whether the client has another NameServer all along. */
const isUsedElsewhere = (facts: Facts, connection: ConnectionSeen): boolean =>
  facts.connections.some(
    (other) =>
      other !== connection &&
      isNameServer(other.node) &&
      other.node !== connection.node &&
      other.helloOk !== undefined &&
      other.openedAtMs < connection.openedAtMs &&
      endOfConnection(facts, other).ms > connection.openedAtMs,
  );

const othersServe = (facts: Facts, node: string, fromMs: number, toMs: number): boolean =>
  facts.nameServers.some((other) => other !== node && served(facts, other, fromMs, toMs));

export const nameOf = ({ name, type }: FrameSeen): string => name ?? `type 0x${type.toString(16)}`;

export const CONNECTION_CLAUSES: readonly Clause[] = [
  helloFirst,
  nothingBeforeTheAnswer,
  nothingOfOtherVersions,
  hungGreetingIsLeft,
  wrongBrokerIsLeft,
  quietAfterGoAway,
  nextConnectionAtOnce,
  codeNotMessage,
  backsOff,
  countsUntilGreeted,
  nextNameServer,
];
