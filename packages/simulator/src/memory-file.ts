import type { Random } from '@qanat/core';

const CAPACITY_MIN = 256;
/** A device writes so many bytes at once, or a part of them when the power goes. */
const SECTOR_BYTES = 512;
/** Durable sizes that are remembered. */
const SIZES_KEPT = 8;

/** The bytes of one file: what was written, and how much of it survives a power cut. */
export class MemoryFile {
  #bytes: Uint8Array;
  #size: number;
  #durableSize: number;
  /** Before each of the last syncs that made it longer, the oldest first. */
  #durableSizes: number[] = [];
  /** Written, and taken for synced, but not on the device: what a failed sync leaves. */
  #lost: { readonly from: number; readonly to: number }[] = [];

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

  /** How much was durable before the last `syncs` syncs that had something to write, at most eight. */
  durableSizeBefore(syncs: number): number {
    return syncs === 0 ? this.#durableSize : (this.#durableSizes.at(-syncs) ?? 0);
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
    this.#setDurable(Math.max(this.#durableSize, Math.min(size, this.#size)));
  }

  /** A sync failed: the bytes that it should have written can be read, but nothing will write them any more. */
  loseUnsynced(): void {
    if (this.#size > this.#durableSize) this.#lost.push({ from: this.#durableSize, to: this.#size });
    this.#setDurable(this.#size);
  }

  truncate(size: number): void {
    this.#size = size;
    this.#durableSize = Math.min(this.#durableSize, size);
    this.#durableSizes = this.#durableSizes.map((durable) => Math.min(durable, size));
    this.#lost = this.#lost.flatMap(({ from, to }) => (from < size ? [{ from, to: Math.min(to, size) }] : []));
  }

  /** Turns one bit. */
  rot(position: number, bit: number): void {
    this.#bytes[position] = (this.#bytes[position] ?? 0) ^ (1 << bit);
  }

  /**
   * What is left of it after a power cut. Without `random` exactly what is durable; with it also some of the rest: every sector
   * since the last sync is old (zeros), new or torn, and the size is old, new or in between.
   */
  survivor(random?: Random): MemoryFile {
    const durable = this.#lost.length === 0 ? this.#durableSize : (this.#lost[0]?.from as number);
    if (random === undefined || (this.#lost.length === 0 && this.#size === this.#durableSize)) {
      if (this.#lost.length === 0) return new MemoryFile(this.#bytes.subarray(0, this.#durableSize));
    }
    const size = random === undefined ? this.#durableSize : sizeAfterCut(random, durable, this.#durableSize, this.#size);
    const image = this.#bytes.slice(0, size);
    if (random === undefined) {
      for (const { from, to } of this.#lost) image.fill(0, from, to);
      return new MemoryFile(image);
    }
    // A cut that loses everything and one that loses little are both worth seeing.
    const newShare = random.fraction();
    for (const { from, to } of [...this.#lost, { from: this.#durableSize, to: size }])
      tear(image, from, Math.min(to, size), newShare, random);
    return new MemoryFile(image);
  }

  #setDurable(size: number): void {
    if (size <= this.#durableSize) return;
    this.#durableSizes.push(this.#durableSize);
    if (this.#durableSizes.length > SIZES_KEPT) this.#durableSizes.shift();
    this.#durableSize = size;
  }
}

/** A size that the journal of a file system may have kept: nothing below the durable one, but where a failed sync lied. */
function sizeAfterCut(random: Random, durable: number, taken: number, size: number): number {
  const least = durable < taken ? (random.fraction() < 0.5 ? durable : taken) : durable;
  const drawn = random.below(4);
  if (drawn === 0) return least;
  if (drawn === 1) return size;
  return least + random.below(size - least + 1);
}

function tear(image: Uint8Array, from: number, to: number, newShare: number, random: Random): void {
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (random.fraction() >= newShare) {
      const torn = random.below(3) === 0 ? at + random.below(end - at) : undefined;
      if (torn === undefined) image.fill(0, at, end);
      else if (random.fraction() < 0.5) image.fill(0, torn, end);
      else image.fill(0, at, torn);
    }
    at = end;
  }
}
