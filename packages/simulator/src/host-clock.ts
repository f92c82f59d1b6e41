import type { Clock } from '@qanat/core';

/**
 * The clock of one host: its wall clock may step by itself, and while its process is stopped nothing that it waits for runs. What
 * became due meanwhile runs when it goes on, in the order in which it was due.
 */
export class HostClock implements Clock {
  readonly #clock: Clock;
  #stepMs = 0;
  #stopped = false;
  #late: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  // Arrow functions, so that a method may be handed over by itself.
  nowMs = (): number => this.#clock.nowMs();

  wallMs = (): number => this.#clock.wallMs() + this.#stepMs;

  /** Moves the wall clock of this host against the monotonic one. */
  stepWall(deltaMs: number): void {
    this.#stepMs += deltaMs;
  }

  at(timeMs: number, run: () => void): () => void {
    let live: (() => void) | undefined = run;
    const cancel = this.#clock.at(timeMs, () => {
      if (this.#stopped) this.#late.push(() => live?.());
      else run();
    });
    return () => {
      live = undefined;
      cancel();
    };
  }

  stop(): void {
    this.#stopped = true;
  }

  goOn(): void {
    this.#stopped = false;
    const late = this.#late;
    this.#late = [];
    for (const run of late) run();
  }
}
