import { malformed } from './mqtt-error.ts';
import { readText } from './text.ts';

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** Bytes of a packet as an array of their own view, without copy; a plain one also where the packet lies in a `Buffer`. */
export const slice = (bytes: Uint8Array, from: number, to: number): Uint8Array =>
  from === to ? EMPTY : new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from);

/** Reads the fields of one packet in their order and never past its end. @throws MqttError 0x81 where a field is cut. */
export class PacketReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  byte(): number {
    return this.bytes[this.#take(1)] as number;
  }

  uint16(): number {
    const at = this.#take(2);
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  uint32(): number {
    const high = this.uint16();
    return high * 0x1_0000 + this.uint16();
  }

  /** A variable byte integer, in as few bytes as it can have [MQTT-1.5.5-1]. */
  variable(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if (byte === 0 && shift > 0) throw malformed('a variable byte integer has more bytes than it needs');
      return value;
    }
    throw malformed('a variable byte integer has more than four bytes');
  }

  /** Borrowed from the packet. */
  binary(): Uint8Array {
    const length = this.uint16();
    const at = this.#take(length);
    return slice(this.bytes, at, at + length);
  }

  text(): string {
    const length = this.uint16();
    const at = this.#take(length);
    return readText(this.bytes, at, at + length);
  }

  /** The next `length` bytes alone. */
  part(length: number): PacketReader {
    const at = this.#take(length);
    return new PacketReader(this.bytes, at, at + length);
  }

  /** @throws MqttError 0x81 where bytes are left that belong to no field. */
  finish(): void {
    if (this.at !== this.end) throw malformed(`${this.left} bytes follow the last field`);
  }

  /** @returns where the bytes begin. */
  #take(length: number): number {
    const from = this.at;
    if (length > this.end - from) throw malformed('the packet ends within a field');
    this.at = from + length;
    return from;
  }
}
