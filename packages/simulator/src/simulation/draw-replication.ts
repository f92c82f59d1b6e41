import { Random } from '@qanat/core';
import type { Fault } from '../faults/fault.ts';
import { STORE } from './elections.ts';

/** The replicas of each broker of a run, and who says which one is master. */
export interface ReplicationPlan {
  /** Of each broker. */
  readonly slaves: number;
  readonly minInSync: number;
  readonly lagMs: number;
  /** Masters are elected by a consensus store, and there is no operator. Default: an operator makes them. */
  readonly elected?: boolean;
  /** How long the operator looks on while a group has no master that can be reached. */
  readonly promoteMs: number;
  /** Mean time between two planned switches of a master; undefined: none. */
  readonly switchMs?: number;
}

/** Apart from all other draws of a seed: runs without slaves stay as they are. */
const SALT = 0x51a7e;
const SHARE_SALT = 0x5a4e;
const SLAVES_PERCENT = 30;
const STORE_SALT = 0x5704e;
/** Mean times between two faults of the store. */
const STORE_EVERY_MS: readonly number[] = [20_000, 60_000, 200_000];
const STORE_AWAY_MS_MAX = 30_000;
const STORE_ERRORS_MS_MAX = 60_000;

/** Whether a seed is one of those in which brokers have slaves. */
export const drawsSlaves = (seed: number): boolean => new Random(seed ^ SHARE_SALT).below(100) < SLAVES_PERCENT;

export function drawReplication(seed: number): ReplicationPlan {
  const random = new Random(seed ^ SALT);
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
  return {
    slaves: pick([1, 1, 2]),
    minInSync: pick([1, 1, 2]),
    lagMs: pick([2_000, 10_000]),
    promoteMs: pick([2_000, 10_000, 40_000]),
    ...(random.below(3) === 0 ? { switchMs: pick([20_000, 90_000]) } : {}),
    ...(random.below(5) < 2 ? { elected: true } : {}),
  };
}

/** What befalls the consensus store: it is away, or loses requests and answers. */
export function drawStoreFaults(seed: number, fromMs: number, untilMs: number): readonly Fault[] {
  const random = new Random(seed ^ STORE_SALT);
  const everyMs = STORE_EVERY_MS[random.below(STORE_EVERY_MS.length)] as number;
  const faults: Fault[] = [];
  for (let atMs = fromMs + random.below(2 * everyMs); atMs < untilMs; atMs += 1 + random.below(2 * everyMs))
    faults.push(drawStoreFault(random, atMs));
  return faults;
}

function drawStoreFault(random: Random, atMs: number): Fault {
  const common = { atMs, target: STORE };
  if (random.below(2) === 0) return { ...common, kind: 'storeAway', forMs: 1 + random.below(STORE_AWAY_MS_MAX) };
  const percent = 1 + random.below(40);
  return { ...common, kind: 'storeErrors', percent, forMs: 1 + random.below(STORE_ERRORS_MS_MAX) };
}
