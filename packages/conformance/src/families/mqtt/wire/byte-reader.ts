/** What came is no packet of MQTT. The text says why, for people. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const CONTINUES = 0x80;
const VARINT_BYTES_MAX = 4;

/** A variable byte integer at a place. Undefined while it is not whole. @throws WireError for one of more than four bytes. */
export function varintAt(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value += (byte & ~CONTINUES) * 2 ** (7 * i);
    if ((byte & CONTINUES) === 0) return { value, end: at + i + 1 };
  }
  throw new WireError('a variable byte integer has more than four bytes (MQTT 5.0, 1.5.5)');
}

/** Reads fields of one packet, in order. Everything that it gives is a copy. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  uint16(): number {
    const [high = 0, low = 0] = this.take(2);
    return high * 256 + low;
  }

  uint32(): number {
    return this.uint16() * 65_536 + this.uint16();
  }

  varint(): number {
    const read = varintAt(this.#bytes, this.#at);
    if (read === undefined) throw new WireError('the packet ends within a variable byte integer');
    this.#at = read.end;
    return read.value;
  }

  binary(): Uint8Array {
    return this.take(this.uint16());
  }

  text(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.binary());
    } catch (error) {
      if (error instanceof WireError) throw error;
      throw new WireError('a string is no UTF-8 (MQTT 5.0, 1.5.4)');
    }
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new WireError(`the packet ends ${length - this.left} bytes too early`);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }
}
