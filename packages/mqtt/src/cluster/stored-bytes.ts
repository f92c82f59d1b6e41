import { QanatError, readUtf8, utf8, varintLength, writeVarint } from '@qanat/core';

/** Writes what a bridge stores: numbers, texts and bytes, one behind the other. */
export class StoredWriter {
  #bytes = new Uint8Array(256);
  #at = 0;

  /** @param format first byte of everything that is stored: readers refuse others. */
  constructor(format: number) {
    this.byte(format);
  }

  byte(value: number): this {
    this.#room(1);
    this.#bytes[this.#at++] = value;
    return this;
  }

  /** A whole number from 0 to 2^53−1. */
  number(value: number): this {
    this.#room(varintLength(value));
    this.#at = writeVarint(this.#bytes, this.#at, value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.number(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(utf8(value));
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.number(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** A value that may be absent. */
  maybe<Value>(value: Value | undefined, write: (value: Value) => void): this {
    this.byte(value === undefined ? 0 : 1);
    if (value !== undefined) write(value);
    return this;
  }

  /** @returns what was written, in memory of its own. */
  end(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

const cut = (): QanatError => new QanatError('CORRUPT_LOG', 'an entry of a bridge ends too early');

/** Reads what StoredWriter wrote. Every method throws QanatError CORRUPT_LOG where the bytes end too early. */
export class StoredReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @throws QanatError CORRUPT_LOG: of another format, as a later bridge may have written it. */
  constructor(bytes: Uint8Array, format: number) {
    this.#bytes = bytes;
    const found = this.byte();
    if (found !== format) throw new QanatError('CORRUPT_LOG', `an entry of a bridge has format ${found}, not ${format}`);
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw cut();
    return value;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw cut();
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.number();
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw cut();
    return this.#bytes.subarray(from, this.#at);
  }

  text(): string {
    const bytes = this.bytes();
    return readUtf8(bytes, 0, bytes.length);
  }

  list<Item>(read: () => Item): Item[] {
    const count = this.number();
    // Every item has a byte at least: a wrong count asks for no memory.
    if (count > this.#bytes.length) throw cut();
    return Array.from({ length: count }, read);
  }

  maybe<Value>(read: () => Value): Value | undefined {
    return this.byte() === 0 ? undefined : read();
  }
}
