/** One line, without its `\n`. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** The line was longer than allowed: `bytes` is empty. */
  readonly tooLong: boolean;
}

const NEWLINE = 0x0a;
const EMPTY = new Uint8Array(0);

/**
 * Cuts a stream of bytes into lines. Only `\n` separates: a `\r` before it stays in its line. Empty lines are lines, and the
 * last line counts without a `\n` too. Lines are views into the chunks where they lie in one.
 */
export class LineSplitter {
  readonly #bytesMax: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #started = false;
  #number = 0;

  /** @param bytesMax of longer lines only the number is told. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @returns the lines that end in the chunk. */
  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = [];
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      this.#keep(chunk.subarray(at, end));
      lines.push(this.#take());
      at = end + 1;
    }
    if (at < chunk.length) {
      this.#started = true;
      this.#keep(chunk.subarray(at));
    }
    return lines;
  }

  /** @returns the last line, where it had no `\n`. */
  end(): Line[] {
    return this.#started ? [this.#take()] : [];
  }

  #keep(part: Uint8Array): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #take(): Line {
    const tooLong = this.#partBytes > this.#bytesMax;
    const [first = EMPTY] = this.#parts;
    const bytes = this.#parts.length > 1 ? Buffer.concat(this.#parts) : first;
    this.#parts = [];
    this.#partBytes = 0;
    this.#started = false;
    this.#number++;
    return { number: this.#number, bytes: tooLong ? EMPTY : bytes, tooLong };
  }
}
