import { readUtf8 } from './bytes.ts';

const VARINT_BYTES = 10;

/** Reads Protocol Buffers, a tag or a value at a time. @throws RangeError where the bytes are none. */
export class ProtobufReader {
  readonly bytes: Uint8Array;
  /** The place of the next byte. */
  pos = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The low 32 bits of a number, as Protocol Buffers has it. */
  uint32(): number {
    const first = this.bytes[this.pos] as number;
    if (first < 0x80) {
      this.pos++;
      return first;
    }
    let value = 0;
    for (let shift = 0; shift < 7 * VARINT_BYTES; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError(`a number of more than ${VARINT_BYTES} bytes`);
  }

  /** A number; one above 2^53−1 is not exact. */
  uint64(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new RangeError(`a number of more than ${VARINT_BYTES} bytes`);
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  /** @param length of what comes next; default: it stands before it. @returns where it ends. */
  end(length = this.uint32()): number {
    const end = this.pos + length;
    if (end > this.bytes.length) throw new RangeError('a length beyond the end');
    return end;
  }

  /** UTF-8 up to `end`; bytes that are none become U+FFFD. */
  text(end: number): string {
    const text = readUtf8(this.bytes, this.pos, end);
    this.pos = end;
    return text;
  }

  /** The field of a tag that nobody knows. */
  skip(tag: number): void {
    const wire = tag & 7;
    if (tag >>> 3 === 0) throw new RangeError(`the tag ${tag}`);
    if (wire === 0) this.uint64();
    else if (wire === 1) this.#skipBytes(8);
    else if (wire === 2) this.pos = this.end();
    else if (wire === 5) this.#skipBytes(4);
    else throw new RangeError(`the tag ${tag}`);
  }

  #skipBytes(count: number): void {
    this.pos += count;
    if (this.pos > this.bytes.length) throw early();
  }

  #byte(): number {
    if (this.pos >= this.bytes.length) throw early();
    return this.bytes[this.pos++] as number;
  }
}

const early = (): RangeError => new RangeError('the bytes end too early');
