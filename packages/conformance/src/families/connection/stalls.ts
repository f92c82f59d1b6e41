import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { numberOf } from '../../play/program.ts';
import { circumstancesOf, dialled, isDisturbed, isServedAfter, isWhole, patienceOf, SERVERS } from './circumstances.ts';
import { endOfSilence, lastSentMs, ROUNDING_MS } from './keepalive.ts';
import { sessionSetup } from './states.ts';

/** Bytes that systems and networks hold between two ends that do not read. */
const SWALLOWED_BYTES = { memory: 1_048_576, tcp: 18_000_000, websocket: 18_000_000 } as const;

/** A time in which the kit did not read, and more was on its way than anything but the subject itself holds. */
interface Stall {
  readonly connection: ConnectionSeen;
  readonly idleMs: number;
  readonly from: number;
  readonly to: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** What came behind it. */
  readonly bytes: number;
}

const sumOf = (frames: readonly FrameSeen[]): number => frames.reduce((sum, { bytes }) => sum + bytes.length, 0);

function stallsOf(view: View): readonly Stall[] {
  const { readings } = circumstancesOf(view);
  return dialled(view).flatMap((connection) => {
    const own = readings.get(connection.number) ?? [];
    const idleMs: number | undefined = connection.helloOk?.idleMs;
    const off = own.find(({ on }) => !on);
    const on = own.find((one) => one.on && one.index > (off?.index ?? 0));
    if (off === undefined || on === undefined || idleMs === undefined || own.length > 2) return [];
    const bytes = sumOf(connection.frames.filter(({ from, index }) => from === 'subject' && index > on.index));
    const stall = { connection, idleMs, from: off.index, to: on.index, fromMs: off.atMs, toMs: on.atMs, bytes };
    const until = Math.min(connection.closedIndex, view.events.length);
    return isDisturbed(view, 0, until) || !isWhole(connection) || connection.broken !== undefined ? [] : [stall];
  });
}

/** More came than systems hold, or an end came before the answers of requests that need not wait for anything. */
function answersWaited({ bytes, connection, to }: Stall): boolean {
  const unanswered = connection.exchanges.some(
    ({ request, response, name, header }) =>
      request.from === 'kit' && request.index < to && response === undefined && !(name === 'PULL' && header?.waitMs !== 0),
  );
  return bytes > SWALLOWED_BYTES[connection.binding] || (unanswered && endOfSilence(connection) !== undefined);
}

const slowReaderIsNotIdle: Clause = {
  id: 'QNT-KAL-006',
  roles: SERVERS,
  check(view, judge) {
    for (const stall of stallsOf(view)) {
      const { toMs, fromMs, idleMs } = stall;
      const lastMs = lastSentMs(stall.connection, stall.to) ?? fromMs;
      const isLong = toMs - Math.max(fromMs, lastMs) > idleMs + view.slackMs;
      const goAway = endOfSilence(stall.connection);
      // The server itself knows best whether its answers waited.
      if (isLong && goAway?.code === 'SLOW_READER') judge.pass(goAway);
      else if (!answersWaited(stall)) continue;
      else if (isLong) judgeLongStall(stall, judge);
      else if (toMs - fromMs < idleMs - view.slackMs) judgeShortStall(view, stall, judge);
    }
  },
};

/** Longer than idle_ms: SLOW_READER. */
function judgeLongStall({ connection, to, idleMs }: Stall, judge: Judge): void {
  const goAway = endOfSilence(connection);
  if (goAway !== undefined)
    judgeThat(
      judge,
      goAway,
      goAway.code === 'SLOW_READER',
      () =>
        `answers waited and the client did not read for idle_ms (${idleMs}): GOAWAY has to say SLOW_READER, and says ${goAway.code}`,
      'code',
    );
  else if (isServedAfter(connection, to))
    judge.fail(
      to,
      `answers waited and the client did not read for idle_ms (${idleMs}): the connection has to be closed, and goes on`,
    );
}

/** Shorter than idle_ms: the silence is counted without it. */
function judgeShortStall(view: View, stall: Stall, judge: Judge): void {
  const { connection, idleMs, fromMs, toMs, to } = stall;
  const goAway = endOfSilence(connection);
  const later = connection.frames.find(({ from, index }) => from === 'kit' && index > to);
  const earliestMs = toMs + idleMs - ROUNDING_MS - 4 * view.slackMs;
  // SLOW_READER may be about bytes as well.
  if (goAway?.code === 'IDLE_TIMEOUT' && goAway.atMs < earliestMs && (later === undefined || later.index > goAway.index))
    judge.fail(
      goAway,
      `the server did not read for ${Math.round(toMs - fromMs)} ms because its answers waited: this time may not count, and GOAWAY ${goAway.code} came ${Math.round(goAway.atMs - toMs)} ms later (idle_ms is ${idleMs})`,
    );
  else if (goAway !== undefined || (later !== undefined && later.atMs > fromMs + idleMs && isServedAfter(connection, to)))
    judge.pass(goAway ?? (later as FrameSeen));
}

const holdsLittle: Clause = {
  id: 'QNT-LIM-010',
  roles: SERVERS,
  check(view, judge) {
    const max = numberOf(sessionSetup(view), 'pendingBytesMax', LIMITS.PENDING_RESPONSE_BYTES_MAX);
    for (const { connection, to } of stallsOf(view)) {
      const came = connection.frames.filter(({ from, index }) => from === 'subject' && index > to);
      const goAway = endOfSilence(connection);
      const isEnd = goAway?.code === 'SLOW_READER';
      // Answers may have been made when the client read again; what nobody asked for was made before.
      const held = sumOf(isEnd ? came : came.filter(({ isOneWay }) => isOneWay));
      const longest = Math.max(0, ...came.map(({ bytes }) => bytes.length));
      if (held > max + SWALLOWED_BYTES[connection.binding] + 2 * longest)
        judge.fail(
          goAway ?? to,
          `at most ${max} bytes may wait for a client that does not read (PENDING_RESPONSE_BYTES_MAX), and ${held} did`,
        );
      else if (isEnd) judge.pass(goAway);
    }
  },
};

const stopsReading: Clause = {
  id: 'QNT-LIM-011',
  roles: SERVERS,
  check(view, judge) {
    for (const stall of stallsOf(view))
      for (const exchange of stall.connection.exchanges) {
        const { request, response, code } = exchange;
        if (request.index < stall.from || request.index > stall.to || request.atMs < stall.fromMs + patienceOf(view)) continue;
        if (response === undefined || response.index < stall.to || code !== undefined) continue;
        judgeUnread(view, stall, exchange, judge);
      }
  },
};

/** What another connection sees of a request that waits to be read. */
function judgeUnread(view: View, stall: Stall, { name, header, request }: Exchange, judge: Judge): void {
  const looks = view.exchanges.filter(
    ({ response, request: look, connection }) =>
      connection !== stall.connection &&
      look.index > request.index &&
      look.atMs > request.atMs + view.slackMs &&
      response !== undefined &&
      response.index < stall.to,
  );
  for (const look of looks) {
    const seen =
      name === 'TOPIC_CREATE'
        ? seesTopic(look, header.topic)
        : name === 'REGISTER_BROKER'
          ? seesBroker(look, header.broker)
          : undefined;
    // That it waited shows by itself that the server did not read; that it took effect is wrong only where answers waited.
    if (seen === false) judge.pass(request);
    else if (seen === true && answersWaited(stall))
      judge.fail(
        request,
        `answers wait for a client that does not read: its requests should wait as well, and a ${name} took effect`,
      );
  }
}

const seesTopic = ({ name, header, code }: Exchange, topic: string): boolean | undefined =>
  name !== 'TOPIC_DESCRIBE' || header.topic !== topic
    ? undefined
    : code === undefined
      ? true
      : code === 'TOPIC_NOT_FOUND'
        ? false
        : undefined;

const seesBroker = ({ name, answer }: Exchange, broker: string): boolean | undefined =>
  name !== 'ROUTE_QUERY' || answer === undefined
    ? undefined
    : answer.brokers.some((one: { broker: string }) => one.broker === broker);

export const STALL_CLAUSES: readonly Clause[] = [slowReaderIsNotIdle, holdsLittle, stopsReading];
