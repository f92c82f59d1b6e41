import {
  type Connection,
  type ConnectionHandler,
  codeNumber,
  decodeFrame,
  type ErrorCode,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAME_NAMES,
  type Frame,
  FrameType,
  Hello,
  joinParts,
  type Listener,
  QanatError,
  type Transport,
} from '@qanat/core';
import type { History } from '../history/history.ts';
import { hexOf, type JsonObject } from '../json.ts';
import { flagOf, numberOf, textOf } from '../play/program.ts';
import { HEADER_DEEDS } from './header-deeds.ts';

/** What to do with some frames between the subject and a server of the kit. */
export interface MeddlingRule {
  /** A server of the kit, or `*`. */
  readonly at: string;
  /** A frame type, or `*`. */
  readonly frame: string;
  /** `request`: what the subject sends; `answer`: responses to it; `push`: one-way frames of the kit's server. */
  readonly way: 'request' | 'answer' | 'push';
  /** So many such frames pass first. */
  skip: number;
  /** So many are meddled with. */
  times: number;
  readonly do: string;
  readonly args: JsonObject;
}

const WAYS = new Set(['request', 'answer', 'push']);

export function readRule(step: JsonObject): MeddlingRule {
  const way = textOf(step, 'way', 'request');
  return {
    at: textOf(step, 'at', '*'),
    frame: textOf(step, 'frame', '*'),
    way: WAYS.has(way) ? (way as MeddlingRule['way']) : 'request',
    skip: numberOf(step, 'skip', 0),
    times: numberOf(step, 'times', 1),
    do: textOf(step, 'do', 'drop'),
    args: step,
  };
}

/** What the meddler may do on a connection. */
export interface Wire {
  number(): number;
  /** To the subject. */
  send(bytes: Uint8Array): void;
  /** To the kit's server. */
  pass(bytes: Uint8Array): void;
  /** To the subject, cut into pieces. */
  pieces(bytes: Uint8Array, chunk: number): void;
  abort(): void;
  later(ms: number, run: () => void): void;
}

/** @returns what is left to be passed on as usual. */
export type Deed = (wire: Wire, frame: Frame, bytes: Uint8Array, rule: MeddlingRule) => void;

const errorFrame = ({ type, correlation }: Frame, args: JsonObject): Uint8Array => {
  const code = codeNumber(textOf(args, 'code', 'NOT_READY') as ErrorCode);
  const control = ErrorInfo.encode({
    code: numberOf(args, 'number', code),
    message: textOf(args, 'message', 'the kit says so'),
    retryAfterMs: numberOf(args, 'retryAfterMs', 0),
    expectedSequence: numberOf(args, 'expectedSequence', 0),
  });
  return joinParts(encodeFrame(type, Flag.RESPONSE | Flag.ERROR, correlation, control));
};

/** Passes a frame on in its own direction. */
const onward = (wire: Wire, rule: MeddlingRule, bytes: Uint8Array): void =>
  rule.way === 'request' ? wire.pass(bytes) : wire.send(bytes);

const DEEDS: Readonly<Record<string, Deed>> = {
  /** It never arrives. */
  drop: () => {},
  /** It arrives `ms` later. */
  delay: (wire, _, bytes, rule) => wire.later(numberOf(rule.args, 'ms', 500), () => onward(wire, rule, bytes)),
  /** The subject is answered with an error, and the server never sees the request; or instead of its answer. */
  error: (wire, frame, _, rule) => wire.send(errorFrame(frame, rule.args)),
  /** The server sees the request, and the connection breaks before or instead of what follows. */
  close: (wire) => wire.abort(),
  /** The server takes the request, then the connection breaks. */
  takeAndClose: (wire, _, bytes, rule) => {
    onward(wire, rule, bytes);
    wire.later(numberOf(rule.args, 'ms', 5), () => wire.abort());
  },
  twice: (wire, _, bytes, rule) => {
    onward(wire, rule, bytes);
    onward(wire, rule, bytes);
  },
  /** An unknown one-way frame that is to be ignored goes before it; reserved bits and flags are set. */
  grease: (wire, _, bytes, rule) => {
    const greased = bytes.slice();
    greased[6] = (greased[6] as number) | 0xe0;
    greased[7] = 0xa5;
    wire.send(joinParts(encodeFrame(0x3a5a, Flag.ONEWAY | Flag.IGNORABLE, 0, new Uint8Array(0))));
    onward(wire, rule, greased);
  },
  /** One byte is another one: `byte` from the start, or from the end where it is negative. */
  flip: (wire, _, bytes, rule) => {
    const flipped = bytes.slice();
    const byte = numberOf(rule.args, 'byte', -1);
    const at = byte < 0 ? flipped.length + byte : byte;
    if (at >= 0 && at < flipped.length) flipped[at] = (flipped[at] as number) ^ 0x01;
    onward(wire, rule, flipped);
  },
  /** Other bytes go in its place: `hex`, with the correlation number of the frame where `correlate` says so. */
  replace: (wire, frame, _, rule) => {
    const bytes = Uint8Array.from(textOf(rule.args, 'hex').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    if (flagOf(rule.args, 'correlate') && bytes.length >= 12) new DataView(bytes.buffer).setUint32(8, frame.correlation);
    wire.send(bytes);
  },
  ...HEADER_DEEDS,
};

/** What the kit's own client says in HELLO: its connections are not the subject's, and are passed on as they are. */
export const OWN_SOFTWARE = 'qanat-conformance-kit';

function isOwn(bytes: Uint8Array): boolean {
  try {
    const { type, control } = decodeFrame(bytes);
    return type === FrameType.HELLO && Hello.decode(control).software === OWN_SOFTWARE;
  } catch {
    return false;
  }
}

/** The names of what can be done. */
export const DEED_NAMES: readonly string[] = Object.keys(DEEDS);

/**
 * Stands between subjects and the kit's servers: notes every frame, and meddles with those that a rule names. A server that
 * `hangs` takes connections and frames and gives nothing back.
 */
export class Meddler {
  readonly rules: MeddlingRule[] = [];
  readonly hanging = new Set<string>();
  readonly #history: History;
  readonly #later: (ms: number, run: () => void) => void;
  readonly #nextConnection: () => number;
  readonly #listeners = new Map<string, Listener>();
  /** Open connections of subjects. */
  readonly #open = new Map<number, { readonly node: string; readonly connection: Connection; readonly abort: () => void }>();

  constructor(history: History, nextConnection: () => number, later: (ms: number, run: () => void) => void) {
    this.#history = history;
    this.#nextConnection = nextConnection;
    this.#later = later;
  }

  /** A server of the kit is gone: nobody can dial it, and its connections break. */
  shut(node: string): void {
    this.#listeners.get(node)?.close(() => {});
    this.#listeners.delete(node);
    this.breakOff(node);
  }

  /** Breaks off every connection of a server of the kit. */
  breakOff(node: string): void {
    for (const { node: at, abort } of [...this.#open.values()]) if (at === node) abort();
  }

  /** Sends bytes to the subject on every connection of a server. */
  push(node: string, bytes: Uint8Array): void {
    for (const [number, { node: at, connection }] of this.#open) {
      if (at !== node && node !== '*') continue;
      this.#history.add({ kind: 'frame', connection: number, from: 'kit', bytes });
      connection.send([bytes]);
      connection.flush();
    }
  }

  /** A transport for a server of the kit whose accepted connections pass through here. */
  around(node: string, transport: Transport): Transport {
    return {
      schemes: transport.schemes,
      dial: (address, handler) => transport.dial(address, handler),
      listen: (address, accept, done) =>
        transport.listen(
          address,
          (inner) => this.#accept(node, inner, accept),
          (error, listener) => {
            if (listener !== undefined) this.#listeners.set(node, listener);
            done(error, listener);
          },
        ),
    };
  }

  #accept(node: string, inner: Connection, accept: (connection: Connection) => ConnectionHandler): ConnectionHandler {
    let number = 0;
    let endedHere = false;
    let handler: ConnectionHandler | undefined;
    /** Undefined until the first frame tells who dialled. */
    let own: boolean | undefined;
    const begin = (bytes: Uint8Array): void => {
      own = isOwn(bytes);
      if (own) return;
      number = this.#nextConnection();
      this.#open.set(number, { node, connection: inner, abort: () => wire.abort() });
      this.#history.add({ kind: 'opened', connection: number, by: 'subject', node });
    };
    const wire: Wire = {
      number: () => number,
      send: (bytes) => {
        if (this.hanging.has(node) || !this.#open.has(number)) return;
        this.#history.add({ kind: 'frame', connection: number, from: 'kit', bytes });
        inner.send([bytes]);
        inner.flush();
      },
      pieces: (bytes, chunk) => {
        if (this.hanging.has(node) || !this.#open.has(number)) return;
        this.#history.add({ kind: 'frame', connection: number, from: 'kit', bytes });
        for (let at = 0; at < bytes.length; at += chunk) {
          inner.send([bytes.slice(at, at + chunk)]);
          inner.flush();
        }
      },
      pass: (bytes) => {
        if (this.hanging.has(node) || !this.#open.has(number)) return;
        // A broker stamps batches where they lie: what the history holds stays as it came.
        handler?.onFrame(bytes.slice());
        handler?.onFramesEnd();
      },
      abort: () => {
        endedHere = true;
        inner.abort(new QanatError('CONNECTION_LOST', 'the kit broke the connection off'));
      },
      later: this.#later,
    };
    const outer: Connection = {
      remote: inner.remote,
      send: (parts, lent) => {
        if (own === true) return inner.send(parts, lent);
        this.#meddle(node, wire, joinParts(parts).slice(), false);
        return true;
      },
      flush: () => inner.flush(),
      setFrameBytesMax: (bytes) => inner.setFrameBytesMax(bytes),
      setReading: (on) => inner.setReading(on),
      close: () => {
        endedHere = true;
        inner.close();
      },
      abort: (error) => {
        endedHere = true;
        inner.abort(error);
      },
    };
    handler = accept(outer);
    const served = handler;
    return {
      onOpen: () => served.onOpen(),
      onFrame: (frame) => {
        if (own === undefined) begin(frame);
        if (own === true) return served.onFrame(frame);
        const bytes = frame.slice();
        this.#history.add({ kind: 'frame', connection: number, from: 'subject', bytes });
        this.#meddle(node, wire, bytes, true);
      },
      onFramesEnd: () => served.onFramesEnd(),
      onBadBytes: (error) => {
        if (number !== 0) this.#history.add({ kind: 'broken', connection: number, why: error.message, bytes: new Uint8Array(0) });
        served.onBadBytes(error);
      },
      onDrain: () => served.onDrain(),
      onClose: (error) => {
        this.#open.delete(number);
        if (number !== 0)
          this.#history.add({
            kind: 'closed',
            connection: number,
            by: endedHere ? 'kit' : 'subject',
            clean: error === undefined,
          });
        served.onClose(error);
      },
    };
  }

  #meddle(node: string, wire: Wire, bytes: Uint8Array, fromSubject: boolean): void {
    const onwards = fromSubject ? wire.pass : wire.send;
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch {
      return onwards(bytes);
    }
    const rule = this.#ruleFor(node, frame, fromSubject);
    const deed = rule === undefined ? undefined : DEEDS[rule.do];
    if (rule === undefined || deed === undefined) return onwards(bytes);
    const name = FRAME_NAMES.get(frame.type) ?? hexOf(bytes.subarray(4, 6));
    this.#history.add({ kind: 'meddled', connection: wire.number(), what: rule.do, frame: name });
    deed(wire, frame, bytes, rule);
  }

  #ruleFor(node: string, frame: Frame, fromSubject: boolean): MeddlingRule | undefined {
    const isResponse = (frame.flags & Flag.RESPONSE) !== 0;
    const way = fromSubject ? 'request' : isResponse ? 'answer' : 'push';
    // Answers of the subject to requests of the kit's server are its own affair.
    if (fromSubject && isResponse) return undefined;
    const name = FRAME_NAMES.get(frame.type);
    for (const rule of this.rules) {
      if (rule.way !== way || rule.times <= 0) continue;
      if ((rule.at !== '*' && rule.at !== node) || (rule.frame !== '*' && rule.frame !== name)) continue;
      if (rule.skip > 0) {
        rule.skip--;
        continue;
      }
      rule.times--;
      return rule;
    }
    return undefined;
  }
}
