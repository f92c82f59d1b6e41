import type { Socket } from 'node:net';
import { CopyBuffers } from './copy-buffers.ts';

/** Parts shorter than this are copied together; longer ones are cheaper to hand over as they are. */
const COPIED_PART_BYTES_MAX = 16_384;

/** V8 keeps arrays up to this length in its heap; a copy costs less than their move (100 ns against 700 ns on Node 20). */
const HEAP_ARRAY_BYTES_MAX = 64;

const NOTHING = new Uint8Array(0);

/** Of all connections of the process. */
const copyBuffers = new CopyBuffers();

/** Collects the parts of frames and writes them with few system calls. */
export class WriteQueue {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Holds copies of what was lent; the last one has room from `#copiedTo` on. */
  #copies: Uint8Array[] = [];
  #copiedTo = 0;

  /** Bytes that wait here, not counting those that the socket holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param lent the bytes may change as soon as this returns. */
  push(parts: readonly Uint8Array[], lent: boolean): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.#bytes += bytes;
    if (lent) this.#copy(parts, bytes);
    else for (const part of parts) if (part.length > 0) this.#parts.push(part);
  }

  /** Keeps a place before what is pushed next. @returns its number, for `fill`. */
  reserve(): number {
    return this.#parts.push(NOTHING) - 1;
  }

  /** Puts bytes into a reserved place, before the next `writeTo`. */
  fill(place: number, bytes: Uint8Array): void {
    this.#parts[place] = bytes;
    this.#bytes += bytes.length;
  }

  clear(): void {
    this.#parts = [];
    this.#copies = [];
    this.#bytes = 0;
  }

  /** @param onWritten called once, in a later turn, when the kernel has taken everything or the socket has failed. */
  writeTo(socket: Socket, onWritten: () => void): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const copies = this.#copies;
    this.clear();
    const written =
      copies.length === 0
        ? onWritten
        : () => {
            copyBuffers.give(copies);
            onWritten();
          };
    const writes = joinSmall(parts);
    const last = writes.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(writes[i] as Uint8Array);
    socket.write(writes[last] as Uint8Array, written);
    if (last > 0) socket.uncork();
  }

  #copy(parts: readonly Uint8Array[], bytes: number): void {
    if (bytes < COPIED_PART_BYTES_MAX) {
      this.#parts.push(join(parts, 0, parts.length, bytes));
      return;
    }
    for (const part of parts) {
      for (let from = 0; from < part.length; ) {
        const to = Math.min(part.length, from + this.#room());
        this.#append(part, from, to);
        from = to;
      }
    }
  }

  /** Bytes that the last buffer of copies takes; there is one. */
  #room(): number {
    const last = this.#copies.at(-1);
    if (last !== undefined && this.#copiedTo < last.length) return last.length - this.#copiedTo;
    const buffer = copyBuffers.take();
    this.#copies.push(buffer);
    this.#copiedTo = 0;
    return buffer.length;
  }

  /** Copies behind what was copied before, and lengthens its part where nothing came between. */
  #append(part: Uint8Array, from: number, to: number): void {
    const buffer = this.#copies.at(-1) as Uint8Array;
    const at = this.#copiedTo;
    buffer.set(part.subarray(from, to), at);
    this.#copiedTo = at + to - from;
    const last = this.#parts.at(-1);
    const follows =
      last !== undefined && last.buffer === buffer.buffer && last.byteOffset + last.length === buffer.byteOffset + at;
    const start = follows ? last.byteOffset - buffer.byteOffset : at;
    if (follows) this.#parts.pop();
    this.#parts.push(buffer.subarray(start, this.#copiedTo));
  }
}

function joinSmall(parts: readonly Uint8Array[]): Uint8Array[] {
  const writes: Uint8Array[] = [];
  let from = 0;
  while (from < parts.length) {
    let to = from;
    let bytes = 0;
    for (; to < parts.length; to++) {
      const length = (parts[to] as Uint8Array).length;
      if (length >= COPIED_PART_BYTES_MAX) break;
      bytes += length;
    }
    // A run of none or one is nothing to copy, but for what V8 keeps in its heap and would have to move out for the socket.
    if (to - from < 2 && (to === from || bytes > HEAP_ARRAY_BYTES_MAX)) {
      writes.push(parts[from] as Uint8Array);
      from++;
    } else {
      writes.push(join(parts, from, to, bytes));
      from = to;
    }
  }
  return writes;
}

function join(parts: readonly Uint8Array[], from: number, to: number, bytes: number): Uint8Array {
  const joined = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let i = from; i < to; i++) {
    const part = parts[i] as Uint8Array;
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
