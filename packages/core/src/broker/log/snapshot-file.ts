// Makes the bytes of a snapshot file in slices, so that the loop of events is never held up for long.
import type { Platform } from '../../platform.ts';
import type { Timers } from '../../timers.ts';
import { writeUint32At } from '../../wire/bytes.ts';
import { Snapshot, type SnapshotInit } from '../../wire/gen/messages.ts';

export const CHECKSUM_BYTES = 4;
/** Encoded in one turn of the event loop, and joined in one. */
const ENCODE_BYTES = 16 * 1024;
const JOIN_BYTES = 4 * 1024 * 1024;
/** Until the next turn. */
const PAUSE_MS = 1;

interface SliceHost {
  readonly timers: Timers;
  nowMs(): number;
}

/**
 * A CRC-32 of the rest, then a Snapshot: slices that are encoded one behind the other are the encoding of all of them, as
 * Protocol Buffers have it.
 */
export class SnapshotFile {
  readonly #host: SliceHost;
  readonly #platform: Platform;
  readonly #slices: Iterator<SnapshotInit>;
  readonly #done: (bytes: Uint8Array) => void;
  readonly #parts: Uint8Array[] = [];
  #length = CHECKSUM_BYTES;
  #checksum = 0;
  #bytes: Uint8Array | undefined;
  #joined = 0;
  #at = CHECKSUM_BYTES;
  #abandoned = false;
  isDone = false;

  /** Begins at once; small snapshots are done before it returns. */
  constructor(host: SliceHost, platform: Platform, slices: Iterator<SnapshotInit>, done: (bytes: Uint8Array) => void) {
    this.#host = host;
    this.#platform = platform;
    this.#slices = slices;
    this.#done = done;
    this.#work();
  }

  /** `done` will not come. */
  abandon(): void {
    this.#abandoned = true;
    this.#slices.return?.(undefined);
  }

  #work(): void {
    if (this.#abandoned) return;
    if (this.#bytes === undefined && !this.#encode()) return this.#later();
    const bytes = this.#bytes as Uint8Array;
    if (!this.#join(bytes)) return this.#later();
    this.isDone = true;
    this.#done(bytes);
  }

  #later(): void {
    this.#host.timers.at(this.#host.nowMs() + PAUSE_MS, () => this.#work());
  }

  /** @returns whether all is encoded. */
  #encode(): boolean {
    for (let encoded = 0; encoded < ENCODE_BYTES; ) {
      const slice = this.#slices.next();
      if (slice.done === true) {
        this.#bytes = new Uint8Array(this.#length);
        writeUint32At(this.#bytes, 0, this.#checksum);
        return true;
      }
      const part = Snapshot.encode(slice.value);
      this.#checksum = this.#platform.crc32(part, this.#checksum);
      this.#parts.push(part);
      this.#length += part.length;
      encoded += part.length;
    }
    return false;
  }

  /** @returns whether all parts are in place. */
  #join(bytes: Uint8Array): boolean {
    for (let copied = 0; copied < JOIN_BYTES; copied += (this.#parts[this.#joined++] as Uint8Array).length) {
      const part = this.#parts[this.#joined];
      if (part === undefined) return true;
      bytes.set(part, this.#at);
      this.#at += part.length;
    }
    return false;
  }
}
