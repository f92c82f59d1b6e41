const PERIOD_MS = 20;

/**
 * How late this process is: its timers, and what it notes of frames that wait to be read. Where a machine is busy, the subject
 * is as late as that, and neither is the subject's fault.
 */
export class Lateness {
  readonly #nowMs: () => number;
  /** Ever smaller: what lies before a worse one is never the worst. */
  readonly #worst: { readonly atMs: number; readonly lateMs: number }[] = [];
  #dueMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#dueMs = nowMs() + PERIOD_MS;
  }

  /** Looks from now on; keeps no process alive. */
  watch(): this {
    setInterval(() => this.look(), PERIOD_MS).unref();
    return this;
  }

  /** Has to be called each PERIOD_MS: how late it is called is what is measured. */
  look(): void {
    const atMs = this.#nowMs();
    const lateMs = Math.max(0, atMs - this.#dueMs);
    while ((this.#worst.at(-1)?.lateMs ?? Number.POSITIVE_INFINITY) <= lateMs) this.#worst.pop();
    this.#worst.push({ atMs, lateMs });
    this.#dueMs = atMs + PERIOD_MS;
  }

  /** The worst since a time. */
  sinceMs(fromMs: number): number {
    const nowLateMs = Math.max(0, this.#nowMs() - this.#dueMs);
    return Math.max(nowLateMs, this.#worst.find(({ atMs }) => atMs >= fromMs)?.lateMs ?? 0);
  }
}
