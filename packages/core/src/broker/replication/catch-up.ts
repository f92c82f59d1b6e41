import type { EngineHost } from '../../context.ts';

/** The least rate that can be set: below it a slave would take its master for dead between two pieces. */
export const CATCH_UP_BYTES_PER_SECOND_MIN = 1_000_000;
/** What is read at once is so much of what may be read in a second: no long pauses, whatever the rate is. */
const PIECE_SECONDS = 0.25;

/** A read that may begin. It says once how many bytes it has read. */
type Read = (spent: (bytes: number) => void) => void;

/** What a master reads for slaves that are not in sync, one after the other: so many bytes in a second for all of them. */
export class CatchUp {
  readonly #host: EngineHost;
  readonly #bytesPerSecond: number;
  /** At most one for each connection. */
  readonly #waiting: Read[] = [];
  /** Something is being read, or what was read is not paid for yet. */
  #busy = false;

  /** @param bytesPerSecond 0: as fast as it goes. */
  constructor(host: EngineHost, bytesPerSecond: number) {
    this.#host = host;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Of one read. */
  get pieceBytesMax(): number {
    return this.#bytesPerSecond === 0 ? Number.POSITIVE_INFINITY : this.#bytesPerSecond * PIECE_SECONDS;
  }

  /** Calls `read` when it is its turn: now, where nothing is read and nobody waits. */
  take(read: Read): void {
    if (this.#bytesPerSecond === 0) return read(() => {});
    this.#waiting.push(read);
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const read = this.#waiting.shift();
    this.#busy = read !== undefined;
    read?.((bytes) => {
      const { timers } = this.#host;
      timers.at(this.#host.nowMs() + (bytes / this.#bytesPerSecond) * 1_000, () => this.#next());
    });
  }
}
