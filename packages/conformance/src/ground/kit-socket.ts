import type { Socket } from 'node:net';
import {
  CLOSE_DEADLINE_MS,
  type ConnectionHandler,
  encodePreface,
  FrameSplitter,
  joinParts,
  PREFACE_BYTES,
  PrefaceReader,
  QanatError,
} from '@qanat/core';
import type { StreamConnection } from './ground.ts';

/** A connection that a server of the kit accepted: its preface can be another one, and it can end while it still reads. */
export class KitSocket implements StreamConnection {
  readonly remote: string;
  preface = encodePreface();
  prefaceRead = new Uint8Array(0);
  onPreface: (isRight: boolean) => void = () => {};
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  #reader: PrefaceReader | undefined = new PrefaceReader();
  /** Frames that the server has sent before it knew whether the peer is one. */
  #early: Uint8Array[] = [];
  #handler: ConnectionHandler | undefined;
  #deadline: NodeJS.Timeout | undefined;
  /** The server has ended its side. */
  #ended = false;
  /** The server wants nothing more. */
  #closed = false;
  #error: QanatError | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remote = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.on('data', (bytes) => this.#read(new Uint8Array(bytes)));
    socket.on('end', () => this.endStream());
    socket.on('error', (error) => {
      this.#error ??= new QanatError('CONNECTION_LOST', error.message);
    });
    socket.on('close', () => {
      clearTimeout(this.#deadline);
      this.#handler?.onClose(this.#error);
    });
  }

  /** Has to be called in the turn in which the connection was accepted. */
  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(parts: readonly Uint8Array[]): boolean {
    const bytes = joinParts(parts);
    if (this.#reader !== undefined) this.#early.push(bytes);
    else this.#write(bytes);
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

  endStream(): void {
    this.#ended = true;
    this.#socket.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#splitter.stop();
    this.#socket.resume();
    this.endStream();
    this.#deadline = setTimeout(() => this.#socket.destroy(), CLOSE_DEADLINE_MS);
  }

  abort(error: QanatError): void {
    this.#closed = true;
    this.#error ??= error;
    this.#splitter.stop();
    this.#socket.resetAndDestroy();
  }

  /** Behind a preface that is not whole nothing can follow. */
  #write(bytes: Uint8Array): void {
    if (!this.#ended && this.preface.length >= PREFACE_BYTES) this.#socket.write(bytes);
  }

  #read(bytes: Uint8Array): void {
    if (this.#closed) return;
    const frames = this.#reader === undefined ? bytes : this.#greet(bytes);
    if (frames === undefined || this.#closed) return;
    const error = this.#splitter.push(frames, (frame) => this.#handler?.onFrame(frame));
    this.#handler?.onFramesEnd();
    if (error !== undefined && !this.#closed) this.#handler?.onBadBytes(error);
  }

  /** @returns what follows the peer's preface, when that is whole. */
  #greet(bytes: Uint8Array): Uint8Array | undefined {
    this.prefaceRead = joinParts([this.prefaceRead, bytes]).slice(0, PREFACE_BYTES);
    const rest = this.#reader?.push(bytes);
    if (rest === undefined) return undefined;
    this.onPreface(!QanatError.is(rest));
    if (QanatError.is(rest)) {
      this.abort(rest);
      return undefined;
    }
    this.#reader = undefined;
    this.#socket.write(this.preface);
    for (const frame of this.#early.splice(0)) this.#write(frame);
    return rest;
  }
}
