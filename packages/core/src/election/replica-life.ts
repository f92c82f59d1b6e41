import type { Replica } from '../wire/gen/replication-messages.ts';

/** Former lives that a replica remembers; those before are forgotten, and with them only the right to be elected by them. */
export const FORMER_LIVES_MAX = 64;

/** A life of a replica, from one start of it to the next; a replica keeps it in a file. */
export interface ReplicaLife {
  /** Drawn at the start, 48 bits. */
  readonly incarnation: number;
  /** Incarnations of former lives since which nothing that was stored can have been lost, oldest first. */
  readonly former: readonly number[];
}

/**
 * The life that begins now.
 * @param intact all that the former life had stored is still there: flush is sync, or it had stopped as planned, or the machine
 * has run since (what was written is with the system then).
 */
export function nextLife(previous: ReplicaLife | undefined, incarnation: number, intact: boolean): ReplicaLife {
  const former = previous !== undefined && intact ? [...previous.former, previous.incarnation] : [];
  return { incarnation, former: former.slice(-FORMER_LIVES_MAX) };
}

/** Whether a member of an in-sync set is this replica, in this life or in one of which nothing that was stored was lost. */
export function hasAllOf(member: Replica, replica: number, { incarnation, former }: ReplicaLife): boolean {
  return member.replica === replica && [incarnation, ...former].includes(member.incarnation);
}
