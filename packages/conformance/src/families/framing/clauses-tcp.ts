import { encodePreface, LIMITS, PREFACE_BYTES } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Side } from '../../history/event.ts';
import { isMark, isNoMark, MARK_BYTES, prefaceOf } from '../../history/preface.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { judgedOf, PATIENCE_MS, SERVERS } from './outcome.ts';
import { isDisturbed, type Outlook, outlooksOf } from './outlook.ts';

const MAJOR = 1;

type Check = (outlook: Outlook, view: View, judge: Parameters<Clause['check']>[1]) => void;

/** A clause for connections that begin with prefaces, before the kit or its driver disturbed the subject. */
const onTcp = (id: string, check: Check): Clause => ({
  id,
  roles: SERVERS,
  binding: 'tcp',
  check(view, judge) {
    if (isDisturbed(view)) return;
    for (const outlook of outlooksOf(view)) if (outlook.connection.binding === 'tcp') check(outlook, view, judge);
  },
});

/** Where a connection was opened. */
const openedAt = (view: View, { number }: ConnectionSeen): number =>
  view.events.findIndex((event) => event.kind === 'opened' && event.connection === number);

/** Where the last bytes of a side stand that are no whole frame: its preface, or as much as came. */
function bytesAt(view: View, connection: ConnectionSeen, from: Side): number {
  const last = connection.bytes.filter((event) => event.from === from).at(-1);
  return last === undefined ? openedAt(view, connection) : view.events.indexOf(last);
}

const framesOfSubject = ({ frames }: ConnectionSeen): boolean => frames.some(({ from }) => from === 'subject');

/** Whether the kit has waited long enough for something that never came. */
const waited = (view: View, { closed }: ConnectionSeen, fromMs: number): boolean =>
  (closed?.atMs ?? view.endMs) - fromMs >= PATIENCE_MS;

/** When the last byte of the kit's preface was sent, as far as it was. */
const sentAtMs = ({ bytes, openedAtMs }: ConnectionSeen): number =>
  bytes.filter(({ from }) => from === 'kit').at(-1)?.atMs ?? openedAtMs;

const strangers = onTcp('QNT-INV-001', ({ connection, stream }, view, judge) => {
  // What is wrong with fewer bytes is the affair of QNT-TCP-002.
  if (!isNoMark(stream.preface) || stream.preface.length < MARK_BYTES) return;
  const at = bytesAt(view, connection, 'kit');
  const got = prefaceOf(connection);
  if (got.length > 0 || framesOfSubject(connection))
    judge.fail(
      bytesAt(view, connection, got.length > 0 ? 'subject' : 'kit'),
      `a stream with another mark is answered with nothing; got ${got.length} bytes and ${framesOfSubject(connection) ? '' : 'no '}frames`,
    );
  else if (connection.closed?.by === 'subject') judge.pass(at);
  else if (waited(view, connection, sentAtMs(connection)))
    judge.fail(at, `a stream with another mark is closed; it goes on behind ${hexOf(stream.preface)}`);
});

/** A wrong byte ends the connection although the preface is not whole. */
const byteByByte = onTcp('QNT-TCP-002', ({ connection, stream }, view, judge) => {
  if (!isNoMark(stream.preface) || stream.preface.length >= PREFACE_BYTES) return;
  const at = bytesAt(view, connection, 'kit');
  const { closed } = connection;
  const sentMs = sentAtMs(connection);
  const dueMs = LIMITS.HELLO_DEADLINE_MS - view.slackMs;
  const expected = `a wrong mark ends the connection as soon as its byte is there, before the eighth; behind ${hexOf(stream.preface)}`;
  // Whoever waits for the rest ends it by the deadline of HELLO.
  if (closed?.by === 'subject')
    judgeThat(
      judge,
      at,
      closed.atMs - connection.openedAtMs < dueMs,
      () => `${expected} it took ${Math.round(closed.atMs - sentMs)} ms`,
    );
  else if (waited(view, connection, sentMs)) judge.fail(at, `${expected} it goes on`);
});

const answersPreface = onTcp('QNT-INV-002', ({ connection, stream }, view, judge) => {
  if (stream.preface.length < PREFACE_BYTES || !isMark(stream.preface) || stream.preface[4] !== MAJOR) return;
  const got = prefaceOf(connection);
  if (got.length >= PREFACE_BYTES)
    judgeThat(
      judge,
      bytesAt(view, connection, 'subject'),
      isMark(got) && got[4] === MAJOR,
      () => `a preface of major version ${MAJOR} is answered with one of the same; got ${hexOf(got)}`,
    );
  else if (waited(view, connection, sentAtMs(connection)))
    judge.fail(bytesAt(view, connection, 'kit'), 'a preface is answered with a preface; got nothing');
});

const otherMajor = onTcp('QNT-INV-003', ({ connection, stream }, view, judge) => {
  const asked = stream.preface[4];
  if (stream.preface.length < PREFACE_BYTES || !isMark(stream.preface) || asked === MAJOR) return;
  const at = openedAt(view, connection);
  const got = prefaceOf(connection);
  // It may speak that version as well.
  if (got[4] === asked) return;
  const end = connection.closed?.by === 'subject';
  if (got.length < PREFACE_BYTES) {
    if (end || waited(view, connection, sentAtMs(connection)))
      judge.fail(at, `major version ${asked} is answered with the highest one that is spoken; got ${got.length} bytes`);
  } else if (!isMark(got) || framesOfSubject(connection))
    judge.fail(at, 'a preface is expected, and nothing behind it; got other bytes');
  else if (end) judge.pass(at);
  else if (waited(view, connection, sentAtMs(connection))) judge.fail(at, 'the connection ends behind the preface; it goes on');
});

const reservedBytes = onTcp('QNT-INV-004', ({ connection, stream }, view, judge) => {
  const { preface } = stream;
  if (preface.length < PREFACE_BYTES || !isMark(preface) || preface[4] !== MAJOR) return;
  if (preface.subarray(5).every((byte) => byte === 0)) return;
  const at = openedAt(view, connection);
  if (connection.helloOk !== undefined) judge.pass(at);
  else if (connection.hello?.response !== undefined) return;
  else if (connection.closed?.by === 'subject' && connection.goAways.length === 0)
    judge.fail(at, 'the three reserved bytes of a preface are ignored; got the end of the connection');
  else if (connection.hello !== undefined && waited(view, connection, connection.hello.request.atMs))
    judge.fail(at, 'the three reserved bytes of a preface are ignored; HELLO got no answer');
});

const prefaceFirst = onTcp('QNT-TCP-001', ({ connection }, view, judge) => {
  const got = prefaceOf(connection);
  if (got.length < PREFACE_BYTES && !isNoMark(got)) return;
  judgeThat(
    judge,
    bytesAt(view, connection, 'subject'),
    isMark(got),
    () => `the first bytes of a server are its preface, ${hexOf(encodePreface())}; got ${hexOf(got)}`,
  );
});

/** A connection without a whole HELLO, from its beginning. */
const deadline = onTcp('QNT-TCP-003', ({ connection, stream, sent }, view, judge) => {
  const saidNothing = sent.length === 0 && !isNoMark(stream.preface) && (stream.preface[4] ?? MAJOR) === MAJOR;
  if (!saidNothing || connection.goAways.some(({ code }) => code !== 'HELLO_TIMEOUT')) return;
  const at = openedAt(view, connection);
  const { closed, openedAtMs } = connection;
  const dueMs = LIMITS.HELLO_DEADLINE_MS;
  if (closed?.by === 'subject') {
    const tookMs = Math.round(closed.atMs - openedAtMs);
    judgeThat(
      judge,
      at,
      tookMs >= dueMs - view.slackMs && tookMs <= dueMs + 2 * view.slackMs,
      () => `a connection without HELLO ends after ${dueMs} ms (HELLO_DEADLINE_MS), the preface included; it took ${tookMs} ms`,
    );
  } else if ((closed?.atMs ?? view.endMs) - openedAtMs > dueMs + 2 * view.slackMs)
    judge.fail(at, `a connection without HELLO ends after ${dueMs} ms (HELLO_DEADLINE_MS); it goes on`);
});

/** How long a server may take to end its side behind the kit's end. */
const END_MS = 2_000;

const endTakenForEnd: Clause = {
  id: 'QNT-TCP-004',
  roles: SERVERS,
  binding: 'tcp',
  check(view, judge) {
    for (const { args, atMs, index } of view.notes('ended')) {
      const number = (args as { connection: number }).connection;
      const connection = view.connections.find((one) => one.number === number);
      if (connection?.binding !== 'tcp' || connection.openedBy !== 'kit') continue;
      const { closed } = connection;
      if (closed?.by === 'kit' && closed.clean && closed.atMs - atMs <= END_MS) judge.pass(index);
      else if (closed?.by === 'kit' && closed.atMs - atMs > END_MS && closed.clean)
        judge.fail(
          index,
          `the end of the client's stream ends the connection; the server took ${Math.round(closed.atMs - atMs)} ms`,
        );
      else if (closed === undefined && view.endMs - atMs > END_MS)
        judge.fail(index, "the end of the client's stream ends the connection; the server went on");
    }
  },
};

/**
 * What a server sent before it closed arrives, and its stream ends without a reset. Only where nothing more was on the way to
 * it.
 */
const gracefulEnd: Clause = {
  id: 'QNT-TCP-006',
  roles: SERVERS,
  binding: 'tcp',
  check(view, judge) {
    for (const { outlook, prospect, outcome } of judgedOf(view)) {
      const { connection, sent, stream } = outlook;
      if (connection.binding !== 'tcp' || prospect.expect !== 'closes' || outcome.kind === 'broken') continue;
      if (prospect.sent.fault !== undefined || sent.at(-1) !== prospect.sent || stream.rest.length > 0) continue;
      if (connection.closed?.by !== 'subject') continue;
      judgeThat(
        judge,
        connection.closedIndex,
        connection.closed.clean,
        () => 'a connection ends with what was sent before and the end of the stream; got a reset',
      );
    }
  },
};

export const TCP_CLAUSES: readonly Clause[] = [
  strangers,
  answersPreface,
  otherMajor,
  reservedBytes,
  prefaceFirst,
  byteByByte,
  deadline,
  endTakenForEnd,
  gracefulEnd,
];
