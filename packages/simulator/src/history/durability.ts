import type { Input, Output } from '@qanat/core';

type StoredInput = Extract<Input, { readonly kind: 'stored' }>;
type StorageOutput = Extract<Output, { readonly kind: 'storage' }>;

const SEGMENT = /^log\/\d+\.seg$/;

/**
 * Tells whether what came to a broker is on stable storage, from its storage requests alone: a batch that had come before an
 * append began is in it, and a sync that was asked for behind that append, of the same file, covers it. That is an upper bound,
 * so a batch
 * that is not covered is surely not synced.
 */
export class Durability {
  /** Batches that came so far. */
  #arrived = 0;
  #synced = 0;
  readonly #appended = new Map<string, number>();
  /** Syncs under way: what they cover. */
  readonly #syncs = new Map<number, number>();
  readonly #byChecksum = new Map<number, number>();
  readonly #earlier: ReadonlySet<number>;
  readonly #all: Set<number>;

  /** @param all checksums of what came in earlier lives of the broker: it may have recovered them. This life adds its own. */
  constructor(all: Set<number>) {
    this.#earlier = new Set(all);
    this.#all = all;
  }

  /** @returns the number of this arrival; 0 for what may have been recovered. */
  arrived(checksum: number): number {
    const number = ++this.#arrived;
    this.#all.add(checksum);
    if (this.#earlier.has(checksum)) return 0;
    // A repetition says nothing new of an original that is stored or on its way.
    if (!this.#byChecksum.has(checksum)) this.#byChecksum.set(checksum, number);
    return number;
  }

  /** The batch was refused: if it comes again, it is another one. */
  refused(checksum: number): void {
    this.#byChecksum.delete(checksum);
  }

  covers(arrival: number): boolean {
    return arrival <= this.#synced;
  }

  /** Whether a batch that is read was synced before; one that came in an earlier life may have been. */
  coversBatch(checksum: number): boolean {
    return (this.#byChecksum.get(checksum) ?? 0) <= this.#synced;
  }

  output({ operation, request }: StorageOutput): void {
    if (request.op === 'append' && SEGMENT.test(request.name)) this.#appended.set(request.name, this.#arrived);
    if (request.op === 'sync' && SEGMENT.test(request.name)) this.#syncs.set(operation, this.#appended.get(request.name) ?? 0);
  }

  input({ operation, error }: StoredInput): void {
    const covered = this.#syncs.get(operation);
    if (covered === undefined) return;
    this.#syncs.delete(operation);
    if (error === undefined) this.#synced = Math.max(this.#synced, covered);
  }
}
