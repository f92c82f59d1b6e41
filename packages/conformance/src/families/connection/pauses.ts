import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen, View } from '../../history/view.ts';
import { objectOf } from '../../play/program.ts';
import { circumstancesOf, dialled, isWhole, lastOf, SERVERS } from './circumstances.ts';

/** A server finds out by its deadlines how long it stood still: one that it missed by less need not tell it anything. */
const NOTICED_MS = 1_000;
/** Whoever moves deadlines at all moves them by so much at least, however it found out how long it stood still. */
const MOVED_LEAST_MS = 500;

interface Stillness {
  readonly index: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const stillnessesOf = (view: View): readonly Stillness[] =>
  circumstancesOf(view).pauses.filter(
    ({ fromMs, toMs }) => Number.isFinite(toMs) && toMs - fromMs > NOTICED_MS + 2 * view.slackMs,
  );

const pauseMovesDeadlines: Clause = {
  id: 'QNT-KAL-007',
  roles: SERVERS,
  needs: ['pause'],
  check(view, judge) {
    for (const pause of stillnessesOf(view)) {
      for (const connection of dialled(view).filter(isWhole)) {
        judgeHello(view, connection, pause, judge);
        judgeIdle(view, connection, pause, judge);
      }
      judgeExpiry(view, pause, judge);
    }
  },
};

const framesOfKit = (connection: ConnectionSeen): readonly FrameSeen[] => connection.frames.filter(({ from }) => from === 'kit');

/** HELLO came while the server stood still: it was in time. */
function judgeHello(view: View, connection: ConnectionSeen, pause: Stillness, judge: Judge): void {
  const { hello, openedAtMs } = connection;
  if (hello === undefined || openedAtMs > pause.fromMs - view.slackMs || framesOfKit(connection)[0] !== hello.request) return;
  const dueMs = openedAtMs + LIMITS.HELLO_DEADLINE_MS;
  const waits = hello.request.index > pause.index && hello.request.atMs < Math.min(dueMs - view.slackMs, pause.toMs);
  if (!waits || dueMs > pause.toMs - NOTICED_MS) return;
  const late = connection.goAways.find(({ code }) => code === 'HELLO_TIMEOUT');
  if (late !== undefined)
    judge.fail(
      late,
      'HELLO was sent in time and the server stood still: the deadline has to move by that time, and HELLO_TIMEOUT came',
    );
  else if (hello.response !== undefined) judge.pass(hello.response);
}

/** The idle time ended while the server stood still. */
function judgeIdle(view: View, connection: ConnectionSeen, pause: Stillness, judge: Judge): void {
  const idleMs: number | undefined = connection.helloOk?.idleMs;
  const { index, fromMs, toMs } = pause;
  const before = framesOfKit(connection).filter((frame) => frame.index < index);
  const heardMs = before.at(-1)?.atMs;
  const greeted = (connection.hello?.response?.index ?? index) < index;
  if (idleMs === undefined || heardMs === undefined || !greeted || connection.closedIndex < index) return;
  const dueMs = heardMs + idleMs;
  if (dueMs < fromMs + view.slackMs || dueMs > toMs - NOTICED_MS) return;
  const waiting = framesOfKit(connection).find(
    (frame) => frame.index > index && frame.atMs < Math.min(toMs, dueMs - view.slackMs),
  );
  const earliestMs = waiting === undefined ? Math.min(dueMs + toMs - fromMs, toMs + MOVED_LEAST_MS) : toMs + idleMs;
  const goAway = connection.goAways.find((one) => one.from === 'subject' && one.code === 'IDLE_TIMEOUT');
  const served = connection.exchanges.find((one) => one.request.index > index && one.response !== undefined);
  if (goAway !== undefined && goAway.atMs < earliestMs - 2 * view.slackMs)
    judge.fail(
      goAway,
      `the server stood still for ${Math.round(toMs - fromMs)} ms: idle_ms (${idleMs}) has to end that much later${waiting === undefined ? '' : ', and what came meanwhile is heard'}, and IDLE_TIMEOUT came ${Math.round(goAway.atMs - toMs)} ms after it went on`,
    );
  else if (goAway !== undefined || served?.response !== undefined) judge.pass(goAway ?? (served?.response as FrameSeen));
}

/** Brokers of which heartbeats came while a NameServer stood still are not away. */
function judgeExpiry(view: View, pause: Stillness, judge: Judge): void {
  const set = objectOf(circumstancesOf(view).setup, 'nameServer').expiryMs;
  const expiryMs = typeof set === 'number' ? set : LIMITS.BROKER_EXPIRY_MS;
  for (const { answer, request, response } of view.requests('ROUTE_QUERY', 'kit')) {
    if (answer === undefined || response === undefined || request.atMs < pause.toMs) continue;
    if (response.atMs > pause.toMs + expiryMs - view.slackMs) continue;
    for (const { broker, away } of answer.brokers as readonly { broker: string; away: boolean }[])
      if (isHeardIn(view, broker, pause, expiryMs))
        judgeThat(
          judge,
          response,
          !away,
          () =>
            `heartbeats of ${broker} came while the NameServer stood still: its deadline has to move by that time, and it is away`,
          'away',
        );
  }
}

/** Its expiry ended within the pause, and it went on sending, on a connection that stayed. */
function isHeardIn(view: View, broker: string, pause: Stillness, expiryMs: number): boolean {
  const own = [...view.requests('REGISTER_BROKER', 'kit'), ...view.requests('BROKER_HEARTBEAT', 'kit')].filter(
    ({ header, code, connection }) => header?.broker === broker && code === undefined && connection.closedIndex > pause.index,
  );
  const before = own.filter((one) => lastOf(one).index < pause.index).map((one) => lastOf(one).atMs);
  const within = own.map((one) => lastOf(one)).filter(({ index, atMs }) => index > pause.index && atMs < pause.toMs);
  const dueMs = Math.max(...before) + expiryMs;
  const gone = view.requests('UNREGISTER_BROKER', 'kit').some(({ header }) => header?.broker === broker);
  return (
    before.length > 0 &&
    !gone &&
    dueMs < pause.toMs - NOTICED_MS &&
    within.some(({ atMs }) => atMs < dueMs && atMs > pause.toMs - expiryMs)
  );
}

export const PAUSE_CLAUSES: readonly Clause[] = [pauseMovesDeadlines];
