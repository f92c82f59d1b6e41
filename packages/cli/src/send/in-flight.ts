/** Bounds what is under way, by bytes and by count. */
export class InFlight {
  readonly #bytesMax: number;
  readonly #countMax: number;
  #bytes = 0;
  #count = 0;
  #wake: (() => void) | undefined;

  constructor(bytesMax: number, countMax: number) {
    this.#bytesMax = bytesMax;
    this.#countMax = countMax;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax || this.#count >= this.#countMax;
  }

  begin(bytes: number): void {
    this.#bytes += bytes;
    this.#count++;
  }

  end(bytes: number): void {
    this.#bytes -= bytes;
    this.#count--;
    this.#wake?.();
  }

  /** Resolves when something may begin. */
  async room(): Promise<void> {
    while (this.isFull) await this.#change();
  }

  /** Resolves when nothing is under way. */
  async empty(): Promise<void> {
    while (this.#count > 0) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake;
      this.#wake = () => {
        this.#wake = undefined;
        before?.();
        resolve();
      };
    });
  }
}
