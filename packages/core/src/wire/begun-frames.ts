import { QanatError } from '../errors.ts';
import { FrameBuffers } from './frame-buffers.ts';
import { LIMITS } from './gen/registry.ts';

/** Memory of frames that have begun and not ended, over all connections of a listener: 64 of the longest. */
export const BEGUN_BYTES_MAX: number = 256 * 1024 * 1024;

/** Shorter ones are not counted: the number of connections bounds them, and most frames would cost more to count than to keep. */
export const BEGUN_COUNTED_BYTES_MIN: number = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

/** Keeps a frame until it is whole. */
export interface FrameHolder {
  /** Drops the frame: others need the memory. */
  giveUp(error: QanatError): void;
}

/**
 * What the connections of one listener hold of frames that are not whole. A frame of an honest peer is whole within a moment; so
 * when the memory is used up, the one that began first makes room.
 */
export class BegunFrames {
  /** Where most of them are assembled. */
  readonly buffers: FrameBuffers = new FrameBuffers();
  readonly #bytesMax: number;
  /** In the order in which the frames began. */
  readonly #held = new Map<FrameHolder, number>();
  #bytes = 0;

  constructor(bytesMax: number = BEGUN_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The holder has reserved so much for its frame by now. */
  hold(holder: FrameHolder, bytes: number): void {
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    this.#held.set(holder, bytes);
    while (this.#bytes > this.#bytesMax) {
      const [first, second] = this.#held.keys();
      const oldest = first === holder ? second : first;
      if (oldest === undefined) return;
      this.release(oldest);
      const why = `frames that began and did not end hold ${this.#bytesMax} bytes (BEGUN_BYTES_MAX); this one began first`;
      oldest.giveUp(new QanatError('TOO_MANY_CONNECTIONS', why));
    }
  }

  /** Its frame is whole, or dropped. */
  release(holder: FrameHolder): void {
    this.#bytes -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }
}
