/** Longer frames are assembled in memory of their own. */
const BUFFER_BYTES = 1_048_576;
const BUFFERS_MAX = 4;

/**
 * Memory in which frames are assembled, one after the other, for all connections of a listener: a new MiB costs more than
 * filling it.
 */
export class FrameBuffers {
  readonly #free: Uint8Array[] = [];
  #made = 0;

  /** Memory for `bytes` bytes, or undefined where there is none to be used again. Give it back. */
  take(bytes: number): Uint8Array | undefined {
    if (bytes > BUFFER_BYTES) return undefined;
    const buffer = this.#free.pop();
    if (buffer !== undefined || this.#made === BUFFERS_MAX) return buffer;
    this.#made++;
    return new Uint8Array(BUFFER_BYTES);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}
