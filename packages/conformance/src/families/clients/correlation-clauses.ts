import { errorClass, FRAMES, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen } from '../../history/view.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { textOf } from '../../play/program.ts';
import { asked, clientOf, endOfConnection, type Facts, factsOf, isBroker } from './facts.ts';
import { readSentBatch } from './records.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject } from './sequences.ts';
import { mayClose, told } from './survival.ts';

/** One attempt of a request, as the chapter of correlation proposes it. */
const ATTEMPT_MS = 3_000;

const oddNumbers: Clause = {
  id: 'QNT-COR-001',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const even = asked(connection).find(({ request }) => request.correlation % 2 === 0);
      if (even !== undefined)
        judge.fail(even.request, `expected an odd correlation number, got ${even.request.correlation}`, 'correlation');
      else for (const { request } of asked(connection)) judge.pass(request);
    }
  },
};

/** First frames of requests whose number an earlier one had that was not answered yet. */
function* reused(connection: ConnectionSeen): Generator<{ readonly frame: FrameSeen; readonly earlier: FrameSeen }> {
  const open = new Map<number, FrameSeen>();
  let begun: number | undefined;
  for (const frame of connection.frames) {
    if (frame.from === 'kit') {
      const request = open.get(frame.correlation);
      if (frame.isResponse && !frame.more && request?.type === frame.type) open.delete(frame.correlation);
      continue;
    }
    if (frame.isResponse || frame.isOneWay) continue;
    const earlier = open.get(frame.correlation);
    if (earlier !== undefined && begun !== frame.correlation) yield { frame, earlier };
    open.set(frame.correlation, frame);
    begun = frame.more ? frame.correlation : undefined;
  }
}

const ownNumbers: Clause = {
  id: 'QNT-COR-002',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const twice = [...reused(connection)];
      for (const { frame, earlier } of twice)
        judge.fail(
          frame,
          `expected a number that no request waits under, got ${frame.correlation} while ${earlier.name} under it is unanswered`,
          'correlation',
        );
      if (twice.length === 0) for (const { request } of asked(connection).slice(1)) judge.pass(request);
    }
  },
};

/** Numbers may be a little apart where a client has several threads. */
const GAPS_MAX = 16;

const countedUp: Clause = {
  id: 'QNT-COR-003',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const requests = asked(connection);
      const [first] = requests;
      if (first === undefined || requests.length < 2) continue;
      let highest = first.request.correlation;
      const seen = new Set<number>();
      requests.forEach(({ request }, i) => {
        const { correlation } = request;
        highest = Math.max(highest, correlation);
        const apart = highest - first.request.correlation - 2 * i;
        judgeThat(
          judge,
          request,
          !seen.has(correlation) && apart <= 2 * GAPS_MAX,
          () =>
            `expected correlation numbers that count up by two from ${first.request.correlation}, got ${correlation} for request ${i + 1}`,
          'correlation',
        );
        seen.add(correlation);
      });
    }
  },
};

/** Answers that came after those of later requests. */
const overtaken = (connection: ConnectionSeen): readonly Exchange[] =>
  asked(connection).filter(({ request, response }) =>
    asked(connection).some(
      (later) =>
        response !== undefined &&
        later.request.index > request.index &&
        (later.response?.index ?? response.index) < response.index,
    ),
  );

const anyOrder: Clause = {
  id: 'QNT-COR-005',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const end = endOfConnection(facts, connection);
      for (const { request, response, name, header } of overtaken(connection)) {
        if (response === undefined) continue;
        const dueMs = response.atMs + 2 * ATTEMPT_MS + view.slackMs;
        const goesOn = framesOfSubject(connection).some(({ atMs }) => atMs > response.atMs + view.slackMs);
        if (end.by === 'subject' && end.ms <= dueMs && !mayClose(facts, connection))
          judge.fail(
            response,
            `expected answers to be taken in any order, got the end of the connection after that of ${name} came behind a later one`,
          );
        else if (isRepeated(facts, connection, { request, header, name }, response))
          judge.fail(
            response,
            `expected the answer to ${name} to be taken although later ones came first, got the same request once more`,
          );
        else if (goesOn) judge.pass(response);
      }
    }
  },
};

/** A SEND of the same batch after its answer: that was not taken. */
const isRepeated = (
  { view }: Facts,
  connection: ConnectionSeen,
  { request, name }: Pick<Exchange, 'request' | 'header' | 'name'>,
  response: FrameSeen,
): boolean =>
  name === 'SEND' &&
  !response.isError &&
  asked(connection).some(
    (later) =>
      later.name === 'SEND' &&
      later.request.atMs > response.atMs + view.slackMs &&
      later.request.payload.length > 0 &&
      Buffer.compare(later.request.payload, request.payload) === 0,
  );

/** How many requests wait when each one begins, as the server sees it. */
function* inFlight(connection: ConnectionSeen): Generator<{ readonly request: FrameSeen; readonly waiting: number }> {
  for (const { request } of asked(connection)) {
    const waiting = asked(connection).filter(
      (other) => other.request.index <= request.index && (other.response?.index ?? Number.POSITIVE_INFINITY) > request.index,
    ).length;
    yield { request, waiting };
  }
}

const heldBack: Clause = {
  id: 'QNT-COR-008',
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const max = told(connection.helloOk?.inFlightMax, LIMITS.IN_FLIGHT_REQUESTS_MAX);
      for (const { request, waiting } of inFlight(connection)) {
        if (waiting > max)
          judge.fail(
            request,
            `expected ${max} requests in flight at the most, as HELLO_OK told, got ${waiting} with this ${request.name}`,
          );
        else if (waiting === max) judge.pass(request);
      }
    }
  },
};

/** Requests that nobody answered within an attempt, while the connection went on. */
const givenUp = (facts: Facts, connection: ConnectionSeen): readonly Exchange[] =>
  asked(connection).filter(({ request, response, name, header }) => {
    const dueMs = request.atMs + (name === 'PULL' ? (header?.waitMs ?? 0) : 0) + ATTEMPT_MS;
    return (response?.atMs ?? Number.POSITIVE_INFINITY) > dueMs && endOfConnection(facts, connection).ms > dueMs;
  });

/** Who waits for less gives up too soon for this to tell. */
const GIVEN_UP_MS = 1_000;

const keptOutOfUse: Clause = {
  id: 'QNT-COR-009',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const twice = [...reused(connection)];
      for (const { request } of givenUp(facts, connection)) {
        const again = twice.find(({ earlier }) => earlier === request);
        const later = asked(connection).some((other) => other.request.atMs > request.atMs + ATTEMPT_MS);
        if (again !== undefined && again.frame.atMs > request.atMs + ATTEMPT_MS)
          judge.fail(
            again.frame,
            `expected ${request.correlation} to stay out of use, as ${request.name} under it was never answered, got ${again.frame.name}`,
            'correlation',
          );
        else if (later) judge.pass(request);
      }
      // Who ends the connection uses no number of it again.
      const end = endOfConnection(facts, connection);
      const last = asked(connection).find(
        ({ response, request }) => response === undefined && end.ms - request.atMs >= GIVEN_UP_MS,
      );
      if (end.by === 'subject' && last !== undefined && !stopsBefore(facts, connection)) judge.pass(last.request);
    }
  },
};

const UNCERTAIN = 6;

/** What a producer says of a call, and what the servers saw of it. */
const unknownStaysUnknown: Clause = {
  id: 'QNT-COR-010',
  roles: ['producer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { call, result } of view.calls('send')) {
      if (!isObject(call.args) || result?.error?.kind !== 'failed' || call.index > facts.end.index) continue;
      const sends = sendsOf(facts, call.args, call.index, result.index);
      const open = sends.find(({ response }) => response === undefined || errorClass(response.header?.code ?? 0) === UNCERTAIN);
      if (open !== undefined)
        judge.fail(
          result.index,
          `expected an indefinite end of the call, as ${open.name} was sent and not answered, got failed (${result.error.code ?? ''})`,
        );
    }
    for (const { call, result } of view.calls('send')) {
      if (!isObject(call.args) || result === undefined || result.error?.kind === 'failed') continue;
      const open = sendsOf(facts, call.args, call.index, result.index).find(({ response }) => response === undefined);
      if (open !== undefined) judge.pass(open.request);
    }
  },
};

/** SEND requests that bore the body of a call. */
function sendsOf(facts: Facts, args: { readonly [name: string]: unknown }, from: number, to: number): readonly Exchange[] {
  const body = textOf(args as JsonObject, 'body');
  if (body === '') return [];
  return facts.connections.flatMap((connection) =>
    asked(connection).filter(
      ({ name, request }) =>
        name === 'SEND' &&
        request.index > from &&
        request.index < to &&
        readSentBatch(request.payload).some((record) => record.body === body),
    ),
  );
}

const neverSentIsNotSent: Clause = {
  id: 'QNT-COR-011',
  roles: ['producer'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const { call, result } of view.calls('send')) {
      if (!isObject(call.args) || result?.error === undefined || result.index > facts.end.index) continue;
      if (result.error.kind === 'invalid' || brokerWasThere(facts, call.atMs, result.atMs)) continue;
      judgeThat(
        judge,
        result.index,
        result.error.kind === 'failed',
        () =>
          `expected a definite failure of a call in which no broker could be reached, got ${result.error?.kind} (${result.error?.code ?? ''})`,
      );
    }
  },
};

const brokerWasThere = (facts: Facts, fromMs: number, toMs: number): boolean =>
  facts.connections.some(
    (connection) =>
      isBroker(connection.node) &&
      connection.openedAtMs <= toMs &&
      endOfConnection(facts, connection).ms >= fromMs - facts.view.slackMs,
  );

/** Their chapters say how they are repeated. */
const WITH_RULES_OF_THEIR_OWN = new Set(['HELLO', 'SEND', 'INIT_PRODUCER']);

/** The table of frames calls these idempotent. */
const NOT_IDEMPOTENT = new Set(['TOPIC_CREATE', 'TOPIC_REMOVE', 'GROUP_RESET']);

const repeatsWhatMayBe: Clause = {
  id: 'QNT-COR-012',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const all = facts.connections.flatMap(asked).filter(({ name }) => name !== undefined && !WITH_RULES_OF_THEIR_OWN.has(name));
    for (const lost of all.filter(({ response }) => response === undefined)) {
      const again = all.find(
        (one) =>
          one.request.index > lost.request.index &&
          one.name === lost.name &&
          one.connection.node === lost.connection.node &&
          Buffer.compare(one.request.control, lost.request.control) === 0,
      );
      if (again === undefined) continue;
      const isOnDemand = lost.name === 'TOPIC_CREATE' && lost.header?.onDemand === true;
      if (NOT_IDEMPOTENT.has(lost.name as string) && !isOnDemand)
        judge.fail(
          again.request,
          `expected ${lost.name} of unknown outcome not to be repeated, since it is not idempotent, got it again`,
        );
      else judge.pass(again.request);
    }
  },
};

/** Time for a third attempt to be given up, and for the close. */
const THIRD_MS = 20_000;

const silentServerIsLeft: Clause = {
  id: 'QNT-COR-013',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections.filter(({ helloOk }) => helloOk !== undefined))
      for (const silence of silences(connection)) judgeSilence(facts, judge, connection, silence);
  },
};

/** Attempts in a row that were not answered. */
interface Silence {
  readonly second: FrameSeen;
  readonly third: FrameSeen | undefined;
  /** When something was answered again. */
  readonly untilMs: number;
}

/** What lies between two answers to something else than PING, where it is more than one attempt. */
function silences(connection: ConnectionSeen): readonly Silence[] {
  const answers = connection.frames.filter(({ from, isResponse, name }) => from === 'kit' && isResponse && name !== 'PING');
  return [undefined, ...answers].flatMap((answer, i) => {
    const next = answers[i];
    const between = asked(connection).filter(
      ({ request }) => request.index > (answer?.index ?? 0) && request.index < (next?.index ?? connection.closedIndex),
    );
    const [, second, third] = attempts(between);
    if (second === undefined) return [];
    return [{ second: second.request, third: third?.request, untilMs: next?.atMs ?? Number.POSITIVE_INFINITY }];
  });
}

function judgeSilence(facts: Facts, judge: Judge, connection: ConnectionSeen, { second, third, untilMs }: Silence): void {
  const last = third ?? second;
  const dueMs = last.atMs + THIRD_MS + facts.view.slackMs;
  const end = endOfConnection(facts, connection);
  const client = clientOf(facts, connection);
  if (untilMs <= dueMs) return;
  if (end.by === 'subject' && end.ms <= dueMs) {
    // Who gives up earlier does so as well.
    if (third !== undefined || !stopsBefore(facts, connection)) judge.pass(last);
  } else if (third !== undefined && end.ms > dueMs && client !== undefined && client.gone.ms > dueMs)
    judge.fail(
      third,
      `expected the connection to be closed after three attempts without an answer, got it open ${THIRD_MS} ms later`,
    );
}

const stopsBefore = (facts: Facts, connection: ConnectionSeen): boolean =>
  (clientOf(facts, connection)?.closing.index ?? 0) < endOfConnection(facts, connection).index;

/** Requests one after the other, not side by side. */
function attempts(exchanges: readonly Exchange[]): readonly Exchange[] {
  const row: Exchange[] = [];
  for (const one of exchanges) {
    const last = row.at(-1);
    if (one.name === 'PING' || one.name === 'PULL' || FRAMES[one.name as keyof typeof FRAMES] === undefined) continue;
    if (last === undefined || one.request.atMs >= last.request.atMs + ATTEMPT_MS - 500) row.push(one);
  }
  return row;
}

export const CORRELATION_CLAUSES: readonly Clause[] = [
  oddNumbers,
  ownNumbers,
  countedUp,
  anyOrder,
  heldBack,
  keptOutOfUse,
  unknownStaysUnknown,
  neverSentIsNotSent,
  repeatsWhatMayBe,
  silentServerIsLeft,
];
