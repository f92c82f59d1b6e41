// What the runner of planted bugs bundles: one run of a seed, in one kind of plan.
import { nodePlatform } from '@qanat/transports/node';
import { replicationPlan, runReplication } from '../src/replication/run-replication.ts';
import { runSimulation } from '../src/simulation/run-simulation.ts';
import { planOf, type Stress } from './plans.ts';

/** @returns the names of the checkers that found something, with what they say. */
export function runSeed(
  seed: number,
  minutes: number,
  stress: Stress | undefined,
): readonly { checker: string; message: string }[] {
  if (stress === 'replication') return runReplication(replicationPlan(seed)).violations;
  return runSimulation({ seed, minutes, plan: planOf(seed, minutes, stress), platform: nodePlatform }).violations.map(
    ({ checker, message }) => ({ checker, message }),
  );
}
