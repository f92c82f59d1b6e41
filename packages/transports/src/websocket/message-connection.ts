import {
  CLOSE_DEADLINE_MS,
  type Connection,
  type ConnectionHandler,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  QanatError,
} from '@qanat/core';
import { CloseCode, errorOfClose, type PeerEnd } from './close-codes.ts';
import type { MessageListener, MessageSocket } from './message-socket.ts';

/** What the connections of one side have in common. */
export interface MessageConnectionOptions {
  /** Whether this side dials: then it hears `onOpen`. */
  readonly dials: boolean;
  /** Milliseconds until a connection has to be open. */
  readonly openTimeoutMs: number;
  /** What is said when it is not. */
  openTimeoutError(remote: string, ms: number): QanatError;
  /** Runs in a later turn of the event loop, after others had theirs. */
  later(run: () => void): void;
}

/** A peer that is refused before it is open has so long to become so, and is told why; who is no peer is soon gone. */
const OPEN_LINGER_MS = 1_000;

const DROPPED = (): void => undefined;

/** One connection over a WebSocket: whole frames in messages, water marks, turns, ends (spec, chapter of WebSocket). */
export class MessageConnection implements Connection, MessageListener {
  readonly remote: string;
  readonly certificateNames: readonly string[] | undefined;
  readonly #options: MessageConnectionOptions;
  readonly #socket: MessageSocket;
  #handler: ConnectionHandler | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #openDueMs: number;
  #open = false;
  #blocked = false;
  /** The owner wants frames. */
  #reading = true;
  /** Frames wait for a later turn. */
  #yielding = false;
  #given = false;
  /** Closed before it was open: what was sent goes first. */
  #leaving = false;
  /** This side has ended, or the peer has: no more frames either way. */
  #ending = false;
  #dropped = false;
  #error: QanatError | undefined;

  /**
   * @param socket makes the socket, which tells its listener in later turns what happens.
   * @param certificateNames of a peer whose certificate was verified.
   */
  constructor(
    remote: string,
    options: MessageConnectionOptions,
    socket: (listener: MessageListener) => MessageSocket,
    certificateNames?: readonly string[],
  ) {
    this.remote = remote;
    this.certificateNames = certificateNames;
    this.#options = options;
    this.#socket = socket(this);
    this.#openDueMs = performance.now() + options.openTimeoutMs;
    this.#dropAfter(options.openTimeoutMs, () => options.openTimeoutError(remote, options.openTimeoutMs));
  }

  /** Has to be called in the turn in which the connection was made. */
  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(parts: readonly Uint8Array[], lent = false): boolean {
    if (this.#ending || this.#leaving) return true;
    this.#socket.push(parts, lent);
    if (this.#socket.bufferedBytes < HIGH_WATER_BYTES) return true;
    this.#blocked = true;
    this.flush();
    return false;
  }

  flush(): void {
    if (!this.#ending) this.#socket.flush();
  }

  setFrameBytesMax(bytes: number): void {
    this.#socket.inbox.setFrameBytesMax(bytes);
  }

  setReading(on: boolean): void {
    if (this.#ending) return;
    this.#reading = on;
    if (on && !this.#socket.inbox.isEmpty) this.#goOnLater();
    else if (!this.#yielding) this.#socket.setReading(on);
  }

  close(): void {
    if (this.#ending || this.#leaving) return;
    if (this.#open || (!this.#options.dials && this.#socket.bufferedBytes === 0)) return this.#end(this.#socket.inbox.closeCode);
    this.#leaving = true;
    if (this.#options.dials) return;
    this.#dropAfter(Math.min(OPEN_LINGER_MS, Math.max(0, this.#openDueMs - performance.now())), () => undefined);
  }

  abort(error: QanatError): void {
    if (this.#dropped) return;
    this.#error = error;
    this.#drop(error);
  }

  opened(): void {
    if (this.#ending) return;
    clearTimeout(this.#timer);
    this.#open = true;
    if (this.#leaving) return this.#end(CloseCode.NORMAL);
    if (this.#options.dials) this.#handler?.onOpen();
    this.flush();
    if (!this.#reading) this.#socket.setReading(false);
  }

  arrived(): void {
    if (this.#ending) this.#socket.inbox.give(DROPPED);
    else if (this.#reading && !this.#yielding) this.#give();
  }

  sent(): void {
    if (!this.#blocked || this.#ending || this.#socket.bufferedBytes > LOW_WATER_BYTES) return;
    this.#blocked = false;
    this.#handler?.onDrain();
  }

  refused(error: QanatError): void {
    if (!this.#ending) this.#handler?.onBadBytes(error);
  }

  broke(error: QanatError): void {
    this.#error ??= this.#ending ? this.#unsentError() : error;
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#ending = true;
    this.#dropped = true;
    this.#socket.inbox.stop();
    this.#handler?.onClose(this.#error);
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    this.#given = true;
    this.#handler?.onFrame(frame);
  };

  #give(): void {
    const { inbox } = this.#socket;
    this.#given = false;
    const error = inbox.give(this.#onFrame);
    if (this.#given && !this.#ending) this.#handler?.onFramesEnd();
    if (error !== undefined) this.refused(error);
    if (this.#ending) return;
    if (inbox.end !== undefined) return this.#peerEnded(inbox.end);
    if (inbox.isEmpty) return;
    this.#socket.setReading(false);
    this.#goOnLater();
  }

  #goOnLater(): void {
    if (this.#yielding) return;
    this.#yielding = true;
    this.#options.later(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#yielding = false;
    this.#socket.inbox.nextTurn();
    if (this.#ending || !this.#reading) return;
    this.#give();
    if (!this.#ending && !this.#yielding && this.#reading) this.#socket.setReading(true);
  };

  #peerEnded({ code, reason }: PeerEnd): void {
    this.#error ??= errorOfClose(this.remote, code, reason);
    this.#end(code);
  }

  /** Ends this side. What the peer still sends is read and dropped, until its end comes. */
  #end(code: number): void {
    this.#ending = true;
    this.#socket.inbox.stop();
    this.#socket.setReading(true);
    this.#socket.close(code);
    this.#dropAfter(CLOSE_DEADLINE_MS, () => this.#unsentError());
  }

  #drop(error: QanatError | undefined): void {
    this.#dropped = true;
    this.#error ??= error;
    this.#ending = true;
    this.#socket.inbox.stop();
    this.#socket.drop();
  }

  #unsentError(): QanatError | undefined {
    const bytes = this.#socket.bufferedBytes;
    if (bytes === 0) return undefined;
    return new QanatError('CONNECTION_LOST', `${this.remote} did not take the last ${bytes} bytes`);
  }

  #dropAfter(ms: number, reason: () => QanatError | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(reason()), ms);
  }
}
