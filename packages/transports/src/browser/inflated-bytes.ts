const FIRST_BYTES = 4_096;

/** What was inflated so far, in memory that grows with it, to `bytesMax` at most. @throws RangeError beyond it. */
export class InflatedBytes {
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(bytesMax, FIRST_BYTES));
  }

  get whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  push(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Repeats what lies `distance` bytes back; it may overlap what it makes. */
  repeat(length: number, distance: number): void {
    if (distance > this.#length) throw new RangeError('a distance to before the beginning');
    this.#grow(length);
    const bytes = this.#bytes;
    const end = this.#length + length;
    for (let at = this.#length; at < end; at++) bytes[at] = bytes[at - distance] as number;
    this.#length = end;
  }

  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#bytesMax) throw new RangeError(`more than ${this.#bytesMax} bytes`);
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, 2 * this.#bytes.length)));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
