import { type BegunFrames, FRAMES_PER_TURN_MAX, FrameSplitter, QanatError, readUint16 } from '@qanat/core';
import { CloseCode, mayBeSent, type PeerEnd } from './close-codes.ts';
import { applyMask } from './masking.ts';
import { checkMessageEnd, checkMessageLength, textRefused } from './message-rules.ts';
import type { MessageInbox } from './message-socket.ts';
import { UncutPayloads } from './uncut-payloads.ts';
import {
  CONTROL_BYTES_MAX,
  FINAL_BIT,
  HEADER_BYTES_MAX,
  headerLength,
  MASK_BYTES,
  MASKED_BIT,
  OPCODE_BITS,
  Opcode,
  payloadLength,
  RESERVED_BITS,
} from './wire-format.ts';

/** Pieces of one message. A browser cuts the longest into about a hundred. */
export const MESSAGE_PIECES_MAX = 1_024;

const NO_BYTES = new Uint8Array(0);

export interface MessageReaderOptions {
  /** Whether the peer masks, as clients do and servers do not. */
  readonly masked: boolean;
  /** What accepted connections share; undefined for a dialled one. */
  readonly begun?: BegunFrames | undefined;
  /** What is in the messages is a stream of bytes, which is given as it comes, instead of frames. Default false. */
  readonly uncut?: boolean | undefined;
  onPing(payload: Uint8Array): void;
  /** A begun frame is dropped, since others need its memory. */
  onGivenUp(error: QanatError): void;
}

/**
 * Reads messages from the bytes of a WebSocket (RFC 6455, section 5) and cuts them into frames. Payloads go through the same
 * splitter as the bytes of TCP, so nothing of a message is kept but a frame in it that is not whole: memory grows with what has
 * come, and pieces cost none. Where the payloads are a stream of bytes nothing of them is kept at all.
 */
export class MessageReader implements MessageInbox {
  readonly #options: MessageReaderOptions;
  readonly #splitter: FrameSplitter | UncutPayloads;
  #closeCode: number = CloseCode.NORMAL;
  #chunk: Uint8Array = NO_BYTES;
  #at = 0;
  /** The chunk, where its memory is its own. */
  #kept: Uint8Array = NO_BYTES;
  /** A header that has begun, and how much of it there is. */
  #header: Uint8Array | undefined;
  #headerHave = 0;
  /** Of the present piece. */
  #opcode = 0;
  #final = true;
  #left = 0;
  #phase = 0;
  readonly #mask = new Uint8Array(MASK_BYTES);
  /** The payload of a control piece. */
  #control: Uint8Array = NO_BYTES;
  /** Of the present message: whether one has begun, its bytes and pieces, and whether it has just ended. */
  #begun = false;
  #messageBytes = 0;
  #pieces = 0;
  #messageEnded = false;
  /** Frames are dropped; only the peer's end is waited for. */
  #stopped = false;
  /** Nothing is read any more. */
  #done = false;
  #end: PeerEnd | undefined;
  /** The stream has ended without a close message; what came before may wait. */
  #cutOff = false;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
    this.#splitter =
      options.uncut === true ? new UncutPayloads() : new FrameSplitter(options.begun, (error) => options.onGivenUp(error));
    this.nextTurn();
  }

  get isEmpty(): boolean {
    return this.#isRead && (!this.#cutOff || this.#end !== undefined);
  }

  get end(): PeerEnd | undefined {
    return this.#end;
  }

  /** Nothing that comes is read any more: the peer has ended, or its bytes are refused. */
  get isDone(): boolean {
    return this.#done;
  }

  get closeCode(): number {
    return this.#closeCode;
  }

  setFrameBytesMax(bytes: number): void {
    this.#splitter.frameBytesMax = bytes;
  }

  nextTurn(): void {
    this.#splitter.framesLeft = this.#stopped ? Number.POSITIVE_INFINITY : FRAMES_PER_TURN_MAX;
  }

  stop(): void {
    this.#stopped = true;
    this.#splitter.stop();
    this.nextTurn();
  }

  /** Takes bytes of the stream. Masked ones are unmasked where they are; they hold until `keep`. */
  push(chunk: Uint8Array): void {
    if (this.#done) return;
    const rest = this.#chunk.length - this.#at;
    if (rest === 0) this.#chunk = chunk;
    else {
      const joined = new Uint8Array(rest + chunk.length);
      joined.set(this.#chunk.subarray(this.#at));
      joined.set(chunk, rest);
      this.#chunk = joined;
    }
    this.#at = 0;
  }

  /** The memory of the chunk will be used again: what was not given moves to memory of its own. */
  keep(): void {
    if (this.#isRead || this.#chunk === this.#kept) return;
    this.#kept = this.#chunk.slice(this.#at);
    this.#chunk = this.#kept;
    this.#at = 0;
  }

  /** The stream has ended. */
  cutOff(): void {
    this.#cutOff = true;
  }

  give(onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    while (!this.#isRead) {
      if (this.#splitter.framesLeft <= 0) return undefined;
      const error = this.#step(onFrame);
      if (error === undefined) continue;
      this.stop();
      return error;
    }
    this.#forget();
    if (this.#cutOff && this.#end === undefined) this.#finish({ code: CloseCode.ABNORMAL, reason: '' });
    return undefined;
  }

  get #isRead(): boolean {
    return this.#at === this.#chunk.length && !this.#splitter.hasRest && !this.#messageEnded;
  }

  #step(onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    if (this.#splitter.hasRest) return this.#splitter.push(this.#splitter.takeRest(), onFrame);
    if (this.#messageEnded) return this.#endMessage();
    if (this.#left > 0) return this.#takePayload(onFrame);
    return this.#takeHeader();
  }

  #forget(): void {
    this.#chunk = NO_BYTES;
    this.#kept = NO_BYTES;
    this.#at = 0;
  }

  #finish(end?: PeerEnd): void {
    this.#done = true;
    this.#end = end;
    this.#forget();
  }

  #takeHeader(): QanatError | undefined {
    const chunk = this.#chunk;
    const have = this.#headerHave;
    const second = have > 1 ? this.#header?.[1] : chunk[this.#at + 1 - have];
    const need = second === undefined ? 2 : headerLength(second);
    if (have === 0 && chunk.length - this.#at >= need && second !== undefined) {
      this.#at += need;
      return this.#beginPiece(chunk, this.#at - need, need);
    }
    this.#header ??= new Uint8Array(HEADER_BYTES_MAX);
    const end = Math.min(chunk.length, this.#at + need - have);
    this.#header.set(chunk.subarray(this.#at, end), have);
    this.#headerHave = have + end - this.#at;
    this.#at = end;
    if (second === undefined || this.#headerHave < need) return undefined;
    this.#headerHave = 0;
    return this.#beginPiece(this.#header, 0, need);
  }

  #beginPiece(header: Uint8Array, at: number, length: number): QanatError | undefined {
    const first = header[at] as number;
    const masked = ((header[at + 1] as number) & MASKED_BIT) !== 0;
    if ((first & RESERVED_BITS) !== 0) return this.#broken('a reserved bit is set: no extension, no compression was agreed upon');
    if (masked !== this.#options.masked) return this.#broken(masked ? 'a server masks nothing' : 'a client masks everything');
    if (masked) this.#mask.set(header.subarray(at + length - MASK_BYTES, at + length));
    this.#opcode = first & OPCODE_BITS;
    this.#final = (first & FINAL_BIT) !== 0;
    this.#left = payloadLength(header, at);
    this.#phase = 0;
    const error = this.#opcode >= Opcode.CLOSE ? this.#beginControl() : this.#beginData();
    return error ?? (this.#left === 0 ? this.#endPiece() : undefined);
  }

  #beginControl(): QanatError | undefined {
    if (this.#opcode > Opcode.PONG) return this.#broken(`the operation ${this.#opcode} is not known`);
    if (!this.#final || this.#left > CONTROL_BYTES_MAX)
      return this.#broken(`a control message is in one piece of at most ${CONTROL_BYTES_MAX} bytes`);
    // It costs a turn as a frame does: who sends nothing else shall not keep others from theirs.
    this.#splitter.framesLeft--;
    this.#control = this.#left === 0 ? NO_BYTES : new Uint8Array(this.#left);
    return undefined;
  }

  #beginData(): QanatError | undefined {
    if (this.#opcode === Opcode.TEXT) return this.#broken(textRefused(), CloseCode.UNSUPPORTED_DATA);
    if (this.#opcode > Opcode.BINARY) return this.#broken(`the operation ${this.#opcode} is not known`);
    if ((this.#opcode === Opcode.CONTINUATION) !== this.#begun) {
      return this.#broken(this.#begun ? 'a message begins inside another' : 'a piece goes on with no message');
    }
    if (!this.#begun) this.#messageBytes = this.#pieces = 0;
    if (++this.#pieces > MESSAGE_PIECES_MAX) {
      const why = `a message in more than ${MESSAGE_PIECES_MAX} pieces (MESSAGE_PIECES_MAX)`;
      return this.#broken(new QanatError('MALFORMED_FRAME', why), CloseCode.POLICY_VIOLATION);
    }
    if (this.#pieces > 1 || this.#left === 0) this.#splitter.framesLeft--;
    this.#begun = !this.#final;
    this.#messageBytes += this.#left;
    return this.#stopped ? undefined : checkMessageLength(this.#messageBytes, this.#splitter.frameBytesMax);
  }

  #takePayload(onFrame: (frame: Uint8Array) => void): QanatError | undefined {
    const end = Math.min(this.#chunk.length, this.#at + this.#left);
    const bytes = this.#chunk.subarray(this.#at, end);
    if (this.#options.masked) applyMask(bytes, this.#mask, this.#phase);
    this.#at = end;
    const control = this.#opcode >= Opcode.CLOSE;
    if (control) this.#control.set(bytes, this.#phase);
    this.#phase += bytes.length;
    this.#left -= bytes.length;
    const error = control ? undefined : this.#splitter.push(bytes, onFrame);
    return error ?? (this.#left === 0 ? this.#endPiece() : undefined);
  }

  #endPiece(): QanatError | undefined {
    if (this.#opcode < Opcode.CLOSE) this.#messageEnded = this.#final;
    else if (this.#opcode === Opcode.PING) this.#options.onPing(this.#control);
    else if (this.#opcode === Opcode.CLOSE) return this.#takeClose(this.#control);
    return undefined;
  }

  #endMessage(): QanatError | undefined {
    this.#messageEnded = false;
    if (this.#stopped || this.#options.uncut === true) return undefined;
    return checkMessageEnd(this.#messageBytes, this.#splitter.pendingBytes);
  }

  #takeClose(payload: Uint8Array): QanatError | undefined {
    if (payload.length === 1) return this.#broken('a close message has no code or one of two bytes');
    const code = payload.length === 0 ? CloseCode.NO_CODE : readUint16(payload, 0);
    if (payload.length > 0 && !mayBeSent(code)) return this.#broken(`nobody may send the close code ${code}`);
    this.#finish({ code, reason: new TextDecoder().decode(payload.subarray(2)) });
    return undefined;
  }

  /** These bytes are no WebSocket, or none of ours: the close code says so too. */
  #broken(what: string | QanatError, code: number = CloseCode.PROTOCOL_ERROR): QanatError {
    this.#closeCode = code;
    this.#finish();
    return QanatError.is(what) ? what : new QanatError('MALFORMED_FRAME', `broken WebSocket: ${what}`);
  }
}
