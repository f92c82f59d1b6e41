import {
  CONTROL_HEADERS,
  decodeFrame,
  Flag,
  FRAME_NAMES,
  type Frame,
  FrameSplitter,
  joinParts,
  LIMITS,
  PREFACE_BYTES,
  type QanatError,
} from '@qanat/core';
import type { Ground, Link, LinkHandler } from '../ground/ground.ts';
import { isWebSocketLink } from '../ground/websocket/dial-web-socket.ts';
import type { History } from '../history/history.ts';
import { messageEvent } from '../history/message-event.ts';
import type { Json, JsonObject } from '../json.ts';
import type { HandmadeMessage } from './handmade-message.ts';
import { type FrameParts, rawFrame } from './raw-frame.ts';

/** What a connection needs of the run that it belongs to. */
export interface ConnectionOwner {
  readonly ground: Ground;
  readonly history: History;
  /** Connections get numbers of one row, whoever opened them. */
  nextConnection: number;
  note(note: string, args: Json): void;
}

/** A connection of the kit to a server under test: anything can be sent, and everything that comes is noted. */
export class KitConnection {
  readonly number: number;
  /** `open` once the subject took it: on TCP its preface came, on WebSocket it agreed. */
  state: 'opening' | 'open' | 'closed' = 'opening';
  /** Correlation numbers of requests whose answer has come whole. */
  readonly answered = new Set<number>();
  /** Frames that came, decoded headers not. */
  received = 0;
  reading = true;
  readonly #play: ConnectionOwner;
  /** What lies below frames, for programs that send something else. */
  readonly link: Link;
  readonly #splitter = new FrameSplitter();
  readonly #answers = new Map<number, unknown>();
  /** Pieces that came behind the last whole frame. */
  #begun: Uint8Array[] = [];
  #nextCorrelation = 1;
  #prefaceLeft: number;
  #endedHere = false;
  #isBroken = false;

  /**
   * @param greet what is sent at once: on TCP the preface, on WebSocket the request for the upgrade, as it should be or not.
   * Default: as it should be.
   * @param certificateNames of a certificate that is shown.
   */
  constructor(
    play: ConnectionOwner,
    address: string,
    greet: Uint8Array = play.ground.greetingFor(address),
    certificateNames?: readonly string[],
  ) {
    this.#play = play;
    this.number = play.nextConnection++;
    if (certificateNames !== undefined) play.note('certificate', { connection: this.number, names: certificateNames });
    this.#splitter.frameBytesMax = LIMITS.FRAME_BYTES_MAX * 2;
    const { history, ground } = play;
    const { binding } = ground;
    const of = { connection: this.number };
    this.#prefaceLeft = binding === 'tcp' ? PREFACE_BYTES : 0;
    let greeted = false;
    const handler: LinkHandler = {
      onConnected: () => history.add({ kind: 'connected', ...of, node: 'subject' }),
      onUpgrade: (from, text) => history.add({ kind: 'upgrade', ...of, from, text }),
      onOpen: () => {
        history.add({ kind: 'opened', ...of, by: 'kit', node: 'subject', ...(binding === 'memory' ? {} : { binding }) });
        if (binding !== 'tcp') this.#open();
        else if (greet.length > 0) {
          this.#note(greet);
          this.link.write(greet);
        }
        greeted = true;
      },
      onBytes: (bytes) => this.#take(bytes),
      onMessage: (message) => history.add(messageEvent(this.number, message)),
      onBadBytes: (error) => this.#broken(error, new Uint8Array(0)),
      onClose: (error) => this.#closed(error, greeted),
    };
    this.link = ground.dial(address, handler, greet, certificateNames);
  }

  /** The bytes of a frame that has begun and not ended, or that is none; where the network cuts frames, it keeps them. */
  get unfinished(): Uint8Array {
    return joinParts(this.#begun);
  }

  /** The next odd number. */
  nextCorrelation(): number {
    const number = this.#nextCorrelation;
    this.#nextCorrelation += 2;
    return number;
  }

  /** Sends one frame, in pieces of `chunk` bytes where that is given. @param whole its lengths are right. */
  frame(parts: FrameParts, chunk = 0, whole = true): void {
    if (this.state === 'closed') return;
    const bytes = rawFrame(parts);
    this.#play.history.add({ kind: whole ? 'frame' : 'bytes', connection: this.number, from: 'kit', bytes });
    this.#write(bytes, chunk);
  }

  /** Sends bytes that are no whole frame, in pieces of `chunk` where that is given. */
  bytes(bytes: Uint8Array, chunk = 0): void {
    const step = chunk > 0 ? chunk : bytes.length;
    for (let at = 0; at < bytes.length && this.state !== 'closed'; at += step) {
      const piece = bytes.slice(at, at + step);
      this.#note(piece);
      this.#write(piece, 0);
    }
  }

  /** Sends a message that a program has laid out by hand. Only over WebSocket. */
  layOut({ seen, frames, pieces, options }: HandmadeMessage): void {
    if (this.state !== 'open' || !isWebSocketLink(this.link)) return;
    const { history } = this.#play;
    history.add({ kind: 'message', connection: this.number, from: 'kit', ...seen });
    for (const bytes of frames) history.add({ kind: 'frame', connection: this.number, from: 'kit', bytes });
    this.link.pieces(pieces, options);
  }

  /** The decoded header of the last answer under a number, where it is a good one. */
  answerOf(correlation: number): unknown {
    return this.#answers.get(correlation);
  }

  /** Sends what is left and ends the connection. */
  end(): void {
    this.#noteEnd({});
    this.link.end();
  }

  /** Ends the connection with a close message, with a code or without. Only over WebSocket. */
  closeWith(code: number | undefined): void {
    if (!isWebSocketLink(this.link)) return;
    this.#noteEnd({ code: code ?? null });
    this.link.close(code);
  }

  /** Ends the stream without a close message. Only over WebSocket. */
  cutOff(): void {
    if (!isWebSocketLink(this.link)) return;
    this.#noteEnd({ cutOff: true });
    this.link.endStream();
  }

  /** Answers no close message from now on. Only over WebSocket. */
  turnDeaf(): void {
    if (!isWebSocketLink(this.link)) return;
    this.#play.note('deaf', { connection: this.number });
    this.link.turnDeaf();
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.#endedHere = true;
    this.link.destroy();
  }

  setReading(on: boolean): void {
    if (this.reading !== on) this.#play.note('reading', { connection: this.number, on });
    this.reading = on;
    this.link.setReading(on);
  }

  #noteEnd(how: JsonObject): void {
    if (this.state !== 'closed') this.#play.note('ended', { connection: this.number, ...how });
    this.#endedHere = true;
  }

  #write(bytes: Uint8Array, chunk: number): void {
    if (chunk <= 0) return this.link.write(bytes);
    for (let at = 0; at < bytes.length; at += chunk) this.link.write(bytes.slice(at, at + chunk));
  }

  #note(bytes: Uint8Array): void {
    this.#play.history.add({ kind: 'bytes', connection: this.number, from: 'kit', bytes });
  }

  #open(): void {
    if (this.state === 'opening') this.state = 'open';
    this.#play.history.changed();
  }

  #take(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    let rest = bytes;
    if (this.#prefaceLeft > 0) {
      const preface = rest.subarray(0, this.#prefaceLeft);
      this.#play.history.add({ kind: 'bytes', connection: this.number, from: 'subject', bytes: preface });
      this.#prefaceLeft -= preface.length;
      rest = rest.subarray(preface.length);
      if (this.#prefaceLeft === 0) this.#open();
    }
    if (rest.length === 0) return;
    let given = -this.#splitter.pendingBytes;
    const error = this.#splitter.push(rest, (frame) => {
      given += frame.length;
      this.#frame(frame.slice());
    });
    if (given >= 0) this.#begun = [rest.subarray(given)];
    else this.#begun.push(rest);
    if (error !== undefined) this.#broken(error, this.unfinished);
  }

  #frame(bytes: Uint8Array): void {
    this.received++;
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      return this.#broken(error as QanatError, bytes);
    }
    if ((frame.flags & Flag.RESPONSE) !== 0) this.#answer(frame);
    this.#play.history.add({ kind: 'frame', connection: this.number, from: 'subject', bytes });
  }

  #answer(frame: Frame): void {
    if ((frame.flags & Flag.MORE) === 0) this.answered.add(frame.correlation);
    const name = FRAME_NAMES.get(frame.type);
    const type = name === undefined ? undefined : CONTROL_HEADERS[name].response;
    if (type === undefined || (frame.flags & Flag.ERROR) !== 0) return;
    try {
      const answer = type.decode(frame.control);
      this.#answers.set(frame.correlation, answer);
    } catch {
      // The checkers say what is wrong with it.
    }
  }

  /** What comes behind bytes that are no frame cannot be read. */
  #broken(error: QanatError, bytes: Uint8Array): void {
    this.#isBroken = true;
    this.#play.history.add({ kind: 'broken', connection: this.number, why: error.message, bytes });
  }

  #closed(error: QanatError | undefined, wasOpen: boolean): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    const { history } = this.#play;
    if (!wasOpen) {
      history.add({
        kind: 'refused',
        connection: this.number,
        node: 'subject',
        why: error?.message ?? 'closed before it was open',
      });
      return;
    }
    const by = this.#endedHere ? 'kit' : 'subject';
    history.add({ kind: 'closed', connection: this.number, by, clean: error === undefined });
  }
}
