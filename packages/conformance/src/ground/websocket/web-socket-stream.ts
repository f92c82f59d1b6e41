import type { Socket } from 'node:net';
import { CLOSE_DEADLINE_MS } from '@qanat/core';
import { closeCodeOf, closePayload } from './close-codes.ts';
import { MessageCutter } from './message-cutter.ts';
import { type Message, type MessageHandler, MessageReader } from './message-reader.ts';
import { encodePiece, OPCODES, type PieceToSend } from './piece.ts';

export interface PiecesOptions {
  /** Default: as the role of this side wants it. */
  readonly masked?: boolean;
  /** Bytes in each write, to have the stream cut anywhere. Default: all in one. */
  readonly chunk?: number;
}

/** A socket on which both sides have agreed to WebSocket. Pings are answered, and ends are as the RFC wants them. */
export class WebSocketStream {
  readonly #socket: Socket;
  readonly #isClient: boolean;
  readonly #cutter = new MessageCutter();
  readonly #reader: MessageReader;
  readonly #handler: MessageHandler;
  #masks = 0;
  #saidClose = false;
  #heardClose = false;
  #isDeaf = false;

  /** @param isClient whether this side is one, so that it masks and its peer does not. */
  constructor(socket: Socket, isClient: boolean, handler: MessageHandler) {
    this.#socket = socket;
    this.#isClient = isClient;
    this.#handler = handler;
    this.#reader = new MessageReader(!isClient, {
      onBytes: (bytes) => handler.onBytes(bytes),
      onMessage: (message) => this.#onMessage(message),
      onBroken: (why) => handler.onBroken(why),
    });
  }

  /** How the stream ended, in words; undefined where the peer has said that it closes. */
  get lostBy(): string | undefined {
    return this.#heardClose ? undefined : 'the stream ended without a close message';
  }

  read(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** Sends bytes of a stream of frames, as messages. */
  write(bytes: Uint8Array): void {
    this.pieces(this.#cutter.push(bytes));
  }

  pieces(pieces: readonly PieceToSend[], { masked = this.#isClient, chunk }: PiecesOptions = {}): void {
    if (pieces.length === 0 || this.#saidClose || !this.#socket.writable) return;
    const bytes = Buffer.concat(pieces.map((piece) => encodePiece(piece, masked ? this.#nextMask() : undefined)));
    const step = chunk ?? bytes.length;
    for (let at = 0; at < bytes.length; at += step) this.#socket.write(bytes.subarray(at, at + step));
  }

  /** Sends a close message, and ends the stream when the peer's has come, or is not to be waited for any more. */
  close(code: number | undefined): void {
    this.pieces([{ opcode: OPCODES.close, payload: closePayload(code) }]);
    this.#saidClose = true;
    if (this.#heardClose) this.endStream();
    else setTimeout(() => this.endStream(), CLOSE_DEADLINE_MS).unref();
  }

  /** Ends this side of the stream, with or without a close message before. */
  endStream(): void {
    this.#saidClose = true;
    this.#socket.end();
  }

  /** Answers no close message from now on; only the end of the peer's stream ends this one. */
  turnDeaf(): void {
    this.#isDeaf = true;
  }

  #onMessage(message: Message): void {
    this.#handler.onMessage(message);
    if (message.type === 'ping') this.pieces([{ opcode: OPCODES.pong, payload: message.payload }]);
    if (message.type !== 'close') return;
    this.#heardClose = true;
    if (this.#isDeaf) return;
    if (this.#saidClose) this.endStream();
    else this.close(closeCodeOf(message.payload));
  }

  /** Another one for each piece. Nobody whom this kit talks to has to be kept from foreseeing it. */
  #nextMask(): Uint8Array {
    const number = ++this.#masks;
    return Uint8Array.of(0xa5, number & 0xff, (number >> 8) & 0xff, 0x5a);
  }
}
