import {
  CONTROL_HEADERS,
  codeOfWireNumber,
  decodeFrame,
  ErrorInfo,
  Flag,
  FRAME_NAMES,
  type Frame,
  LIMITS,
  type LiveFrame,
  QanatError,
} from '@qanat/core';
import type { Binding } from '../ground/ground.ts';
import type { EventOf, HistoryEvent, Side } from './event.ts';

/** A control header as the core decodes it; what a checker looks at is its own affair. */
// biome-ignore lint/suspicious/noExplicitAny: checkers of many frame types read fields by name; the codecs have checked them.
export type Header = any;

/** One frame of a history, taken apart. */
export interface FrameSeen {
  /** Its place in the history. */
  readonly index: number;
  readonly atMs: number;
  readonly from: Side;
  readonly connection: ConnectionSeen;
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly flags: number;
  readonly correlation: number;
  readonly control: Uint8Array;
  readonly payload: Uint8Array;
  /** Undefined for a type that is not in the registry, or only reserved there. */
  readonly name: LiveFrame | undefined;
  readonly isResponse: boolean;
  readonly isOneWay: boolean;
  /** RESPONSE and ERROR. */
  readonly isError: boolean;
  readonly more: boolean;
  /** The decoded control header: of the request, the response or ErrorInfo; undefined where it cannot be decoded. */
  readonly header: Header;
  /** Why it cannot. */
  readonly wrong: QanatError | undefined;
  /** The name of the error code of a response with ERROR, or of a GOAWAY. */
  readonly code: string | undefined;
}

/** A request with what answered it. */
export interface Exchange {
  readonly connection: ConnectionSeen;
  readonly request: FrameSeen;
  /** All frames of the request, where MORE joins several. */
  readonly requests: readonly FrameSeen[];
  /** In the order in which they came; empty when nothing did. */
  readonly responses: readonly FrameSeen[];
  /** The last one: with it the request is answered. Undefined while it is not. */
  readonly response: FrameSeen | undefined;
  readonly name: LiveFrame | undefined;
  /** Of the request; lists of joined frames together. */
  readonly header: Header;
  /** Of the response; lists of joined frames together. Undefined for errors and where there is none. */
  readonly answer: Header;
  /** The name of the error code, or undefined when there is no answer or a good one. */
  readonly code: string | undefined;
  readonly payload: Uint8Array;
}

/** An event with its place in the history. */
export type Placed<K extends HistoryEvent['kind']> = EventOf<K> & { readonly index: number };

/** One connection of a history. */
export interface ConnectionSeen {
  readonly number: number;
  readonly node: string;
  readonly openedBy: Side;
  /** When the stream was there, on which WebSocket was agreed upon later. */
  readonly openedAtMs: number;
  readonly binding: Binding;
  readonly frames: readonly FrameSeen[];
  readonly exchanges: readonly Exchange[];
  readonly bytes: readonly EventOf<'bytes'>[];
  /** Of WebSocket. */
  readonly messages: readonly Placed<'message'>[];
  /** Bytes of the subject that are no frame: the kit reads nothing behind them. */
  readonly broken: EventOf<'broken'> | undefined;
  /** Their place in the history, or behind the last event. */
  readonly brokenIndex: number;
  readonly closed: EventOf<'closed'> | undefined;
  /** The place of its end in the history, or behind the last event. */
  readonly closedIndex: number;
  /** The HELLO of whoever dialled and what was answered. */
  readonly hello: Exchange | undefined;
  /** The header of HELLO_OK. */
  readonly helloOk: Header;
  /** GOAWAY of either side, in order. */
  readonly goAways: readonly FrameSeen[];
}

type Building = { -readonly [K in keyof ConnectionSeen]: ConnectionSeen[K] } & {
  frames: FrameSeen[];
  exchanges: Exchange[];
  bytes: EventOf<'bytes'>[];
  messages: Placed<'message'>[];
  goAways: FrameSeen[];
};

/** Names of codes, also of those of a registry that this kit does not know. */
export const codeName = (number: number): string => (number === 0 ? 'OK' : (codeOfWireNumber(number) ?? `${number}`));

/** The client says a `frame_bytes_max` that none may say: what a server makes of it is nobody's rule. */
export function saysTooShortFrames({ hello }: ConnectionSeen): boolean {
  const said: number = hello?.header?.frameBytesMax ?? 0;
  return said !== 0 && said < LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
}

/** A history, indexed for checkers: connections, exchanges, and what else happened. Pure: the same events give the same view. */
export class View {
  readonly events: readonly HistoryEvent[];
  readonly connections: readonly ConnectionSeen[];
  /** All frames, in order. */
  readonly frames: readonly FrameSeen[];
  /** All requests of either side, in the order of their first frame. */
  readonly exchanges: readonly Exchange[];
  readonly endMs: number;
  /** Delays of the network and of timers that a subject may have beyond what a rule says, ms. */
  readonly slackMs: number;

  constructor(events: readonly HistoryEvent[], slackMs: number) {
    this.events = events;
    this.slackMs = slackMs;
    this.endMs = events.at(-1)?.atMs ?? 0;
    const builder = new ViewBuilder(events);
    this.connections = builder.connections;
    this.frames = builder.frames;
    this.exchanges = builder.exchanges;
  }

  /** Requests of one type, by whoever sent them. */
  requests(name: LiveFrame, from?: Side): readonly Exchange[] {
    return this.exchanges.filter((one) => one.name === name && (from === undefined || one.request.from === from));
  }

  /** One-way frames of one type. */
  oneWays(name: LiveFrame, from?: Side): readonly FrameSeen[] {
    return this.frames.filter((one) => one.isOneWay && one.name === name && (from === undefined || one.from === from));
  }

  of<K extends HistoryEvent['kind']>(kind: K): readonly (EventOf<K> & { readonly index: number })[] {
    return this.events.flatMap((event, index) => (event.kind === kind ? [{ ...(event as EventOf<K>), index }] : []));
  }

  notes(note: string): readonly (EventOf<'note'> & { readonly index: number })[] {
    return this.of('note').filter((one) => one.note === note);
  }

  told(event: string): readonly (EventOf<'told'> & { readonly index: number })[] {
    return this.of('told').filter((one) => one.event === event);
  }

  /** Calls of the driver with what became of them. */
  calls(
    op?: string,
  ): readonly { call: EventOf<'call'> & { index: number }; result: (EventOf<'result'> & { index: number }) | undefined }[] {
    const results = new Map(this.of('result').map((one) => [one.id, one]));
    return this.of('call')
      .filter((one) => op === undefined || one.op === op)
      .map((call) => ({ call, result: results.get(call.id) }));
  }
}

class ViewBuilder {
  readonly connections: Building[] = [];
  readonly frames: FrameSeen[] = [];
  readonly exchanges: Exchange[] = [];
  readonly #byNumber = new Map<number, Building>();
  readonly #connectedAtMs = new Map<number, number>();
  /** Requests that wait for an answer, by connection, side and number. */
  readonly #open = new Map<string, { -readonly [K in keyof Exchange]: Exchange[K] }>();
  /** Requests of which a frame with MORE has come. */
  readonly #begun = new Map<string, { -readonly [K in keyof Exchange]: Exchange[K] }>();

  constructor(events: readonly HistoryEvent[]) {
    events.forEach((event, index) => this.#see(event, index, events.length));
  }

  #see(event: HistoryEvent, index: number, end: number): void {
    switch (event.kind) {
      case 'connected':
        this.#connectedAtMs.set(event.connection, event.atMs);
        return;
      case 'opened':
        this.#begin(event, end);
        return;
      case 'message':
        this.#byNumber.get(event.connection)?.messages.push({ ...event, index });
        return;
      case 'bytes':
        this.#byNumber.get(event.connection)?.bytes.push(event);
        return;
      case 'broken': {
        const connection = this.#byNumber.get(event.connection);
        if (connection === undefined) return;
        connection.broken = event;
        connection.brokenIndex = index;
        return;
      }
      case 'closed': {
        const connection = this.#byNumber.get(event.connection);
        if (connection === undefined) return;
        connection.closed = event;
        connection.closedIndex = index;
        return;
      }
      case 'frame':
        this.#frame(event, index);
    }
  }

  #begin(event: EventOf<'opened'>, end: number): void {
    const connection: Building = {
      number: event.connection,
      node: event.node,
      openedBy: event.by,
      openedAtMs: this.#connectedAtMs.get(event.connection) ?? event.atMs,
      binding: event.binding ?? 'memory',
      frames: [],
      exchanges: [],
      bytes: [],
      messages: [],
      broken: undefined,
      brokenIndex: end,
      closed: undefined,
      closedIndex: end,
      hello: undefined,
      helloOk: undefined,
      goAways: [],
    };
    this.#byNumber.set(event.connection, connection);
    this.connections.push(connection);
  }

  #frame(event: EventOf<'frame'>, index: number): void {
    const connection = this.#byNumber.get(event.connection);
    if (connection === undefined) return;
    const seen = takeApart(event, index, connection);
    if (seen === undefined) return;
    connection.frames.push(seen);
    this.frames.push(seen);
    if (seen.name === 'GOAWAY' && !seen.isResponse) connection.goAways.push(seen);
    if (seen.isResponse) this.#answer(connection, seen);
    else if (!seen.isOneWay) this.#request(connection, seen);
  }

  #request(connection: Building, seen: FrameSeen): void {
    const key = `${connection.number} ${seen.from} ${seen.correlation}`;
    const begun = this.#begun.get(key);
    if (begun !== undefined) {
      begun.requests = [...begun.requests, seen];
      begun.header = joinHeaders(begun.header, seen.header);
      if (!seen.more) this.#begun.delete(key);
      return;
    }
    const exchange = {
      connection,
      request: seen,
      requests: [seen],
      responses: [] as FrameSeen[],
      response: undefined,
      name: seen.name,
      header: seen.header,
      answer: undefined,
      code: undefined,
      payload: new Uint8Array(0),
    };
    this.#open.set(key, exchange);
    if (seen.more) this.#begun.set(key, exchange);
    this.exchanges.push(exchange);
    connection.exchanges.push(exchange);
    if (seen.name === 'HELLO') connection.hello ??= exchange;
  }

  #answer(connection: Building, seen: FrameSeen): void {
    const key = `${connection.number} ${seen.from === 'kit' ? 'subject' : 'kit'} ${seen.correlation}`;
    const exchange = this.#open.get(key);
    if (exchange === undefined || exchange.request.type !== seen.type) return;
    exchange.responses = [...exchange.responses, seen];
    if (seen.isError) {
      exchange.code = seen.code;
      exchange.answer = undefined;
    } else exchange.answer = exchange.responses.length === 1 ? seen.header : joinHeaders(exchange.answer, seen.header);
    if (seen.payload.length > 0) exchange.payload = seen.payload;
    if (seen.more) return;
    exchange.response = seen;
    this.#open.delete(key);
    this.#begun.delete(key);
    if (exchange === connection.hello) connection.helloOk = exchange.answer;
  }
}

/** Joined frames: lists one behind the other, every other field of the first (QNT-FRM-012). */
function joinHeaders(first: Header, next: Header): Header {
  if (first === undefined || next === undefined) return first;
  const joined = { ...first };
  for (const name of Object.keys(next)) if (Array.isArray(next[name])) joined[name] = [...(first[name] ?? []), ...next[name]];
  return joined;
}

function takeApart({ bytes, atMs, from }: EventOf<'frame'>, index: number, connection: ConnectionSeen): FrameSeen | undefined {
  let frame: Frame;
  try {
    frame = decodeFrame(bytes);
  } catch {
    return undefined;
  }
  const { type, flags, correlation, control, payload } = frame;
  const isResponse = (flags & Flag.RESPONSE) !== 0;
  const isError = isResponse && (flags & Flag.ERROR) !== 0;
  const name = FRAME_NAMES.get(type);
  const { header, wrong } = decodeHeader(name, isResponse, isError, control);
  const bears = isError || (name === 'GOAWAY' && !isResponse);
  return {
    index,
    atMs,
    from,
    connection,
    bytes,
    type,
    flags,
    correlation,
    control,
    payload,
    name,
    isResponse,
    isOneWay: !isResponse && (flags & Flag.ONEWAY) !== 0,
    isError,
    more: (flags & Flag.MORE) !== 0,
    header,
    wrong,
    code: bears && header !== undefined ? codeName(header.code) : undefined,
  };
}

function decodeHeader(
  name: LiveFrame | undefined,
  isResponse: boolean,
  isError: boolean,
  control: Uint8Array,
): { header: Header; wrong: QanatError | undefined } {
  const types = name === undefined ? undefined : CONTROL_HEADERS[name];
  const type = isError ? ErrorInfo : isResponse ? types?.response : types?.request;
  if (type === undefined) return { header: undefined, wrong: undefined };
  try {
    return { header: type.decode(control), wrong: undefined };
  } catch (error) {
    return { header: undefined, wrong: QanatError.is(error) ? error : undefined };
  }
}
