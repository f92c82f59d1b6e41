import { encodePreface, errorClass } from '@qanat/core';
import { isPlain } from '../../history/message-event.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { hexOf, isObject, type JsonObject } from '../../json.ts';

/** Servers under test: the kit is their client. */
export const SERVERS = ['nameserver', 'broker'] as const;

interface Moment {
  readonly index: number;
  readonly atMs: number;
}

interface Pause {
  readonly index: number;
  readonly fromMs: number;
  /** Infinity when it never went on. */
  readonly toMs: number;
}

/** What the kit did to the subject and to its own connections, so that no checker blames the subject for it. */
interface Circumstances {
  readonly kills: readonly Moment[];
  readonly stops: readonly Moment[];
  readonly pauses: readonly Pause[];
  readonly readings: ReadonlyMap<number, readonly (Moment & { readonly on: boolean })[]>;
  /** When the kit ended a connection, by its number. */
  readonly ends: ReadonlyMap<number, Moment>;
  /** How the program has set up its subject; nothing where it did so more than once. */
  readonly setup: JsonObject;
}

const KNOWN = new WeakMap<View, Circumstances>();

export function circumstancesOf(view: View): Circumstances {
  const known = KNOWN.get(view);
  if (known !== undefined) return known;
  const made = readCircumstances(view);
  KNOWN.set(view, made);
  return made;
}

function readCircumstances(view: View): Circumstances {
  const readings = new Map<number, (Moment & { on: boolean })[]>();
  for (const { index, atMs, args } of view.notes('reading')) {
    const { connection, on } = args as { connection: number; on: boolean };
    readings.set(connection, [...(readings.get(connection) ?? []), { index, atMs, on }]);
  }
  const subject = view.of('subject');
  const resumed = subject.filter(({ what }) => what === 'resumed');
  const [setup, ...others] = view.notes('setup').map(({ args }) => args);
  return {
    kills: view.of('call').filter(({ op }) => op === 'kill' || op === 'powerloss'),
    stops: subject.filter(({ what }) => what === 'stopping'),
    pauses: subject
      .filter(({ what }) => what === 'paused')
      .map(({ index, atMs }) => ({
        index,
        fromMs: atMs,
        toMs: resumed.find((one) => one.index > index)?.atMs ?? Number.POSITIVE_INFINITY,
      })),
    readings,
    ends: new Map(view.notes('ended').map(({ args, index, atMs }) => [Number((args as JsonObject).connection), { index, atMs }])),
    setup: isObject(setup) && others.length === 0 ? setup : {},
  };
}

/** The connections that the kit has opened. */
export const dialled = (view: View): readonly ConnectionSeen[] => view.connections.filter(({ openedBy }) => openedBy === 'kit');

/** What did not come within so long does not come any more, ms. */
export const patienceOf = (view: View): number => 4 * view.slackMs;

const within = ({ index }: Moment, from: number, to: number): boolean => index >= from && index <= to;

/** Whether the kit killed, stopped or paused the subject between two places of the history. */
export function isDisturbed(view: View, from: number, to: number): boolean {
  const { kills, stops, pauses } = circumstancesOf(view);
  return [...kills, ...stops].some((one) => within(one, from, to)) || pauses.some((one) => one.index >= from && one.index <= to);
}

/** Whether the kit read from a connection all the time between two places of the history. */
export function readsAllTheTime(view: View, connection: ConnectionSeen, from: number, to: number): boolean {
  const readings = circumstancesOf(view).readings.get(connection.number) ?? [];
  const before = readings.filter(({ index }) => index < from).at(-1)?.on ?? true;
  if (connection.broken !== undefined && connection.brokenIndex <= to) return false;
  return before && readings.every(({ index, on }) => on || index < from || index > to);
}

/** Where the kit ended a connection, broke it off or could not read on; behind everything where it did not. */
export function kitEndOf(view: View, connection: ConnectionSeen): Moment {
  const { broken, brokenIndex } = connection;
  const ended = circumstancesOf(view).ends.get(connection.number);
  if (broken !== undefined && brokenIndex < (ended?.index ?? connection.closedIndex))
    return { index: brokenIndex, atMs: broken.atMs };
  if (ended !== undefined) return ended;
  if (connection.closed?.by === 'kit') return { index: connection.closedIndex, atMs: connection.closed.atMs };
  return { index: view.events.length, atMs: view.endMs };
}

/** How the subject ended a connection. */
export interface Ending {
  readonly goAway: FrameSeen | undefined;
  readonly code: string | undefined;
  readonly closed: boolean;
}

/** Of a subject that has to close at once: what it did. Undefined where the kit itself is in the way, or did not wait for it. */
export function endingAfter(view: View, connection: ConnectionSeen, { index, atMs }: Moment): Ending | undefined {
  const kitEnd = kitEndOf(view, connection);
  const latestMs = atMs + patienceOf(view);
  const closed =
    connection.closed?.by === 'subject' && connection.closedIndex < kitEnd.index && connection.closed.atMs <= latestMs;
  const until = Math.min(connection.closedIndex, kitEnd.index);
  if (isDisturbed(view, index, until) || !readsAllTheTime(view, connection, index, until)) return undefined;
  if (!closed && kitEnd.atMs < latestMs) return undefined;
  const goAway = connection.goAways.find((one) => one.from === 'subject' && one.index > index && one.index < kitEnd.index);
  return { goAway, code: goAway?.code, closed };
}

/** `ended with X`, for sentences. */
export const endingText = ({ code, closed, goAway }: Ending): string =>
  closed ? `closed with ${goAway === undefined ? 'no GOAWAY' : `GOAWAY ${code}`}` : 'kept open';

/** The thousand of an error's code; 0 where there is none. */
export const classOf = (frame: FrameSeen | undefined): number => errorClass(Number(frame?.header?.code ?? 0));

/** Requests of the kit on a connection, without HELLO. */
export const requestsOf = (connection: ConnectionSeen): readonly Exchange[] =>
  connection.exchanges.filter((one) => one.request.from === 'kit' && one !== connection.hello);

/** The last frame of a request. */
export const lastOf = ({ requests, request }: Exchange): FrameSeen => requests.at(-1) ?? request;

/** A later request on the connection was answered. */
export const isServedAfter = (connection: ConnectionSeen, index: number): boolean =>
  requestsOf(connection).some(({ request, response }) => request.index > index && response !== undefined);

/**
 * What the kit has sent on a connection that is no whole frame, the preface not counted; undefined where the preface is not
 * right.
 */
export function rawBytesOf(connection: ConnectionSeen): string | undefined {
  const sent = connection.bytes.map(({ from, bytes }) => (from === 'kit' ? hexOf(bytes) : '')).join('');
  if (connection.binding !== 'tcp') return sent;
  const preface = hexOf(encodePreface());
  return sent.startsWith(preface) ? sent.slice(preface.length) : undefined;
}

const WHOLE = new WeakMap<ConnectionSeen, boolean>();

/** The kit has sent whole frames only: every request of its own stands in the history. */
export function isWhole(connection: ConnectionSeen): boolean {
  const known = WHOLE.get(connection);
  if (known !== undefined) return known;
  const { messages } = connection;
  const whole = rawBytesOf(connection) === '' && messages.every((message) => message.from === 'subject' || isPlain(message));
  WHOLE.set(connection, whole);
  return whole;
}

/** Everything that the subject can have served stands in the history. */
export const isComplete = (view: View): boolean => dialled(view).every(isWhole);
