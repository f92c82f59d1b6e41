// One cache of log blocks whose newest are the write buffers: a consumer near the end never touches the disk.
import { Loans } from './loans.ts';

/** Memory of dropped blocks that is kept for new ones: making a MiB anew costs more than filling it. */
const SPARES_MAX = 4;

/** A block starts at its segment's base or a whole number of block lengths behind it; no block spans two segments. */
interface Block {
  readonly start: number;
  readonly bytes: Uint8Array;
  /** The last turn in which somebody was given its bytes. */
  lentIn: number;
}

/**
 * Bytes of the log by position; what is below `pinnedFrom` never changes. The memory of a dropped block is used again once
 * `loans`
 * says that nobody has slices of it any more. Without a turn they stay valid for ever.
 */
export class LogBlocks {
  readonly loans = new Loans();
  readonly blockBytes: number;
  readonly #cacheBytes: number;
  /** The least recently used first. */
  readonly #blocks = new Map<number, Block>();
  #bytes = 0;
  #tail: Block | undefined;
  #pinnedFrom = 0;
  #cuts = 0;
  readonly #spares: Uint8Array[] = [];

  constructor(blockBytes: number, cacheBytes: number) {
    this.blockBytes = blockBytes;
    this.#cacheBytes = cacheBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  startOf(base: number, position: number): number {
    return position - ((position - base) % this.blockBytes);
  }

  /** Blocks that reach beyond this position are kept: they are written to, or nowhere else yet. */
  pinFrom(position: number): void {
    this.#pinnedFrom = position;
  }

  /** Copies `bytes` to `position` of the segment at `base`, behind what was written before. */
  write(base: number, position: number, bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const block = this.#writable(this.startOf(base, position + from));
      const at = position + from - block.start;
      const count = Math.min(bytes.length - from, this.blockBytes - at);
      block.bytes.set(count === bytes.length ? bytes : bytes.subarray(from, from + count), at);
      from += count;
    }
  }

  /** Puts a block that was read from the disk into the cache; a shorter one only where its segment ends for ever. */
  insert(start: number, bytes: Uint8Array): void {
    const old = this.#blocks.get(start);
    if (old !== undefined) this.#drop(old);
    this.#blocks.set(start, { start, bytes, lentIn: this.loans.turn });
    this.#bytes += bytes.length;
    this.#evict();
  }

  /** Memory for a block that is to be read from the disk, where there is some to be used again. */
  takeSpare(): Uint8Array | undefined {
    return this.#spares.pop();
  }

  /** The bytes of the block that starts at `start`, or undefined when they are not in memory. They are lent: see `loans`. */
  block(start: number): Uint8Array | undefined {
    const block = this.#blocks.get(start);
    if (block === undefined) return undefined;
    block.lentIn = this.loans.turn;
    if (block !== this.#tail) {
      this.#blocks.delete(start);
      this.#blocks.set(start, block);
    }
    return block.bytes;
  }

  has(start: number): boolean {
    return this.#blocks.has(start);
  }

  /** The bytes in place, one slice a block, to be written to the disk. They are in memory: nothing below is evicted. */
  parts(base: number, from: number, to: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    for (let position = from; position < to; ) {
      const start = this.startOf(base, position);
      const end = Math.min(to, start + this.blockBytes);
      parts.push((this.block(start) as Uint8Array).subarray(position - start, end - start));
      position = end;
    }
    return parts;
  }

  /** Forgets the segments below `base`: they leave the log. */
  dropBelow(base: number): void {
    for (const block of [...this.#blocks.values()]) if (block.start < base) this.#drop(block);
  }

  /** Forgets what was written at and above `position`. What was lent of it stays as it is: new bytes go to other memory. */
  cut(position: number): void {
    this.#cuts++;
    for (const block of [...this.#blocks.values()]) {
      if (block.start + this.blockBytes <= position) continue;
      this.#drop(block);
      if (block.start < position) this.insert(block.start, block.bytes.slice(0, position - block.start));
    }
  }

  /** How often something was cut: what a read began to fetch before may be of entries that are gone. */
  get cuts(): number {
    return this.#cuts;
  }

  #writable(start: number): Block {
    if (this.#tail?.start === start) return this.#tail;
    let block = this.#blocks.get(start);
    if (block === undefined || block.bytes.length < this.blockBytes) {
      const bytes = this.#spares.pop() ?? new Uint8Array(this.blockBytes);
      if (block !== undefined) {
        bytes.set(block.bytes);
        this.#drop(block);
      }
      block = { start, bytes, lentIn: 0 };
      this.#blocks.set(start, block);
      this.#bytes += this.blockBytes;
    }
    this.#tail = block;
    this.#evict();
    return block;
  }

  #drop(block: Block): void {
    if (!this.#blocks.delete(block.start)) return;
    this.#bytes -= block.bytes.length;
    if (this.#tail === block) this.#tail = undefined;
    const { bytes, lentIn } = block;
    const isWhole = bytes.length === this.blockBytes;
    if (isWhole && this.#spares.length < SPARES_MAX && !this.loans.isOut(lentIn)) this.#spares.push(bytes);
  }

  #evict(): void {
    if (this.#bytes <= this.#cacheBytes) return;
    for (const block of [...this.#blocks.values()]) {
      if (this.#bytes <= this.#cacheBytes) return;
      if (block !== this.#tail && block.start + this.blockBytes <= this.#pinnedFrom) this.#drop(block);
    }
  }
}

/** Bytes that may span blocks: a slice where they lie in one, else a copy. `blockAt` has all of them. */
export function sliceOfBlocks(
  blocks: Pick<LogBlocks, 'startOf' | 'blockBytes'>,
  blockAt: (start: number) => Uint8Array,
  base: number,
  position: number,
  length: number,
): Uint8Array {
  const first = blocks.startOf(base, position);
  const at = position - first;
  if (at + length <= blocks.blockBytes) return blockAt(first).subarray(at, at + length);
  const joined = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const start = blocks.startOf(base, position + done);
    const from = position + done - start;
    const count = Math.min(length - done, blocks.blockBytes - from);
    joined.set(blockAt(start).subarray(from, from + count), done);
    done += count;
  }
  return joined;
}
