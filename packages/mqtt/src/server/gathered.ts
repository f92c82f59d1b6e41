const CAPACITY_MIN = 64;

/**
 * Bytes of a packet that is not whole yet. The memory doubles, so that a packet which comes byte by byte costs no more than twice
 * its length, and one that is only announced costs nothing.
 */
export class Gathered {
  #bytes: Buffer;
  #length: number;

  /** @param bytes copied. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(CAPACITY_MIN, bytes.length));
    this.#bytes.set(bytes);
    this.#length = bytes.length;
  }

  /** What was gathered. Not written again, but further bytes may be added behind it. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param bytes copied. */
  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }
}
