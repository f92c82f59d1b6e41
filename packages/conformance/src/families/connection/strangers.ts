import { Feature, FRAME_NAMES, FrameType } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import { asks, authsOf, entryOf, isOfSecurity } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { classOf, dialled, isDisturbed, isWhole, kitEndOf, patienceOf, readsAllTheTime, SERVERS } from './circumstances.ts';

/** The kit has sent on it only what a client of the subject may send. */
function isGood(connection: ConnectionSeen): boolean {
  const frames = connection.frames.filter(({ from }) => from === 'kit');
  const numbers = new Set(frames.map(({ correlation }) => correlation));
  const plain = frames.every(
    ({ name, flags, correlation, wrong }, i) =>
      name !== undefined && flags === 0 && correlation % 2 === 1 && wrong === undefined && (name === 'HELLO') === (i === 0),
  );
  const isTaken = connection.helloOk !== undefined && (!asks(connection) || logsInOnce(connection));
  return plain && numbers.size === frames.length && isTaken && isWhole(connection);
}

/** It says who it is before it asks for anything, and stays so. */
function logsInOnce(connection: ConnectionSeen): boolean {
  const entry = entryOf(connection);
  const isLast = entry !== undefined && authsOf(connection).at(-1)?.response?.index === entry.index;
  if (!isLast || connection.goAways.some(({ code }) => isOfSecurity(connection, code))) return false;
  return connection.frames.every(
    ({ from, name, index }) =>
      from === 'subject' || name === 'PING' || index > entry.index || name === 'HELLO' || name === 'AUTH',
  );
}

/** The subject has found it wrong, and said so. */
const complaintOf = (connection: ConnectionSeen): FrameSeen | undefined =>
  connection.goAways.find((one) => one.from === 'subject' && classOf(one) === 1 && !OF_TIME.has(one.code));

/** The client was too slow. */
const OF_TIME: ReadonlySet<string | undefined> = new Set(['IDLE_TIMEOUT', 'SLOW_READER', 'AUTH_TIMEOUT']);

const othersAreServed: Clause = {
  id: 'QNT-SEC-003',
  roles: SERVERS,
  check(view, judge) {
    const complaints = dialled(view).flatMap((one) => (isGood(one) ? [] : (complaintOf(one)?.index ?? [])));
    if (complaints.length === 0) return;
    const from = Math.min(...complaints);
    for (const connection of dialled(view).filter(isGood)) {
      const complaint = complaintOf(connection);
      if (complaint !== undefined && complaint.code !== 'TOO_MANY_CONNECTIONS')
        judge.fail(complaint, `another connection has sent what no peer sends, and this one was closed with ${complaint.code}`);
      for (const exchange of connection.exchanges)
        if (exchange.name === 'PING' && exchange.request.from === 'kit' && exchange.request.index > from)
          judgeOther(view, connection, exchange, judge);
    }
    // Whoever answers a request for the upgrade serves, whatever the answer.
    const answered = new Set(view.of('upgrade').flatMap((one) => (one.from === 'subject' ? [one.connection] : [])));
    for (const { index, why, connection } of view.of('refused'))
      if (index > from && !answered.has(connection) && !isDisturbed(view, 0, index))
        judge.fail(
          index,
          `another connection has sent what no peer sends: further ones have to be served, and one was refused: ${why}`,
        );
  },
};

function judgeOther(
  view: View,
  connection: ConnectionSeen,
  { request, response }: Exchange,
  judge: Parameters<Clause['check']>[1],
): void {
  const kitEnd = kitEndOf(view, connection);
  const until = Math.min(connection.closedIndex, kitEnd.index);
  if (isDisturbed(view, 0, until) || !readsAllTheTime(view, connection, 0, until)) return;
  if (response !== undefined) return judge.pass(response);
  const isLost = connection.closed?.by === 'subject' && connection.goAways.length === 0 && connection.closedIndex < kitEnd.index;
  if (isLost || kitEnd.atMs > request.atMs + patienceOf(view))
    judge.fail(
      request,
      'another connection has sent what no peer sends: this one has to be served, and its PING was not answered',
    );
}

const RESERVED: ReadonlySet<number> = new Set(Object.values(FrameType).filter((type) => !FRAME_NAMES.has(type)) as number[]);

/** `0x?a?a` is for greasing, `0x7fxx` for peers that agreed on it. */
const isFree = (type: number): boolean => (type & 0x0f0f) === 0x0a0a || type >> 8 === 0x7f;

/** A feature that this kit does not know may have frames of its own. */
const hasOther = ({ helloOk }: ConnectionSeen): boolean =>
  helloOk.features.some((feature: number) => feature !== Feature.FEATURE_AUTH);

const sendsKnownNumbers: Clause = {
  id: 'QNT-RGY-006',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view)) {
      // A later minor version may have more.
      if (connection.helloOk === undefined || connection.helloOk.minor > 0 || hasOther(connection)) continue;
      for (const frame of connection.frames) {
        // A response bears the type of its request, whatever that was.
        if (frame.from !== 'subject' || frame.isResponse) continue;
        judgeThat(
          judge,
          frame,
          FRAME_NAMES.has(frame.type) || isFree(frame.type),
          () =>
            `a frame of the type 0x${frame.type.toString(16).padStart(4, '0')} came, which is ${RESERVED.has(frame.type) ? 'reserved' : 'not assigned'}`,
        );
      }
    }
  },
};

export const STRANGER_CLAUSES: readonly Clause[] = [othersAreServed, sendsKnownNumbers];
