import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  ftruncate,
  ftruncateSync,
  openSync,
  read,
  write,
  writeSync,
  writev,
} from 'node:fs';
import type { Finish } from './request-queue.ts';

/** Appends up to this are copied together and written at once: cheaper than a trip through the thread pool. */
const SMALL_APPEND_BYTES_MAX = 65_536;
/** Zeros are written ahead in steps of this. */
const AHEAD_STEP_BYTES = 1_048_576;
const PAGE_BYTES = 4_096;

const scratch = Buffer.allocUnsafeSlow(SMALL_APPEND_BYTES_MAX);
const zeros = Buffer.alloc(AHEAD_STEP_BYTES + PAGE_BYTES);

/**
 * The content of one file. Its logical size is what was appended; behind it there may be zeros written ahead, which make a sync
 * cheaper because it has no new size or place to record.
 */
export class StoredFileHandle {
  readonly #path: string;
  readonly #writesAhead: boolean;
  #fd: number | undefined;
  #size: number;
  /** Where the file itself ends. */
  #physicalSize: number;
  /** After a failed append the file can be cut, after a failed sync nothing is known of it any more. */
  #failure: { readonly error: Error; readonly final: boolean } | undefined;
  #appendsSmall = false;
  /** Set by a sync only: nobody waits then for what comes after it. */
  #wantsAhead = false;

  constructor(path: string, writesAhead: boolean, size: number) {
    this.#path = path;
    this.#writesAhead = writesAhead;
    this.#size = size;
    this.#physicalSize = size;
  }

  get size(): number {
    return this.#size;
  }

  append(parts: readonly Uint8Array[], finish: Finish<undefined>): void {
    if (this.#failure !== undefined) return finish(this.#failure.error, undefined);
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (bytes === 0) return finish(null, undefined);
    const written = (error: Error | null, bytesWritten: number): void => {
      this.#physicalSize = Math.max(this.#physicalSize, this.#size + bytesWritten);
      // The system reports a device error or a full disk in the middle of a write as a short write, without an error.
      const failure = error ?? (bytesWritten === bytes ? null : new Error(`only ${bytesWritten} of ${bytes} bytes were written`));
      if (failure === null) this.#size += bytes;
      else this.#failure ??= { error: failure, final: false };
      finish(failure, undefined);
    };
    // Large appends gain little from zeros, and would have every byte written twice.
    this.#appendsSmall = bytes <= SMALL_APPEND_BYTES_MAX;
    if (this.#appendsSmall) this.#writeSmall(parts, bytes, written);
    else this.#writeLarge(parts, written);
  }

  /** Whether `writeAhead` is worth its time now. */
  get wantsAhead(): boolean {
    return this.#wantsAhead && this.#failure === undefined;
  }

  /** Failing does no harm: the append that needs the room will say so. */
  writeAhead(finish: Finish<undefined>): void {
    this.#wantsAhead = false;
    const from = Math.max(this.#size, this.#physicalSize);
    const to = Math.ceil((this.#size + AHEAD_STEP_BYTES) / PAGE_BYTES) * PAGE_BYTES;
    if (to <= from) return finish(null, undefined);
    write(this.#open(), zeros, 0, to - from, from, (_error, bytesWritten) => {
      this.#physicalSize = Math.max(this.#physicalSize, from + (bytesWritten ?? 0));
      finish(null, undefined);
    });
  }

  read(position: number, length: number, finish: Finish<Uint8Array>, into?: Uint8Array): void {
    const wanted = Math.max(0, Math.min(length, this.#size - position));
    const bytes = into === undefined ? new Uint8Array(Buffer.allocUnsafeSlow(wanted).buffer) : into.subarray(0, wanted);
    const fd = this.#open();
    const more = (have: number): void => {
      if (have === wanted) return finish(null, bytes);
      read(fd, bytes, have, wanted - have, position + have, (error, bytesRead) => {
        if (error !== null) return finish(error, bytes);
        if (bytesRead === 0)
          return finish(new Error(`the file ends at ${position + have}, before its size ${this.#size}`), bytes);
        more(have + bytesRead);
      });
    };
    more(0);
  }

  sync(finish: Finish<undefined>): void {
    if (this.#failure !== undefined) return finish(this.#failure.error, undefined);
    fdatasync(this.#open(), (error) => {
      // The next call may well succeed, although the pages that this one could not write are lost.
      if (error !== null) this.#failure = { error, final: true };
      this.#wantsAhead = this.#writesAhead && this.#appendsSmall && this.#physicalSize - this.#size < AHEAD_STEP_BYTES / 2;
      finish(error, undefined);
    });
  }

  truncate(size: number, finish: Finish<undefined>): void {
    if (this.#failure?.final === true) return finish(this.#failure.error, undefined);
    if (size > this.#size) return finish(new Error(`the file has ${this.#size} bytes, which is less than ${size}`), undefined);
    const fd = this.#open();
    const ended = (error: Error | null): void => {
      this.#failure = error === null ? undefined : { error, final: true };
      finish(error, undefined);
    };
    ftruncate(fd, size, (error) => {
      if (error !== null) return ended(error);
      this.#size = size;
      this.#physicalSize = size;
      fdatasync(fd, ended);
    });
  }

  /** Frees the file; it may be used again after that, and is opened anew. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Cuts what was written ahead, and frees the file. */
  close(): void {
    try {
      if (this.#fd === undefined || this.#failure !== undefined || this.#physicalSize <= this.#size) return;
      ftruncateSync(this.#fd, this.#size);
      fdatasyncSync(this.#fd);
    } finally {
      this.release();
    }
  }

  #open(): number {
    this.#fd ??= openSync(this.#path, constants.O_RDWR);
    return this.#fd;
  }

  #writeSmall(parts: readonly Uint8Array[], bytes: number, written: (error: Error | null, bytesWritten: number) => void): void {
    let at = 0;
    for (const part of parts) {
      scratch.set(part, at);
      at += part.length;
    }
    let bytesWritten = 0;
    let failure: Error | null = null;
    try {
      bytesWritten = writeSync(this.#open(), scratch, 0, bytes, this.#size);
    } catch (error) {
      failure = error as Error;
    }
    written(failure, bytesWritten);
  }

  #writeLarge(parts: readonly Uint8Array[], written: (error: Error | null, bytesWritten: number) => void): void {
    writev(this.#open(), parts, this.#size, (error, bytesWritten) => written(error, bytesWritten ?? 0));
  }
}
