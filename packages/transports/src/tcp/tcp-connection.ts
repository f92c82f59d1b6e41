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
  type QanatErrorOptions,
} from '@qanat/core';
import type { TlsDialler } from '../tls/tls-dialler.ts';
import { WriteQueue } from './write-queue.ts';

export interface TcpConnectionOptions {
  /** Accepted or dialled. Over TLS: an accepted one after its handshake, a dialled one before it. */
  readonly socket: Socket;
  /** The socket below an accepted one over TLS. Default: `socket`. */
  readonly carrier?: Socket | undefined;
  /** Of a dialled one over TLS. */
  readonly tls?: TlsDialler | undefined;
  readonly certificateNames?: readonly string[] | undefined;
  /** Whether this side dialled, and the socket is connecting: it sends its preface first, and hears `onOpen`. */
  readonly dialled: boolean;
  /** The peer's address, for people. */
  readonly remote: string;
  readonly connectTimeoutMs: number;
  readonly prefaceTimeoutMs: number;
  /** What accepted connections share; undefined for a dialled one. */
  readonly begun?: BegunFrames | undefined;
  /** Told of an accepted peer that does not speak this protocol. */
  readonly onRefused?: ((remote: string, error: QanatError) => void) | undefined;
}

/** A peer that is refused before its preface was read has so long to send it, and is told why; who is no peer is soon gone. */
const PREFACE_LINGER_MS = 1_000;

/** Whoever answers our preface with an alert, or with nothing, may wait for a handshake. */
const ASK_FOR_TLS = { hint: 'does this port speak TLS? then use qanats://' };

/** One connection over a byte stream: preface, frames, water marks (spec, chapter of bindings). */
export class TcpConnection implements Connection {
  readonly remote: string;
  readonly certificateNames: readonly string[] | undefined;
  #socket: Socket;
  /** What is reset: Node resets no socket of TLS. */
  readonly #carrier: Socket;
  readonly #tls: TlsDialler | undefined;
  readonly #onRefused: TcpConnectionOptions['onRefused'];
  readonly #dialled: boolean;
  readonly #prefaceTimeoutMs: number;
  readonly #queue = new WriteQueue();
  readonly #splitter: FrameSplitter;
  #preface: PrefaceReader | undefined = new PrefaceReader();
  /** Our own preface was written, and what is sent may follow it. */
  #greeted = false;
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
  /** Closed before our preface was written: what was sent goes behind it, then it ends. */
  #leaving = false;
  #prefaceDueMs = 0;
  #error: QanatError | undefined;
  #frames = 0;

  constructor(options: TcpConnectionOptions) {
    this.remote = options.remote;
    this.certificateNames = options.certificateNames;
    this.#socket = options.socket;
    this.#carrier = options.carrier ?? options.socket;
    this.#tls = options.tls;
    this.#onRefused = options.onRefused;
    this.#dialled = options.dialled;
    this.#splitter = new FrameSplitter(options.begun, (error) => this.#handler?.onBadBytes(error));
    this.#splitter.framesLeft = FRAMES_PER_TURN_MAX;
    this.#prefaceTimeoutMs = options.prefaceTimeoutMs;
    this.#watchEnd(options.socket);
    if (options.tls === undefined) this.#read(options.socket);
    if (options.dialled) this.#dial(options);
    else this.#awaitPreface();
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
    if (this.#greeted && !this.#socket.destroyed) this.#queue.writeTo(this.#socket, this.#onWritten);
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
    if (this.#greeted || this.#queue.bytes === 0) return this.#end();
    this.#leaving = true;
    if (this.#dialled) return;
    const leftMs = Math.max(0, this.#prefaceDueMs - performance.now());
    this.#dropAfter(Math.min(leftMs, PREFACE_LINGER_MS), () => undefined);
  }

  abort(error: QanatError): void {
    if (this.#socket.destroyed || this.#carrier.destroyed) return;
    this.#error = error;
    this.#ending = true;
    this.#splitter.stop();
    this.#queue.clear();
    // A reset tells the peer that this was no clean end. It would wait for pending writes, which `destroy` does not. A socket
    // that shuts down already cannot be reset: Node would keep its handle for ever, and the process would not exit.
    const resets = !this.#carrier.connecting && !this.#socket.writableEnded;
    if (resets) this.#carrier.resetAndDestroy();
    // A socket of TLS whose carrier is gone would tell of its end at once: it follows by itself, in a later turn.
    if (!resets || this.#socket === this.#carrier) this.#socket.destroy();
  }

  #dial({ socket, tls, connectTimeoutMs }: TcpConnectionOptions): void {
    this.#dropAfter(connectTimeoutMs, () => this.#failed(`no answer within ${connectTimeoutMs} ms`));
    if (tls !== undefined) {
      socket.once('connect', () => this.#shakeHands(tls));
      return;
    }
    socket.on('connect', () => this.#awaitPreface());
    // Waits in the socket, and so do the frames behind it, until the connection is there.
    if (socket.connecting) this.#greet();
  }

  /** Nothing is sent to a server whose certificate was not verified. */
  #shakeHands(tls: TlsDialler): void {
    this.#socket = tls.secure(this.#carrier);
    this.#watchEnd(this.#socket);
    this.#dropAfter(tls.handshakeMs, () => this.#failed(`no TLS handshake within ${tls.handshakeMs} ms`));
    this.#socket.once('secureConnect', () => {
      this.#read(this.#socket);
      if (!this.#reading) this.#socket.pause();
      this.#awaitPreface();
      this.#greet();
    });
  }

  /** A socket over which TLS was put tells nothing any more. */
  #watchEnd(socket: Socket): void {
    socket.on('error', (error: NodeJS.ErrnoException) => socket === this.#socket && this.#onError(error));
    socket.on('close', () => socket === this.#socket && this.#onClosed());
  }

  #read(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onPeerEnd());
  }

  #greet(): void {
    this.#socket.write(encodePreface());
    this.#greeted = true;
    this.flush();
    if (this.#leaving) this.#end();
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
    if (this.#dialled) this.#handler?.onOpen();
    else this.#greet();
  }

  #refuse(error: QanatError): void {
    if (!this.#dialled) this.#onRefused?.(this.remote, error);
    const named = new QanatError(error.code, `${this.remote}: ${error.message}`, { hint: error.hint });
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
    if (this.#preface !== undefined && this.#dialled) {
      this.#error ??= this.#tls?.dropped() ?? this.#failed('the peer closed before its preface', ASK_FOR_TLS);
    } else if (this.#splitter.pendingBytes > 0 || (this.#preface?.receivedBytes ?? 0) > 0) {
      this.#error ??= new QanatError('CONNECTION_LOST', `${this.remote} ended the connection inside a frame`);
    }
    this.#end();
  }

  #onError(error: NodeJS.ErrnoException): void {
    const reason = error.code ?? error.message;
    if (this.#dialled && this.#preface !== undefined)
      this.#error ??=
        this.#tls?.explain(error, this.#socket !== this.#carrier && !this.#greeted) ?? this.#failed(reason, { cause: error });
    else if (this.#ending) this.#error ??= this.#unsentError();
    else this.#error ??= new QanatError('CONNECTION_LOST', `the connection to ${this.remote} broke: ${reason}`, { cause: error });
  }

  #onClosed(): void {
    clearTimeout(this.#timer);
    this.#ending = true;
    this.#splitter.stop();
    this.#handler?.onClose(this.#error);
  }

  #failed(reason: string, options: QanatErrorOptions = {}): QanatError {
    return new QanatError('CONNECTION_FAILED', `cannot connect to ${this.remote}: ${reason}`, options);
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
