import type { LogFields } from '../engine.ts';

/** The same refusal is told again after this long, ms. */
export const REFUSAL_REPEAT_MS = 60_000;
/** Lines about refused peers in LINES_MS; peers can make as many refusals as they like. */
export const REFUSAL_LINES_MAX = 10;
const LINES_MS = 10_000;

interface Told {
  readonly atMs: number;
  /** Since then. */
  times: number;
}

/** Tells operators of peers that are refused: each reason once a minute, and never so much that the log fills the disk. */
export class RefusalLog {
  readonly #write: (event: string, fields: LogFields) => void;
  readonly #told = new Map<string, Told>();
  #sinceMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unsaid = 0;

  constructor(write: (event: string, fields: LogFields) => void) {
    this.#write = write;
  }

  /** @param key two refusals with the same one are the same. */
  tell(nowMs: number, event: string, key: string, fields: LogFields): void {
    const known = this.#told.get(key);
    if (known !== undefined && nowMs - known.atMs < REFUSAL_REPEAT_MS) {
      known.times++;
      return;
    }
    if (nowMs - this.#sinceMs >= LINES_MS) {
      this.#sinceMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines === REFUSAL_LINES_MAX) {
      this.#unsaid++;
      return;
    }
    this.#lines++;
    this.#remember(key, nowMs);
    const repeated = known === undefined || known.times === 0 ? {} : { timesBefore: known.times };
    this.#write(event, { ...fields, ...repeated, ...(this.#unsaid === 0 ? {} : { unsaid: this.#unsaid }) });
    this.#unsaid = 0;
  }

  #remember(key: string, atMs: number): void {
    // Those of the last minute are few: there are only so many lines.
    for (const [told, { atMs: toldMs }] of this.#told) {
      if (atMs - toldMs < REFUSAL_REPEAT_MS) break;
      this.#told.delete(told);
    }
    this.#told.delete(key);
    this.#told.set(key, { atMs, times: 0 });
  }
}
