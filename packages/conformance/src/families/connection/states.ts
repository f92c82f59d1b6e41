import { FRAME_LENGTH_MIN, LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf, objectOf } from '../../play/program.ts';
import {
  circumstancesOf,
  classOf,
  dialled,
  endingAfter,
  endingText,
  isDisturbed,
  isWhole,
  kitEndOf,
  lastOf,
  patienceOf,
  rawBytesOf,
  readsAllTheTime,
  requestsOf,
  SERVERS,
} from './circumstances.ts';
import { greetingsOf, isAcceptable } from './hello.ts';

/** Options of sessions, as the program has set up its subject. */
export const sessionSetup = (view: View) => {
  const { setup } = circumstancesOf(view);
  return objectOf(isObject(setup.broker) ? setup.broker : objectOf(setup, 'nameServer'), 'session');
};

/** The kit has sent nothing on the connection that could be a whole HELLO, and nothing that is wrong already. */
function isSilent(connection: ConnectionSeen): boolean {
  const raw = rawBytesOf(connection);
  if (raw === undefined || connection.frames.some(({ from }) => from === 'kit')) return false;
  if (raw.length < 8) return true;
  const length = Number.parseInt(raw.slice(0, 8), 16);
  const isSound = length >= FRAME_LENGTH_MIN && length <= LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
  const control = raw.length < 32 ? 0 : Number.parseInt(raw.slice(24, 32), 16);
  return isSound && control <= length - FRAME_LENGTH_MIN && raw.length / 2 < length + 4;
}

const helloTimeout: Clause = {
  id: 'QNT-CON-003',
  roles: SERVERS,
  check(view, judge) {
    const deadlineMs = numberOf(sessionSetup(view), 'helloDeadlineMs', LIMITS.HELLO_DEADLINE_MS);
    for (const connection of dialled(view)) {
      const { openedAtMs } = connection;
      const dueMs = openedAtMs + deadlineMs;
      const goAway = connection.goAways.find(({ from, code }) => from === 'subject' && code === 'HELLO_TIMEOUT');
      if (goAway !== undefined && goAway.atMs < dueMs - view.slackMs) {
        judge.fail(
          goAway,
          `HELLO may come within ${deadlineMs} ms, and HELLO_TIMEOUT came after ${Math.round(goAway.atMs - openedAtMs)} ms`,
        );
      } else if (isSilent(connection)) judgeSilence(view, connection, dueMs, judge);
    }
  },
};

function judgeSilence(view: View, connection: ConnectionSeen, dueMs: number, judge: Parameters<Clause['check']>[1]): void {
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  const latestMs = dueMs + view.slackMs;
  const from = connection.frames[0]?.index ?? until;
  const isOver = connection.closed?.by === 'subject' || kitEnd.atMs > latestMs;
  if (!isOver || isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) return;
  const goAway = connection.goAways[0];
  if (goAway !== undefined && goAway.code !== 'HELLO_TIMEOUT') return;
  const atMs = goAway?.atMs ?? connection.closed?.atMs;
  judgeThat(
    judge,
    goAway ?? from,
    goAway !== undefined && goAway.atMs <= latestMs && connection.closed?.by === 'subject',
    () =>
      `a connection without HELLO has to be closed with HELLO_TIMEOUT at ${Math.round(dueMs)} ms, and ${atMs === undefined ? 'was kept' : `was closed with ${goAway?.code ?? 'no GOAWAY'} at ${Math.round(atMs)} ms`}`,
  );
}

/** Reasons of a server to end a connection that no HELLO can avoid. */
const OWN_REASONS: ReadonlySet<string | undefined> = new Set(['SHUTTING_DOWN', 'TOO_MANY_CONNECTIONS', 'HELLO_TIMEOUT']);

const followsStates: Clause = {
  id: 'QNT-CON-015',
  roles: SERVERS,
  check(view, judge) {
    for (const greeting of greetingsOf(view)) {
      const { connection, exchange, response } = greeting;
      if (response === undefined) judgeUnanswered(view, connection, exchange.request, judge);
      else if (exchange.code === undefined) judge.pass(response);
      else if (isAcceptable(greeting) && !OWN_REASONS.has(exchange.code))
        judge.fail(
          response,
          `a HELLO that asks for nothing unusual has to be answered HELLO_OK, and was answered ${exchange.code}`,
        );
      else judgeRefusal(view, connection, response, exchange.code, judge);
    }
    for (const connection of dialled(view)) judgeFirstFrame(view, connection, judge);
    for (const connection of dialled(view)) judgeClosing(connection, judge);
  },
};

type ToJudge = Parameters<Clause['check']>[1];

function judgeUnanswered(view: View, connection: ConnectionSeen, request: FrameSeen, judge: ToJudge): void {
  const ending = endingAfter(view, connection, request);
  if (ending === undefined || OWN_REASONS.has(ending.code)) return;
  judge.fail(request, `HELLO has to be answered, and was not: the connection was ${endingText(ending)}`);
}

/** *greeting*, HELLO refused: the error, GOAWAY with its code, close. */
function judgeRefusal(view: View, connection: ConnectionSeen, response: FrameSeen, code: string, judge: ToJudge): void {
  const ending = endingAfter(view, connection, response);
  if (ending === undefined) return;
  judgeThat(
    judge,
    ending.goAway ?? response,
    ending.closed && ending.code === code,
    () => `after HELLO was answered ${code} the connection has to be closed with GOAWAY ${code}, and was ${endingText(ending)}`,
    'code',
  );
}

/** *greeting*, another frame: HELLO_EXPECTED, and nothing that follows is looked at. */
function judgeFirstFrame(view: View, connection: ConnectionSeen, judge: ToJudge): void {
  const first = connection.frames.find(({ from }) => from === 'kit');
  if (first === undefined || !isWhole(connection) || first.isResponse || first.name === 'HELLO') return;
  if (first.bytes.length - 4 > LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX || (!first.isOneWay && first.correlation % 2 === 0)) return;
  const ending = endingAfter(view, connection, first);
  if (ending === undefined || OWN_REASONS.has(ending.code)) return;
  const answer = connection.frames.find(
    ({ from, isResponse, correlation, type }) =>
      from === 'subject' && isResponse && !(correlation === first.correlation && type === first.type),
  );
  const expects = 'HELLO_EXPECTED';
  if (answer !== undefined)
    judge.fail(
      answer,
      `the first frame was no HELLO: what follows has to be ignored, and ${answer.name ?? answer.type} was answered`,
    );
  else
    judgeThat(
      judge,
      ending.goAway ?? first,
      ending.closed && ending.code === expects,
      () => `a first frame that is no HELLO has to end the connection with ${expects}, which was ${endingText(ending)}`,
      'code',
    );
}

/** *closing*: a request that was sent behind GOAWAY with an error of class 1xxx is ignored. */
function judgeClosing(connection: ConnectionSeen, judge: ToJudge): void {
  const goAway = connection.goAways.find((one) => one.from === 'subject' && classOf(one) === 1);
  if (goAway === undefined) return;
  for (const exchange of connection.exchanges) {
    const { request, response } = exchange;
    if (request.from === 'kit' && request.index > goAway.index && response !== undefined)
      judge.fail(response, `behind GOAWAY ${goAway.code} every frame has to be ignored, and ${exchange.name} was answered`);
  }
}

const stopsInOrder: Clause = {
  id: 'QNT-CON-017',
  roles: SERVERS,
  check(view, judge) {
    for (const stop of circumstancesOf(view).stops)
      for (const connection of dialled(view)) judgeStop(view, connection, stop, judge);
  },
};

function judgeStop(view: View, connection: ConnectionSeen, stop: { index: number; atMs: number }, judge: ToJudge): void {
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  const known = connection.hello?.response;
  if (connection.openedAtMs > stop.atMs - view.slackMs || until < stop.index) return;
  if (known !== undefined && known.index > stop.index) return;
  if (connection.goAways.some(({ index, from }) => from === 'subject' && index < stop.index)) return;
  if (wasKilled(view, until) || !readsAllTheTime(view, connection, 0, until)) return;
  const goAway = connection.goAways.find(({ from, index }) => from === 'subject' && index > stop.index);
  const closed = connection.closed?.by === 'subject' ? connection.closed : undefined;
  if (goAway === undefined) {
    if (closed?.clean === true)
      judge.fail(connection.closedIndex, 'a server that stops has to send GOAWAY first, and closed the connection without');
    return;
  }
  if (goAway.code !== 'SHUTTING_DOWN') {
    // Something else was wrong at the same time.
    if (classOf(goAway) !== 1)
      judge.fail(goAway, `a server that stops has to say SHUTTING_DOWN, and says ${goAway.code}`, 'code');
    return;
  }
  const lastMs = goAway.atMs + Number(goAway.header.graceMs) + view.slackMs;
  if (closed === undefined && kitEnd.atMs > lastMs)
    return judge.fail(
      goAway,
      `a server that stops has to close within grace_ms (${goAway.header.graceMs}), and did not`,
      'grace_ms',
    );
  if (closed === undefined) return;
  const pending = pendingAt(connection, stop.index).find(({ response }) => response === undefined);
  if (pending === undefined) judgeLeaving(view, connection, goAway, closed.atMs, judge);
  else if (closed.atMs < goAway.atMs + Number(goAway.header.graceMs) - view.slackMs)
    judge.fail(
      pending.request,
      `${pending.name} was pending when the server stopped: it has to be answered within grace_ms (${goAway.header.graceMs}), and the connection was closed after ${Math.round(closed.atMs - goAway.atMs)} ms`,
    );
}

/** *leaving*: when the last request in flight is answered the connection is closed. */
function judgeLeaving(view: View, connection: ConnectionSeen, goAway: FrameSeen, closedMs: number, judge: ToJudge): void {
  const lastMs = Math.max(goAway.atMs, connection.frames.at(-1)?.atMs ?? 0);
  const isAnswered = requestsOf(connection).every(({ response }) => response !== undefined);
  judgeThat(
    judge,
    goAway,
    !isAnswered || closedMs <= lastMs + patienceOf(view),
    () =>
      `nothing is in flight behind GOAWAY: the connection has to be closed, and was kept for ${Math.round(closedMs - lastMs)} ms`,
  );
}

const wasKilled = (view: View, until: number): boolean => circumstancesOf(view).kills.some(({ index }) => index < until);

/** Requests that the subject certainly had when something happened: a later one was answered before. */
function pendingAt(connection: ConnectionSeen, index: number) {
  const all = requestsOf(connection);
  const fence = all.filter(({ response }) => response !== undefined && response.index < index).at(-1)?.request.index ?? -1;
  return all.filter((one) => {
    const { response } = one;
    return lastOf(one).index < fence && !lastOf(one).more && (response === undefined || response.index > index);
  });
}

const refusesBehindGoAway: Clause = {
  // A NameServer answers at once: nothing is ever in flight there that would keep a connection between GOAWAY and the close.
  id: 'QNT-CON-018',
  roles: ['broker'],
  timing: 'virtual',
  check(view, judge) {
    for (const connection of dialled(view)) {
      const goAway = connection.goAways.find(({ from, code }) => from === 'subject' && code === 'SHUTTING_DOWN');
      if (goAway === undefined) continue;
      for (const { request, response, code, name } of requestsOf(connection)) {
        if (response === undefined || request.index < goAway.index || request.flags !== 0) continue;
        // Frames that are looked at before (chapter 02): PING is answered in every state.
        if (name === undefined || name === 'PING' || code === 'WRONG_BROKER') continue;
        judgeThat(
          judge,
          response,
          code === 'SHUTTING_DOWN',
          () =>
            `${name} came behind the server's GOAWAY: it has to be answered SHUTTING_DOWN, and was answered ${code ?? 'well'}`,
          'code',
        );
      }
    }
  },
};

const saysWhyItCloses: Clause = {
  id: 'QNT-CON-019',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      const { closed, closedIndex } = connection;
      const last = connection.frames.filter(({ from }) => from === 'subject').at(-1);
      // What a reset has overtaken nobody knows.
      if (closed?.by !== 'subject' || !closed.clean || last === undefined || rawBytesOf(connection) === undefined) continue;
      if (wasKilled(view, closedIndex) || !readsAllTheTime(view, connection, 0, closedIndex)) continue;
      if (kitEndOf(view, connection).index < closedIndex) continue;
      const goAway = connection.goAways.find(({ from }) => from === 'subject');
      judgeThat(
        judge,
        goAway ?? closedIndex,
        goAway !== undefined && goAway.header !== undefined && goAway.header.code !== 0,
        () =>
          `a server that closes a connection has to send GOAWAY with its reason first, and ${goAway === undefined ? 'sent none' : 'named no reason'}`,
        'code',
      );
    }
  },
};

const ignoresGoAway: Clause = {
  id: 'QNT-CON-023',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      const said = connection.goAways.find(({ from }) => from === 'kit');
      const answered = connection.hello?.response;
      if (said === undefined || connection.helloOk === undefined || answered === undefined || said.index < answered.index)
        continue;
      judgeGoesOn(view, connection, said, judge);
      judgeFollows(view, connection, said.index, judge);
    }
  },
};

function judgeGoesOn(view: View, connection: ConnectionSeen, said: FrameSeen, judge: ToJudge): void {
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  if (isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) return;
  const refused = requestsOf(connection).find(({ request, code }) => request.index > said.index && code === 'SHUTTING_DOWN');
  const goAway = connection.goAways.find(({ from, index }) => from === 'subject' && index > said.index);
  const leaves = goAway !== undefined && (goAway.code === 'SHUTTING_DOWN' || goAway.code === said.code);
  const closes =
    goAway === undefined &&
    connection.closed?.by === 'subject' &&
    connection.closed.clean &&
    connection.closedIndex < kitEnd.index;
  const served = requestsOf(connection).find(({ request, response }) => request.index > said.index && response !== undefined);
  if (refused !== undefined || leaves || closes)
    judge.fail(
      refused?.response ?? goAway ?? connection.closedIndex,
      'a client has said GOAWAY: that has to be ignored, and the server leaves',
    );
  else if (served?.response !== undefined) judge.pass(served.response);
}

/** The server closes when the client does. */
function judgeFollows(view: View, connection: ConnectionSeen, from: number, judge: ToJudge): void {
  const ended = circumstancesOf(view).ends.get(connection.number);
  if (ended === undefined || ended.index < from || !readsAllTheTime(view, connection, 0, view.events.length)) return;
  if (isDisturbed(view, 0, view.events.length)) return;
  if (connection.closed !== undefined) judge.pass(connection.closedIndex);
  else if (view.endMs > ended.atMs + patienceOf(view))
    judge.fail(ended.index, 'the client has closed the connection: the server has to close it as well, and did not');
}

const refusesCrowd: Clause = {
  id: 'QNT-CON-024',
  roles: SERVERS,
  needs: ['settings'],
  check(view, judge) {
    const max = connectionsMax(view);
    if (max === undefined) return;
    for (const connection of dialled(view)) {
      if (isDisturbed(view, 0, Math.min(connection.closedIndex, view.events.length))) continue;
      const before = dialled(view).filter((one) => one !== connection && one.openedAtMs <= connection.openedAtMs);
      const surely = before.filter(
        (one) =>
          one.helloOk !== undefined &&
          (one.hello?.response?.atMs ?? 0) < connection.openedAtMs &&
          isOpenAt(view, one, connection),
      );
      const perhaps = before.filter(
        (one) => (one.closed?.atMs ?? Number.POSITIVE_INFINITY) >= connection.openedAtMs - view.slackMs,
      );
      if (surely.length >= max) judgeCrowd(connection, max, judge);
      else if (perhaps.length < max && connection.goAways.some(({ code }) => code === 'TOO_MANY_CONNECTIONS'))
        judge.fail(
          connection.goAways[0] as FrameSeen,
          `${perhaps.length} of ${max} connections are open: a further one has to be served, and was refused`,
        );
    }
  },
};

const isOpenAt = (view: View, one: ConnectionSeen, { openedAtMs }: ConnectionSeen): boolean =>
  kitEndOf(view, one).atMs > openedAtMs && (one.closed?.atMs ?? Number.POSITIVE_INFINITY) > openedAtMs;

function judgeCrowd(connection: ConnectionSeen, max: number, judge: ToJudge): void {
  const at = connection.frames[0]?.index ?? connection.closedIndex - 1;
  const goAway = connection.goAways.find(({ from }) => from === 'subject');
  if (connection.helloOk !== undefined)
    return judge.fail(at, `${max} connections are open: a further one has to be refused, and was served`);
  if (goAway === undefined || connection.closed?.by !== 'subject') return;
  judgeThat(
    judge,
    goAway,
    goAway.code === 'TOO_MANY_CONNECTIONS',
    () =>
      `${max} connections are open: a further one has to be closed with TOO_MANY_CONNECTIONS, and was closed with ${goAway.code}`,
    'code',
  );
}

/** Undefined where the program says nothing: whom else the subject serves nobody knows. */
function connectionsMax(view: View): number | undefined {
  const { setup } = circumstancesOf(view);
  const max = isObject(setup.broker)
    ? objectOf(setup.broker, 'limits').connectionsMax
    : objectOf(setup, 'nameServer').connectionsMax;
  return typeof max === 'number' ? max : undefined;
}

export const STATE_CLAUSES: readonly Clause[] = [
  helloTimeout,
  followsStates,
  stopsInOrder,
  refusesBehindGoAway,
  saysWhyItCloses,
  ignoresGoAway,
  refusesCrowd,
];
