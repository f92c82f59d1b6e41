const BUFFER_BYTES = 262_144;
const FREE_MAX = 16;

/** Memory for copies of bytes that are lent, used again as soon as the kernel has taken them. */
export class CopyBuffers {
  readonly #free: Uint8Array[] = [];

  take(): Uint8Array {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** One that holds so many bytes, or undefined: none is as long. */
  takeFor(bytes: number): Uint8Array | undefined {
    return bytes <= BUFFER_BYTES ? this.take() : undefined;
  }

  give(buffers: readonly Uint8Array[]): void {
    for (const buffer of buffers) if (this.#free.length < FREE_MAX) this.#free.push(buffer);
  }
}
