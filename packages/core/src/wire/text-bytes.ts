import { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { utf8Length, writeUtf8, writeVarint } from './bytes.ts';

const SHORT_TEXT_BYTES = 32;

/** @throws QanatError INVALID_BATCH, not sent. */
export function checkLength(what: string, length: number, max: number): void {
  if (length > max) {
    throw new QanatError('INVALID_BATCH', `the ${what} has ${length} bytes, at most ${max} are allowed`, { outcome: 'not-sent' });
  }
}

/** The UTF-8 of one text at a time: the messages of a batch often have the same tag or key. */
export class TextBytes {
  readonly #what: 'tag' | 'key';
  readonly #bytesMax: number;
  readonly #bytes: Uint8Array;
  #text = '';
  #length = 0;
  #sum = 0;
  /** That of the present text was not asked for yet. */
  #sumPending = false;

  constructor(what: 'tag' | 'key', bytesMax: number) {
    this.#what = what;
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(bytesMax);
  }

  /** Takes a text. @returns the length of its UTF-8. @throws QanatError INVALID_BATCH when it is too long. */
  take(text: string | undefined): number {
    const taken = text ?? '';
    if (taken !== this.#text) this.#encode(taken);
    return this.#length;
  }

  /** Writes the length and the bytes of the text that was taken, and gives the place behind them. */
  write(out: Uint8Array, at: number): number {
    const length = this.#length;
    if (length === 0) {
      out[at] = 0;
      return at + 1;
    }
    const from = writeVarint(out, at, length + 1);
    // The call of a copy costs more than a few bytes.
    if (length > SHORT_TEXT_BYTES) out.set(this.#bytes.subarray(0, length), from);
    else for (let i = 0; i < length; i++) out[from + i] = this.#bytes[i] as number;
    return from + length;
  }

  /** CRC-32 of the text that was taken; 0 for none. */
  sum(platform: Platform): number {
    if (this.#sumPending) this.#sum = platform.crc32(this.#bytes.subarray(0, this.#length), 0);
    this.#sumPending = false;
    return this.#sum;
  }

  #encode(text: string): void {
    const length = utf8Length(text);
    checkLength(this.#what, length, this.#bytesMax);
    writeUtf8(this.#bytes, 0, text);
    this.#text = text;
    this.#length = length;
    this.#sum = 0;
    this.#sumPending = length > 0;
  }
}
