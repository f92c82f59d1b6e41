import type { PrefixCode } from './prefix-code.ts';

/**
 * Reads bytes bit by bit, the lowest bit of each byte first (RFC 1951, 3.1.1).
 * @throws RangeError where the bytes end too early.
 */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A number of so many bits, 16 at most. */
  number(bits: number): number {
    this.#fill(bits);
    const value = this.#held & ((1 << bits) - 1);
    this.#drop(bits);
    return value;
  }

  symbol(code: PrefixCode): number {
    this.#fill(code.bits);
    const entry = code.table[this.#held & (code.table.length - 1)] as number;
    if (entry === 0) throw new RangeError('bits that are no code');
    this.#drop(entry & 15);
    return entry >>> 4;
  }

  /** Whole bytes, after the rest of the byte that was begun. */
  bytes(length: number): Uint8Array {
    // What is held beyond that rest are whole bytes that were read too early.
    this.#at -= this.#heldBits >>> 3;
    this.#held = 0;
    this.#heldBits = 0;
    const end = this.#at + length;
    if (end > this.#bytes.length) throw early();
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** Near the end there may be fewer: what is missing counts as 0 until it is dropped. */
  #fill(bits: number): void {
    while (this.#heldBits < bits && this.#at < this.#bytes.length) {
      this.#held |= (this.#bytes[this.#at++] as number) << this.#heldBits;
      this.#heldBits += 8;
    }
  }

  #drop(bits: number): void {
    if (bits > this.#heldBits) throw early();
    this.#held >>>= bits;
    this.#heldBits -= bits;
  }
}

const early = (): RangeError => new RangeError('the bytes end too early');
