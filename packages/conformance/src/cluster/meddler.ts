import {
  type Connection,
  type ConnectionHandler,
  decodeFrame,
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
import { isStream, type StreamConnection } from '../ground/ground.ts';
import { isWebSocket } from '../ground/websocket/kit-web-socket.ts';
import type { History } from '../history/history.ts';
import { hexOf } from '../json.ts';
import type { HandmadeMessage } from '../play/handmade-message.ts';
import { AcceptedUpgrade, type UpgradeRule } from './accepted-upgrade.ts';
import { DEEDS } from './deeds.ts';
import type { MeddlingRule, Wire } from './meddling-rule.ts';

/** What the kit's own client says in HELLO: its connections are not the subject's, and are passed on as they are. */
export const OWN_SOFTWARE = 'qanat-conformance-kit';

/** Connections of a server (or `*`) that begin with another preface. */
export interface PrefaceRule {
  readonly at: string;
  readonly preface: Uint8Array;
  /** So many connections. */
  times: number;
}

/** The first rule for a server that is not used up; it is used once. */
function nextRule<R extends { readonly at: string; times: number }>(rules: readonly R[], node: string): R | undefined {
  const rule = rules.find(({ at, times }) => times > 0 && (at === '*' || at === node));
  if (rule !== undefined) rule.times--;
  return rule;
}

function isOwn(bytes: Uint8Array): boolean {
  try {
    const { type, control } = decodeFrame(bytes);
    return type === FrameType.HELLO && Hello.decode(control).software === OWN_SOFTWARE;
  } catch {
    return false;
  }
}

/** An open connection of a subject. */
interface Watched {
  readonly node: string;
  readonly connection: Connection;
  readonly abort: () => void;
  /** What ends it now was the kit's doing. */
  readonly endsHere: () => void;
}

/**
 * Stands between subjects and the kit's servers: notes every frame, and meddles with those that a rule names. A server that
 * `hangs` takes connections and frames and gives nothing back.
 */
export class Meddler {
  readonly rules: MeddlingRule[] = [];
  readonly prefaces: PrefaceRule[] = [];
  readonly upgrades: UpgradeRule[] = [];
  readonly hanging = new Set<string>();
  readonly #history: History;
  readonly #later: (ms: number, run: () => void) => void;
  readonly #nextConnection: () => number;
  readonly #listeners = new Map<string, Listener>();
  /** Open connections of subjects. */
  readonly #open = new Map<number, Watched>();

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

  /** Sends a message that was laid out by hand on every connection of a server. Only over WebSocket. */
  layOut(node: string, { seen, frames, pieces, options }: HandmadeMessage): void {
    for (const [connection, { node: at, connection: inner }] of this.#open) {
      if (at !== node || !isWebSocket(inner)) continue;
      this.#history.add({ kind: 'message', connection, from: 'kit', ...seen });
      for (const bytes of frames) this.#history.add({ kind: 'frame', connection, from: 'kit', bytes });
      inner.pieces(pieces, options);
    }
  }

  /** Ends the streams of a server's connections, which go on reading. In memory there are none. */
  endStreams(node: string): void {
    for (const [number, { node: at, connection }] of this.#open) {
      if (at !== node || !(isStream(connection) || isWebSocket(connection))) continue;
      this.#history.add({ kind: 'note', note: 'ended', args: { connection: number } });
      connection.endStream();
    }
  }

  /** Ends the connections of a server with a close message, with a code or without. Only over WebSocket. */
  closeWith(node: string, code: number | undefined): void {
    for (const [number, { node: at, connection, endsHere }] of this.#open) {
      if (at !== node || !isWebSocket(connection)) continue;
      this.#history.add({ kind: 'note', note: 'ended', args: { connection: number, code: code ?? null } });
      endsHere();
      connection.closeWith(code);
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
    const begin = (isKits: boolean): void => {
      own = isKits;
      if (own) return;
      number = this.#nextConnection();
      const endsHere = (): void => {
        endedHere = true;
      };
      this.#open.set(number, { node, connection: inner, abort: () => wire.abort(), endsHere });
      if (upgrade !== undefined) upgrade.note(this.#history, number, node);
      else if (isStream(inner)) this.#openStream(node, number, inner);
      else this.#history.add({ kind: 'opened', connection: number, by: 'subject', node });
    };
    const upgrade = isWebSocket(inner)
      ? new AcceptedUpgrade(inner, this.#history, {
          rule: () => nextRule(this.upgrades, node),
          beginAsSubject: () => {
            if (own === undefined) begin(false);
          },
          number: () => (own === true ? undefined : number),
        })
      : undefined;
    if (isStream(inner))
      inner.onPreface = (isRight) => {
        const rule = nextRule(this.prefaces, node);
        if (rule !== undefined) inner.preface = rule.preface;
        // No frame may ever tell whose it is: the kit's own clients are connected before a program does such things.
        if (rule !== undefined || !isRight) begin(false);
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
    const end = (how: () => void): void => {
      // Whoever hangs ends nothing either.
      if (this.hanging.has(node) && own !== true) return;
      endedHere = true;
      how();
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
      close: () => end(() => inner.close()),
      abort: (error) => end(() => inner.abort(error)),
    };
    handler = accept(outer);
    const served = handler;
    return {
      onOpen: () => served.onOpen(),
      onFrame: (frame) => {
        if (own === undefined) begin(isOwn(frame));
        if (own === true) return served.onFrame(frame);
        const bytes = frame.slice();
        this.#history.add({ kind: 'frame', connection: number, from: 'subject', bytes });
        this.#meddle(node, wire, bytes, true);
      },
      onFramesEnd: () => served.onFramesEnd(),
      onBadBytes: (error) => {
        // The kit's own clients send frames and nothing else.
        if (own === undefined) begin(false);
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

  #openStream(node: string, connection: number, { prefaceRead, preface }: StreamConnection): void {
    this.#history.add({ kind: 'opened', connection, by: 'subject', node, binding: 'tcp' });
    this.#history.add({ kind: 'bytes', connection, from: 'subject', bytes: prefaceRead });
    this.#history.add({ kind: 'bytes', connection, from: 'kit', bytes: preface });
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
