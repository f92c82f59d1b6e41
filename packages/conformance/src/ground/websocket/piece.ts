// How WebSocket puts messages on the wire (RFC 6455, section 5.2), written from the RFC and for this kit alone: what it sends and
// reads must not share a mistake with an implementation that it judges. What the RFC calls a frame is a piece here.

import { LIMITS } from '@qanat/core';

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** Opcodes from here on are those of control messages, which may stand between the pieces of another one. */
export const CONTROL_FROM = 8;

const FINAL = 0x80;
const MASKED = 0x80;
const IN_TWO_BYTES = 126;
const IN_EIGHT_BYTES = 127;
const MASK_BYTES = 4;

/** A piece to be sent; everything can be wrong. */
export interface PieceToSend {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default: yes. */
  readonly final?: boolean;
  /** Bits 4 to 6 of the first byte, as 1 to 7; the highest one says that it is compressed. Default 0. */
  readonly reserved?: number;
  /** The length that it claims, instead of its true one. */
  readonly claims?: bigint;
}

/** A piece that came. */
export interface Piece {
  readonly opcode: number;
  readonly final: boolean;
  readonly reserved: number;
  readonly masked: boolean;
  readonly payload: Uint8Array;
}

/** @param mask four bytes, as a client has to use; undefined for none, as of a server. */
export function encodePiece({ opcode, payload, final = true, reserved = 0, claims }: PieceToSend, mask?: Uint8Array): Uint8Array {
  const length = claims ?? BigInt(payload.length);
  const field = length < 126n ? 0 : length < 65_536n ? 2 : 8;
  const head = new DataView(new ArrayBuffer(2 + field));
  head.setUint8(0, (final ? FINAL : 0) | (reserved << 4) | opcode);
  const first = field === 0 ? Number(length) : field === 2 ? IN_TWO_BYTES : IN_EIGHT_BYTES;
  head.setUint8(1, (mask === undefined ? 0 : MASKED) | first);
  if (field === 2) head.setUint16(2, Number(length));
  if (field === 8) head.setBigUint64(2, length);
  const masked = mask === undefined ? payload : maskedBy(payload, mask);
  return new Uint8Array(Buffer.concat([new Uint8Array(head.buffer), mask ?? new Uint8Array(0), masked]));
}

/** Masks, and takes a mask off again. */
const maskedBy = (bytes: Uint8Array, mask: Uint8Array): Uint8Array =>
  bytes.map((byte, i) => byte ^ (mask[i % MASK_BYTES] as number));

/** More than any message of the protocol needs: what claims to be longer is not waited for. */
const PIECE_BYTES_MAX = 2 * LIMITS.FRAME_BYTES_MAX;

/** Reads pieces off a stream; each is given when it is whole. */
export class PieceReader {
  #rest: Uint8Array = new Uint8Array(0);

  /** @throws RangeError for a piece that claims to be longer than anybody may send. */
  push(bytes: Uint8Array): readonly Piece[] {
    this.#rest = this.#rest.length === 0 ? bytes : new Uint8Array(Buffer.concat([this.#rest, bytes]));
    const pieces: Piece[] = [];
    for (let piece = this.#take(); piece !== undefined; piece = this.#take()) pieces.push(piece);
    return pieces;
  }

  #take(): Piece | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const [one, two] = rest as unknown as [number, number];
    const short = two & 0x7f;
    const field = short === IN_TWO_BYTES ? 2 : short === IN_EIGHT_BYTES ? 8 : 0;
    const masked = (two & MASKED) !== 0;
    const payloadAt = 2 + field + (masked ? MASK_BYTES : 0);
    if (rest.length < payloadAt) return undefined;
    const view = new DataView(rest.buffer, rest.byteOffset);
    const length = field === 2 ? view.getUint16(2) : field === 8 ? Number(view.getBigUint64(2)) : short;
    if (length > PIECE_BYTES_MAX) throw new RangeError(`a piece of ${length} bytes`);
    if (rest.length < payloadAt + length) return undefined;
    const raw = rest.subarray(payloadAt, payloadAt + length);
    const payload = masked ? maskedBy(raw, rest.subarray(payloadAt - MASK_BYTES, payloadAt)) : raw.slice();
    this.#rest = rest.subarray(payloadAt + length);
    return { opcode: one & 0x0f, final: (one & FINAL) !== 0, reserved: (one >> 4) & 0x07, masked, payload };
  }
}
