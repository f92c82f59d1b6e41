const CAPACITY_MIN = 256;

/** The bytes of one file: what was written, and how much of it survives a power cut. */
export class MemoryFile {
  #bytes: Uint8Array;
  #size: number;
  #durableSize: number;

  /** A file whose content is durable. */
  constructor(content: Uint8Array = new Uint8Array(0)) {
    this.#bytes = content.slice();
    this.#size = content.length;
    this.#durableSize = content.length;
  }

  get size(): number {
    return this.#size;
  }

  get durableSize(): number {
    return this.#durableSize;
  }

  append(parts: readonly Uint8Array[]): void {
    let size = this.#size;
    for (const part of parts) size += part.length;
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length, CAPACITY_MIN));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    for (const part of parts) {
      this.#bytes.set(part, this.#size);
      this.#size += part.length;
    }
  }

  /** A copy; fewer bytes at the end. */
  read(position: number, length: number): Uint8Array {
    return this.#bytes.slice(position, Math.max(position, Math.min(this.#size, position + length)));
  }

  /** The first `size` bytes are durable now, but for those that were cut off meanwhile. */
  sync(size: number): void {
    this.#durableSize = Math.max(this.#durableSize, Math.min(size, this.#size));
  }

  truncate(size: number): void {
    this.#size = size;
    this.#durableSize = Math.min(this.#durableSize, size);
  }

  /** What is left of it after a power cut. */
  survivor(): MemoryFile {
    return new MemoryFile(this.#bytes.subarray(0, this.#durableSize));
  }
}
