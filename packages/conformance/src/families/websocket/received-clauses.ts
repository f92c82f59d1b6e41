import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { CLOSE, closeCodeOf } from '../../ground/websocket/close-codes.ts';
import type { MessageFault } from '../../history/message-event.ts';
import type { ConnectionSeen, FrameSeen, Placed, View } from '../../history/view.ts';
import { OWN_REASONS, PATIENCE_MS } from '../framing/outcome.ts';
import { FAULT_TEXTS, type LaidOut, laidOutOn } from './laid-out.ts';
import { ofServers } from './of-servers.ts';

/** A clause for messages that the kit has laid out for a server. */
const ofMessages = (id: string, check: (laidOut: LaidOut, view: View, judge: Judge) => void): Clause =>
  ofServers(id, (connection, view, judge) => {
    for (const laidOut of laidOutOn(view, connection)) check(laidOut, view, judge);
  });

/** A message that has to end the connection. */
const endsWith = (id: string, faults: readonly MessageFault[], code: string, more?: typeof judgeCloseCode): Clause =>
  ofMessages(id, (laidOut, view, judge) => {
    if (laidOut.fault === undefined || !faults.includes(laidOut.fault)) return;
    const expected = `${FAULT_TEXTS[laidOut.fault]} ends the connection with ${code}`;
    const goAway = judgeEnd(laidOut, view, judge, code, expected);
    if (goAway === undefined) return;
    if (more === undefined) judge.pass(goAway);
    else more(laidOut, goAway, judge);
  });

/** Says what is wrong with the end of a connection behind a message. @returns GOAWAY, where it is as it should be. */
function judgeEnd(
  { connection, message, lastIndex }: LaidOut,
  view: View,
  judge: Judge,
  code: string,
  expected: string,
): FrameSeen | undefined {
  const { goAways, closed, closedIndex, exchanges } = connection;
  const later = exchanges.find(({ request, response }) => request.index > lastIndex && response !== undefined)?.response;
  const goAway = goAways.find(({ from, index }) => from === 'subject' && index > message.index);
  if (later !== undefined) judge.fail(later, `${expected}; got an answer to what came behind it`);
  else if (goAway !== undefined && goAway.code !== code) {
    if (!OWN_REASONS.has(goAway.code)) judge.fail(goAway, `${expected}; got GOAWAY with ${goAway.code ?? 'no code'}`, 'code');
  } else if (closed?.by === 'subject') {
    if (goAway !== undefined) return goAway;
    if (closed.clean && closedIndex > message.index) judge.fail(closedIndex, `${expected}; got its end without GOAWAY`);
  } else if (closed === undefined && view.endMs - message.atMs >= PATIENCE_MS)
    judge.fail(goAway ?? message.index, `${expected}; got ${goAway === undefined ? 'nothing' : 'GOAWAY, and no end'}`);
  return undefined;
}

/** The last close message of the subject. */
export const closeOf = ({ messages }: ConnectionSeen): Placed<'message'> | undefined =>
  messages.findLast(({ from, type }) => from === 'subject' && type === 'close');

/** `code 1000`, `no code` or `no close message`, for sentences. */
export const closeText = (close: Placed<'message'> | undefined): string => {
  if (close === undefined) return 'no close message';
  const code = closeCodeOf(close.bytes);
  return code === undefined ? 'a close message without a code' : `a close message with ${code}`;
};

function judgeCloseCode({ connection }: LaidOut, goAway: FrameSeen, judge: Judge): void {
  const close = closeOf(connection);
  judgeThat(
    judge,
    close?.index ?? goAway,
    close !== undefined && closeCodeOf(close.bytes) === CLOSE.unsupportedData,
    () => `a text message is answered with the close code ${CLOSE.unsupportedData}; got ${closeText(close)}`,
  );
}

/** Whether everything in a message was answered; undefined where that cannot be said. */
function isTaken({ connection, requests, message }: LaidOut, view: View): boolean | undefined {
  const { closed, hello } = connection;
  const isGreeted = (hello?.request.index ?? Number.POSITIVE_INFINITY) <= (requests[0]?.request.index ?? 0);
  if (requests.length === 0 || !isGreeted) return undefined;
  if (requests.every(({ response }) => response !== undefined)) return true;
  if (closed?.by === 'kit') return undefined;
  return closed?.by === 'subject' || view.endMs - message.atMs >= PATIENCE_MS ? false : undefined;
}

const inPieces = ofMessages('QNT-WSK-013', (laidOut, view, judge) => {
  const { fault, message, connection, requests } = laidOut;
  if (fault !== undefined || message.pieces <= 1) return;
  const taken = isTaken(laidOut, view);
  if (taken === undefined) return;
  const said = connection.goAways.find(({ from }) => from === 'subject')?.code;
  judgeThat(
    judge,
    taken ? message.index : connection.closed === undefined ? message.index : connection.closedIndex,
    taken,
    () =>
      `a message in ${message.pieces} pieces is taken as in one, and its ${requests.length} requests are answered; got ${
        said === undefined ? 'nothing' : `GOAWAY with ${said}`
      }`,
  );
});

const manyPieces = ofMessages('QNT-WSK-014', (laidOut, view, judge) => {
  const { fault, message, connection } = laidOut;
  if (fault !== 'many pieces') return;
  const goAway = connection.goAways.find(({ from, index }) => from === 'subject' && index > message.index);
  const taken = isTaken(laidOut, view);
  if (OWN_REASONS.has(goAway?.code) || (goAway === undefined && taken === undefined)) return;
  judgeThat(
    judge,
    goAway ?? message.index,
    goAway === undefined ? taken === true : goAway.code === 'MALFORMED_FRAME',
    () =>
      `a message in ${message.pieces} pieces is taken, or ends the connection with MALFORMED_FRAME; got ${
        goAway === undefined ? 'neither' : (goAway.code ?? 'no code')
      }`,
  );
});

export const RECEIVED_CLAUSES: readonly Clause[] = [
  endsWith('QNT-WSK-010', ['empty', 'cut'], 'MALFORMED_FRAME'),
  endsWith('QNT-WSK-011', ['text'], 'MALFORMED_FRAME', judgeCloseCode),
  endsWith('QNT-WSK-012', ['long'], 'FRAME_TOO_LARGE'),
  inPieces,
  manyPieces,
];
