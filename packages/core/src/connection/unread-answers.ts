import { QanatError } from '../errors.ts';

/** What may wait for all peers that do not read, together: beyond it the one for whom most waits is dropped. */
export const UNREAD_BYTES_TOTAL_MAX: number = 512 * 1024 * 1024;

/** A connection whose peer does not read. */
interface SlowReader {
  drop(error: QanatError): void;
}

/** Answers that were sent to peers since it is known that they do not read. */
export class UnreadAnswers {
  readonly #bytesMax: number;
  readonly #bytesOf = new Map<SlowReader, number>();
  #bytes = 0;

  constructor(bytesMax: number = UNREAD_BYTES_TOTAL_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** @returns how much waits for this peer now. */
  add(peer: SlowReader, bytes: number): number {
    const waiting = (this.#bytesOf.get(peer) ?? 0) + bytes;
    this.#bytesOf.set(peer, waiting);
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) this.#dropSlowest();
    return waiting;
  }

  /** The peer reads again, or is gone. */
  forget(peer: SlowReader): void {
    this.#bytes -= this.#bytesOf.get(peer) ?? 0;
    this.#bytesOf.delete(peer);
  }

  #dropSlowest(): void {
    let slowest: SlowReader | undefined;
    let most = 0;
    for (const [peer, bytes] of this.#bytesOf) {
      if (bytes <= most) continue;
      slowest = peer;
      most = bytes;
    }
    const limit = `${this.#bytes} bytes wait for peers that do not read (UNREAD_BYTES_TOTAL_MAX), ${most} of them for this one`;
    slowest?.drop(new QanatError('SLOW_READER', limit));
  }
}
