/** Three pure synchronous functions that only the platform does fast. Given at construction; both sets in use pass one test. */
export interface Platform {
  /** CRC-32/ISO-HDLC of `bytes`, continuing from `seed` (0 to begin). */
  crc32(bytes: Uint8Array, seed: number): number;
  /** Raw deflate (RFC 1951). */
  deflateRaw(bytes: Uint8Array): Uint8Array;
  /** @throws any error when the bytes are not raw deflate or would inflate to more than `bytesMax`. */
  inflateRaw(bytes: Uint8Array, bytesMax: number): Uint8Array;
}
