import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Role } from '../../driver/driver.ts';
import { CLOSE, closeCodeOf } from '../../ground/websocket/close-codes.ts';
import { headOf, SUBPROTOCOL, statusOf } from '../../ground/websocket/upgrade.ts';
import { isPlain, type MessageFault } from '../../history/message-event.ts';
import type { ConnectionSeen, Placed } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { judgeClosing } from '../clients/closing.ts';
import { clientOf, endOfConnection, type Facts, factsOf } from '../clients/facts.ts';
import { CLIENTS } from '../clients/roles.ts';
import { idleMsOf, isOneOff, judgeSurvival } from '../clients/survival.ts';
import { FAULT_TEXTS, laidOutOn } from './laid-out.ts';
import { judgePongs, pingsOf } from './life-clauses.ts';
import { closeOf, closeText } from './received-clauses.ts';

/** How long a client may take to leave a connection that it may not use, and to end its side behind the end of the other. */
const LEAVE_MS = 1_000;
const END_MS = 2_000;
/** How long its driver may take to tell of an end. */
const TOLD_MS = 2_000;
/** Timers of clients are coarse: a look now and then. */
const COARSE = 1.2;

/** A clause for connections of subjects to servers of the kit. */
const ofClients = (
  id: string,
  check: (connection: ConnectionSeen, facts: Facts, judge: Judge) => void,
  roles: readonly Role[] = CLIENTS,
): Clause => ({
  id,
  roles,
  binding: 'websocket',
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) if (connection.binding === 'websocket') check(connection, facts, judge);
  },
});

const leavesStrangers = ofClients(
  'QNT-WSK-003',
  (connection, facts, judge) => {
    const { number, frames } = connection;
    const answer = facts.view.of('upgrade').find((event) => event.connection === number && event.from === 'kit');
    const head = answer === undefined ? undefined : headOf(answer.text);
    if (answer === undefined || head === undefined || statusOf(head) !== 101) return;
    const chosen = head.headers.get('sec-websocket-protocol');
    if (chosen === SUBPROTOCOL) return;
    const expected = `a server that agreed to ${chosen ?? 'no subprotocol'} is left without a frame`;
    const frame = frames.find(({ from }) => from === 'subject');
    const end = endOfConnection(facts, connection);
    const dueMs = answer.atMs + LEAVE_MS + facts.view.slackMs;
    if (frame !== undefined) judge.fail(frame, `${expected}; got ${frame.name ?? frame.type}`);
    else if (end.by === 'subject' && end.ms <= dueMs) judge.pass(answer.index);
    else if (end.ms > dueMs) judge.fail(answer.index, `${expected}; it goes on`);
  },
  [...CLIENTS, 'broker'],
);

/** A message that has to end the connection. */
const leavesOn = (id: string, faults: readonly MessageFault[], more?: typeof judgeCloseCode): Clause =>
  ofClients(id, (connection, facts, judge) => {
    for (const { message, fault } of laidOutOn(facts.view, connection)) {
      if (fault === undefined || !faults.includes(fault)) continue;
      const { index, atMs } = message;
      if (more?.(connection, message, judge) === false) continue;
      judgeClosing(facts, judge, { connection, index, atMs }, FAULT_TEXTS[fault]);
    }
  });

/** @returns false where the code is wrong. */
function judgeCloseCode(connection: ConnectionSeen, { index }: Placed<'message'>, judge: Judge): boolean {
  const close = closeOf(connection);
  if (connection.closed === undefined || (close !== undefined && closeCodeOf(close.bytes) === CLOSE.unsupportedData)) return true;
  judge.fail(
    close?.index ?? index,
    `a text message is answered with the close code ${CLOSE.unsupportedData}; got ${closeText(close)}`,
  );
  return false;
}

const inPieces = ofClients('QNT-WSK-013', (connection, facts, judge) => {
  for (const { message, fault, requests } of laidOutOn(facts.view, connection)) {
    if (fault !== undefined || message.pieces <= 1) continue;
    const frames = requests.map(({ request }) => request);
    judgeSurvival(facts, judge, frames, () => `a message in ${message.pieces} pieces`);
  }
});

const pingsAreNotHeard = ofClients('QNT-WSK-017', (connection, facts, judge) => {
  const last = connection.frames.findLast(({ from }) => from === 'kit');
  if (last === undefined || connection.helloOk === undefined) return;
  const idleMs = idleMsOf(connection);
  const ping = pingsOf(connection).find(({ atMs }) => atMs > last.atMs + idleMs / 2);
  if (ping === undefined) return;
  const end = endOfConnection(facts, connection);
  const dueMs = last.atMs + idleMs * COARSE + facts.view.slackMs;
  const tookMs = Math.round(end.ms - last.atMs);
  const expected = `pings of WebSocket are not heard: after ${idleMs} ms without a frame (idle_ms) the connection is closed`;
  if (end.by === 'subject' && end.ms > ping.atMs)
    judgeThat(judge, ping.index, end.ms <= dueMs, () => `${expected}; it took ${tookMs} ms`);
  else if (end.by !== 'subject' && end.ms > dueMs) judge.fail(ping.index, `${expected}; it goes on after ${tookMs} ms`);
});

const newestPing = ofClients('QNT-WSK-018', (connection, { view }, judge) => judgePongs(view, connection, judge));

/** A client that was asked to close, at a server that reads. */
const closesInOrder = ofClients('QNT-WSK-019', (connection, facts, judge) => {
  const client = clientOf(facts, connection);
  const { closedIndex, helloOk, node } = connection;
  if (client === undefined || client.killed || client.closing.index > closedIndex || helloOk === undefined) return;
  if (facts.outages.some((outage) => outage.node === node)) return;
  const end = endOfConnection(facts, connection);
  // The close message that says so may be on its way when the program is over.
  if (end.by === 'kit' || (end.by === 'open' && facts.end.ms - client.gone.ms < END_MS)) return;
  const close = closeOf(connection);
  judgeThat(
    judge,
    close?.index ?? end.index,
    close !== undefined && closeCodeOf(close.bytes) === CLOSE.normal,
    () => `a connection is closed as planned with a close message with ${CLOSE.normal}; got ${closeText(close)}`,
  );
});

/** What the kit has noted of an end that it brought about. */
interface KitEnd {
  readonly index: number;
  readonly atMs: number;
  /** Undefined for the end of a stream without a close message, null for a close message without a code. */
  readonly code: number | null | undefined;
}

function kitEndOf({ view }: Facts, { number }: ConnectionSeen): KitEnd | undefined {
  const note = view.notes('ended').find(({ args }) => isObject(args) && args.connection === number);
  if (note === undefined || !isObject(note.args)) return undefined;
  return { index: note.index, atMs: note.atMs, code: note.args.code as KitEnd['code'] };
}

/** What a driver has told of the end of a connection. */
interface Told {
  readonly index: number;
  readonly lost: boolean;
}

/** Undefined where it may have told it of another connection, or for another reason. */
function toldOf(facts: Facts, connection: ConnectionSeen, ended: KitEnd): Told | undefined {
  const { view, end, connections } = facts;
  const all = view.told('disconnected').filter(({ index }) => index < end.index);
  const told = all.find(({ index, atMs }) => index > ended.index && atMs <= ended.atMs + TOLD_MS + view.slackMs);
  /** Another one has ended lately, and nothing was told of it before. */
  const mayBeMeant = (other: ConnectionSeen): boolean => {
    if (other === connection || isOneOff(other) || other.closedIndex > (told?.index ?? 0)) return false;
    const from = kitEndOf(facts, other)?.index ?? other.closedIndex;
    const isLate = (other.closed?.atMs ?? 0) > ended.atMs - TOLD_MS;
    return isLate && !all.some(({ index }) => index > from && index < ended.index);
  };
  const isSpoilt = connection.messages.some((message) => message.from === 'kit' && !isPlain(message));
  if (told === undefined || isSpoilt || connections.some(mayBeMeant)) return undefined;
  return { index: told.index, lost: isObject(told.args) && isObject(told.args.error) };
}

const endIsLost = ofClients('QNT-WSK-020', (connection, facts, judge) => {
  const ended = kitEndOf(facts, connection);
  if (ended === undefined || ended.code !== undefined) return;
  const end = endOfConnection(facts, connection);
  const told = toldOf(facts, connection, ended);
  const expected = "the end of the server's stream without a close message is the loss of the connection";
  if (told?.lost === false) judge.fail(told.index, `${expected}; the client tells a clean end`);
  else if (end.by === 'subject' && end.ms <= ended.atMs + END_MS) judge.pass(ended.index);
  else if (end.ms > ended.atMs + END_MS) judge.fail(ended.index, `${expected}; it is open after ${END_MS} ms`);
});

const CLEAN: ReadonlySet<number | null> = new Set([CLOSE.normal, CLOSE.goingAway, null]);

const cleanEnds: Clause = {
  ...ofClients('QNT-WSK-021', (connection, facts, judge) => {
    const ended = kitEndOf(facts, connection);
    if (ended?.code === undefined) return;
    const told = toldOf(facts, connection, ended);
    if (told === undefined) return;
    const isClean = CLEAN.has(ended.code);
    judgeThat(
      judge,
      told.index,
      isClean !== told.lost,
      () =>
        `an end with ${ended.code === null ? 'no close code' : `the close code ${ended.code}`} is ${isClean ? 'a clean one' : 'none'}; the client tells ${told.lost ? 'an error' : 'a clean end'}`,
    );
  }),
  needs: ['disconnected'],
};

export const CLIENT_CLAUSES: readonly Clause[] = [
  leavesStrangers,
  leavesOn('QNT-WSK-010', ['empty', 'cut']),
  leavesOn('QNT-WSK-011', ['text'], judgeCloseCode),
  leavesOn('QNT-WSK-012', ['long']),
  inPieces,
  pingsAreNotHeard,
  newestPing,
  closesInOrder,
  endIsLost,
  cleanEnds,
];
