import type { Socket } from 'node:net';

/** Frames that wait to be written to a socket as messages: small ones share one, a long one has its own. */
export interface MessageQueue {
  /** Bytes that wait here, not counting those that the socket holds. */
  readonly bytes: number;
  /** @param lent the bytes may change as soon as this returns. */
  push(parts: readonly Uint8Array[], lent: boolean): void;
  clear(): void;
  /** @param onWritten called once, in a later turn, when the kernel has taken everything or the socket has failed. */
  writeTo(socket: Socket, onWritten: () => void): void;
}
