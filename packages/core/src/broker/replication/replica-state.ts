/**
 * What the replica does now. A `rising` one is about to be master, until its term is committed. A `joining` one copies a log that
 * its state is ahead of; a `mending` one is about to end, so that its next start mends its log.
 */
export type ReplicaState = 'opening' | 'joining' | 'undecided' | 'slave' | 'rising' | 'master' | 'mending' | 'halted' | 'stopped';

const FINAL: ReadonlySet<ReplicaState> = new Set(['mending', 'halted', 'stopped']);

/** Others know it as one. */
export const isSlave = (state: ReplicaState): boolean => state === 'slave' || state === 'halted';

/** Nothing makes the replica anything else. */
export const isFinal = (state: ReplicaState): boolean => FINAL.has(state);
