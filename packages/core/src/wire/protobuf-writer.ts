import { utf8Length, varintLength, writeUtf8, writeVarint } from './bytes.ts';

const FIRST_BYTES = 256;
const KEPT_BYTES = 65_536;
const VARINT_BYTES = 10;

/**
 * Writes Protocol Buffers: tags and values as they come. One writer makes one message after the other; each is copied out of
 * its memory, which is used again.
 */
export class ProtobufWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #at = 0;
  /** Where the contents of the messages begin that are being written into others. */
  readonly #begun: number[] = [];

  /** A tag or a value of 0 … 2^32−1. */
  uint32(value: number): this {
    this.#reserve(VARINT_BYTES);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
    return this;
  }

  /** @param value of 0 … 2^53−1. */
  uint64(value: number): this {
    if (value <= 0xffff_ffff) return this.uint32(value);
    this.#reserve(VARINT_BYTES);
    this.#at = writeVarint(this.#bytes, this.#at, value);
    return this;
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  /** UTF-8 with its length before it. */
  string(text: string): this {
    const length = utf8Length(text);
    this.#length(length);
    writeUtf8(this.#bytes, this.#at, text);
    this.#at += length;
    return this;
  }

  /** Bytes with their length before them. */
  bytes(bytes: Uint8Array): this {
    this.#length(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** Begins a message inside of this one, or a packed list. */
  fork(): this {
    this.#reserve(1);
    this.#at++; // most lengths take one byte
    this.#begun.push(this.#at);
    return this;
  }

  /** Ends what `fork` has begun: its length goes before it. */
  ldelim(): this {
    const begin = this.#begun.pop() as number;
    const length = this.#at - begin;
    if (length < 0x80) this.#bytes[begin - 1] = length;
    else this.#moveBehindLength(begin, length);
    return this;
  }

  /** What was written since the last `restart`. The caller owns the bytes. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** Forgets what was written; a message that could not be written to its end is forgotten so too. */
  restart(): this {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(FIRST_BYTES);
    this.#at = 0;
    this.#begun.length = 0;
    return this;
  }

  #moveBehindLength(begin: number, length: number): void {
    const more = varintLength(length) - 1;
    this.#reserve(more);
    this.#bytes.copyWithin(begin + more, begin, this.#at);
    this.#at += more;
    writeVarint(this.#bytes, begin - 1, length);
  }

  #length(length: number): void {
    this.uint32(length);
    this.#reserve(length);
  }

  #reserve(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}
