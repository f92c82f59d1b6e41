import type { QanatError } from '@qanat/core';
import type { PeerEnd } from './close-codes.ts';

/** The subprotocol that stands in place of the preface: name and major version (spec, chapter of WebSocket). */
export const SUBPROTOCOL = 'qanat.v1';

/** Time that a connection may take to open, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 3_000;

/** What came over a WebSocket and was not given yet, and the frames in it. */
export interface MessageInbox {
  /** Nothing is left to be given: no frame, and not the end of the peer. */
  readonly isEmpty: boolean;
  /** How the peer ended, once everything before it was given. */
  readonly end: PeerEnd | undefined;
  /** The code to close with: that of a clean end, or of what `give` found wrong with the messages themselves. */
  readonly closeCode: number;
  /** The longest frame taken, its length field not counted. */
  setFrameBytesMax(bytes: number): void;
  /** Others had their turn: FRAMES_PER_TURN_MAX frames may be given again. */
  nextTurn(): void;
  /**
   * Gives the frames of what came, as many as the turn has left.
   * @returns MALFORMED_FRAME or FRAME_TOO_LARGE when a message does not consist of frames: then nothing more is given.
   */
  give(onFrame: (frame: Uint8Array) => void): QanatError | undefined;
  /** No frame is given any more, also when called from `onFrame`. */
  stop(): void;
}

/** What the binding asks of a WebSocket, whoever made it. Nothing here calls back before it has returned. */
export interface MessageSocket {
  readonly inbox: MessageInbox;
  /** Bytes that were pushed and have not left this process. */
  readonly bufferedBytes: number;
  /** Takes one frame, given in parts, which may change afterwards only if they are `lent`. */
  push(parts: readonly Uint8Array[], lent: boolean): void;
  /** Sends what was pushed, once the socket is open. */
  flush(): void;
  /** Stops and resumes reading, where that can be done. */
  setReading(on: boolean): void;
  /**
   * Sends what was pushed, then ends in good order. Is called once. What comes until the peer has ended too goes on to the inbox.
   * @param code NO_CODE and ABNORMAL answer a peer that ended so.
   */
  close(code: number): void;
  /** Ends now: what waits is lost, and the peer sees no good order. */
  drop(): void;
}

/** What a WebSocket tells the connection that is made on it. */
export interface MessageListener {
  /** The subprotocol is agreed upon. */
  opened(): void;
  /** The inbox has something: messages, or the end of the peer. */
  arrived(): void;
  /** Some of what was pushed has left. */
  sent(): void;
  /** What came is not taken, and nothing more is read; sending still works. */
  refused(error: QanatError): void;
  /** It does not open, or breaks off; `closed` follows. */
  broke(error: QanatError): void;
  /** It is over. Is called once, after `close` or `drop` in any case. */
  closed(): void;
}
