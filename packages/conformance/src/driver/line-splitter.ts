/** The longest line that a driver may send: bodies of messages travel in it. */
export const DRIVER_LINE_CHARACTERS_MAX = 16_777_216;

/** Cuts a stream of text into lines; what is too long is given up. */
export class LineSplitter {
  /** Pieces of the line that has begun: each piece is looked at once, however long the line becomes. */
  #begun: string[] = [];
  #begunLength = 0;
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** @returns false when a line passes DRIVER_LINE_CHARACTERS_MAX: nothing may be pushed any more. */
  push(text: string): boolean {
    const [first = '', ...lines] = text.split('\n');
    this.#begun.push(first);
    this.#begunLength += first.length;
    const isTooLong = this.#begunLength > DRIVER_LINE_CHARACTERS_MAX;
    for (const next of isTooLong ? [] : lines) {
      const line = this.#begun.join('');
      this.#begun = [next];
      this.#begunLength = next.length;
      if (line.trim() !== '') this.#onLine(line);
    }
    if (isTooLong) this.#begun = [];
    return !isTooLong;
  }
}
