import type { Socket } from 'node:net';
import {
  type BegunFrames,
  CLOSE_DEADLINE_MS,
  type Connection,
  type ConnectionHandler,
  encodePreface,
  FRAMES_PER_TURN_MAX,
  FrameSplitter,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  PrefaceReader,
  QanatError,
} from '@qanat/core';
import { WriteQueue } from './write-queue.ts';

export interface TcpConnectionOptions {
  readonly socket: Socket;
  /** Whether this side dialled, and the socket is connecting: it sends its preface first, and hears `onOpen`. */
  readonly dialled: boolean;
  /** The peer's address, for people. */
  readonly remote: string;
  readonly connectTimeoutMs: number;
  readonly prefaceTimeoutMs: number;
  /** What accepted connections share; undefined for a dialled one. */
  readonly begun?: BegunFrames | undefined;
}

/** A peer that is refused before its preface was read has so long to send it, and is told why; who is no peer is soon gone. */
const PREFACE_LINGER_MS = 1_000;

/** One connection over a byte stream: preface, frames, water marks (spec, chapter of bindings). */
export class TcpConnection implements Connection {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #dialled: boolean;
  readonly #prefaceTimeoutMs: number;
  readonly #queue = new WriteQueue();
  readonly #splitter: FrameSplitter;
  #preface: PrefaceReader | undefined = new PrefaceReader();
  #handler: ConnectionHandler | undefined;
  #timer: NodeJS.Timeout | undefined;
  #blocked = false;
  /** The owner wants frames. */
  #reading = true;
  /** The turn in which reading goes on; others have theirs before. */
  #turn: NodeJS.Immediate | undefined;
  /** The peer has ended; frames that came before still wait. */
  #peerEnded = false;
  /** This side has ended, or the peer has: no more frames either way. */
  #ending = false;
  /** Closed before the peer's preface has come: what was sent goes behind our own, then it ends. */
  #leaving = false;
  #prefaceDueMs = 0;
  #error: QanatError | undefined;
  #frames = 0;

  constructor(options: TcpConnectionOptions) {
    this.remote = options.remote;
    this.#socket = options.socket;
    this.#dialled = options.dialled;
    this.#splitter = new FrameSplitter(options.begun, (error) => this.#handler?.onBadBytes(error));
    this.#splitter.framesLeft = FRAMES_PER_TURN_MAX;
    this.#prefaceTimeoutMs = options.prefaceTimeoutMs;
    const { socket } = options;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onPeerEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on('close', () => this.#onClosed());
    if (options.dialled) {
      socket.on('connect', () => this.#awaitPreface());
      // Waits in the socket, and so do the frames behind it, until the connection is there.
      if (socket.connecting) socket.write(encodePreface());
      this.#dropAfter(options.connectTimeoutMs, () => this.#failed(`no answer within ${options.connectTimeoutMs} ms`));
    } else {
      this.#awaitPreface();
    }
  }

  /** Has to be called in the turn in which the connection was made. */
  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(parts: readonly Uint8Array[], lent = false): boolean {
    if (this.#ending || this.#leaving || this.#socket.destroyed) return true;
    this.#queue.push(parts, lent);
    if (this.#queue.bytes + this.#socket.writableLength < HIGH_WATER_BYTES) return true;
    this.#blocked = true;
    this.flush();
    return false;
  }

  flush(): void {
    // The preface goes first, and an accepted connection sends its own only after it has read the peer's.
    if (this.#preface !== undefined && !this.#dialled) return;
    if (!this.#socket.destroyed) this.#queue.writeTo(this.#socket, this.#onWritten);
  }

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  setReading(on: boolean): void {
    if (this.#ending) return;
    this.#reading = on;
    if (!on) this.#socket.pause();
    else if (this.#splitter.hasRest) this.#goOnLater();
    else if (this.#turn === undefined) this.#socket.resume();
  }

  close(): void {
    if (this.#ending || this.#leaving) return;
    if (this.#dialled || this.#preface === undefined || this.#queue.bytes === 0) return this.#end();
    this.#leaving = true;
    const leftMs = Math.max(0, this.#prefaceDueMs - performance.now());
    this.#dropAfter(Math.min(leftMs, PREFACE_LINGER_MS), () => undefined);
  }

  abort(error: QanatError): void {
    if (this.#socket.destroyed) return;
    this.#error = error;
    this.#ending = true;
    this.#splitter.stop();
    this.#queue.clear();
    // A reset tells the peer that this was no clean end. It would wait for pending writes, which `destroy` does not. A socket
    // that shuts down already cannot be reset: Node would keep its handle for ever, and the process would not exit.
    if (!this.#socket.connecting && !this.#socket.writableEnded) this.#socket.resetAndDestroy();
    this.#socket.destroy();
  }

  #awaitPreface(): void {
    const ms = this.#prefaceTimeoutMs;
    this.#prefaceDueMs = performance.now() + ms;
    this.#dropAfter(ms, () => {
      if (this.#dialled) return this.#failed(`no preface within ${ms} ms`);
      return new QanatError('HELLO_TIMEOUT', `${this.remote} sent no preface within ${ms} ms`);
    });
  }

  #onData(chunk: Buffer): void {
    if (this.#ending) return;
    let bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#preface !== undefined) {
      const rest = this.#preface.push(bytes);
      if (rest === undefined) return;
      if (rest instanceof QanatError) return this.#refuse(rest);
      this.#begin();
      if (this.#ending) return;
      bytes = rest as Uint8Array<ArrayBuffer>;
    }
    this.#take(bytes);
  }

  #take(bytes: Uint8Array): void {
    this.#frames = 0;
    const error = this.#splitter.push(bytes, this.#onFrame);
    if (this.#frames > 0 && !this.#ending) this.#handler?.onFramesEnd();
    if (this.#ending) return;
    if (error !== undefined) this.#handler?.onBadBytes(error);
    else if (this.#splitter.framesLeft <= 0) {
      this.#socket.pause();
      this.#goOnLater();
    }
  }

  #goOnLater(): void {
    this.#turn ??= setImmediate(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#turn = undefined;
    this.#splitter.framesLeft = FRAMES_PER_TURN_MAX;
    if (this.#ending) return;
    if (this.#reading && this.#splitter.hasRest) this.#take(this.#splitter.takeRest());
    if (this.#ending || this.#turn !== undefined || this.#splitter.hasRest) return;
    if (this.#peerEnded) this.#onPeerEnd();
    else if (this.#reading) this.#socket.resume();
  };

  readonly #onFrame = (frame: Uint8Array): void => {
    this.#frames++;
    this.#handler?.onFrame(frame);
  };

  #begin(): void {
    this.#preface = undefined;
    clearTimeout(this.#timer);
    if (this.#dialled) {
      this.#handler?.onOpen();
    } else {
      this.#socket.write(encodePreface());
      this.flush();
      if (this.#leaving) this.#end();
    }
  }

  #refuse(error: QanatError): void {
    const named = new QanatError(error.code, `${this.remote}: ${error.message}`);
    if (this.#dialled || error.code !== 'UNSUPPORTED_VERSION') return this.abort(named);
    this.#error = named;
    this.#queue.clear();
    this.#socket.write(encodePreface());
    this.#end();
  }

  readonly #onWritten = (): void => {
    if (!this.#blocked || this.#ending || this.#socket.destroyed) return;
    if (this.#queue.bytes + this.#socket.writableLength > LOW_WATER_BYTES) return;
    this.#blocked = false;
    this.#handler?.onDrain();
  };

  /** Ends this side. What the peer still sends is read and dropped: unread bytes would make the kernel reset what was flushed. */
  #end(): void {
    this.flush();
    this.#ending = true;
    this.#splitter.stop();
    this.#socket.resume();
    this.#socket.end();
    this.#dropAfter(CLOSE_DEADLINE_MS, () => this.#unsentError());
  }

  #onPeerEnd(): void {
    if (this.#ending) return;
    // Node tells of the end although the socket is paused.
    if (this.#turn !== undefined || this.#splitter.hasRest) {
      this.#peerEnded = true;
      return;
    }
    if (this.#preface !== undefined && this.#dialled) this.#error ??= this.#failed('the peer closed before its preface');
    else if (this.#splitter.pendingBytes > 0 || (this.#preface?.receivedBytes ?? 0) > 0) {
      this.#error ??= new QanatError('CONNECTION_LOST', `${this.remote} ended the connection inside a frame`);
    }
    this.#end();
  }

  #onError(error: NodeJS.ErrnoException): void {
    const reason = error.code ?? error.message;
    if (this.#dialled && this.#preface !== undefined) this.#error ??= this.#failed(reason, error);
    else if (this.#ending) this.#error ??= this.#unsentError();
    else this.#error ??= new QanatError('CONNECTION_LOST', `the connection to ${this.remote} broke: ${reason}`, { cause: error });
  }

  #onClosed(): void {
    clearTimeout(this.#timer);
    this.#ending = true;
    this.#splitter.stop();
    this.#handler?.onClose(this.#error);
  }

  #failed(reason: string, cause?: unknown): QanatError {
    return new QanatError(
      'CONNECTION_FAILED',
      `cannot connect to ${this.remote}: ${reason}`,
      cause === undefined ? {} : { cause },
    );
  }

  #unsentError(): QanatError | undefined {
    const bytes = this.#socket.writableLength;
    return bytes === 0 ? undefined : new QanatError('CONNECTION_LOST', `${this.remote} did not take the last ${bytes} bytes`);
  }

  #dropAfter(ms: number, reason: () => QanatError | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#error ??= reason();
      this.#ending = true;
      this.#socket.destroy();
    }, ms);
  }
}
