import type { EngineHost } from '../context.ts';
import type { QanatError } from '../errors.ts';
import type { GroupRecord } from '../wire/gen/replication-messages.ts';
import type { ReplicaLife } from './replica-life.ts';

/** How long the lease of a master lasts when it is not kept alive: as long as a dead master is missed at least. */
export const LEASE_TTL_MS = 5_000;
/** A master takes its lease for ended so much before the store can. */
export const LEASE_MARGIN_MS = 500;
/** How long one watch of the store lasts; after it the group is read, whatever was seen. */
export const WATCH_MS = 2_000;

/** What an elector needs of its engine. */
export type ElectorHost = Pick<EngineHost, 'timers' | 'random' | 'nowMs' | 'log' | 'consensus'>;

/**
 * What an elector decides. Each call comes from within an input or tick of the engine, and none before the store knows of this
 * life of the replica: a slave may ask the master for entries only then, since the master may propose it for the in-sync set as
 * soon as it has heard of it.
 */
export interface ElectorEvents {
  /** This replica is master in this term, by this record; it has stood in the store. */
  onLead(term: number, record: GroupRecord): void;
  /** Another replica is master. Comes for each new term, while this one does not lead. */
  onFollow(record: GroupRecord): void;
  /** This replica was master and is no more: `term` is on record, and `record.master` has it. */
  onSuperseded(term: number, record: GroupRecord): void;
  /**
   * RECOVERY_REQUIRED: it waits for `acceptLoss` or another master. REPLICA_TAKEN: it has stopped for good.
   * @param term on record.
   */
  onHalted(error: QanatError, term: number): void;
}

export interface ElectorOptions {
  readonly cluster: string;
  /** The name of the broker group. */
  readonly group: string;
  readonly replica: number;
  readonly life: ReplicaLife;
  /** Of the log that this replica has now. */
  storeId(): Uint8Array;
  /** The highest term in the log of this replica; a new term is above it. */
  logTerm(): number;
  /** The last term in which this life of the replica led, where that is over: it never leads in it again. */
  readonly ledTerm?: number | undefined;
  /** Whether this replica may be the first master of a group that has no record. */
  readonly createsRecord: boolean;
  /** Default LEASE_TTL_MS. */
  readonly leaseTtlMs?: number | undefined;
  readonly events: ElectorEvents;
}
