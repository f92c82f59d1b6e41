import type { QanatError } from '@qanat/core';

const NO_BYTES = new Uint8Array(0);

/**
 * In the place of a splitter of frames, for protocols that see a WebSocket as a stream of bytes: what they send may share
 * messages and span them. Every piece is given as it comes, and none is kept.
 */
export class UncutPayloads {
  /** A message may have any length: it is not held. */
  frameBytesMax: number = Number.POSITIVE_INFINITY;
  /** So many more pieces are given in this turn. */
  framesLeft: number = Number.POSITIVE_INFINITY;
  readonly pendingBytes = 0;
  readonly hasRest = false;
  #stopped = false;

  takeRest(): Uint8Array {
    return NO_BYTES;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** @param give hears the bytes, which hold until it returns. */
  push(bytes: Uint8Array, give: (bytes: Uint8Array) => void): QanatError | undefined {
    this.framesLeft--;
    if (!this.#stopped && bytes.length > 0) give(bytes);
    return undefined;
  }
}
