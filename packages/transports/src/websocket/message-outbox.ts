import { joinParts } from '@qanat/core';
import { JOINED_MESSAGE_BYTES_MAX } from './message-rules.ts';

/** The frames of one message, in parts. */
export interface OutgoingMessage {
  readonly parts: Uint8Array[];
  bytes: number;
}

/** Frames that wait to be sent, joined to messages: small ones share one, a long one has its own. */
export class MessageOutbox {
  #messages: OutgoingMessage[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param lent the bytes may change as soon as this returns. */
  push(parts: readonly Uint8Array[], lent: boolean): void {
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.#bytes += bytes;
    const kept = lent ? [joinParts(parts)] : parts;
    const last = this.#messages.at(-1);
    if (last === undefined || last.bytes + bytes > JOINED_MESSAGE_BYTES_MAX) {
      this.#messages.push({ parts: [...kept], bytes });
    } else {
      last.parts.push(...kept);
      last.bytes += bytes;
    }
  }

  /** The next message, or undefined when nothing waits. */
  take(): OutgoingMessage | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.bytes ?? 0;
    return message;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
