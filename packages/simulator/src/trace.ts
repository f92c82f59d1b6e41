import { RunHash } from './run-hash.ts';

const KEPT_LINES_MAX = 100_000;

/** What happened in a run, line by line. Two runs are the same when their hashes are; the last lines tell where they differ. */
export class Trace {
  readonly #keptMax: number;
  #lines: string[] = [];
  #count = 0;
  readonly #hash = new RunHash();

  /** @param keptMax lines that are kept for people; the hash is over all. */
  constructor(keptMax: number = KEPT_LINES_MAX) {
    this.#keptMax = keptMax;
  }

  /** Lines added, those no longer kept too. */
  get count(): number {
    return this.#count;
  }

  /** The last lines. */
  get lines(): readonly string[] {
    return this.#lines.slice(-this.#keptMax);
  }

  add(nowMs: number, text: string): void {
    const line = `${nowMs.toFixed(3)} ${text}`;
    this.#count++;
    this.#lines.push(line);
    if (this.#lines.length >= 2 * this.#keptMax) this.#lines = this.#lines.slice(-this.#keptMax);
    this.#hash.text(line);
    this.#hash.text('\n');
  }

  /** Sixteen hexadecimal digits over all lines. */
  hash(): string {
    return this.#hash.digits();
  }
}
