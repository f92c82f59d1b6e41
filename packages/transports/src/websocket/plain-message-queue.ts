import type { Socket } from 'node:net';
import { WriteQueue } from '../tcp/write-queue.ts';
import type { MessageQueue } from './message-queue.ts';
import { JOINED_MESSAGE_BYTES_MAX } from './message-rules.ts';
import { HEADER_BYTES_MAX, Opcode, writeHeader } from './wire-format.ts';

/** Messages of a server, which are not masked: what is pushed is written as it is. */
export class PlainMessageQueue implements MessageQueue {
  readonly #queue = new WriteQueue();
  /** Where the header of the message that is being filled will stand. */
  #headerAt = 0;
  #messageBytes = 0;

  get bytes(): number {
    return this.#queue.bytes;
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (this.#messageBytes + bytes > JOINED_MESSAGE_BYTES_MAX) this.#seal();
    if (this.#messageBytes === 0) this.#headerAt = this.#queue.reserve();
    this.#messageBytes += bytes;
    this.#queue.push(parts, lent);
  }

  clear(): void {
    this.#queue.clear();
    this.#messageBytes = 0;
  }

  writeTo(socket: Socket, onWritten: () => void): void {
    this.#seal();
    this.#queue.writeTo(socket, onWritten);
  }

  #seal(): void {
    if (this.#messageBytes === 0) return;
    const header = new Uint8Array(HEADER_BYTES_MAX);
    const at = writeHeader(header, HEADER_BYTES_MAX, Opcode.BINARY, this.#messageBytes, undefined);
    this.#queue.fill(this.#headerAt, header.subarray(at));
    this.#messageBytes = 0;
  }
}
