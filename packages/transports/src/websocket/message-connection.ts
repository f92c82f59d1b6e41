import {
  CLOSE_DEADLINE_MS,
  type Connection,
  type ConnectionHandler,
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  QanatError,
} from '@qanat/core';
import { CloseCode, errorOfClose } from './close-codes.ts';
import { MessageInbox } from './message-inbox.ts';
import type { MessageListener, MessageSocket } from './message-socket.ts';

export interface MessageConnectionOptions {
  /** The peer's address, for people. */
  readonly remote: string;
  /** Whether this side dialled: then it hears `onOpen`. */
  readonly dialled: boolean;
  /** Makes the socket, which tells the listener what happens to it, in later turns. */
  socket(listener: MessageListener): MessageSocket;
  /** Milliseconds until the socket has to be open, and what is said when it is not. */
  readonly openTimeoutMs: number;
  openTimeoutError(): QanatError;
  /** Milliseconds that a connection which was closed before it was open still has to become so. */
  readonly lingerMs: number;
  /** Runs in a later turn of the event loop, after others had theirs. */
  later(run: () => void): void;
}

/** One connection over a WebSocket: whole frames in messages, water marks, turns, ends (spec, chapter of WebSocket). */
export class MessageConnection implements Connection, MessageListener {
  readonly remote: string;
  readonly #options: MessageConnectionOptions;
  readonly #socket: MessageSocket;
  readonly #inbox = new MessageInbox();
  #handler: ConnectionHandler | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #open = false;
  #blocked = false;
  /** The owner wants frames. */
  #reading = true;
  /** Frames wait for a later turn. */
  #yielding = false;
  /** Frames were given since the last onFramesEnd. */
  #given = false;
  /** Closed before it was open: what was sent goes first. */
  #leaving = false;
  /** This side has ended, or the peer has: no more frames either way. */
  #ending = false;
  /** The peer has ended; frames that came before still wait. */
  #peerEnd: (() => void) | undefined;
  #closeCode: number = CloseCode.NORMAL;
  #error: QanatError | undefined;

  constructor(options: MessageConnectionOptions) {
    this.remote = options.remote;
    this.#options = options;
    this.#socket = options.socket(this);
    this.#dropAfter(options.openTimeoutMs, () => options.openTimeoutError());
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
    this.#inbox.setFrameBytesMax(bytes);
  }

  setReading(on: boolean): void {
    if (this.#ending) return;
    this.#reading = on;
    if (on && !this.#inbox.isEmpty) this.#goOnLater();
    else if (!this.#yielding) this.#socket.setReading(on);
  }

  close(): void {
    if (this.#ending || this.#leaving) return;
    if (this.#open) return this.#end();
    this.#leaving = true;
    if (!this.#options.dialled) this.#dropAfter(this.#options.lingerMs, () => undefined);
  }

  abort(error: QanatError): void {
    if (this.#error === undefined) this.#drop(error);
  }

  opened(): void {
    if (this.#ending) return;
    clearTimeout(this.#timer);
    this.#open = true;
    if (this.#leaving) return this.#end();
    if (this.#options.dialled) this.#handler?.onOpen();
    this.flush();
    if (!this.#reading) this.#socket.setReading(false);
  }

  message(message: Uint8Array | QanatError): void {
    if (this.#ending) return;
    if (QanatError.is(message)) this.#closeCode = CloseCode.UNSUPPORTED_DATA;
    const error = this.#inbox.push(message);
    if (error !== undefined) this.#drop(error);
    else if (this.#reading && !this.#yielding) this.#give();
  }

  messagesEnd(): void {
    if (!this.#given || this.#ending) return;
    this.#given = false;
    this.#handler?.onFramesEnd();
  }

  sent(): void {
    if (!this.#blocked || this.#ending || this.#socket.bufferedBytes > LOW_WATER_BYTES) return;
    this.#blocked = false;
    this.#handler?.onDrain();
  }

  closed(code: number, reason: string, failure?: QanatError): void {
    if (!this.#ending && !this.#inbox.isEmpty) {
      this.#peerEnd = () => this.closed(code, reason, failure);
      return;
    }
    clearTimeout(this.#timer);
    this.#error ??= failure ?? (this.#ending ? this.#unsentError(code) : errorOfClose(this.remote, code, reason));
    this.#ending = true;
    this.#inbox.stop();
    this.#handler?.onClose(this.#error);
  }

  readonly #onFrame = (frame: Uint8Array): void => {
    this.#given = true;
    this.#handler?.onFrame(frame);
  };

  #give(): void {
    const error = this.#inbox.give(this.#onFrame);
    if (this.#ending) return;
    if (error !== undefined) {
      this.messagesEnd();
      if (!this.#ending) this.#handler?.onBadBytes(error);
    } else if (!this.#inbox.isEmpty) {
      this.#socket.setReading(false);
      this.#goOnLater();
    }
  }

  #goOnLater(): void {
    if (this.#yielding) return;
    this.#yielding = true;
    this.#options.later(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#yielding = false;
    this.#inbox.nextTurn();
    if (this.#ending || !this.#reading) return;
    this.#give();
    this.messagesEnd();
    if (this.#ending || this.#yielding || !this.#inbox.isEmpty) return;
    if (this.#peerEnd !== undefined) this.#peerEnd();
    else if (this.#reading) this.#socket.setReading(true);
  };

  /** Ends this side. What the peer still sends is read and dropped, until its end comes. */
  #end(): void {
    this.#ending = true;
    this.#inbox.stop();
    if (this.#peerEnd !== undefined) return this.#options.later(this.#peerEnd);
    this.#socket.setReading(true);
    this.#socket.flush();
    this.#socket.close(this.#closeCode);
    this.#dropAfter(CLOSE_DEADLINE_MS, () => this.#unsentError(CloseCode.ABNORMAL));
  }

  #drop(error: QanatError | undefined): void {
    this.#error ??= error;
    this.#ending = true;
    this.#inbox.stop();
    if (this.#peerEnd !== undefined) this.#options.later(this.#peerEnd);
    else this.#socket.drop();
  }

  #unsentError(code: number): QanatError | undefined {
    const bytes = this.#socket.bufferedBytes;
    if (code !== CloseCode.ABNORMAL || bytes === 0) return undefined;
    return new QanatError('CONNECTION_LOST', `${this.remote} did not take the last ${bytes} bytes`);
  }

  #dropAfter(ms: number, reason: () => QanatError | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drop(reason()), ms);
  }
}
