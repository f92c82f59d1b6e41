import type { Socket } from 'node:net';
import { CopyBuffers } from '../tcp/copy-buffers.ts';
import { nextMask } from './mask-source.ts';
import { applyMask } from './masking.ts';
import { MessageOutbox, type OutgoingMessage } from './message-outbox.ts';
import type { MessageQueue } from './message-queue.ts';
import { JOINED_MESSAGE_BYTES_MAX } from './message-rules.ts';
import { Opcode, writeHeader } from './wire-format.ts';

/** For the longest header; masking is fastest where the payload behind it begins at a whole word. */
const HEADER_ROOM_BYTES = 16;

/** Of all connections of the process. */
const copyBuffers = new CopyBuffers();

/** Messages of a client, which are masked: copied and masked in one go, the long ones in memory that is used again. */
export class MaskedMessageQueue implements MessageQueue {
  readonly #outbox = new MessageOutbox();

  get bytes(): number {
    return this.#outbox.bytes;
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    this.#outbox.push(parts, lent);
  }

  clear(): void {
    this.#outbox.clear();
  }

  writeTo(socket: Socket, onWritten: () => void): void {
    if (this.#outbox.bytes === 0) return;
    const borrowed: Uint8Array[] = [];
    const written = (): void => {
      copyBuffers.give(borrowed);
      onWritten();
    };
    socket.cork();
    for (let message = this.#outbox.take(); message !== undefined; message = this.#outbox.take())
      socket.write(masked(message, borrowed), this.#outbox.bytes === 0 ? written : undefined);
    socket.uncork();
  }
}

/** One message as it goes over the wire. @param borrowed gets the buffer that is to be given back. */
function masked({ parts, bytes }: OutgoingMessage, borrowed: Uint8Array[]): Uint8Array {
  const buffer = bufferFor(HEADER_ROOM_BYTES + bytes, borrowed);
  let at = HEADER_ROOM_BYTES;
  for (const part of parts) {
    buffer.set(part, at);
    at += part.length;
  }
  const mask = nextMask();
  applyMask(buffer.subarray(HEADER_ROOM_BYTES, at), mask, 0);
  return buffer.subarray(writeHeader(buffer, HEADER_ROOM_BYTES, Opcode.BINARY, bytes, mask), at);
}

function bufferFor(bytes: number, borrowed: Uint8Array[]): Uint8Array {
  if (bytes <= JOINED_MESSAGE_BYTES_MAX) return Buffer.allocUnsafe(bytes);
  const buffer = copyBuffers.takeFor(bytes);
  if (buffer === undefined) return Buffer.allocUnsafeSlow(bytes);
  borrowed.push(buffer);
  return buffer;
}
