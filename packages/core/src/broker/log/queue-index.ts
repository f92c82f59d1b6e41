// Where the batches of each queue stand in the log. Derived data: the recovery scan makes it anew.
import { assert } from '../../errors.ts';
import { LIMITS } from '../../wire/gen/registry.ts';

const UINT32_MAX = 0xffff_ffff;
/** Numbers per batch in a run: base offset, position and store time less the run's first, and the length of the entry. */
const STRIDE = 4;
const OFFSET = 0;
const POSITION = 1;
const LENGTH = 2;
const TIME = 3;
const FIRST_BATCHES = 8;
/** Larger than any queue number, so that topic and queue make one key. */
const QUEUES = 2 ** 20;

/** Batches of one queue in one segment; 16 bytes a batch. */
class Run {
  readonly segmentBase: number;
  readonly baseOffset: number;
  readonly baseTimeMs: number;
  count = 0;
  #columns = new Uint32Array(FIRST_BATCHES * STRIDE);

  constructor(segmentBase: number, baseOffset: number, baseTimeMs: number) {
    this.segmentBase = segmentBase;
    this.baseOffset = baseOffset;
    this.baseTimeMs = baseTimeMs;
  }

  takes(segmentBase: number, baseOffset: number, timeMs: number): boolean {
    if (segmentBase !== this.segmentBase || baseOffset - this.baseOffset > UINT32_MAX) return false;
    return timeMs >= this.baseTimeMs && timeMs - this.baseTimeMs <= UINT32_MAX;
  }

  add(baseOffset: number, position: number, length: number, timeMs: number): void {
    const at = this.count * STRIDE;
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
  }

  offsetOf(item: number): number {
    return this.baseOffset + (this.#columns[item * STRIDE + OFFSET] as number);
  }

  positionOf(item: number): number {
    return this.segmentBase + (this.#columns[item * STRIDE + POSITION] as number);
  }

  lengthOf(item: number): number {
    return this.#columns[item * STRIDE + LENGTH] as number;
  }

  timeMsOf(item: number): number {
    return this.baseTimeMs + (this.#columns[item * STRIDE + TIME] as number);
  }
}

/** The first of `count` for which `holds` is true, where it is false before and true after; `count` when it never is. */
function firstWhere(count: number, holds: (item: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A batch in a walk over a queue. The object is the walk's own and changes with each step. */
export interface IndexedBatch {
  baseOffset: number;
  segmentBase: number;
  /** Of the entry. */
  position: number;
  /** Of the entry, header included. */
  length: number;
}

/** The batches of one queue, in order. */
export class IndexedQueue {
  readonly #runs: Run[] = [];
  #next = 0;

  /** Base offset of the oldest batch. */
  get oldest(): number {
    return (this.#runs[0] as Run).baseOffset;
  }

  /** The offset behind the newest batch. */
  get next(): number {
    return this.#next;
  }

  add(segmentBase: number, position: number, length: number, baseOffset: number, recordCount: number, storeTimeMs: number): void {
    let run = this.#runs.at(-1);
    if (run === undefined || !run.takes(segmentBase, baseOffset, storeTimeMs)) {
      run = new Run(segmentBase, baseOffset, storeTimeMs);
      this.#runs.push(run);
    }
    run.add(baseOffset, position, length, storeTimeMs);
    this.#next = baseOffset + recordCount;
  }

  /** Forgets the segments below `base`. @returns whether a batch is left. */
  dropBelow(base: number): boolean {
    const runs = this.#runs;
    const kept = firstWhere(runs.length, (item) => (runs[item] as Run).segmentBase >= base);
    if (kept > 0) runs.splice(0, kept);
    return runs.length > 0;
  }

  findByTime(timeMs: number): number | undefined {
    const runs = this.#runs;
    const last = (run: Run): number => run.timeMsOf(run.count - 1);
    const run = runs[firstWhere(runs.length, (item) => last(runs[item] as Run) >= timeMs)];
    return run?.offsetOf(firstWhere(run.count, (item) => run.timeMsOf(item) >= timeMs));
  }

  /** Steps over the batches from the one that contains `offset` (or the oldest) on, until `step` says no or there are no more. */
  walk(offset: number, step: (batch: IndexedBatch) => boolean): void {
    const runs = this.#runs;
    const batch: IndexedBatch = { baseOffset: 0, segmentBase: 0, position: 0, length: 0 };
    let at = Math.max(0, firstWhere(runs.length, (item) => (runs[item] as Run).baseOffset > offset) - 1);
    const first = runs[at];
    let item = first === undefined ? 0 : Math.max(0, firstWhere(first.count, (i) => first.offsetOf(i) > offset) - 1);
    for (let run = first; run !== undefined; run = runs[++at]) {
      for (; item < run.count; item++) {
        batch.baseOffset = run.offsetOf(item);
        batch.segmentBase = run.segmentBase;
        batch.position = run.positionOf(item);
        batch.length = run.lengthOf(item);
        if (!step(batch)) return;
      }
      item = 0;
    }
  }
}

export class QueueIndex {
  readonly #queues = new Map<number, IndexedQueue>();
  /** Segments below are gone. */
  #oldestBase = 0;

  get oldestBase(): number {
    return this.#oldestBase;
  }

  queue(topicId: number, queue: number): IndexedQueue | undefined {
    return this.#queues.get(topicId * QUEUES + queue);
  }

  /** Forgets the segments below `base`, and the queues that have nothing left. */
  dropBelow(base: number): void {
    this.#oldestBase = base;
    for (const [key, queue] of this.#queues) if (!queue.dropBelow(base)) this.#queues.delete(key);
  }

  /** The queue, made where it is missing: for a batch that follows. */
  queueFor(topicId: number, queue: number): IndexedQueue {
    assert(queue < LIMITS.QUEUES_PER_TOPIC_MAX, `queue ${queue} is above the limit`);
    const key = topicId * QUEUES + queue;
    let found = this.#queues.get(key);
    if (found === undefined) {
      found = new IndexedQueue();
      this.#queues.set(key, found);
    }
    return found;
  }
}
