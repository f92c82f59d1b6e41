import { Random } from '@qanat/core';

/** The replicas of each broker of a run, whose masters an operator makes. */
export interface ReplicationPlan {
  /** Of each broker. */
  readonly slaves: number;
  readonly minInSync: number;
  readonly lagMs: number;
  /** How long the operator looks on while a group has no master that can be reached. */
  readonly promoteMs: number;
  /** Mean time between two planned switches of a master; undefined: none. */
  readonly switchMs?: number;
}

/** Apart from all other draws of a seed: runs without slaves stay as they are. */
const SALT = 0x51a7e;
const SHARE_SALT = 0x5a4e;
const SLAVES_PERCENT = 30;

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
  };
}
