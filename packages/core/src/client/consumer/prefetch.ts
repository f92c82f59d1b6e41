import { LIMITS } from '../../wire/gen/registry.ts';

/** The least that a PULL asks for: a broker gives a first batch whatever its length. */
const PULL_BYTES_MIN = 65_536;
/** Longer answers save nothing, and whoever keeps one body keeps the answer. */
const PULL_BYTES_MAX = Math.min(1_048_576, LIMITS.PULL_BYTES_MAX);

/** Counts the bytes of batches that a consumer holds over all its queues: its back-pressure. */
export class Prefetch {
  readonly bytesMax: number;
  heldBytes = 0;
  readonly #onRoom: () => void;

  /** @param onRoom called when the bytes held have fallen to half of `bytesMax`. */
  constructor(bytesMax: number, onRoom: () => void) {
    this.bytesMax = bytesMax;
    this.#onRoom = onRoom;
  }

  /**
   * Whether every queue may be pulled. Else only those that hold nothing: a queue whose handler fails must not stop the others.
   */
  get hasRoom(): boolean {
    return this.heldBytes * 2 <= this.bytesMax;
  }

  take(bytes: number): void {
    this.heldBytes += bytes;
  }

  free(bytes: number): void {
    const full = !this.hasRoom;
    this.heldBytes -= bytes;
    if (full && this.hasRoom) this.#onRoom();
  }

  /** What one of `pulls` PULL requests under way at once may bring. */
  pullBytes(pulls: number): number {
    const free = Math.floor((this.bytesMax - this.heldBytes) / pulls);
    return Math.min(PULL_BYTES_MAX, Math.max(PULL_BYTES_MIN, free));
  }
}
