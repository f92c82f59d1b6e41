import { SHARE_PREFETCH_BYTES_MAX, SHARE_PREFETCH_BYTES_MIN, SHARES_BYTES_MAX, SHARES_PREFETCH_BYTES } from './limits.ts';

/** A shared subscription gets this part of what is left: of many each has some, and a few are not slowed down. */
const PREFETCH_PART = 8;

/** What holds messages, and can be stopped from taking more. */
export interface Holder {
  pause(): void;
  resume(): void;
}

/** What one shared subscription holds: the memory behind messages that were given and are not settled. */
export class ShareHold {
  bytes = 0;
  paused = false;
  /** What its consumer may fetch ahead, bytes. */
  readonly prefetchBytes: number;
  readonly holder: Holder;
  readonly #memory: ShareMemory;
  /** Messages of each buffer: a small one keeps the whole answer that it came in. */
  readonly #buffers = new Map<ArrayBufferLike, number>();

  constructor(memory: ShareMemory, holder: Holder, prefetchBytes: number) {
    this.#memory = memory;
    this.holder = holder;
    this.prefetchBytes = prefetchBytes;
  }

  add({ buffer }: Uint8Array): void {
    const messages = this.#buffers.get(buffer) ?? 0;
    this.#buffers.set(buffer, messages + 1);
    if (messages > 0) return;
    this.bytes += buffer.byteLength;
    this.#memory.grown(this, buffer.byteLength);
  }

  remove({ buffer }: Uint8Array): void {
    const messages = this.#buffers.get(buffer);
    if (messages === undefined) return;
    if (messages > 1) {
      this.#buffers.set(buffer, messages - 1);
      return;
    }
    this.#buffers.delete(buffer);
    this.bytes -= buffer.byteLength;
    this.#memory.shrunk(this, buffer.byteLength);
  }

  /** It holds nothing any more. */
  end(): void {
    this.#buffers.clear();
    this.#memory.ended(this);
  }
}

/**
 * Bounds what the shared subscriptions of a bridge hold together: what their consumers fetch ahead, and what waits for devices
 * that do not acknowledge. Beyond SHARES_BYTES_MAX those with more than an equal part of it are paused until something of
 * theirs is settled: the others go on.
 */
export class ShareMemory {
  /** Behind messages that were given and are not settled. */
  bytes = 0;
  readonly #holds = new Set<ShareHold>();
  #prefetchBytes = 0;

  begin(holder: Holder): ShareHold {
    const part = Math.floor((SHARES_PREFETCH_BYTES - this.#prefetchBytes) / PREFETCH_PART);
    const prefetchBytes = Math.max(SHARE_PREFETCH_BYTES_MIN, Math.min(SHARE_PREFETCH_BYTES_MAX, part));
    this.#prefetchBytes += prefetchBytes;
    const hold = new ShareHold(this, holder, prefetchBytes);
    this.#holds.add(hold);
    return hold;
  }

  grown(hold: ShareHold, bytes: number): void {
    this.bytes += bytes;
    if (hold.paused || this.bytes <= SHARES_BYTES_MAX || hold.bytes <= SHARES_BYTES_MAX / this.#holds.size) return;
    hold.paused = true;
    hold.holder.pause();
  }

  shrunk(hold: ShareHold, bytes: number): void {
    this.bytes -= bytes;
    // It is not all frozen: for each message that it is rid of it gets another one.
    if (hold.paused) this.#resume(hold);
    this.#resumeAll();
  }

  ended(hold: ShareHold): void {
    if (!this.#holds.delete(hold)) return;
    this.#prefetchBytes -= hold.prefetchBytes;
    this.bytes -= hold.bytes;
    hold.bytes = 0;
    this.#resumeAll();
  }

  #resumeAll(): void {
    if (this.bytes > SHARES_BYTES_MAX / 2) return;
    for (const hold of this.#holds) if (hold.paused) this.#resume(hold);
  }

  #resume(hold: ShareHold): void {
    hold.paused = false;
    hold.holder.resume();
  }
}
