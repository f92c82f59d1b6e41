// Reads of whole batches through the cache; what is not in memory is fetched as whole blocks.
import { QanatError } from '../../errors.ts';
import { ENTRY_HEADER_BYTES } from './entry.ts';
import { type LogBlocks, sliceOfBlocks } from './log-blocks.ts';
import type { LogHost } from './log-host.ts';
import type { QueueIndex } from './queue-index.ts';
import { fileOffset, segmentName } from './segment.ts';

/** Blocks that one read may fetch from the disk; a read of a sparse queue gives less than was asked for instead. */
const COLD_BLOCKS_MAX = 8;

export type ReadDone = (error: QanatError | undefined, batches: readonly Uint8Array[], nextOffset: number) => void;
/** Gives the blocks of what was fetched. */
export type BlocksDone = (error: QanatError | undefined, blockAt: (start: number) => Uint8Array) => void;
type BlockDone = (error: QanatError | undefined, bytes: Uint8Array) => void;

/** What one read will give, and the blocks that it needs for it. */
interface ReadPlan {
  readonly bases: number[];
  readonly positions: number[];
  readonly lengths: number[];
  /** Blocks that are not in memory, with the base of their segment. */
  readonly missing: Map<number, number>;
  nextOffset: number;
}

export class LogReader {
  readonly #host: LogHost;
  readonly #blocks: LogBlocks;
  readonly #index: QueueIndex;
  readonly #loading = new Map<number, BlockDone[]>();

  constructor(host: LogHost, blocks: LogBlocks, index: QueueIndex) {
    this.#host = host;
    this.#blocks = blocks;
    this.#index = index;
  }

  read(topicId: number, queue: number, offset: number, bytesMax: number, done: ReadDone): void {
    const plan = this.#plan(topicId, queue, offset, bytesMax);
    if (plan.missing.size === 0) {
      done(undefined, this.#slices(plan, NO_BLOCKS), plan.nextOffset);
      return;
    }
    const held = new Map<number, Uint8Array>();
    this.#hold(plan, held);
    let waiting = plan.missing.size;
    let failed: QanatError | undefined;
    for (const [start, base] of plan.missing) {
      this.#load(base, start, (error, bytes) => {
        failed ??= error;
        held.set(start, bytes);
        if (--waiting > 0) return;
        if (failed === undefined) failed = this.#shortBlock(plan, held);
        if (failed === undefined) done(undefined, this.#slices(plan, held), plan.nextOffset);
        else done(failed, [], offset);
      });
    }
  }

  /**
   * The blocks of [from, to) of the segment at `base`, which are written; short ones where the file is. `done` may be called at
   * once; the blocks are lent as those of `read` are.
   */
  fetch(base: number, from: number, to: number, done: BlocksDone): void {
    const held = new Map<number, Uint8Array>();
    const missing: number[] = [];
    this.#eachBlock(base, from, to - from, (start) => {
      const bytes = this.#blocks.block(start);
      if (bytes === undefined) missing.push(start);
      else held.set(start, bytes);
    });
    const blockAt = (start: number): Uint8Array => held.get(start) as Uint8Array;
    if (missing.length === 0) return done(undefined, blockAt);
    let waiting = missing.length;
    let failed: QanatError | undefined;
    for (const start of missing) {
      this.#load(base, start, (error, bytes) => {
        failed ??= error;
        held.set(start, bytes);
        if (--waiting === 0) done(failed, blockAt);
      });
    }
  }

  #plan(topicId: number, queue: number, offset: number, bytesMax: number): ReadPlan {
    const plan: ReadPlan = { bases: [], positions: [], lengths: [], missing: new Map(), nextOffset: offset };
    const indexed = this.#index.queue(topicId, queue);
    if (indexed === undefined || offset >= indexed.next) return plan;
    let bytes = 0;
    let full = false;
    indexed.walk(offset, (batch) => {
      // The base offset of the batch that is not taken is where the next read begins.
      plan.nextOffset = batch.baseOffset;
      const length = batch.length - ENTRY_HEADER_BYTES;
      bytes += length;
      full = plan.positions.length > 0 && (bytes > bytesMax || plan.missing.size >= COLD_BLOCKS_MAX);
      if (full) return false;
      plan.bases.push(batch.segmentBase);
      plan.positions.push(batch.position + ENTRY_HEADER_BYTES);
      plan.lengths.push(length);
      this.#eachBlock(batch.segmentBase, batch.position + ENTRY_HEADER_BYTES, length, (start) => {
        if (!this.#blocks.has(start)) plan.missing.set(start, batch.segmentBase);
      });
      return true;
    });
    if (!full) plan.nextOffset = indexed.next;
    return plan;
  }

  #eachBlock(base: number, position: number, length: number, step: (start: number) => void): void {
    for (let start = this.#blocks.startOf(base, position); start < position + length; start += this.#blocks.blockBytes)
      step(start);
  }

  /** Keeps what is in memory now, since the cache may drop it while the rest is fetched. */
  #hold(plan: ReadPlan, held: Map<number, Uint8Array>): void {
    this.#eachPlanned(plan, (start) => {
      const bytes = held.has(start) ? undefined : this.#blocks.block(start);
      if (bytes !== undefined) held.set(start, bytes);
    });
  }

  #eachPlanned(plan: ReadPlan, step: (start: number, end: number) => void): void {
    for (let i = 0; i < plan.positions.length; i++) {
      const position = plan.positions[i] as number;
      const length = plan.lengths[i] as number;
      this.#eachBlock(plan.bases[i] as number, position, length, (start) => step(start, position + length));
    }
  }

  #shortBlock(plan: ReadPlan, held: ReadonlyMap<number, Uint8Array>): QanatError | undefined {
    let short: QanatError | undefined;
    this.#eachPlanned(plan, (start, end) => {
      const there = start + (held.get(start)?.length ?? 0);
      if (there >= Math.min(end, start + this.#blocks.blockBytes)) return;
      short ??= new QanatError('CORRUPT_LOG', `the log ends at position ${there}, but an entry that was applied ends at ${end}`);
    });
    return short;
  }

  #slices(plan: ReadPlan, held: ReadonlyMap<number, Uint8Array>): Uint8Array[] {
    const blockAt = (start: number): Uint8Array => held.get(start) ?? (this.#blocks.block(start) as Uint8Array);
    return plan.positions.map((position, i) =>
      sliceOfBlocks(this.#blocks, blockAt, plan.bases[i] as number, position, plan.lengths[i] as number),
    );
  }

  /** Fetches a block once, however many reads wait for it. */
  #load(base: number, start: number, done: BlockDone): void {
    const waiting = this.#loading.get(start);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    this.#loading.set(start, [done]);
    const { cuts } = this.#blocks;
    const request = {
      op: 'read',
      name: segmentName(base),
      position: fileOffset(base, start),
      length: this.#blocks.blockBytes,
      into: this.#blocks.takeSpare(),
    } as const;
    this.#host.storage(request, (error, result) => {
      const bytes = error === undefined ? (result as Uint8Array) : new Uint8Array(0);
      const isWanted =
        error === undefined && !this.#blocks.has(start) && base >= this.#index.oldestBase && cuts === this.#blocks.cuts;
      if (isWanted) this.#blocks.insert(start, bytes);
      const waiters = this.#loading.get(start) ?? [];
      this.#loading.delete(start);
      for (const waiter of waiters) waiter(error, bytes);
    });
  }
}

const NO_BLOCKS: ReadonlyMap<number, Uint8Array> = new Map();
