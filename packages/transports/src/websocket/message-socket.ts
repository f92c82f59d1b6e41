import type { QanatError } from '@qanat/core';

/** The subprotocol that stands in place of the preface: name and major version (spec, chapter of WebSocket). */
export const SUBPROTOCOL = 'qanat.v1';

/** Time that a connection may take to open, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 3_000;

/** What the binding asks of a WebSocket, whoever made it. Nothing here calls back before it has returned. */
export interface MessageSocket {
  /** Bytes that were pushed and have not left this process. */
  readonly bufferedBytes: number;
  /** Takes one frame, given in parts, which may change afterwards only if they are `lent`. */
  push(parts: readonly Uint8Array[], lent: boolean): void;
  /** Sends what was pushed, once the socket is open. */
  flush(): void;
  /** Stops and resumes reading, where that can be done. */
  setReading(on: boolean): void;
  /** Sends what was pushed, then ends in good order; reads and drops until the peer does the same. Is called once. */
  close(code: number): void;
  /** Ends now: what waits is lost, and the peer sees no good order. */
  drop(): void;
}

/** What a WebSocket tells the connection that is made on it. */
export interface MessageListener {
  /** The subprotocol is agreed upon. */
  opened(): void;
  /** One binary message, or what is wrong with the one that came. */
  message(message: Uint8Array | QanatError): void;
  /** No more messages of what arrived together. */
  messagesEnd(): void;
  /** Some of what was pushed has left. */
  sent(): void;
  /**
   * It is over. Is called once, in a turn of its own after `drop`.
   * @param failure why it did not open, or what is known better than the close code says.
   */
  closed(code: number, reason: string, failure?: QanatError): void;
}
