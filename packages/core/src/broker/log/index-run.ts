// The batches of one queue in one segment, as columns of numbers.

const UINT32_MAX = 0xffff_ffff;
/** Numbers per batch: base offset, position and store time less the run's first, and the length of the entry. */
export const RUN_STRIDE = 4;
const OFFSET = 0;
const POSITION = 1;
const LENGTH = 2;
const TIME = 3;
const FIRST_BATCHES = 8;

/** 16 bytes a batch. It grows in columns of its own; a sealed one shares the columns of its segment. */
export class IndexRun {
  readonly segmentBase: number;
  readonly baseOffset: number;
  readonly baseTimeMs: number;
  count: number;
  /** The offset behind its last batch. */
  nextOffset: number;
  #columns: Uint32Array;
  /** Where its columns begin. */
  #start: number;

  constructor(segmentBase: number, baseOffset: number, baseTimeMs: number, sealed?: SealedColumns) {
    this.segmentBase = segmentBase;
    this.baseOffset = baseOffset;
    this.baseTimeMs = baseTimeMs;
    this.count = sealed?.count ?? 0;
    this.nextOffset = sealed?.nextOffset ?? baseOffset;
    this.#columns = sealed?.columns ?? new Uint32Array(FIRST_BATCHES * RUN_STRIDE);
    this.#start = sealed?.start ?? 0;
  }

  takes(segmentBase: number, baseOffset: number, timeMs: number): boolean {
    if (segmentBase !== this.segmentBase || baseOffset - this.baseOffset > UINT32_MAX) return false;
    return timeMs >= this.baseTimeMs && timeMs - this.baseTimeMs <= UINT32_MAX;
  }

  add(baseOffset: number, recordCount: number, position: number, length: number, timeMs: number): void {
    const at = this.count * RUN_STRIDE;
    if (at === this.#columns.length) {
      const grown = new Uint32Array(this.#columns.length * 2);
      grown.set(this.#columns);
      this.#columns = grown;
    }
    this.#columns[at + OFFSET] = baseOffset - this.baseOffset;
    this.#columns[at + POSITION] = position - this.segmentBase;
    this.#columns[at + LENGTH] = length;
    this.#columns[at + TIME] = timeMs - this.baseTimeMs;
    this.count++;
    this.nextOffset = baseOffset + recordCount;
  }

  /** Moves its columns to `start` of the columns of its segment: it takes no more batches. */
  moveTo(columns: Uint32Array, start: number): void {
    columns.set(this.#columns.subarray(this.#start, this.#start + this.count * RUN_STRIDE), start);
    this.#columns = columns;
    this.#start = start;
  }

  offsetOf(item: number): number {
    return this.baseOffset + (this.#columns[this.#start + item * RUN_STRIDE + OFFSET] as number);
  }

  positionOf(item: number): number {
    return this.segmentBase + (this.#columns[this.#start + item * RUN_STRIDE + POSITION] as number);
  }

  lengthOf(item: number): number {
    return this.#columns[this.#start + item * RUN_STRIDE + LENGTH] as number;
  }

  timeMsOf(item: number): number {
    return this.baseTimeMs + (this.#columns[this.#start + item * RUN_STRIDE + TIME] as number);
  }
}

/** The part of a run in the columns of its segment. */
export interface SealedColumns {
  readonly columns: Uint32Array;
  readonly start: number;
  readonly count: number;
  readonly nextOffset: number;
}

/** A run and the queue that it belongs to. */
export interface QueueRun {
  readonly topicId: number;
  readonly queue: number;
  readonly run: IndexRun;
}
