import { LIMITS } from '@qanat/core';
import { OPCODES, type PieceToSend } from './piece.ts';

const LENGTH_BYTES = 4;
/** A receiver may refuse a message in more than 1024 pieces (QNT-WSK-014): from here on bytes wait for the end of their frame. */
const PIECES_MAX = 1_000;

/** A frame, or some of one. */
interface Segment {
  readonly bytes: Uint8Array;
  /** A frame begins with it, and ends with it. */
  readonly begins: boolean;
  readonly ends: boolean;
}

/**
 * Lays a stream of frames into messages, however the stream is cut: whole frames share one as far as they may (QNT-WSK-009), and
 * what ends inside of a frame is a piece of a message that goes on.
 */
export class MessageCutter {
  /** The length field of the present frame, as far as it has come. */
  #lengthField: number[] = [];
  /** Bytes of the present frame behind its length field that are still to come. */
  #missing = 0;
  /** Pieces of a message that has begun. */
  #pieces = 0;
  /** Bytes of it that wait, since it has too many pieces already. */
  #waiting: Uint8Array[] = [];

  /** @returns the pieces to send for these bytes. */
  push(bytes: Uint8Array): readonly PieceToSend[] {
    const pieces: PieceToSend[] = [];
    let whole: Uint8Array[] = [];
    const seal = (): void => {
      if (whole.length > 0) pieces.push({ opcode: OPCODES.binary, payload: joined(whole) });
      whole = [];
    };
    for (const segment of this.#segments(bytes)) {
      const isWhole = segment.begins && segment.ends;
      if (!isWhole || lengthOf(whole) + segment.bytes.length > LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX) seal();
      if (isWhole) whole.push(segment.bytes);
      else pieces.push(...this.#part(segment));
    }
    seal();
    return pieces;
  }

  /** A piece of the message that holds one frame, cut. */
  #part({ bytes, ends }: Segment): readonly PieceToSend[] {
    if (!ends && this.#pieces >= PIECES_MAX) {
      this.#waiting.push(bytes);
      return [];
    }
    const opcode = this.#pieces === 0 ? OPCODES.binary : OPCODES.continuation;
    const payload = joined([...this.#waiting.splice(0), bytes]);
    this.#pieces = ends ? 0 : this.#pieces + 1;
    return [{ opcode, payload, final: ends }];
  }

  #segments(bytes: Uint8Array): readonly Segment[] {
    const segments: Segment[] = [];
    for (let at = 0; at < bytes.length; ) {
      const begins = this.#lengthField.length === 0;
      const end = this.#endOfFrame(bytes, at);
      segments.push({ bytes: bytes.slice(at, end), begins, ends: this.#lengthField.length === 0 });
      at = end;
    }
    return segments;
  }

  /** Where the present frame, or what there is of it, ends. */
  #endOfFrame(bytes: Uint8Array, from: number): number {
    let at = from;
    for (; this.#lengthField.length < LENGTH_BYTES && at < bytes.length; at++) {
      this.#lengthField.push(bytes[at] as number);
      if (this.#lengthField.length === LENGTH_BYTES) this.#missing = Buffer.from(this.#lengthField).readUInt32BE();
    }
    const taken = Math.min(this.#missing, bytes.length - at);
    this.#missing -= taken;
    if (this.#lengthField.length === LENGTH_BYTES && this.#missing === 0) this.#lengthField = [];
    return at + taken;
  }
}

const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  parts.length === 1 ? (parts[0] as Uint8Array) : new Uint8Array(Buffer.concat(parts));

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);
