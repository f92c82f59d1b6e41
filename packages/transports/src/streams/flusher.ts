import type { ByteStream } from './byte-stream.ts';

/** Flushes the streams that were sent to, once all that the event loop had for this turn was handled. */
export class Flusher {
  #streams: ByteStream[] = [];
  readonly #later: (run: () => void) => void;

  /** @param later runs in a later turn; default `setImmediate`, which comes right after the sockets were read. */
  constructor(later: (run: () => void) => void = (run) => void setImmediate(run)) {
    this.#later = later;
  }

  /** @param stream is added once for each flush. */
  add(stream: ByteStream): void {
    if (this.#streams.push(stream) === 1) this.#later(this.#flush);
  }

  readonly #flush = (): void => {
    const streams = this.#streams;
    this.#streams = [];
    for (const stream of streams) stream.flush();
  };
}
