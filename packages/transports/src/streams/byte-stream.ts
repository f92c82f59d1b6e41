/** A connection that a listener accepted, as a stream of bytes. Nothing here calls its owner back before it has returned. */
export interface ByteStream {
  /** The peer's address and port, for people. */
  readonly remote: string;
  /** Whether it runs over TLS. */
  readonly secure: boolean;
  /** Names in the peer's verified certificate, the subject's common name first; undefined where it showed none. */
  readonly certificateNames: readonly string[] | undefined;
  /** The owner's number for it. 0 until the owner sets it. */
  number: number;
  /**
   * Queues bytes, which are the stream's from now on. What is queued in one turn of the event loop leaves together.
   * @returns false above STREAM_HIGH_WATER_BYTES: hold back until `drained`. The bytes are taken even then; beyond
   * STREAM_BUFFER_BYTES_MAX the connection is dropped.
   */
  send(bytes: Uint8Array): boolean;
  /** Hands what was queued to the network now. */
  flush(): void;
  /** Stops and resumes reading. What was read already may still come. */
  setReading(on: boolean): void;
  /**
   * Sends what was queued, then ends; what comes meanwhile is dropped, and a peer that does not end too is dropped after
   * CLOSE_DEADLINE_MS.
   */
  close(): void;
  /** Ends now: what waits is lost. */
  abort(): void;
}

/** Who handles the streams of a listener: one object for all of them, so that an idle one costs little. */
export interface StreamOwner {
  accepted(stream: ByteStream): void;
  /** @param bytes the owner's from now on. */
  received(stream: ByteStream, bytes: Uint8Array): void;
  /** What waited has left. Comes only after `send` gave false. */
  drained(stream: ByteStream): void;
  /**
   * The peer has ended it, or it failed: what waits leaves, what is sent from now on does not, and `closed` follows. Is called
   * once at the most, and not behind `close` or `abort`. Over WebSocket `closed` alone tells it.
   */
  ended(stream: ByteStream): void;
  /** It is over. Is called exactly once for each that was accepted, after `close` and `abort` too, in a later turn. */
  closed(stream: ByteStream): void;
}

/** Above it `send` asks to hold back. */
export const STREAM_HIGH_WATER_BYTES = 1_048_576;
/** A peer for whom more waits is dropped: its owner does not hold back. */
export const STREAM_BUFFER_BYTES_MAX = 16_777_216;
