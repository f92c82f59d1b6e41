import { REQUIREMENTS } from '../clause/gen/requirements.ts';
import { FROZEN_1_0 } from './requirements/v1-0.ts';
import type { Verdict } from './result.ts';

/** Areas that came with version 1.2. */
const OF_1_2 = /^QNT-(KST|MQT)-/;

const ALL = REQUIREMENTS.map(({ id }) => id);

/** The ids of each version of the specification, the oldest first. 1.1 and 1.2 are drafts. */
const SETS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['1.0', new Set(FROZEN_1_0)],
  ['1.1', new Set(ALL.filter((id) => !OF_1_2.test(id)))],
  ['1.2', new Set(ALL)],
]);

/** What every implementation keeps; a later version is optional. */
export const FIRST_VERSION = '1.0';

/** For people. */
export const VERSIONS = '1.0, frozen as it was published, and 1.1 and 1.2, drafts';

/** The ids of a version of the specification: what was added later does not count. Undefined where there is no such version. */
export const requirementSet = (version: string): ReadonlySet<string> | undefined => SETS.get(version);

/** The version with which a requirement came. */
const versionOf = (id: string): string => [...SETS].find(([, ids]) => ids.has(id))?.[0] ?? FIRST_VERSION;

/** What a later version brings is optional: who does not have it lacks nothing. */
export const isOptional = (id: string): boolean => versionOf(id) !== FIRST_VERSION;

/** The version by which a subject was judged: the latest one of which it has something. */
export function versionJudged(clauses: readonly Pick<Verdict, 'id' | 'verdict'>[]): string {
  const has = new Set(
    clauses.flatMap(({ id, verdict }) => (verdict === 'not-run' || verdict === 'excluded' ? [] : [versionOf(id)])),
  );
  return [...SETS.keys()].findLast((version) => has.has(version)) ?? FIRST_VERSION;
}
