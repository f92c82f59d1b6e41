import type { Socket } from 'node:net';
import { type Connection, type ConnectionHandler, FrameSplitter, joinParts, QanatError } from '@qanat/core';
import { CLOSE } from './close-codes.ts';
import type { Message } from './message-reader.ts';
import type { PieceToSend } from './piece.ts';
import {
  agreeingText,
  asksForUpgrade,
  type Head,
  headOf,
  namesIn,
  refusingText,
  SUBPROTOCOL,
  statusOf,
  takeHead,
} from './upgrade.ts';
import { type PiecesOptions, WebSocketStream } from './web-socket-stream.ts';

/** A connection over WebSocket that a server of the kit accepted: what lies below its frames can be seen and chosen. */
export interface WebSocketConnection extends Connection {
  /** Told once what the peer asks for. @returns the answer. May be set until then; default: as the specification says. */
  onRequest: (request: string) => string;
  onMessage: (message: Message) => void;
  pieces(pieces: readonly PieceToSend[], options?: PiecesOptions): void;
  /** Sends a close message with a code or without one, and ends in good order. */
  closeWith(code: number | undefined): void;
  /** Ends this side's stream without a close message, and goes on reading. */
  endStream(): void;
}

export const isWebSocket = (connection: Connection): connection is WebSocketConnection => 'onRequest' in connection;

/** What a server answers (QNT-WSK-002, QNT-WSK-004). */
export function answerTo(request: Head): string {
  if (!asksForUpgrade(request)) return refusingText('426 Upgrade Required');
  if (request.line.split(' ')[1] !== '/') return refusingText('404 Not Found');
  const offers = namesIn(request.headers.get('sec-websocket-protocol')).includes(SUBPROTOCOL);
  return offers ? agreeingText(request) : refusingText('400 Bad Request');
}

/** The side of a server of the kit. */
export class KitWebSocket implements WebSocketConnection {
  readonly remote: string;
  onRequest: (request: string) => string = (request) => answerTo(headOf(request));
  onMessage: (message: Message) => void = () => {};
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  #head: Uint8Array = new Uint8Array(0);
  #stream: WebSocketStream | undefined;
  /** Frames that the server has sent before the upgrade was agreed upon. */
  #early: Uint8Array[] = [];
  #handler: ConnectionHandler | undefined;
  /** The server wants nothing more. */
  #closed = false;
  #error: QanatError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on('data', (bytes) => this.#read(new Uint8Array(bytes)));
    socket.on('end', () => socket.end());
    socket.on('error', (error) => {
      this.#error ??= new QanatError('CONNECTION_LOST', error.message);
    });
    socket.on('close', () => this.#onClose());
  }

  /** Has to be called in the turn in which the connection was accepted. */
  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(parts: readonly Uint8Array[]): boolean {
    const bytes = joinParts(parts);
    if (this.#stream === undefined) this.#early.push(bytes);
    else this.#stream.write(bytes);
    return true;
  }

  flush(): void {}

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  setReading(on: boolean): void {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  pieces(pieces: readonly PieceToSend[], options?: PiecesOptions): void {
    this.#stream?.pieces(pieces, options);
  }

  closeWith(code: number | undefined): void {
    if (this.#stream === undefined) this.#socket.end();
    else this.#stream.close(code);
  }

  endStream(): void {
    if (this.#stream === undefined) this.#socket.end();
    else this.#stream.endStream();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#splitter.stop();
    this.#socket.resume();
    this.closeWith(CLOSE.normal);
  }

  abort(error: QanatError): void {
    this.#closed = true;
    this.#error ??= error;
    this.#splitter.stop();
    this.#socket.resetAndDestroy();
  }

  #read(bytes: Uint8Array): void {
    if (this.#stream !== undefined) return this.#stream.read(bytes);
    this.#head = joinParts([this.#head, bytes]);
    const head = takeHead(this.#head);
    if (head !== undefined) this.#answer(head.text, head.rest);
  }

  #answer(request: string, rest: Uint8Array): void {
    const answer = this.onRequest(request);
    this.#socket.write(answer);
    if (statusOf(headOf(answer)) !== 101) return void this.#socket.end();
    this.#stream = new WebSocketStream(this.#socket, false, {
      onBytes: (bytes) => this.#onBytes(bytes),
      onMessage: (message) => this.#onMessage(message),
      onBroken: (why) => this.#onBad(new QanatError('MALFORMED_FRAME', `no WebSocket: ${why}`)),
    });
    for (const frame of this.#early.splice(0)) this.#stream.write(frame);
    this.#stream.read(rest);
  }

  #onClose(): void {
    const lostBy = this.#stream?.lostBy;
    this.#handler?.onClose(this.#error ?? (lostBy === undefined ? undefined : new QanatError('CONNECTION_LOST', lostBy)));
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#closed) return;
    const error = this.#splitter.push(bytes, (frame) => this.#handler?.onFrame(frame));
    this.#handler?.onFramesEnd();
    if (error !== undefined) this.#onBad(error);
  }

  #onMessage(message: Message): void {
    this.onMessage(message);
    const isCut = message.type === 'binary' && (message.length === 0 || this.#splitter.pendingBytes > 0);
    if (isCut) this.#onBad(new QanatError('MALFORMED_FRAME', 'a message is empty, or ends inside a frame'));
  }

  #onBad(error: QanatError): void {
    if (!this.#closed) this.#handler?.onBadBytes(error);
  }
}
