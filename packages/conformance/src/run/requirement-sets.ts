import { FROZEN_1_0 } from './requirements/v1-0.ts';

const SETS: ReadonlyMap<string, readonly string[]> = new Map([['1.0', FROZEN_1_0]]);

/** The ids of a version of the specification as they were when it was published: what was added later does not count. */
export function requirementSet(version: string): ReadonlySet<string> | undefined {
  const ids = SETS.get(version);
  return ids === undefined ? undefined : new Set(ids);
}
