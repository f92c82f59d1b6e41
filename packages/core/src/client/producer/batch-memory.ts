/** Memory is kept in powers of two from here on; shorter batches cost less to make than to keep. */
const SHORTEST_BYTES = 16_384;
/** What is kept at most, over all lengths: 32 batches of 128 KiB. */
const KEPT_BYTES_MAX = 4_194_304;

/**
 * Memory of a producer's batches that nobody needs any more, for the next ones: 64 MiB of fresh arrays make V8 mark its whole
 * heap, whatever else they cost.
 */
export class BatchMemory {
  /** By the logarithm of the length. */
  readonly #kept: Uint8Array[][] = [];
  #keptBytes = 0;

  /** At least `bytes` bytes, with whatever is in them. */
  take(bytes: number): Uint8Array {
    if (bytes < SHORTEST_BYTES) return new Uint8Array(bytes);
    const size = 32 - Math.clz32(bytes - 1);
    const kept = this.#kept[size]?.pop();
    if (kept === undefined) return new Uint8Array(2 ** size);
    this.#keptBytes -= kept.length;
    return kept;
  }

  /** Takes back what `take` gave. Nobody may read it, or write to it, from now on. */
  give(memory: Uint8Array): void {
    if (memory.length < SHORTEST_BYTES || this.#keptBytes + memory.length > KEPT_BYTES_MAX) return;
    const size = 31 - Math.clz32(memory.length);
    const kept = this.#kept[size] ?? [];
    this.#kept[size] = kept;
    kept.push(memory);
    this.#keptBytes += memory.length;
  }
}
