import { readUint16, readUint32 } from '@qanat/core';

// How WebSocket puts messages on the wire (RFC 6455, section 5.2). Its parts are called frames there; here they are pieces, since
// frames are those of Qanat.

export const Opcode = { CONTINUATION: 0x0, TEXT: 0x1, BINARY: 0x2, CLOSE: 0x8, PING: 0x9, PONG: 0xa } as const;

/** Bits of the first byte. */
export const FINAL_BIT = 0x80;
export const RESERVED_BITS = 0x70;
export const OPCODE_BITS = 0x0f;
/** Bits of the second byte. */
export const MASKED_BIT = 0x80;
export const LENGTH_BITS = 0x7f;

/** Of the payload of a control piece. */
export const CONTROL_BYTES_MAX = 125;
/** Lengths from here on stand in two bytes, or in eight. */
const SHORT_LENGTH_MAX = 125;
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;
const UINT16_MAX = 0xffff;

export const MASK_BYTES = 4;
/** Two bytes, the longest length, the mask. */
export const HEADER_BYTES_MAX: number = 2 + 8 + MASK_BYTES;

/** How long the header is that begins with these two bytes, with its mask. */
export function headerLength(second: number): number {
  const length = second & LENGTH_BITS;
  const more = length === TWO_BYTES ? 2 : length === EIGHT_BYTES ? 8 : 0;
  return 2 + more + ((second & MASKED_BIT) === 0 ? 0 : MASK_BYTES);
}

/** The payload's length in a whole header; Infinity for one that no machine has. */
export function payloadLength(header: Uint8Array, at: number): number {
  const length = (header[at + 1] as number) & LENGTH_BITS;
  if (length === TWO_BYTES) return readUint16(header, at + 2);
  if (length !== EIGHT_BYTES) return length;
  return readUint32(header, at + 2) === 0 ? readUint32(header, at + 6) : Number.POSITIVE_INFINITY;
}

/**
 * Writes the header of a final piece so that it ends at `end`.
 * @param mask four bytes, or undefined for none. @returns where it begins.
 */
export function writeHeader(
  bytes: Uint8Array,
  end: number,
  opcode: number,
  length: number,
  mask: Uint8Array | undefined,
): number {
  const more = length <= SHORT_LENGTH_MAX ? 0 : length <= UINT16_MAX ? 2 : 8;
  const at = end - (mask === undefined ? 0 : MASK_BYTES) - more - 2;
  bytes[at] = FINAL_BIT | opcode;
  bytes[at + 1] = (mask === undefined ? 0 : MASKED_BIT) | (more === 0 ? length : more === 2 ? TWO_BYTES : EIGHT_BYTES);
  for (let i = 0; i < more; i++) bytes[at + 1 + more - i] = Math.floor(length / 2 ** (8 * i)) % 256;
  if (mask !== undefined) bytes.set(mask, end - MASK_BYTES);
  return at;
}
