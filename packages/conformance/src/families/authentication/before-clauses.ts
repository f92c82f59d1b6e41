import { Flag, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { asks, authsOf, entryOf } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { numberOf } from '../../play/program.ts';
import {
  dialled,
  endingAfter,
  endingText,
  isDisturbed,
  isWhole,
  kitEndOf,
  readsAllTheTime,
  SERVERS,
} from '../connection/circumstances.ts';
import { sessionSetup } from '../connection/states.ts';

/** Connections whose client is asked who he is. */
const asked = (view: View): readonly ConnectionSeen[] => dialled(view).filter((one) => asks(one) && isWhole(one));

const exchangeOf = (frame: FrameSeen): Exchange | undefined =>
  frame.connection.exchanges.find(({ request }) => request === frame);

/** Nobody is known at this place, and no AUTH is on its way that could change that. */
function isUnknownAt(connection: ConnectionSeen, index: number): boolean {
  const entry = entryOf(connection);
  const isPending = authsOf(connection).some(
    ({ request, response }) => request.index < index && (response === undefined || response.index > index),
  );
  return (entry === undefined || entry.index > index) && !isPending;
}

/** Frames of the kit behind HELLO_OK that come before it is known, up to the first that ends the connection. */
function framesBefore(connection: ConnectionSeen): readonly FrameSeen[] {
  const greeted = connection.hello?.response?.index ?? Number.POSITIVE_INFINITY;
  const end = connection.goAways.find(({ from }) => from === 'subject')?.index ?? connection.closedIndex;
  const before: FrameSeen[] = [];
  for (const frame of connection.frames) {
    if (frame.from !== 'kit' || frame.isResponse || frame.index < greeted) continue;
    if (frame.index > end || !isUnknownAt(connection, frame.index)) break;
    before.push(frame);
    if (isFatal(frame)) break;
  }
  return before;
}

/** It has no place before AUTH_OK. */
const isFatal = ({ name, isOneWay }: FrameSeen): boolean => (isOneWay ? name !== 'GOAWAY' : name !== 'AUTH' && name !== 'PING');

/** Nothing else is wrong with it. Between the frames of one request other rules speak. */
const isSound = ({ flags, correlation, isOneWay, more, bytes }: FrameSeen): boolean =>
  !more && (isOneWay ? (flags & Flag.IGNORABLE) === 0 : correlation % 2 === 1) && fits(bytes);

const fits = (bytes: Uint8Array): boolean => bytes.length - 4 <= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

const nothingBeforeAuth: Clause = {
  id: 'QNT-AUT-004',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const connection of asked(view)) {
      for (const frame of framesBefore(connection).filter(isSound)) {
        if (isFatal(frame)) judgeFatal(view, frame, judge);
        else if (frame.name === 'PING') judgePing(view, frame, judge);
      }
    }
  },
};

const nameOf = ({ name, type }: FrameSeen): string => name ?? `a frame of type 0x${type.toString(16).padStart(4, '0')}`;

function judgeFatal(view: View, frame: FrameSeen, judge: Judge): void {
  const exchange = exchangeOf(frame);
  const what = `${nameOf(frame)} before the connection is authenticated`;
  const ending = endingAfter(view, frame.connection, exchange?.response ?? frame);
  if (exchange !== undefined && exchange.response !== undefined && exchange.code !== 'UNAUTHENTICATED')
    judge.fail(exchange.response, `${what} has to be answered UNAUTHENTICATED, and was answered ${exchange.code ?? 'well'}`);
  else if (ending === undefined) return;
  else if (exchange !== undefined && exchange.response === undefined)
    judge.fail(frame, `${what} has to be answered UNAUTHENTICATED, and was not answered`);
  else if (isDone(view, frame)) judge.fail(frame, `${what} may not be processed, and it had its effect`);
  else
    judgeThat(
      judge,
      exchange?.response ?? frame,
      ending.closed && (ending.code ?? 'UNAUTHENTICATED') === 'UNAUTHENTICATED',
      () => `${what} ends the connection with UNAUTHENTICATED, and it was ${endingText(ending)}`,
    );
}

/** Somebody who is known sees what a request of nobody has made. */
function isDone(view: View, { name, header, index }: FrameSeen): boolean {
  if (name === 'TOPIC_CREATE' && header !== undefined)
    return view
      .requests('TOPIC_DESCRIBE', 'kit')
      .some(({ request, answer, header: said }) => request.index > index && said?.topic === header.topic && answer !== undefined);
  if (name === 'REGISTER_BROKER' && header !== undefined)
    return view
      .requests('ROUTE_QUERY', 'kit')
      .some(
        ({ request, answer }) =>
          request.index > index && answer?.brokers.some((one: { broker: string }) => one.broker === header.broker),
      );
  return false;
}

function judgePing(view: View, frame: FrameSeen, judge: Judge): void {
  const { response, code } = exchangeOf(frame) ?? {};
  if (response !== undefined)
    judgeThat(judge, response, code === undefined, () => `PING has to be answered before AUTH, and was answered ${code}`);
  else {
    const ending = endingAfter(view, frame.connection, frame);
    if (ending !== undefined)
      judge.fail(frame, `PING has to be answered before AUTH; it was not, and the connection was ${endingText(ending)}`);
  }
}

const longFramesLater: Clause = {
  id: 'QNT-AUT-005',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    for (const connection of asked(view)) {
      const long = connection.frames.find(
        ({ from, index, bytes }) => from === 'kit' && index > (connection.hello?.response?.index ?? 0) && !fits(bytes),
      );
      if (long === undefined || !isUnknownAt(connection, long.index)) continue;
      const response = exchangeOf(long)?.response;
      const ending = endingAfter(view, connection, long);
      const said = `a frame of ${long.bytes.length - 4} bytes before AUTH is above FRAME_BEFORE_HELLO_BYTES_MAX`;
      if (response !== undefined) judge.fail(response, `${said}: it may not be taken, and was answered`);
      else if (ending !== undefined)
        judgeThat(
          judge,
          long,
          ending.closed && ending.code === 'FRAME_TOO_LARGE',
          () => `${said}: the connection has to be closed with FRAME_TOO_LARGE, and was ${endingText(ending)}`,
        );
    }
  },
};

const inTime: Clause = {
  id: 'QNT-AUT-006',
  roles: SERVERS,
  needs: ['users'],
  check(view, judge) {
    const deadlineMs = numberOf(sessionSetup(view), 'authDeadlineMs', LIMITS.AUTH_DEADLINE_MS);
    for (const connection of asked(view)) {
      const greeted = connection.hello?.response;
      if (greeted !== undefined && entryOf(connection) === undefined) judgeDeadline(view, connection, greeted, deadlineMs, judge);
    }
  },
};

function judgeDeadline(view: View, connection: ConnectionSeen, greeted: FrameSeen, deadlineMs: number, judge: Judge): void {
  const dueMs = greeted.atMs + deadlineMs;
  const goAway = connection.goAways.find(({ from }) => from === 'subject');
  const tookMs = (atMs: number): number => Math.round(atMs - greeted.atMs);
  if (goAway?.code === 'AUTH_TIMEOUT' && goAway.atMs < dueMs - view.slackMs)
    return judge.fail(goAway, `AUTH may come within ${deadlineMs} ms, and AUTH_TIMEOUT came after ${tookMs(goAway.atMs)} ms`);
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  // Who was refused, or has to be, is told something else.
  const isRefused = authsOf(connection).some(({ answer }) => answer === undefined) || framesBefore(connection).some(isFatal);
  if (isRefused || isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) return undefined;
  const isClosed = connection.closed?.by === 'subject' && connection.closedIndex < kitEnd.index;
  if (goAway?.code === 'AUTH_TIMEOUT' && goAway.atMs <= dueMs + view.slackMs && isClosed) return judge.pass(goAway);
  if (isClosed && (connection.closed?.atMs ?? 0) < dueMs - view.slackMs) return undefined;
  if (isClosed || kitEnd.atMs > dueMs + 2 * view.slackMs)
    judge.fail(
      goAway ?? greeted,
      `the connection has to be closed with AUTH_TIMEOUT ${deadlineMs} ms after HELLO_OK, and was ${
        isClosed ? `closed with ${goAway?.code ?? 'no GOAWAY'} after ${tookMs(connection.closed?.atMs ?? 0)} ms` : 'kept open'
      }`,
    );
  return undefined;
}

export const BEFORE_CLAUSES: readonly Clause[] = [nothingBeforeAuth, longFramesLater, inTime];
