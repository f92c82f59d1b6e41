import { PREFACE_BYTES } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { STRANGER } from '../../cluster/stranger.ts';
import type { EventOf } from '../../history/event.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { endOfConnection, type Facts, factsOf } from './facts.ts';
import { CLIENTS } from './roles.ts';

const MARK = [0xab, 0x51, 0x4e, 0x54] as const;
const MAJOR = 1;
/** Time that a client may take to close. */
const CLOSE_MS = 1_000;

const isRight = (preface: Uint8Array): boolean => MARK.every((byte, i) => preface[i] === byte);

/** What was said to a client in the place of a preface. */
interface Said {
  readonly connection: ConnectionSeen;
  readonly event: EventOf<'bytes'>;
  readonly index: number;
}

/** Connections of the subject to servers that say raw bytes. */
const saidTo = ({ view, connections }: Facts): readonly Said[] =>
  connections
    .filter(({ node }) => node === STRANGER)
    .flatMap((connection) => {
      const event = connection.bytes.find(({ from }) => from === 'kit');
      return event === undefined ? [] : [{ connection, event, index: view.events.indexOf(event) }];
    });

const onTcp = (id: string, check: (facts: Facts, judge: Judge, said: Said) => void): Clause => ({
  id,
  roles: CLIENTS,
  binding: 'tcp',
  check(view, judge) {
    const facts = factsOf(view);
    for (const said of saidTo(facts)) check(facts, judge, said);
  },
});

const firstBytes = (id: string): Clause =>
  onTcp(id, (_, judge, { connection, index }) => {
    const got = connection.bytes.filter(({ from }) => from === 'subject').flatMap(({ bytes }) => [...bytes]);
    if (got.length < PREFACE_BYTES) return;
    const preface = Uint8Array.from(got.slice(0, PREFACE_BYTES));
    judgeThat(
      judge,
      index,
      isRight(preface) && preface[4] === MAJOR,
      () => `expected a preface first, got ${[...preface].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`,
    );
  });

function judgeClosed(facts: Facts, judge: Judge, { connection, event, index }: Said, what: string): void {
  const end = endOfConnection(facts, connection);
  const dueMs = event.atMs + CLOSE_MS + facts.view.slackMs;
  if (end.by === 'subject' && end.ms <= dueMs) judge.pass(index);
  else if (end.ms > dueMs)
    judge.fail(index, `expected the connection to be closed on ${what}, got it open ${Math.round(end.ms - event.atMs)} ms later`);
}

const reservedBytes = onTcp('QNT-INV-004', (facts, judge, { connection, event, index }) => {
  const { bytes, atMs } = event;
  if (bytes.length < PREFACE_BYTES || !isRight(bytes) || bytes[4] !== MAJOR) return;
  if (bytes.subarray(5, PREFACE_BYTES).every((byte) => byte === 0)) return;
  const end = endOfConnection(facts, connection);
  const dueMs = atMs + CLOSE_MS + facts.view.slackMs;
  if (end.by === 'subject' && end.ms <= dueMs)
    judge.fail(index, 'expected the three reserved bytes of a preface to be ignored, got the end of the connection');
  else if (end.ms > dueMs) judge.pass(index);
});

const otherMajor = onTcp('QNT-INV-005', (facts, judge, said) => {
  const { connection, event } = said;
  if (event.bytes.length < PREFACE_BYTES || !isRight(event.bytes) || event.bytes[4] === MAJOR) return;
  const late = connection.bytes.find(({ from, atMs }) => from === 'subject' && atMs > event.atMs + facts.view.slackMs);
  if (late !== undefined)
    judge.fail(
      facts.view.events.indexOf(late),
      `expected nothing behind a preface of the major version ${event.bytes[4]}, got bytes`,
    );
  else judgeClosed(facts, judge, said, `a preface of the major version ${event.bytes[4]}`);
});

const byteByByte = onTcp('QNT-TCP-002', (facts, judge, said) => {
  const { bytes } = said.event;
  if (bytes.length < PREFACE_BYTES && MARK.some((byte, i) => i < bytes.length && bytes[i] !== byte))
    judgeClosed(facts, judge, said, `${bytes.length} bytes of a preface with another mark`);
});

const endTakenForEnd = onTcp('QNT-TCP-004', (facts, judge, said) => {
  const ended = facts.view.notes('ended').some(({ args }) => isObject(args) && args.connection === said.connection.number);
  if (ended) judgeClosed(facts, judge, said, "the end of the server's stream");
});

/** Connections of a client that was told to close, when nothing was on its way to it. */
const gracefulEnd: Clause = {
  id: 'QNT-TCP-006',
  roles: CLIENTS,
  check(view: View, judge) {
    const facts = factsOf(view);
    const closings = facts.clients.filter(({ killed, closing }) => !killed && closing.index < facts.end.index);
    for (const connection of facts.connections) {
      const { closed, closedIndex, frames, node } = connection;
      const run = closings.find(
        ({ closing, gone }) => closing.index < closedIndex && gone.ms + view.slackMs >= (closed?.atMs ?? 0),
      );
      if (closed?.by !== 'subject' || closedIndex >= facts.end.index || run === undefined) continue;
      // One that was not greeted yet may be hung.
      const greetedMs = connection.helloOk === undefined ? undefined : connection.hello?.response?.atMs;
      if (greetedMs === undefined || greetedMs + view.slackMs > run.closing.ms) continue;
      const last = frames.findLast(({ from }) => from === 'kit');
      if (last !== undefined && closed.atMs - last.atMs < view.slackMs && !last.isResponse) continue;
      judgeThat(judge, closedIndex, closed.clean, () => `expected the connection to ${node} to end without a reset, got one`);
    }
  },
};

export const PREFACE_CLAUSES: readonly Clause[] = [
  firstBytes('QNT-INV-001'),
  firstBytes('QNT-TCP-001'),
  reservedBytes,
  otherMajor,
  byteByByte,
  endTakenForEnd,
  gracefulEnd,
];
