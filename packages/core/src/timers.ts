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
  /** How far deadlines for peers were moved, all times together that we were away. */
  excusedMs = 0;
  /** Those that were moved last are not before this. */
  excusedUntilMs = Number.NEGATIVE_INFINITY;
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
    this.excusedMs += lateMs;
    // The very timer that we missed would run in this tick, before anything that waits is read: it gets a little more.
    this.excusedUntilMs = nowMs + AWAY_AFTER_MS;
    const live = this.#heap.clear().filter((entry) => entry.run !== undefined);
    for (const entry of live) {
      if (entry.forPeer) entry.dueMs = Math.max(entry.dueMs + lateMs, this.excusedUntilMs);
      this.#heap.push(entry);
    }
  }
}

/**
 * How long a peer has been silent, for timers that run at a deadline of before and look whether the peer was heard since: the
 * deadline of now moves as a timer `forPeer` does.
 */
export class Silence {
  readonly #timers: Timers;
  #sinceMs: number;
  #excusedMs: number;

  constructor(timers: Timers, nowMs: number) {
    this.#timers = timers;
    this.#sinceMs = nowMs;
    this.#excusedMs = timers.excusedMs;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** The peer was heard. */
  heard(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#excusedMs = this.#timers.excusedMs;
  }

  /** When it is too long. To be compared with the time as it is: a difference may round otherwise than this sum. */
  endsMs(allowedMs: number): number {
    const { excusedMs, excusedUntilMs } = this.#timers;
    if (excusedMs === this.#excusedMs) return this.#sinceMs + allowedMs;
    return Math.max(this.#sinceMs + allowedMs + (excusedMs - this.#excusedMs), excusedUntilMs);
  }
}
