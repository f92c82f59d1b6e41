import type { Socket } from 'node:net';
import { CLOSE_DEADLINE_MS } from '@qanat/core';
import { WriteQueue } from '../tcp/write-queue.ts';
import { type ByteStream, STREAM_BUFFER_BYTES_MAX, STREAM_HIGH_WATER_BYTES, type StreamOwner } from './byte-stream.ts';
import type { Flusher } from './flusher.ts';

/** A peer without a word of its own for so long is asked by the kernel whether it is there. */
const PROBE_AFTER_MS = 120_000;

/** Sockets know their stream, so that all of them share the listeners below. */
interface OwnedSocket extends Socket {
  stream?: SocketStream;
}

function onData(this: OwnedSocket, chunk: Uint8Array): void {
  this.stream?.read(chunk);
}

function onDrain(this: OwnedSocket): void {
  this.stream?.written();
}

function onEnd(this: OwnedSocket): void {
  this.stream?.ended();
}

function onClose(this: OwnedSocket): void {
  this.stream?.over();
}

const dropLate = (socket: Socket): void => void socket.destroy();
const nothing = (): void => undefined;

/** What a stream needs beside its socket, the same for all of a listener. */
export interface StreamSurroundings {
  readonly owner: StreamOwner;
  readonly flusher: Flusher;
  readonly secure: boolean;
}

/** A stream of TCP or TLS. An idle one is this object and its socket: no buffer, no timer, no closure. */
export class SocketStream implements ByteStream {
  number = 0;
  readonly remote: string;
  readonly certificateNames: readonly string[] | undefined;
  readonly #around: StreamSurroundings;
  readonly #socket: Socket;
  /** While there is something to send. */
  #queue: WriteQueue | undefined;
  #waits = false;
  #blocked = false;
  #closing = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(around: StreamSurroundings, socket: OwnedSocket, remote: string, certificateNames?: readonly string[] | undefined) {
    this.#around = around;
    this.#socket = socket;
    this.remote = remote;
    this.certificateNames = certificateNames;
    socket.stream = this;
    socket.setKeepAlive(true, PROBE_AFTER_MS);
    socket.on('data', onData).on('drain', onDrain).on('end', onEnd).on('error', onEnd).on('close', onClose);
    socket.resume();
  }

  get secure(): boolean {
    return this.#around.secure;
  }

  get #bufferedBytes(): number {
    return (this.#queue?.bytes ?? 0) + this.#socket.writableLength;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#closing || this.#socket.destroyed) return true;
    this.#queue ??= new WriteQueue();
    this.#queue.push([bytes], false);
    if (!this.#waits) {
      this.#waits = true;
      this.#around.flusher.add(this);
    }
    const waiting = this.#bufferedBytes;
    if (waiting < STREAM_HIGH_WATER_BYTES) return true;
    if (waiting > STREAM_BUFFER_BYTES_MAX) this.abort();
    this.#blocked = true;
    return false;
  }

  flush(): void {
    this.#waits = false;
    if (!this.#socket.destroyed) this.#queue?.writeTo(this.#socket, nothing);
    // A stream that has nothing to say needs none.
    this.#queue = undefined;
  }

  setReading(on: boolean): void {
    if (this.#closing) return;
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  close(): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    this.#socket.end();
    // Its end is to be read.
    this.#socket.resume();
    this.#deadline = setTimeout(dropLate, CLOSE_DEADLINE_MS, this.#socket);
  }

  abort(): void {
    this.#closing = true;
    this.#queue = undefined;
    this.#socket.destroy();
  }

  /** The socket has bytes. */
  read(chunk: Uint8Array): void {
    if (this.#closing) return;
    // Sockets without TLS read into memory that they share: a copy of what came costs less than new memory for each read.
    this.#around.owner.received(this, this.secure ? chunk : new Uint8Array(chunk));
  }

  /** The socket has taken what it was given. */
  written(): void {
    if (!this.#blocked || this.#closing || this.#bufferedBytes >= STREAM_HIGH_WATER_BYTES) return;
    this.#blocked = false;
    this.#around.owner.drained(this);
  }

  /**
   * The peer sends no more, or the socket has failed. The owner hears it now: until the socket is closed turns of the event loop
   * go by, and what it sends in them would pass for sent.
   */
  ended(): void {
    if (this.#closing) return;
    this.close();
    this.#around.owner.ended(this);
  }

  /** The socket is closed. */
  over(): void {
    clearTimeout(this.#deadline);
    this.#closing = true;
    this.#around.owner.closed(this);
  }
}
