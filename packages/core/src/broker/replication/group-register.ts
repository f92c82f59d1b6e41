import type { QanatError } from '../../errors.ts';
import type { GroupRecord } from '../../wire/gen/replication-messages.ts';

/** What is on record of a broker group. */
export interface RecordFound {
  /** The newest; undefined when none of those that answered has one. */
  readonly record: GroupRecord | undefined;
  /**
   * The newest of every other term that one of them has. All masters of a group that came to be have every keeper's record: these
   * are of promotions that were not finished, or that not all have heard of, and nobody knows which of the masters went on.
   */
  readonly others: readonly GroupRecord[];
  /** Everybody who keeps records of the group answered: there is no newer one. */
  readonly complete: boolean;
  /** The addresses of those who did not. */
  readonly silent: readonly string[];
  /** Nobody who answered keeps records. */
  readonly unkept: boolean;
}

/** Where the record of a broker group is kept, beyond the life of any replica: NameServers, or a consensus store. */
export interface GroupRegister {
  /**
   * Puts a record in the place of the one before. `done` comes once for each call; without an error the record is there for ever.
   * Errors: TERM_FENCED: another record is there. REPLICA_BEHIND: it never comes there, for a replica that was to join has begun
   * another life. Any other: the outcome is unknown, and the same record may be put again.
   * @param everywhere it counts only when everybody who keeps records of the group has it: for a new master's first.
   */
  put(record: GroupRecord, done: (error: QanatError | undefined) => void, everywhere?: boolean): void;

  /** Asks for the record. `done` comes once for each call. */
  get(done: (found: RecordFound) => void): void;
}
