import { type Clock, Heap } from '@qanat/core';

interface Event {
  readonly timeMs: number;
  readonly sequence: number;
  run: (() => void) | undefined;
}

const isBefore = (a: Event, b: Event): boolean => a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.sequence < b.sequence);

export interface VirtualClockOptions {
  /** The monotonic time at the start. Default 0. */
  readonly startMs?: number;
  /** The wall clock at monotonic time 0. Default 1,700,000,000,000: a day in 2023. */
  readonly wallOffsetMs?: number;
}

const WALL_OFFSET_MS = 1_700_000_000_000;
/** Events of one instant: with more, something sets a timer for now, again and again, and time would never pass. */
const INSTANT_EVENTS_MAX = 200_000;

/**
 * Time that passes only when it is told to. Events of the same instant run in the order in which they were set, so a run is the
 * same each time.
 */
export class VirtualClock implements Clock {
  readonly #heap = new Heap<Event>(isBefore);
  #sequence = 0;
  #turns = 0;
  #instantTurns = 0;
  #nowMs: number;
  #wallOffsetMs: number;

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0;
    this.#wallOffsetMs = options.wallOffsetMs ?? WALL_OFFSET_MS;
  }

  // Arrow functions, so that a method may be handed over by itself.
  nowMs = (): number => this.#nowMs;

  wallMs = (): number => this.#nowMs + this.#wallOffsetMs;

  /** Events that have run. */
  get turns(): number {
    return this.#turns;
  }

  /** Moves the wall clock against the monotonic one. */
  stepWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  at(timeMs: number, run: () => void): () => void {
    const event: Event = { timeMs: Math.max(timeMs, this.#nowMs), sequence: this.#sequence++, run };
    this.#heap.push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** When the next event is due, or undefined when there is none. */
  nextMs(): number | undefined {
    while (this.#heap.top !== undefined && this.#heap.top.run === undefined) this.#heap.pop();
    return this.#heap.top?.timeMs;
  }

  /**
   * Goes to the next event and runs it. @returns false when there is none.
   * @throws when time has stood still for too many events: a defect of what runs on this clock.
   */
  runNext(): boolean {
    const nextMs = this.nextMs();
    if (nextMs === undefined) return false;
    if (nextMs > this.#nowMs) this.#instantTurns = 0;
    else if (++this.#instantTurns > INSTANT_EVENTS_MAX)
      throw new Error(`time stands still at ${this.#nowMs} ms: ${INSTANT_EVENTS_MAX} events, and always one more is due at once`);
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    const event = this.#heap.pop();
    const run = event?.run;
    this.#turns++;
    if (event !== undefined) event.run = undefined;
    run?.();
    return true;
  }

  /** Runs everything that is due up to `untilMs`, and ends there. */
  run(untilMs: number): void {
    for (let nextMs = this.nextMs(); nextMs !== undefined && nextMs <= untilMs; nextMs = this.nextMs()) this.runNext();
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Runs until the condition holds, at most up to `untilMs`. @returns whether it holds. */
  runUntil(condition: () => boolean, untilMs: number): boolean {
    while (!condition()) {
      const nextMs = this.nextMs();
      if (nextMs === undefined || nextMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.runNext();
    }
    return true;
  }

  /** The process stands still: time goes by and nothing runs; what was due runs late. */
  pause(durationMs: number): void {
    this.#nowMs += durationMs;
  }
}
