import { LIMITS, readBatchHeader } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { asked, clientOf, endOfConnection, type Facts, factsOf, framesOf, served } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject } from './sequences.ts';
import { idleMsOf, judgeSurvival, kitFrames, told } from './survival.ts';

/** Frames beyond this are long ones. */
const LONG_BYTES = 4_000_000;

/** What HELLO_OK tells otherwise than the registry does. */
const goesByHelloOk: Clause = {
  id: 'QNT-LIM-005',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const ok = connection.helloOk;
      if (ok === undefined) continue;
      const batchMax = told(ok.batchBytesMax, LIMITS.BATCH_BYTES_MAX);
      if (batchMax !== LIMITS.BATCH_BYTES_MAX) judgeBatches(judge, connection, batchMax);
      const idleMs = idleMsOf(connection);
      if (idleMs < LIMITS.IDLE_MS)
        for (const silence of silences(facts, connection)) judgeSilence(judge, silence, idleMs, view.slackMs);
      const inFlight = told(ok.inFlightMax, LIMITS.IN_FLIGHT_REQUESTS_MAX);
      if (inFlight < LIMITS.IN_FLIGHT_REQUESTS_MAX) judgeInFlight(judge, connection, inFlight);
    }
  },
};

function judgeBatches(judge: Judge, connection: ConnectionSeen, max: number): void {
  for (const { name, request } of asked(connection)) {
    if (name !== 'SEND' || request.payload.length < 64) continue;
    const { length } = readBatchHeader(request.payload);
    judgeThat(
      judge,
      request,
      length <= max,
      () => `expected batches of ${max} bytes at the most, as HELLO_OK told, got one of ${length}`,
    );
  }
}

function judgeInFlight(judge: Judge, connection: ConnectionSeen, max: number): void {
  const requests = asked(connection);
  for (const { request } of requests) {
    const waiting = requests.filter(
      (other) => other.request.index <= request.index && (other.response?.index ?? Number.POSITIVE_INFINITY) > request.index,
    ).length;
    if (waiting > max) judge.fail(request, `expected ${max} requests in flight, as HELLO_OK told, got ${waiting}`);
    else if (waiting === max) judge.pass(request);
  }
}

const takesLongFrames: Clause = {
  id: 'QNT-LIM-006',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const long = kitFrames(facts).filter(
      ({ bytes, connection, index }) =>
        bytes.length > LONG_BYTES &&
        bytes.length - 4 <= LIMITS.FRAME_BYTES_MAX &&
        connection.hello?.header?.frameBytesMax === 0 &&
        index > (connection.hello.response?.index ?? Number.POSITIVE_INFINITY),
    );
    judgeSurvival(facts, judge, long, ({ bytes }) => `a frame of ${bytes.length - 4} bytes`);
  },
};

const asksForEnough: Clause = {
  id: 'QNT-LIM-007',
  roles: CLIENTS,
  check(view, judge) {
    for (const { hello } of factsOf(view).connections) {
      const max = hello?.header?.frameBytesMax;
      if (hello === undefined || typeof max !== 'number') continue;
      judgeThat(
        judge,
        hello.request,
        max === 0 || max >= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX,
        () => `expected a frame_bytes_max of 0 or ${LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX} at least, got ${max}`,
        'frame_bytes_max',
      );
    }
  },
};

/** A stretch of time in which nothing was heard of a client on an open connection. */
export interface Silence {
  readonly from: FrameSeen;
  readonly ms: number;
  /** It ended with a frame, not with the connection or the program. */
  readonly broken: boolean;
}

export function silences(facts: Facts, connection: ConnectionSeen): readonly Silence[] {
  if (connection.helloOk === undefined) return [];
  const end = endOfConnection(facts, connection);
  const client = clientOf(facts, connection);
  const untilMs = Math.min(end.ms, client?.killed === true ? client.gone.ms : end.ms, connection.goAways[0]?.atMs ?? end.ms);
  const frames = framesOfSubject(connection).filter(({ atMs }) => atMs <= untilMs);
  return frames.map((from, i) => ({
    from,
    ms: (frames[i + 1]?.atMs ?? untilMs) - from.atMs,
    broken: frames[i + 1] !== undefined,
  }));
}

function judgeSilence(judge: Judge, { from, ms, broken }: Silence, mostMs: number, slackMs: number): void {
  if (ms > mostMs + slackMs)
    judge.fail(from, `expected something to be heard at least every ${mostMs} ms, got nothing for ${Math.round(ms)} ms`);
  else if (broken && ms > mostMs / 5) judge.pass(from);
}

const isHeard: Clause = {
  id: 'QNT-KAL-002',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections)
      for (const silence of silences(facts, connection)) judgeSilence(judge, silence, idleMsOf(connection), view.slackMs);
  },
};

/** Timers of clients are coarse: a look now and then. */
const COARSE = 1.5;

const pingsInTime: Clause = {
  id: 'QNT-KAL-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const afterMs = Math.min(LIMITS.PING_MS, idleMsOf(connection) / 3);
      for (const silence of silences(facts, connection)) {
        if (silence.ms > afterMs * COARSE + view.slackMs)
          judge.fail(
            silence.from,
            `expected PING after ${Math.round(afterMs)} ms without another frame, got nothing for ${Math.round(silence.ms)} ms`,
          );
        else if (silence.broken && silence.ms > afterMs / 2) judge.pass(silence.from);
      }
    }
  },
};

/** The end of the silence that is allowed is exact, but for how often a client looks. */
const LATE = 1.2;

const leavesTheSilent: Clause = {
  id: 'QNT-KAL-004',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      if (connection.helloOk === undefined) continue;
      const idleMs = idleMsOf(connection);
      const end = endOfConnection(facts, connection);
      const last = framesOf(connection, 'kit').findLast(({ index }) => index < end.index);
      const client = clientOf(facts, connection);
      if (last === undefined || client === undefined || client.gone.ms < end.ms) continue;
      const silentMs = end.ms - last.atMs;
      if (silentMs > idleMs * LATE + view.slackMs)
        judge.fail(
          last,
          `expected the connection to be closed when nothing was heard for ${idleMs} ms, got it open after ${Math.round(silentMs)} ms`,
        );
      else if (end.by === 'subject' && silentMs >= idleMs * 0.9 && hangs(facts, connection.node, last.atMs)) judge.pass(last);
    }
  },
};

const hangs = (facts: Facts, node: string, sinceMs: number): boolean => !served(facts, node, sinceMs, facts.end.ms);

export const LIMIT_CLAUSES: readonly Clause[] = [
  goesByHelloOk,
  takesLongFrames,
  asksForEnough,
  isHeard,
  pingsInTime,
  leavesTheSilent,
];
