import type { ReplicaLife } from '../../election/replica-life.ts';
import type { QanatError } from '../../errors.ts';
import type { GroupRecord } from '../../wire/gen/replication-messages.ts';
import type { GroupRegister } from './group-register.ts';

/** Who says which replica of a group is master: its operator, or an election. */
export interface Mastership {
  /** Where the in-sync set of a master is put on record. */
  readonly register: Pick<GroupRegister, 'put'>;
  /** For people: what it waits for; empty for nothing. */
  readonly waitsFor: string;
  /** By the record that it read last this replica has everything that is committed. */
  readonly stands: boolean;

  /** Before the log is opened. `storeId`: of the group's log, where the store of this replica is empty and the group is not. */
  prepare(life: ReplicaLife, isEmpty: boolean, done: (storeId: Uint8Array | undefined) => void): void;
  /** Whether another replica is on record as master; undefined: nobody can say now. `done` comes once. */
  otherLeads(done: (other: boolean | undefined) => void): void;
  /** The log is open: from now on it calls its events. */
  start(): void;
  /** An operator wants this replica to be master. `done`: the term in which it is one. */
  promote(acceptLoss: boolean, done: (error: QanatError | undefined, term: number) => void): void;
  /** An operator wants this replica not to be master; what it calls before `done` makes it a slave. */
  demote(done: (error: QanatError | undefined) => void): void;
  /** The numbers of the present term are used up: another one is wanted. */
  renewTerm(): void;
  stop(done: () => void): void;
}

/** What a mastership decides; each call may come within any input. */
export interface MastershipEvents {
  /** This replica is about to be put on record as master: it copies nothing any more. */
  onRise(): void;
  /** It is master by this record. */
  onLead(record: GroupRecord): void;
  /** Another replica is master, or none; `term` is the highest that is known. */
  onFollow(term: number): void;
  /** It is master no more. */
  onStandDown(why: string): void;
  /** Nothing may be done before an operator has decided; `term` is the highest that is known. */
  onHalt(error: QanatError, term: number): void;
}
