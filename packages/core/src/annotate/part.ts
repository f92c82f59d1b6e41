/** A run of bytes and what it means. */
export interface AnnotatedPart {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** How deep it is nested. */
  readonly depth: number;
  /** The bytes are not as the specification says. */
  readonly wrong?: true;
}

/** Takes bytes off a buffer part by part, and says what is wrong where it ends too early. */
export class PartReader {
  readonly parts: AnnotatedPart[];
  readonly #bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at: number, end: number, parts: AnnotatedPart[]) {
    this.#bytes = bytes;
    this.at = at;
    this.end = end;
    this.parts = parts;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** The next bytes, without taking them. */
  peek(length: number): Uint8Array {
    return this.#bytes.subarray(this.at, Math.min(this.end, this.at + length));
  }

  take(length: number, text: string, depth = 0): void {
    this.parts.push({ bytes: this.peek(length), text, depth });
    this.at += length;
  }

  takeWrong(length: number, text: string, depth = 0): void {
    this.parts.push({ bytes: this.peek(length), text, depth, wrong: true });
    this.at = Math.min(this.end, this.at + length);
  }

  /** Takes all that is left when there are fewer bytes than needed. @returns whether there are enough. */
  needs(length: number, what: string, depth = 0): boolean {
    if (this.left >= length) return true;
    this.takeWrong(this.left, `${what} needs ${length} bytes, there are ${this.left}`, depth);
    return false;
  }
}
