import { LIMITS, PREFACE_BYTES } from '@qanat/core';
import type { EventOf } from '../../history/event.ts';
import type { ConnectionSeen, Exchange, FrameSeen, Header, View } from '../../history/view.ts';

/** Places in the history: of a request, and of its answer. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Something that the kit asked for, and whether it took effect between two places of the history. */
export interface Act extends Span {
  readonly name: string;
  readonly header: Header;
  readonly payload: Uint8Array;
  /** `maybe`: no answer, or one that leaves it open. */
  readonly done: 'yes' | 'no' | 'maybe';
  /** Of an act that is done. */
  readonly answer: Header;
  readonly exchange: Exchange | undefined;
  readonly connection: ConnectionSeen;
  readonly atMs: number;
}

const ENDINGS = new Set(['killed', 'stopped']);

/** Two requests under one number at a time: which answer belongs to which cannot be told. */
function isMuddled(connection: ConnectionSeen): boolean {
  const open = new Map<number, Exchange>();
  return connection.exchanges.some((exchange) => {
    const { request } = exchange;
    if (request.from !== 'kit') return false;
    const before = open.get(request.correlation);
    open.set(request.correlation, exchange);
    return before !== undefined && (before.response === undefined || before.response.index > request.index);
  });
}

/** The connections of the kit whose answers can be told apart. */
const clearConnections = (view: View): ReadonlySet<ConnectionSeen> =>
  new Set(view.connections.filter((connection) => connection.openedBy === 'kit' && !isMuddled(connection)));

/** The class of an error: its thousand. */
export const classOf = ({ response }: Exchange): number =>
  response?.isError === true ? Math.floor((response.header?.code ?? 0) / 1_000) : 0;

function doneOf(exchange: Exchange, isClear: boolean): Act['done'] {
  if (!isClear || exchange.response === undefined || exchange.requests.length > 1) return 'maybe';
  if (!exchange.response.isError) return exchange.answer === undefined ? 'maybe' : 'yes';
  return classOf(exchange) === 6 || exchange.response.header === undefined ? 'maybe' : 'no';
}

/** What the kit asked for, in order; one-way frames as well. */
export function actsOf(view: View): readonly Act[] {
  const clear = clearConnections(view);
  const ends = subjectEvents(view).filter(({ what }) => ENDINGS.has(what));
  // What was not answered may take effect as long as the process lives.
  const endBehind = (index: number): number => ends.find((end) => end.index > index)?.index ?? Number.POSITIVE_INFINITY;
  const acts: Act[] = [];
  for (const exchange of view.exchanges) {
    const { request, response, name, header, connection } = exchange;
    if (request.from !== 'kit' || connection.openedBy !== 'kit' || name === undefined || header === undefined) continue;
    const done = doneOf(exchange, clear.has(connection));
    const to = done === 'maybe' ? endBehind(request.index) : (response as FrameSeen).index;
    const { answer } = exchange;
    const { payload, index: from, atMs } = request;
    acts.push({ name, header, payload, from, to, done, answer: done === 'yes' ? answer : undefined, exchange, connection, atMs });
  }
  for (const frame of view.frames) {
    const { name, header, payload, index: from, connection, atMs } = frame;
    if (!frame.isOneWay || frame.from !== 'kit' || connection.openedBy !== 'kit' || name === undefined) continue;
    if (header === undefined) continue;
    const base = { name, header, payload, from, to: endBehind(from), connection, atMs };
    acts.push({ ...base, done: 'maybe', answer: undefined, exchange: undefined });
  }
  return acts.sort((a, b) => a.from - b.from);
}

type SubjectEvent = EventOf<'subject'> & { readonly index: number };

const subjects = new WeakMap<View, readonly SubjectEvent[]>();

/** What happened to the subject, in order. */
export function subjectEvents(view: View): readonly SubjectEvent[] {
  let events = subjects.get(view);
  if (events === undefined) {
    events = view.of('subject');
    subjects.set(view, events);
  }
  return events;
}

/** From here on nobody knows what the subject has: it lost power, or was sent bytes that are no frames of the history. */
export function horizonOf(view: View): number {
  const blind = view.events.findIndex(
    (event) =>
      (event.kind === 'call' && event.op === 'powerloss') ||
      (event.kind === 'bytes' && event.from === 'kit' && event.bytes.length > PREFACE_BYTES),
  );
  return blind < 0 ? Number.POSITIVE_INFINITY : blind;
}

const plain = new WeakMap<View, readonly Exchange[]>();

/** Requests that a subject has to serve: well formed, on an open connection, one at a time under their number. */
export function plainRequests(view: View, ...names: readonly string[]): readonly Exchange[] {
  let all = plain.get(view);
  if (all === undefined) {
    const clear = clearConnections(view);
    all = view.exchanges.filter((exchange) => clear.has(exchange.connection) && isPlain(exchange));
    plain.set(view, all);
  }
  return all.filter(({ name }) => name !== undefined && names.includes(name));
}

function isPlain({ request, requests, header, connection }: Exchange): boolean {
  const { hello, helloOk } = connection;
  if (request.from !== 'kit' || header === undefined || requests.length > 1 || request.flags !== 0) return false;
  if (request.payload.length > 0 && request.name !== 'SEND') return false;
  if (helloOk === undefined || (hello?.response?.index ?? Number.POSITIVE_INFINITY) > request.index) return false;
  return !connection.goAways.some(({ index }) => index < request.index);
}

/** The history has an end. */
export const spanOf = (view: View, { request, response }: Exchange): Span => ({
  from: request.index,
  to: response?.index ?? view.events.length,
});

/**
 * Whether a request was answered with what it asked for, or refused for what is wrong with it: not for the state of the
 * server.
 */
export const isTelling = (exchange: Exchange): boolean =>
  exchange.response !== undefined && (!exchange.response.isError || classOf(exchange) === 4 || classOf(exchange) === 8);

/** Tags, lengths and numbers of one item of an answer, beside its topic. */
const ITEM_BYTES = 40;

/** A request about queues whose answer fits for sure into a control header and into a frame of its client. */
export function isShort({ header, connection }: Exchange): boolean {
  const items: readonly Header[] = header.queues ?? header.offsets ?? [];
  const bytes = items.reduce((sum, { topic }) => sum + topic.length + ITEM_BYTES, 0);
  const frame = connection.hello?.header?.frameBytesMax || LIMITS.FRAME_BYTES_MAX;
  return bytes < Math.min(LIMITS.CONTROL_HEADER_BYTES_MAX, frame) / 2;
}
