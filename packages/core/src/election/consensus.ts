// The port to a store that several machines agree upon: etcd in production, memory in tests.
import type { QanatError } from '../errors.ts';

/** A key with its value. Revisions are of the whole store: every change makes the next one. */
export interface ConsensusEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision that wrote the value. */
  readonly modRevision: number;
  /** The entry goes when this lease does; undefined: it stays. */
  readonly lease: LeaseId | undefined;
}

/** Names a lease; a text of the store. */
export type LeaseId = string;

/** What must hold for a `cas` to happen. */
export type Compare =
  | { readonly key: string; readonly is: 'absent' }
  | { readonly key: string; readonly is: 'unchanged'; readonly modRevision: number }
  | { readonly key: string; readonly is: 'equal'; readonly value: Uint8Array };

export interface ConsensusPut {
  readonly key: string;
  readonly value: Uint8Array;
  readonly lease?: LeaseId;
}

/** A request of an engine to its store; the result comes back as the input `decided`. */
export type ConsensusRequest =
  /** All entries whose keys begin with `prefix`, as they are now: no answer is older than the request. */
  | { readonly op: 'get'; readonly prefix: string }
  /** Compares and writes in one step. */
  | { readonly op: 'cas'; readonly compares: readonly Compare[]; readonly puts: readonly ConsensusPut[] }
  /** A lease that ends `ttlMs` after the last time that it was kept alive; the store may round up. */
  | { readonly op: 'grant'; readonly ttlMs: number }
  | { readonly op: 'keepAlive'; readonly lease: LeaseId }
  /** Ends the lease, and with it its entries. Succeeds where it has ended before. */
  | { readonly op: 'revoke'; readonly lease: LeaseId }
  /** Ends when something below `prefix` has changed after `revision`, or after `waitMs`. Only a hint: it may miss changes. */
  | { readonly op: 'watch'; readonly prefix: string; readonly revision: number; readonly waitMs: number };

/** What each request gives back. */
export interface ConsensusResults {
  get: { readonly revision: number; readonly entries: readonly ConsensusEntry[] };
  /** Not succeeded: nothing was done, since a compare does not hold or the lease of a put is gone. */
  cas: { readonly succeeded: boolean; readonly revision: number };
  grant: { readonly lease: LeaseId; readonly ttlMs: number };
  /** Not alive: the lease has ended. */
  keepAlive: { readonly alive: boolean };
  revoke: undefined;
  watch: undefined;
}

/** Ends a request: `error` is undefined when it succeeded, and only then is `result` valid. */
export type ConsensusDone<Result> = (error: QanatError | undefined, result: Result) => void;

export interface ConsensusStore {
  /**
   * `done` is never called before the method has returned, and once at most: not after `close`. Requests may be answered in any
   * order. The `outcome` of an error tells what became of a `cas`: with `unknown` it may be done, now or later.
   */
  start<R extends ConsensusRequest>(request: R, done: ConsensusDone<ConsensusResults[R['op']]>): void;
  /** Gives up what is under way, and frees everything. */
  close(): void;
}
