import { Flag, LIMITS } from '@qanat/core';
import type { Judge } from '../../clause/clause.ts';
import { isPlain } from '../../history/message-event.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { asked, clientOf, endOfConnection, type Facts, isNameServer } from './facts.ts';
import { offencesOf } from './received-frames.ts';

/** How long a connection is watched after something odd came on it. */
const WATCH_MS = 1_000;
/** Requests that wait longer than this may make a client give its connection up. */
const PATIENCE_MS = 2_000;
/** Connections that nothing was asked on for so long may be closed for that. */
const UNUSED_MS = 20_000;

export type Outcome = { readonly kind: 'held' | 'unknown' } | { readonly kind: 'broken'; readonly afterMs: number };

const UNKNOWN: Outcome = { kind: 'unknown' };

/** Whether a subject went on with its connection after a frame that it has to put up with. */
export function survival(facts: Facts, frame: FrameSeen): Outcome {
  const { connection } = frame;
  const end = endOfConnection(facts, connection);
  const untilMs = frame.atMs + WATCH_MS + facts.view.slackMs;
  const later = connection.frames.some(({ from, atMs }) => from === 'subject' && atMs > frame.atMs + facts.view.slackMs);
  if (later) return { kind: 'held' };
  if (end.by === 'subject' && end.ms <= untilMs)
    return mayClose(facts, connection) ? UNKNOWN : { kind: 'broken', afterMs: end.ms - frame.atMs };
  return end.ms > untilMs ? { kind: 'held' } : UNKNOWN;
}

/** Whether a client had, or may have had, another reason to close a connection. */
export function mayClose(facts: Facts, connection: ConnectionSeen): boolean {
  const end = endOfConnection(facts, connection);
  const client = clientOf(facts, connection);
  const stops = facts.clients.filter((one) => client === undefined || one === client);
  if (stops.some((one) => Math.min(one.closing.index, one.ended?.index ?? end.index) < end.index)) return true;
  if (connection.goAways.length > 0 || connection.helloOk === undefined) return true;
  if (connection.frames.some((frame) => frame.from === 'kit' && isUnbearable(frame))) return true;
  if (connection.messages.some((message) => message.from === 'kit' && !isPlain(message))) return true;
  if (offencesOf(facts.view).some((offence) => offence.connection === connection)) return true;
  return isOneOff(connection) || isUnused(facts, connection) || hasUnanswered(facts, connection);
}

/** A connection for one question, closed after the answer. */
export const isOneOff = (connection: ConnectionSeen): boolean =>
  isNameServer(connection.node) &&
  !asked(connection).some(({ name, header }) => name === 'ROUTE_QUERY' && header?.watch === true);

function isUnused(facts: Facts, connection: ConnectionSeen): boolean {
  const last = asked(connection).findLast(({ name }) => name !== 'PING');
  return last !== undefined && endOfConnection(facts, connection).ms - last.request.atMs >= UNUSED_MS;
}

function hasUnanswered(facts: Facts, connection: ConnectionSeen): boolean {
  const { ms } = endOfConnection(facts, connection);
  return asked(connection).some(({ name, header, response, request }) => {
    const waitMs = name === 'PULL' ? (header?.waitMs ?? 0) : 0;
    return (response?.atMs ?? ms) - request.atMs > waitMs + PATIENCE_MS;
  });
}

/** What makes a client close, or may: it has no better answer to it. */
function isUnbearable(frame: FrameSeen): boolean {
  if (frame.wrong !== undefined || (frame.isResponse && frame.isError)) return true;
  if (frame.isOneWay && frame.name === undefined && (frame.flags & Flag.IGNORABLE) === 0) return true;
  if (frame.name !== 'PULL' || !frame.isResponse) return false;
  const results: readonly { bytes: number; code: number }[] = frame.header?.results ?? [];
  return results.some(({ code }) => code !== 0) || sum(results) !== frame.payload.length;
}

const sum = (results: readonly { bytes: number }[]): number => results.reduce((all, { bytes }) => all + bytes, 0);

/** Says of each frame whether the subject put up with it. */
export function judgeSurvival(
  facts: Facts,
  judge: Judge,
  frames: readonly FrameSeen[],
  what: (frame: FrameSeen) => string,
): void {
  for (const frame of frames) {
    const outcome = survival(facts, frame);
    if (outcome.kind === 'held') judge.pass(frame);
    else if (outcome.kind === 'broken')
      judge.fail(
        frame,
        `expected the connection to go on after ${what(frame)}, got its end ${Math.round(outcome.afterMs)} ms later`,
      );
  }
}

/** Frames of the kit on connections of the subject, before the kit took everything down. */
export const kitFrames = ({ connections, end }: Facts): readonly FrameSeen[] =>
  connections.flatMap(({ frames }) => frames.filter(({ from, index }) => from === 'kit' && index < end.index));

export const subjectFrames = ({ connections, end }: Facts): readonly FrameSeen[] =>
  connections.flatMap(({ frames }) => frames.filter(({ from, index }) => from === 'subject' && index < end.index));

/** The limit that a HELLO_OK tells, or the one of the registry where it tells none. */
export const told = (value: unknown, otherwise: number): number => (typeof value === 'number' && value > 0 ? value : otherwise);

export const idleMsOf = ({ helloOk }: ConnectionSeen): number => told(helloOk?.idleMs, LIMITS.IDLE_MS);
