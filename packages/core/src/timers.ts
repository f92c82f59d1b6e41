import { assert } from './errors.ts';
import { Heap } from './heap.ts';

/** A tick that comes later than this after its deadline means that the process itself was away. */
export const AWAY_AFTER_MS = 1_000;

/** Timers that one tick runs, for each that waited when it began, and some more: beyond it one sets itself for now for ever. */
const RUNS_PER_TIMER_MAX = 100;
const RUNS_MAX = 100_000;

export interface Timer {
  /** Idempotent; a timer that has run cannot be cancelled any more. */
  cancel(): void;
}

class Entry implements Timer {
  readonly order: number;
  readonly forPeer: boolean;
  dueMs: number;
  run: (() => void) | undefined;

  constructor(dueMs: number, order: number, forPeer: boolean, run: () => void) {
    this.dueMs = dueMs;
    this.order = order;
    this.forPeer = forPeer;
    this.run = run;
  }

  cancel(): void {
    this.run = undefined;
  }
}

const before = (a: Entry, b: Entry): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/**
 * All timers of one engine, in a heap, so that its driver needs one. Timers due at the same instant run in the order in which
 * they were set, which keeps replays identical.
 *
 * A timer `forPeer` waits for somebody else: a heartbeat, an answer, a release. When a tick comes more than AWAY_AFTER_MS late,
 * we were stopped, and what the peer sent meanwhile waits unread; those deadlines move by as much as we were late.
 */
export class Timers {
  readonly #heap = new Heap<Entry>(before);
  #order = 0;

  at(dueMs: number, run: () => void, options: { readonly forPeer?: boolean } = {}): Timer {
    const entry = new Entry(dueMs, this.#order++, options.forPeer ?? false, run);
    this.#heap.push(entry);
    return entry;
  }

  nextDeadlineMs(): number | undefined {
    while (this.#heap.top !== undefined && this.#heap.top.run === undefined) this.#heap.pop();
    return this.#heap.top?.dueMs;
  }

  tick(nowMs: number): void {
    const next = this.nextDeadlineMs();
    if (next !== undefined && nowMs - next > AWAY_AFTER_MS) this.#excuse(nowMs - next, nowMs);
    const runsMax = RUNS_MAX + RUNS_PER_TIMER_MAX * this.#heap.size;
    for (let runs = 0; ; runs++) {
      const due = this.nextDeadlineMs();
      if (due === undefined || due > nowMs) return;
      assert(runs < runsMax, `${runs} timers ran at ${nowMs}, and always one more is due at once`);
      const run = this.#heap.pop()?.run;
      run?.();
    }
  }

  #excuse(lateMs: number, nowMs: number): void {
    const live = this.#heap.clear().filter((entry) => entry.run !== undefined);
    for (const entry of live) {
      // The very timer that we missed would run in this tick, before anything that waits is read: it gets a little more.
      if (entry.forPeer) entry.dueMs = Math.max(entry.dueMs + lateMs, nowMs + AWAY_AFTER_MS);
      this.#heap.push(entry);
    }
  }
}
