import { FRAMES_PER_TURN_MAX, FrameSplitter, QanatError } from '@qanat/core';
import { CloseCode, type PeerEnd } from './close-codes.ts';
import { checkMessageEnd, checkMessageLength } from './message-rules.ts';
import type { MessageInbox } from './message-socket.ts';

/** Of messages that nobody reads: eight of the longest, rounded down. */
export const UNREAD_BYTES_MAX = 33_554_432;

/** The inbox of a socket that gives whole messages and cannot stop reading. */
export class WholeMessages implements MessageInbox {
  readonly #splitter = new FrameSplitter();
  #waiting: (Uint8Array | QanatError)[] = [];
  #bytes = 0;
  #stopped = false;
  #end: PeerEnd | undefined;
  /** The end that waits behind messages. */
  #endToCome: PeerEnd | undefined;

  constructor() {
    this.nextTurn();
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#splitter.hasRest && this.#endToCome === undefined;
  }

  get end(): PeerEnd | undefined {
    return this.#end;
  }

  get closeCode(): number {
    return CloseCode.NORMAL;
  }

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  /**
   * @param message its bytes, or what is wrong with it.
   * @returns SLOW_READER when more waits than may: the connection cannot go on.
   */
  push(message: Uint8Array | QanatError): QanatError | undefined {
    if (this.#stopped) return undefined;
    this.#waiting.push(message);
    if (QanatError.is(message)) return undefined;
    this.#bytes += message.length;
    if (this.#bytes <= UNREAD_BYTES_MAX) return undefined;
    return new QanatError('SLOW_READER', `${this.#bytes} bytes came and were not read (UNREAD_BYTES_MAX)`);
  }

  /** The peer has ended. */
  pushEnd(end: PeerEnd): void {
    this.#endToCome = end;
  }

  nextTurn(): void {
    this.#splitter.framesLeft = FRAMES_PER_TURN_MAX;
  }

  give(onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    while (this.#splitter.framesLeft > 0) {
      const next = this.#splitter.hasRest ? this.#splitter.takeRest() : this.#next();
      if (next === undefined) {
        this.#end ??= this.#endToCome;
        this.#endToCome = undefined;
        return undefined;
      }
      const error = QanatError.is(next) ? next : this.#cut(next, onFrame);
      if (error === undefined) continue;
      this.stop();
      return error;
    }
    return undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.#splitter.stop();
    this.#waiting = [];
    this.#bytes = 0;
  }

  #next(): Uint8Array | QanatError | undefined {
    const next = this.#waiting.shift();
    if (next === undefined || QanatError.is(next)) return next;
    this.#bytes -= next.length;
    return checkMessageLength(next.length, this.#splitter.frameBytesMax) ?? next;
  }

  #cut(message: Uint8Array, onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    return this.#splitter.push(message, onFrame) ?? checkMessageEnd(message.length, this.#splitter.pendingBytes);
  }
}
