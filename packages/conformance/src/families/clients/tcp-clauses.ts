import { encodePreface, PREFACE_BYTES } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { hexOf, isObject } from '../../json.ts';
import { clientOf, endOfConnection, type Facts, factsOf, framesOf, thereAt } from './facts.ts';
import { CLIENTS } from './roles.ts';

const PREFACE = encodePreface();
const MARK_BYTES = 4;
const MAJOR_AT = MARK_BYTES;

/** How long a client may take to close. Whoever waits for the rest of a preface waits longer. */
const CLOSE_MS = 1_000;
/** How long it may take to end its side behind the end of the other. */
const END_MS = 2_000;

type Check = (stream: Stream, facts: Facts, judge: Judge) => void;

/** A connection that begins with prefaces, as far as they came. */
interface Stream {
  readonly connection: ConnectionSeen;
  readonly subjects: Uint8Array;
  readonly kits: Uint8Array;
  /** Where the kit's preface was sent. */
  readonly at: number;
  readonly atMs: number;
}

function streamOf(view: View, connection: ConnectionSeen): Stream | undefined {
  const [subjects] = connection.bytes.filter(({ from }) => from === 'subject');
  const [kits] = connection.bytes.filter(({ from }) => from === 'kit');
  if (connection.binding !== 'tcp' || subjects === undefined || kits === undefined) return undefined;
  return { connection, subjects: subjects.bytes, kits: kits.bytes, at: view.events.indexOf(kits), atMs: kits.atMs };
}

/** A clause for the beginnings of byte streams. */
const onTcp = (id: string, check: Check): Clause => ({
  id,
  roles: CLIENTS,
  binding: 'tcp',
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const stream = streamOf(view, connection);
      if (stream !== undefined) check(stream, facts, judge);
    }
  },
});

/** Whether the first bytes are those of a preface, as far as they came. */
const isRight = (bytes: Uint8Array): boolean => bytes.subarray(0, MARK_BYTES).every((byte, i) => byte === PREFACE[i]);
const isOurs = (bytes: Uint8Array): boolean =>
  bytes.length >= PREFACE_BYTES && isRight(bytes) && bytes[MAJOR_AT] === PREFACE[MAJOR_AT];

const beginsWithMark = onTcp('QNT-INV-001', ({ subjects, at }, _, judge) =>
  judgeThat(
    judge,
    at,
    subjects.length >= MARK_BYTES && isRight(subjects),
    () => `expected a stream that begins with ${hexOf(PREFACE.subarray(0, MARK_BYTES))}, got ${hexOf(subjects)}`,
  ),
);

const prefaceFirst = onTcp('QNT-TCP-001', ({ subjects, at }, _, judge) =>
  judgeThat(judge, at, isOurs(subjects), () => `expected the preface ${hexOf(PREFACE)} before any frame, got ${hexOf(subjects)}`),
);

/** Says whether the subject left a connection soon behind the kit's preface. */
function judgeLeaving({ connection, at, atMs }: Stream, facts: Facts, judge: Judge, what: string): void {
  const end = endOfConnection(facts, connection);
  const dueMs = atMs + CLOSE_MS + facts.view.slackMs;
  if (end.by === 'subject' && end.ms <= dueMs) judge.pass(at);
  else if (end.ms > dueMs)
    judge.fail(at, `expected the connection to be closed at once on ${what}, got it open after ${Math.round(dueMs - atMs)} ms`);
}

const reservedIgnored = onTcp('QNT-INV-004', ({ connection, kits, at, atMs }, facts, judge) => {
  if (!isOurs(kits) || kits.subarray(MAJOR_AT + 1).every((byte) => byte === 0)) return;
  const end = endOfConnection(facts, connection);
  const used = framesOf(connection, 'subject').some(({ index }) => index > (connection.hello?.response?.index ?? index));
  if (used || end.ms > atMs + CLOSE_MS + facts.view.slackMs) judge.pass(at);
  else if (
    end.by === 'subject' &&
    connection.helloOk === undefined &&
    thereAt(facts, end.index).some(({ closing }) => closing.index > end.index)
  )
    judge.fail(at, `expected the reserved bytes of the preface ${hexOf(kits)} to be ignored, got the end of the connection`);
});

const otherMajor = onTcp('QNT-INV-005', (stream, facts, judge) => {
  const { kits, connection, atMs } = stream;
  if (kits.length < PREFACE_BYTES || !isRight(kits) || isOurs(kits)) return;
  // HELLO may be on its way already when the preface comes.
  const late = framesOf(connection, 'subject').find((frame) => frame.atMs > atMs + facts.view.slackMs);
  const what = `a preface of the major version ${kits[MAJOR_AT]}`;
  if (late !== undefined) judge.fail(late, `expected no frame behind ${what}, got ${late.name ?? late.type}`);
  else judgeLeaving(stream, facts, judge, what);
});

/** The rest of it never comes. */
const byteByByte = onTcp('QNT-TCP-002', (stream, facts, judge) => {
  const { kits } = stream;
  if (kits.length < PREFACE_BYTES && !isRight(kits)) judgeLeaving(stream, facts, judge, `${hexOf(kits)} instead of a preface`);
});

const endTakenForEnd: Clause = {
  id: 'QNT-TCP-004',
  roles: CLIENTS,
  binding: 'tcp',
  check(view, judge) {
    const facts = factsOf(view);
    for (const { args, atMs, index } of view.notes('ended')) {
      const connection = facts.connections.find(({ number }) => isObject(args) && args.connection === number);
      if (connection?.binding !== 'tcp') continue;
      const end = endOfConnection(facts, connection);
      if (end.by === 'subject' && end.ms <= atMs + END_MS) judge.pass(index);
      else if (end.ms > atMs + END_MS)
        judge.fail(index, `expected the end of the server's stream to end the connection, got it open after ${END_MS} ms`);
    }
  },
};

/** Connections of clients that were asked to close, at servers that read. */
const gracefulEnd: Clause = {
  id: 'QNT-TCP-006',
  roles: CLIENTS,
  binding: 'tcp',
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const client = clientOf(facts, connection);
      const { closed, closedIndex, helloOk, node } = connection;
      if (connection.binding !== 'tcp') continue;
      if (client === undefined || client.killed || client.closing.index > closedIndex || closedIndex >= facts.end.index) continue;
      if (closed?.by !== 'subject' || helloOk === undefined || facts.outages.some((outage) => outage.node === node)) continue;
      judgeThat(
        judge,
        closedIndex,
        closed.clean,
        () => 'expected a connection that is closed as planned to end with the end of its stream, got a reset',
      );
    }
  },
};

export const TCP_CLAUSES: readonly Clause[] = [
  beginsWithMark,
  reservedIgnored,
  otherMajor,
  prefaceFirst,
  byteByByte,
  endTakenForEnd,
  gracefulEnd,
];
