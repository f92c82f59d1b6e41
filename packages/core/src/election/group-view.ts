import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import { GroupRecord, Replica } from '../wire/gen/replication-messages.ts';
import type { ConsensusEntry, ConsensusResults, LeaseId } from './consensus.ts';

/** Where the store keeps what concerns one broker group. Names of clusters and groups have no `/`. */
export class GroupKeys {
  /** Of all keys of the group. */
  readonly prefix: string;
  /** The GroupRecord. */
  readonly record: string;
  /** Who leads; it goes with its lease. */
  readonly lease: string;

  constructor(cluster: string, group: string) {
    this.prefix = `/qanat/${cluster}/g/${group}/`;
    this.record = `${this.prefix}record`;
    this.lease = `${this.prefix}lease`;
  }

  /** The present incarnation of a replica. */
  replica(replica: number): string {
    return `${this.prefix}replica/${replica}`;
  }
}

/** The record of a group, as it stands in the store. */
export interface StoredRecord {
  readonly value: GroupRecord;
  readonly bytes: Uint8Array;
  readonly modRevision: number;
}

/** Who holds the lease of a group. */
export interface HeldLease {
  readonly holder: Replica;
  readonly id: LeaseId | undefined;
  readonly modRevision: number;
}

/** All that the store knew of a group at one revision. */
export interface GroupView {
  readonly revision: number;
  readonly record: StoredRecord | undefined;
  readonly lease: HeldLease | undefined;
  /** What stands at the key of the replica that looks. */
  readonly own: ConsensusEntry | undefined;
}

/** @returns INVALID_ARGUMENT where something else has written there. */
export function readGroup(
  keys: GroupKeys,
  replica: number,
  { revision, entries }: ConsensusResults['get'],
): GroupView | QanatError {
  const at = (key: string): ConsensusEntry | undefined => entries.find((entry) => entry.key === key);
  const record = at(keys.record);
  const lease = at(keys.lease);
  try {
    return {
      revision,
      record: record && { value: GroupRecord.decode(record.value), bytes: record.value, modRevision: record.modRevision },
      lease: lease && { holder: Replica.decode(lease.value), id: lease.lease, modRevision: lease.modRevision },
      own: at(keys.replica(replica)),
    };
  } catch (cause) {
    return new QanatError('INVALID_ARGUMENT', `the consensus store has something else below ${keys.prefix}`, {
      cause,
      hint: 'who else writes there? Put the values back from a backup, with all brokers of the group stopped',
    });
  }
}

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

export const isSameReplica = (a: Replica, b: Replica): boolean => a.replica === b.replica && a.incarnation === b.incarnation;

/** What is on record of a group; undefined: nothing. For who does not stand for election yet. */
export function findRecord(
  host: Pick<EngineHost, 'consensus'>,
  cluster: string,
  group: string,
  done: (error: QanatError | undefined, record: GroupRecord | undefined) => void,
): void {
  const keys = new GroupKeys(cluster, group);
  host.consensus({ op: 'get', prefix: keys.prefix }, (error, result) => {
    const view = error ?? readGroup(keys, 0, result);
    if (QanatError.is(view)) done(view, undefined);
    else done(undefined, view.record?.value);
  });
}
