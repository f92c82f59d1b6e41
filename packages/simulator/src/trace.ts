const KEPT_LINES_MAX = 100_000;

/** What happened in a run, line by line. Two runs are the same when their hashes are; the last lines tell where they differ. */
export class Trace {
  readonly #keptMax: number;
  #lines: string[] = [];
  #count = 0;
  #low = 0xdead_beef;
  #high = 0x41c6_ce57;

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
    for (let i = 0; i < line.length; i++) this.#mix(line.charCodeAt(i));
    this.#mix(0x0a);
  }

  /** Sixteen hexadecimal digits over all lines (the mixing of cyrb53; not for secrets). */
  hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  #mix(unit: number): void {
    this.#low = Math.imul(this.#low ^ unit, 2_654_435_761);
    this.#low ^= this.#low >>> 15;
    this.#high = Math.imul(this.#high ^ unit, 1_597_334_677);
    this.#high ^= this.#high >>> 13;
  }
}
