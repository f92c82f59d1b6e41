import { joinParts, LIMITS } from '@qanat/core';

/** A message holds several frames only up to this length: every peer takes it, before HELLO too. */
export const JOINED_MESSAGE_BYTES_MAX: number = LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;

/** Frames that wait to be sent, joined to messages: small ones share one, a long one has its own. */
export class MessageOutbox {
  #messages: Uint8Array[] = [];
  /** The frames of the message that is being filled, in parts. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(parts: readonly Uint8Array[], lent: boolean): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (this.#partBytes + bytes > JOINED_MESSAGE_BYTES_MAX) this.#seal();
    if (lent) this.#parts.push(joinParts(parts));
    else this.#parts.push(...parts);
    this.#partBytes += bytes;
    this.#bytes += bytes;
  }

  /** The next whole message, or undefined when nothing waits. */
  take(): Uint8Array | undefined {
    if (this.#messages.length === 0) this.#seal();
    const message = this.#messages.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }

  clear(): void {
    this.#messages = [];
    this.#parts = [];
    this.#partBytes = 0;
    this.#bytes = 0;
  }

  #seal(): void {
    const [first] = this.#parts;
    if (first === undefined) return;
    this.#messages.push(this.#parts.length === 1 ? first : joinParts(this.#parts));
    this.#parts = [];
    this.#partBytes = 0;
  }
}
