import type { Socket } from 'node:net';
import { type BegunFrames, QanatError, writeUint16At } from '@qanat/core';
import { CloseCode, mayBeSent } from './close-codes.ts';
import { nextMask } from './mask-source.ts';
import { MaskedMessageQueue } from './masked-message-queue.ts';
import { applyMask } from './masking.ts';
import type { MessageQueue } from './message-queue.ts';
import { MessageReader } from './message-reader.ts';
import type { MessageListener, MessageSocket } from './message-socket.ts';
import { PlainMessageQueue } from './plain-message-queue.ts';
import { HEADER_BYTES_MAX, Opcode, writeHeader } from './wire-format.ts';

/** A WebSocket on a socket of Node, once both sides have agreed to it; before, only its end is watched. */
export class NodeSocket implements MessageSocket {
  readonly inbox: MessageReader;
  readonly #listener: MessageListener;
  readonly #queue: MessageQueue;
  /** Clients mask what they send. */
  readonly #masks: boolean;
  #socket: Socket;
  #open = false;
  #reading = true;
  /** This side's close message was sent. */
  #closing = false;
  /** The newest ping that was not answered, and whether an answer is on its way: a crowd of pings waits for one of them. */
  #ping: Uint8Array | undefined;
  #answering = false;

  /**
   * @param begun what accepted connections share; undefined for a dialled one.
   * @param uncut messages carry a stream of bytes instead of frames.
   */
  constructor(socket: Socket, listener: MessageListener, begun?: BegunFrames, uncut = false) {
    this.#socket = socket;
    this.#listener = listener;
    this.#masks = begun === undefined;
    this.#queue = this.#masks ? new MaskedMessageQueue() : new PlainMessageQueue();
    this.inbox = new MessageReader({
      masked: !this.#masks,
      begun,
      uncut,
      onPing: (payload) => this.#onPing(payload),
      onGivenUp: (error) => this.#onGivenUp(error),
    });
    this.#watch();
  }

  get bufferedBytes(): number {
    return this.#queue.bytes + this.#socket.writableLength;
  }

  /**
   * Both sides have agreed.
   * @param socket to use from now on. @param head what came behind the agreement already.
   */
  open(socket: Socket, head: Uint8Array): void {
    if (socket !== this.#socket) this.replace(socket);
    this.#open = true;
    socket.setNoDelay(true);
    socket.on('end', () => this.#onEnd());
    this.#listener.opened();
    this.#onData(head);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.setReading(this.#reading);
  }

  /** Goes on over a socket that was made on the one before, which tells nothing any more. */
  replace(socket: Socket): void {
    this.#socket = socket;
    this.#watch();
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    this.#queue.push(parts, lent);
  }

  flush(): void {
    if (this.#open && !this.#socket.destroyed) this.#queue.writeTo(this.#socket, this.#onWritten);
  }

  setReading(on: boolean): void {
    this.#reading = on;
    if (!this.#open) return;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  close(code: number): void {
    this.flush();
    this.#closing = true;
    if (this.#open && code !== CloseCode.ABNORMAL) this.#writeClose(code);
    this.#endWithPeer();
  }

  drop(): void {
    this.#queue.clear();
    const { closeCode } = this.inbox;
    if (!this.#open || this.#closing || closeCode === CloseCode.NORMAL) return void this.#socket.destroy();
    // A peer whose messages are none hears so, however the owner ends the connection.
    this.#closing = true;
    this.#writeClose(closeCode);
    this.#socket.destroySoon();
  }

  #watch(): void {
    const socket = this.#socket;
    socket.on('error', (error: NodeJS.ErrnoException) => socket === this.#socket && this.#onError(error));
    socket.on('close', () => socket === this.#socket && this.#listener.closed());
  }

  #onData(chunk: Uint8Array): void {
    // A Buffer of Node would not be copied by `slice`, as its owner may rely on.
    this.inbox.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#arrived();
  }

  #onEnd(): void {
    this.inbox.cutOff();
    this.#arrived();
  }

  #arrived(): void {
    this.#listener.arrived();
    this.inbox.keep();
    if (this.#closing) this.#endWithPeer();
  }

  /** The stream ends when both sides have said so, or this one reads no more. */
  #endWithPeer(): void {
    if (!this.#open || this.inbox.isDone) this.#socket.end();
  }

  readonly #onWritten = (): void => this.#listener.sent();

  #onPing(payload: Uint8Array): void {
    this.#ping = payload;
    if (!this.#answering && !this.#closing) this.#answerPing();
  }

  readonly #answerPing = (): void => {
    const ping = this.#ping;
    this.#ping = undefined;
    this.#answering = ping !== undefined && !this.#closing && !this.#socket.destroyed;
    if (ping !== undefined && this.#answering) this.#writeControl(Opcode.PONG, ping, this.#answerPing);
  };

  #onGivenUp(error: QanatError): void {
    this.inbox.stop();
    this.#listener.refused(error);
  }

  #onError(error: NodeJS.ErrnoException): void {
    // Why a dialled one does not open is known better to who asks for the upgrade.
    if (!this.#open && this.#masks) return;
    const why = `the connection broke: ${error.code ?? error.message}`;
    this.#listener.broke(new QanatError('CONNECTION_LOST', why, { cause: error }));
  }

  #writeClose(code: number): void {
    const payload = new Uint8Array(mayBeSent(code) ? 2 : 0);
    if (payload.length > 0) writeUint16At(payload, 0, code);
    this.#writeControl(Opcode.CLOSE, payload);
  }

  #writeControl(opcode: number, payload: Uint8Array, written?: () => void): void {
    const bytes = new Uint8Array(HEADER_BYTES_MAX + payload.length);
    bytes.set(payload, HEADER_BYTES_MAX);
    const mask = this.#masks ? nextMask() : undefined;
    if (mask !== undefined) applyMask(bytes.subarray(HEADER_BYTES_MAX), mask, 0);
    this.#socket.write(bytes.subarray(writeHeader(bytes, HEADER_BYTES_MAX, opcode, payload.length, mask)), written);
  }
}
