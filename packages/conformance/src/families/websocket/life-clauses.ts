import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { CLOSE, closeCodeOf } from '../../ground/websocket/close-codes.ts';
import { isPlain } from '../../history/message-event.ts';
import type { ConnectionSeen, Placed, View } from '../../history/view.ts';
import { hexOf, isObject } from '../../json.ts';
import { SERVERS } from '../framing/outcome.ts';
import { ofServers } from './of-servers.ts';
import { closeOf, closeText } from './received-clauses.ts';

/** How long a server may take to end its side behind the end of the kit's. */
const END_MS = 2_000;
/** Pings that come together so that most of them wait for others. */
export const CROWD = 100;

export const pingsOf = ({ messages }: ConnectionSeen): readonly Placed<'message'>[] =>
  messages.filter(({ from, type }) => from === 'kit' && type === 'ping');

const pingsAreNotHeard = ofServers('QNT-WSK-017', (connection, view, judge) => {
  const { helloOk, frames, goAways, closed } = connection;
  const last = frames.findLast(({ from }) => from === 'kit');
  if (helloOk === undefined || last === undefined) return;
  const ping = pingsOf(connection).find(({ atMs }) => atMs > last.atMs + helloOk.idleMs / 2);
  if (ping === undefined || (closed?.by === 'kit' && goAways.length === 0)) return;
  const dueMs = last.atMs + helloOk.idleMs + view.slackMs;
  const goAway = goAways.find(({ from }) => from === 'subject');
  const expected = `pings of WebSocket are not heard: after ${helloOk.idleMs} ms without a frame (idle_ms) IDLE_TIMEOUT ends the connection`;
  if (goAway !== undefined && goAway.code !== 'IDLE_TIMEOUT') return;
  if (goAway !== undefined)
    judgeThat(judge, goAway, goAway.atMs <= dueMs, () => `${expected}; it took ${Math.round(goAway.atMs - last.atMs)} ms`);
  else if ((closed?.atMs ?? view.endMs) > dueMs) judge.fail(ping.index, `${expected}; it goes on`);
});

/** Says of a crowd of pings behind which no other ping comes whether only some were answered, the newest among these. */
export function judgePongs({ slackMs, endMs }: View, connection: ConnectionSeen, judge: Judge): void {
  const crowd = pingsOf(connection).at(-1);
  if (crowd === undefined || crowd.pieces < CROWD) return;
  const pongs = connection.messages.filter(
    ({ from, type, index }) => from === 'subject' && type === 'pong' && index > crowd.index,
  );
  const newest = pongs.findIndex(({ bytes }) => hexOf(bytes) === hexOf(crowd.bytes));
  const what = `${crowd.pieces} pings come at once: the newest of those that wait is answered, and not each`;
  if (newest >= 0)
    judgeThat(judge, pongs[newest]?.index ?? crowd.index, newest + 1 < crowd.pieces, () => `${what}; got ${newest + 1} pongs`);
  else if ((connection.closed?.atMs ?? endMs) - crowd.atMs > 2 * slackMs)
    judge.fail(crowd.index, `${what}; got ${pongs.length} pongs, none of them for the newest`);
}

const newestPing = ofServers('QNT-WSK-018', (connection, view, judge) => judgePongs(view, connection, judge));

/** The subject ends it for a reason that it has told, and nothing was on its way to it. */
function endsInPeace({ goAways, closed, frames, messages }: ConnectionSeen): boolean {
  const goAway = goAways.find(({ from }) => from === 'subject');
  if (goAway === undefined || closed?.by !== 'subject') return false;
  const said = [...frames, ...messages].filter(({ from }) => from === 'kit');
  // A message that is no frame is told by another code, and there may be more of it.
  const isQuiet = messages.every((message) => message.from === 'subject' || isPlain(message));
  return isQuiet && said.every(({ index }) => index < goAway.index);
}

const closesInOrder = ofServers('QNT-WSK-019', (connection, view, judge) => {
  const { closedIndex, number, closed } = connection;
  if (!endsInPeace(connection)) return;
  const close = closeOf(connection);
  const isNormal = close !== undefined && closeCodeOf(close.bytes) === CLOSE.normal;
  const expected = `a connection is closed with what was sent before and a close message with ${CLOSE.normal}`;
  if (!isNormal) return judge.fail(close?.index ?? closedIndex, `${expected}; got ${closeText(close)}`);
  const isDeaf = view.notes('deaf').some(({ args }) => isObject(args) && args.connection === number);
  const waitedMs = Math.round((closed?.atMs ?? view.endMs) - close.atMs);
  judgeThat(
    judge,
    close.index,
    !isDeaf || waitedMs >= LIMITS.GOAWAY_GRACE_MS - view.slackMs,
    () =>
      `a connection is dropped only when the peer does not end it within ${LIMITS.GOAWAY_GRACE_MS} ms (GOAWAY_GRACE_MS); it was after ${waitedMs} ms`,
  );
});

const endIsTheEnd: Clause = {
  id: 'QNT-WSK-020',
  roles: SERVERS,
  binding: 'websocket',
  check(view, judge) {
    for (const { args, atMs, index } of view.notes('ended')) {
      if (!isObject(args) || args.cutOff !== true) continue;
      const connection = view.connections.find(({ number }) => number === args.connection);
      const { closed } = connection ?? {};
      const endMs = closed?.atMs ?? view.endMs;
      const expected = "the end of the client's stream without a close message ends the connection";
      if (closed !== undefined && endMs - atMs <= END_MS) judge.pass(index);
      else if (endMs - atMs > END_MS)
        judge.fail(index, `${expected}; the server ${closed === undefined ? 'went on' : `took ${Math.round(endMs - atMs)} ms`}`);
    }
  },
};

export const LIFE_CLAUSES: readonly Clause[] = [pingsAreNotHeard, newestPing, closesInOrder, endIsTheEnd];
