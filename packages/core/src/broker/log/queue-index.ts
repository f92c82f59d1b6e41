// Where the batches of each queue stand in the log. Derived data: index files and the recovery scan make it anew.
import { assert } from '../../errors.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { IndexRun, type QueueRun } from './index-run.ts';

/** Larger than any queue number, so that topic and queue make one key. */
const QUEUES = 2 ** 20;

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

/** The batches of one queue, in order. It has at least one, but while it is being made. */
export class IndexedQueue {
  readonly runs: IndexRun[] = [];

  /** Base offset of the oldest batch. */
  get oldest(): number {
    return (this.runs[0] as IndexRun).baseOffset;
  }

  /** The offset behind the newest batch. */
  get next(): number {
    return (this.runs.at(-1) as IndexRun).nextOffset;
  }

  /** Forgets the segments below `base`. @returns whether a batch is left. */
  dropBelow(base: number): boolean {
    const { runs } = this;
    const kept = firstWhere(runs.length, (item) => (runs[item] as IndexRun).segmentBase >= base);
    if (kept > 0) runs.splice(0, kept);
    return runs.length > 0;
  }

  findByTime(timeMs: number): number | undefined {
    const { runs } = this;
    const last = (run: IndexRun): number => run.timeMsOf(run.count - 1);
    const run = runs[firstWhere(runs.length, (item) => last(runs[item] as IndexRun) >= timeMs)];
    return run?.offsetOf(firstWhere(run.count, (item) => run.timeMsOf(item) >= timeMs));
  }

  /** Steps over the batches from the one that contains `offset` (or the oldest) on, until `step` says no or there are no more. */
  walk(offset: number, step: (batch: IndexedBatch) => boolean): void {
    const { runs } = this;
    const batch: IndexedBatch = { baseOffset: 0, segmentBase: 0, position: 0, length: 0 };
    let at = Math.max(0, firstWhere(runs.length, (item) => (runs[item] as IndexRun).baseOffset > offset) - 1);
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
  /** The runs of segments that may still grow, by the base of the segment. */
  readonly #open = new Map<number, QueueRun[]>();
  /** Segments below are gone. */
  #oldestBase = 0;

  get oldestBase(): number {
    return this.#oldestBase;
  }

  queue(topicId: number, queue: number): IndexedQueue | undefined {
    return this.#queues.get(topicId * QUEUES + queue);
  }

  /** All that have a batch. */
  *all(): Iterable<{ readonly topicId: number; readonly queue: number; readonly indexed: IndexedQueue }> {
    for (const [key, indexed] of this.#queues) yield { topicId: Math.floor(key / QUEUES), queue: key % QUEUES, indexed };
  }

  /** A batch is in the log, behind all others of its queue. */
  add(
    topicId: number,
    queue: number,
    segmentBase: number,
    position: number,
    length: number,
    baseOffset: number,
    recordCount: number,
    storeTimeMs: number,
  ): void {
    const { runs } = this.#queueFor(topicId, queue);
    let run = runs.at(-1);
    if (run === undefined || !run.takes(segmentBase, baseOffset, storeTimeMs)) {
      run = new IndexRun(segmentBase, baseOffset, storeTimeMs);
      runs.push(run);
      const open = this.#open.get(segmentBase);
      if (open === undefined) this.#open.set(segmentBase, [{ topicId, queue, run }]);
      else open.push({ topicId, queue, run });
    }
    run.add(baseOffset, recordCount, position, length, storeTimeMs);
  }

  /** Takes the runs of a sealed segment, each behind all others of its queue. */
  addSealed(runs: readonly QueueRun[]): void {
    for (const { topicId, queue, run } of runs) this.#queueFor(topicId, queue).runs.push(run);
  }

  /** The runs of a segment that takes no more batches, sorted by topic, queue and offset. Once for each segment. */
  seal(segmentBase: number): readonly QueueRun[] {
    const open = this.#open.get(segmentBase) ?? [];
    this.#open.delete(segmentBase);
    return open.sort((a, b) => a.topicId - b.topicId || a.queue - b.queue);
  }

  /** Forgets the segments below `base`, and the queues that have nothing left. */
  dropBelow(base: number): void {
    this.#oldestBase = base;
    for (const [key, queue] of this.#queues) if (!queue.dropBelow(base)) this.#queues.delete(key);
  }

  #queueFor(topicId: number, queue: number): IndexedQueue {
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
