/**
 * A small generator (sfc32) whose seed is an argument: the same seed gives the same numbers. For jitter, instance ids and
 * start positions; never for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e37_79b9;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** 0 ≤ value < 1. */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** 0 ≤ value < bound. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 0xff);
  }

  /** Sixteen random bytes in hexadecimal. */
  id(): string {
    return Array.from(this.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}
