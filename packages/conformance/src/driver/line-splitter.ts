/** The longest line that a driver may send: bodies of messages travel in it. */
export const DRIVER_LINE_CHARACTERS_MAX = 16_777_216;

/** Cuts a stream of text into lines; what is too long is given up. */
export class LineSplitter {
  #begun = '';
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** @returns false when a line passes DRIVER_LINE_CHARACTERS_MAX. */
  push(text: string): boolean {
    const lines = (this.#begun + text).split('\n');
    this.#begun = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#onLine(line);
    return this.#begun.length <= DRIVER_LINE_CHARACTERS_MAX;
  }
}
