import type { ConsensusRequest } from './election/consensus.ts';
import type { QanatError } from './errors.ts';
import type { KeyRequest } from './security/scram-client.ts';
import type { StorageRequest } from './storage.ts';

/** Names a connection of one engine. Connections that the engine dials are odd, those that it accepts are even. */
export type ConnectionId = number;

/** What can happen to any engine. Time is an argument beside it. */
export type Input =
  /** A listener accepted a connection. `certificateNames`: of the peer's verified certificate, where it showed one. */
  | {
      readonly kind: 'accepted';
      readonly connection: ConnectionId;
      readonly remote: string;
      readonly listener: string;
      readonly certificateNames?: readonly string[] | undefined;
    }
  /** A connection that the engine asked for with `connect` is open. */
  | { readonly kind: 'opened'; readonly connection: ConnectionId }
  /**
   * One whole frame, its length field included. The engine owns the bytes where it dialled the connection; those of a
   * connection that it
   * accepted hold until `handle` returns.
   */
  | { readonly kind: 'frame'; readonly connection: ConnectionId; readonly frame: Uint8Array }
  /** The bytes of the peer are no frames; nothing more is read. The connection is still writable. */
  | { readonly kind: 'badBytes'; readonly connection: ConnectionId; readonly error: QanatError }
  /** The connection is gone. Comes once for each connection, whoever closed it; never after it anything else. */
  | { readonly kind: 'closed'; readonly connection: ConnectionId; readonly error: QanatError | undefined }
  /** The peer does not read as fast as we send: hold back what can wait, until `drained`. */
  | { readonly kind: 'blocked'; readonly connection: ConnectionId }
  | { readonly kind: 'drained'; readonly connection: ConnectionId }
  /** A storage request ended. `result` is what its port method gives. */
  | { readonly kind: 'stored'; readonly operation: number; readonly error: QanatError | undefined; readonly result: unknown }
  /** A request to the consensus store ended. `result` is what its port gives. */
  | { readonly kind: 'decided'; readonly operation: number; readonly error: QanatError | undefined; readonly result: unknown }
  /** A key was derived. `result` are 32 bytes. */
  | { readonly kind: 'derived'; readonly operation: number; readonly error: QanatError | undefined; readonly result: unknown }
  /** Wall clock minus monotonic clock: at the start, and whenever it moved by more than 50 ms. */
  | { readonly kind: 'wallClock'; readonly offsetMs: number };

/** What any engine can ask its driver to do. Outputs are started in the order given. */
export type Output =
  | { readonly kind: 'connect'; readonly connection: ConnectionId; readonly address: string }
  /**
   * One frame, in parts that are sent without a gap. The driver owns the parts; their bytes no longer change. Those that are
   * lent hold
   * until the engine is drained again.
   */
  | {
      readonly kind: 'send';
      readonly connection: ConnectionId;
      readonly parts: readonly Uint8Array[];
      readonly lent?: boolean;
    }
  /** Sets the longest frame that the connection takes, its length field not counted. Until then: FRAME_BEFORE_HELLO_BYTES_MAX. */
  | { readonly kind: 'frameLimit'; readonly connection: ConnectionId; readonly bytes: number }
  /** Stops and resumes reading from the peer: back-pressure. */
  | { readonly kind: 'reading'; readonly connection: ConnectionId; readonly on: boolean }
  /** Flushes what was sent, then closes. */
  | { readonly kind: 'close'; readonly connection: ConnectionId }
  /** Drops the connection now. */
  | { readonly kind: 'abort'; readonly connection: ConnectionId; readonly error: QanatError }
  | { readonly kind: 'storage'; readonly operation: number; readonly request: StorageRequest }
  | { readonly kind: 'consensus'; readonly operation: number; readonly request: ConsensusRequest }
  /** Asks for a key from a password (PBKDF2): slow on purpose, so the platform does it beside everything else. */
  | { readonly kind: 'deriveKey'; readonly operation: number; readonly request: KeyRequest }
  /** The engine is ready to serve: a broker after its recovery. Comes once. */
  | { readonly kind: 'ready' }
  /** The engine cannot go on; the process ends with this error. */
  | { readonly kind: 'fatal'; readonly error: QanatError }
  /** The engine has stopped, everything is flushed. Comes once, after `stop`. */
  | { readonly kind: 'stopped' }
  /** Something that an operator wants to know. Never a secret, never a payload. */
  | { readonly kind: 'log'; readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A pure state machine: no socket, timer, clock or randomness of its own. The same state, inputs and times give the same
 * outputs. A driver calls `handle` for every event, then `drain`, then arms one timer for `nextDeadlineMs`.
 *
 * `nowMs` is monotonic and may have a fraction.
 */
export interface Engine<ExtraInput = never, ExtraOutput = never> {
  handle(input: Input | ExtraInput, nowMs: number): void;
  /** Runs whatever is due at or before `nowMs`. Calling it early or twice is harmless. */
  tick(nowMs: number): void;
  /** Everything asked for since the last call, in order. The array is the caller's until the next call. */
  drain(): readonly (Output | ExtraOutput)[];
  /** When to call `tick` next, or undefined when nothing is pending. */
  nextDeadlineMs(): number | undefined;
}
