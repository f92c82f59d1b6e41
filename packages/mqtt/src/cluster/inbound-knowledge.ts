import type { QueueId } from '@qanat/core';

/** An exchange that was released, and is remembered against what may still be under way. */
interface Released {
  readonly generation: number;
  readonly queue: QueueId;
  readonly atMs: number;
}

/** What is known of one packet id of a client. */
export interface KnownId {
  /** Where the exchange that is not released began. */
  begun: { readonly generation: number; readonly queue: QueueId } | undefined;
  released: Released[];
}

/**
 * Whether the exchanges of a session are known. `lost`: the session is not this bridge's any more; `unknown`: a queue could not
 * be asked for INBOUND_WAIT_MS.
 */
export type InboundState = 'known' | 'lost' | 'unknown';

/** What a bridge knows of the exchanges of one of its sessions. */
export interface InboundKnowledge {
  /** Their keys begin with it; empty before they have a name. */
  prefix: string;
  readonly ids: Map<number, KnownId>;
  /** Names of the queues that were asked, while not all were. */
  asked: Set<string> | undefined;
  /** Until then another bridge may still be storing what it was given, ms of this bridge's clock. */
  fencedUntilMs: number;
  /** Every queue was asked, and the session was still this bridge's afterwards. */
  complete: boolean;
  /** The session was this bridge's then, ms of its clock. */
  asOfMs: number;
  /** Told when they are known, in the order of the calls. */
  waiting: ((state: InboundState) => void)[];
  /** The session is over: what is still stored for it goes. */
  ended: boolean;
}
