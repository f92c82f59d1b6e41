import { FRAMES_PER_TURN_MAX, FrameSplitter, QanatError } from '@qanat/core';

/** Of messages that nobody reads, where the socket cannot be stopped: eight of the longest. */
export const UNREAD_BYTES_MAX = 33_554_432;
const LENGTH_FIELD_BYTES = 4;

/** Messages that came, and the frames in them: each holds one or more whole ones (spec, chapter of WebSocket). */
export class MessageInbox {
  readonly #splitter = new FrameSplitter();
  #waiting: (Uint8Array | QanatError)[] = [];
  #bytes = 0;
  #ended = false;

  constructor() {
    this.nextTurn();
  }

  /** No frame is left to be given. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && !this.#splitter.hasRest;
  }

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  /** @returns SLOW_READER when more waits than may. */
  push(message: Uint8Array | QanatError): QanatError | undefined {
    if (this.#ended) return undefined;
    this.#waiting.push(message);
    if (QanatError.is(message)) return undefined;
    this.#bytes += message.length;
    if (this.#bytes <= UNREAD_BYTES_MAX) return undefined;
    return new QanatError('SLOW_READER', `${this.#bytes} bytes came and were not read (UNREAD_BYTES_MAX)`);
  }

  /** Others had their turn. */
  nextTurn(): void {
    this.#splitter.framesLeft = FRAMES_PER_TURN_MAX;
  }

  /**
   * Gives the frames of what waits, as many as the turn has left.
   * @returns MALFORMED_FRAME or FRAME_TOO_LARGE when a message does not consist of frames: then nothing more is given.
   */
  give(onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    while (this.#splitter.framesLeft > 0) {
      const next = this.#splitter.hasRest ? this.#splitter.takeRest() : this.#next();
      if (next === undefined) return undefined;
      const error = QanatError.is(next) ? next : (this.#splitter.push(next, onFrame) ?? this.#errorBehind());
      if (error === undefined) continue;
      this.stop();
      return error;
    }
    return undefined;
  }

  /** No frame is given any more, also when called from `onFrame`. */
  stop(): void {
    this.#ended = true;
    this.#splitter.stop();
    this.#waiting = [];
    this.#bytes = 0;
  }

  #next(): Uint8Array | QanatError | undefined {
    const next = this.#waiting.shift();
    if (next === undefined || QanatError.is(next)) return next;
    this.#bytes -= next.length;
    if (next.length === 0) return new QanatError('MALFORMED_FRAME', 'a message holds no frame');
    const bytesMax = LENGTH_FIELD_BYTES + this.#splitter.frameBytesMax;
    if (next.length <= bytesMax) return next;
    return new QanatError('FRAME_TOO_LARGE', `a message of ${next.length} bytes; the limit in force is ${bytesMax}`);
  }

  #errorBehind(): QanatError | undefined {
    if (this.#splitter.pendingBytes === 0) return undefined;
    return new QanatError('MALFORMED_FRAME', 'a message ends inside a frame');
  }
}
