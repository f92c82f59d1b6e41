import type { QanatError } from './errors.ts';

/**
 * What a connection tells its owner. No method is called before `dial` has returned or `accept` has given the handler, none
 * re-entrantly from `send`, `flush`, `close` or `abort`, and none after `onClose`.
 */
export interface ConnectionHandler {
  /** A dialled connection is open: the binding's preface was exchanged. Not called for accepted connections. */
  onOpen(): void;
  /**
   * One whole frame, its length field included. The callee owns the bytes where this side dialled; those of an accepted
   * connection hold
   * until it returns.
   */
  onFrame(frame: Uint8Array): void;
  /** No more frames of what arrived together: a good moment to answer them all. */
  onFramesEnd(): void;
  /**
   * The peer's bytes are no frames (MALFORMED_FRAME, FRAME_TOO_LARGE, UNSUPPORTED_VERSION). Nothing more is read; sending still
   * works.
   */
  onBadBytes(error: QanatError): void;
  /** What waits to be sent fell below the low-water mark. Comes only after `send` gave false. */
  onDrain(): void;
  /** Called exactly once, also after `close` and `abort`. `error` is undefined when either side closed cleanly. */
  onClose(error: QanatError | undefined): void;
}

export interface Connection {
  /** The peer's address, for people. */
  readonly remote: string;
  /**
   * Names in the peer's certificate, the subject's common name first, where the peer showed one and it was verified. Undefined
   * without.
   */
  readonly certificateNames?: readonly string[] | undefined;
  /**
   * Queues one frame, given in parts. Returns false when the high-water mark is passed: hold back until `onDrain`. The frame
   * is taken even then. The parts' bytes may not change afterwards, unless they are `lent`: then they may as soon as this
   * returns.
   */
  send(parts: readonly Uint8Array[], lent?: boolean): boolean;
  /** Hands what was queued to the network. Frames may leave earlier. */
  flush(): void;
  /** The longest frame taken from the peer, its length field not counted. Starts at FRAME_BEFORE_HELLO_BYTES_MAX. */
  setFrameBytesMax(bytes: number): void;
  /** Stops and resumes reading. Frames of a chunk that was read already may still come. */
  setReading(on: boolean): void;
  /** Flushes what was queued, then closes. Idempotent. */
  close(): void;
  /** Drops everything now. Idempotent. */
  abort(error: QanatError): void;
}

export interface Listener {
  /** Where it listens, with the real port: `127.0.0.1:7610`. */
  readonly address: string;
  /** Takes no more connections; those accepted stay. */
  close(done: () => void): void;
}

/** Moves whole frames and knows nothing of their meaning. Adapters live in `@qanat/transports`. */
export interface Transport {
  /** URL schemes that this transport serves: `['qanat']`. */
  readonly schemes: readonly string[];
  /**
   * Begins to connect and returns at once; the result comes as `onOpen`, or as `onClose` with CONNECTION_FAILED.
   * @param address `host:port`, or a URL with one of `schemes`.
   */
  dial(address: string, handler: ConnectionHandler): Connection;
  /** @param address `host:port`; port 0 picks a free one. */
  listen(
    address: string,
    accept: (connection: Connection) => ConnectionHandler,
    done: (error: QanatError | undefined, listener: Listener | undefined) => void,
  ): void;
}
