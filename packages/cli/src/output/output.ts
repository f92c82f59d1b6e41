import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CliIo } from '../io.ts';

const FLUSH_BYTES = 64 * 1024;

/** Standard output: collects what is written and gives it to the stream in large pieces. */
export class Output {
  readonly isTerminal: boolean;
  readonly #stream: CliIo['stdout'];
  readonly #onFailed: (error: Error) => void;
  #pending: (string | Uint8Array)[] = [];
  #pendingBytes = 0;
  #flushing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #failure: Error | undefined;

  /** @param onFailed is called once: nobody reads any more, or the device failed. */
  constructor(stream: CliIo['stdout'], onFailed: (error: Error) => void) {
    this.#stream = stream;
    this.#onFailed = onFailed;
    this.isTerminal = stream.isTTY === true;
  }

  /** Takes a piece; it is written soon, or at `flush`. */
  write(piece: string | Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes >= FLUSH_BYTES) void this.flush().catch(() => {});
    else if (!this.#scheduled) void this.#flushSoon();
  }

  line(text: string): void {
    this.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.write(`${JSON.stringify(value)}\n`);
  }

  /** Resolves when everything written so far was taken by the reader. @throws what the stream failed with, EPIPE for example. */
  flush(): Promise<void> {
    const pieces = this.#pending;
    if (pieces.length > 0) {
      this.#pending = [];
      this.#pendingBytes = 0;
      const chunk = pieces.every((piece) => typeof piece === 'string')
        ? pieces.join('')
        : Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)));
      this.#flushing = this.#flushing.then(() => this.#writeChunk(chunk));
      this.#flushing.catch(() => {});
    }
    return this.#flushing;
  }

  /** As `flush`, for the stream's own `error` event. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onFailed(error);
  }

  async #flushSoon(): Promise<void> {
    this.#scheduled = true;
    await nextTurn();
    this.#scheduled = false;
    await this.flush().catch(() => {});
  }

  #writeChunk(chunk: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#stream.write(chunk, (error) => {
        if (error === null || error === undefined) return resolve();
        this.fail(error);
        reject(error);
      });
    });
  }
}
