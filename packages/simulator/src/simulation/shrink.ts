import type { SimulationPlan } from './draw-plan.ts';

/** Runs that a shrinking may take. */
const RUNS_MAX = 80;

/**
 * Makes a failing plan smaller as long as it still fails: fewer faults, less time, fewer applications and servers.
 *
 * @param fails runs a plan, and says whether it fails in the same way.
 */
export function shrinkPlan(plan: SimulationPlan, fails: (plan: SimulationPlan) => boolean, runsMax = RUNS_MAX): SimulationPlan {
  let best = plan;
  let runs = 0;
  const take = (smaller: SimulationPlan): boolean => {
    if (runs >= runsMax) return false;
    runs++;
    if (!fails(smaller)) return false;
    best = smaller;
    return true;
  };
  while (best.workload.loadMs > 20_000 && take(inTime(best, best.workload.loadMs / 2)));
  dropFaults(() => best, take);
  for (let i = best.workload.groups.length - 1; i >= 0; i--)
    take(withWorkload(best, { groups: without(best.workload.groups, i, 1) }));
  for (let i = best.workload.senders.length - 1; i >= 0; i--)
    take(withWorkload(best, { senders: without(best.workload.senders, i, 1) }));
  take(withWorkload(best, { readersMs: best.workload.loadMs * 10 }));
  take(inTime(best, best.workload.loadMs / 2));
  return best;
}

/** Drops runs of faults, ever shorter ones, until each one is needed. */
function dropFaults(best: () => SimulationPlan, take: (smaller: SimulationPlan) => boolean): void {
  for (let length = Math.ceil(best().faults.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < best().faults.length; ) {
      const smaller = { ...best(), faults: without(best().faults, at, length) };
      if (!take(smaller)) at += length;
    }
  }
}

const without = <T>(items: readonly T[], at: number, count: number): T[] => [...items.slice(0, at), ...items.slice(at + count)];

const withWorkload = (plan: SimulationPlan, change: Partial<SimulationPlan['workload']>): SimulationPlan => ({
  ...plan,
  workload: { ...plan.workload, ...change },
});

function inTime(plan: SimulationPlan, loadMs: number): SimulationPlan {
  const healMs = Math.round(plan.healMs * (loadMs / plan.workload.loadMs));
  return {
    ...withWorkload(plan, { loadMs: Math.round(loadMs) }),
    healMs,
    faults: plan.faults.filter(({ atMs }) => atMs < healMs),
  };
}
