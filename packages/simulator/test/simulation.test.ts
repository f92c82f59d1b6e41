// Goal: a seed is a run, for ever: the same seed and minutes give the same plan, the same trace line by line and the same hash.
import { drawPlan, runSimulation, shrinkPlan, Trace } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';

const MINUTES = 1;
/** Runs with and without faults, one and several servers; the last one with slaves. */
const SEEDS = [2, 9, 16, 24];

function traced(seed: number): { readonly trace: Trace; readonly hash: string } {
  const trace = new Trace(Number.MAX_SAFE_INTEGER);
  const { traceHash } = runSimulation({ seed, minutes: MINUTES, platform: nodePlatform, trace });
  return { trace, hash: traceHash };
}

describe('a simulation', () => {
  it('does the same for the same seed, line by line of its trace', () => {
    for (const seed of SEEDS) {
      const one = traced(seed);
      const again = traced(seed);
      expect(one.trace.count).toBeGreaterThan(1_000);
      const differs = one.trace.lines.findIndex((line, i) => line !== again.trace.lines[i]);
      expect([differs, again.trace.count, again.hash]).toEqual([-1, one.trace.count, one.hash]);
    }
  }, 120_000);

  it('has a hash without a trace too, its own for each seed', () => {
    const hashes = SEEDS.map((seed) => runSimulation({ seed, minutes: MINUTES, platform: nodePlatform }).traceHash);
    const again = SEEDS.map((seed) => runSimulation({ seed, minutes: MINUTES, platform: nodePlatform }).traceHash);
    expect(again).toEqual(hashes);
    expect(new Set(hashes).size).toBe(SEEDS.length);
  }, 120_000);

  it('follows a plan that was kept as JSON', () => {
    const seed = SEEDS[0] as number;
    const plan = JSON.parse(JSON.stringify(drawPlan(seed, MINUTES)));
    const drawn = runSimulation({ seed, minutes: MINUTES, platform: nodePlatform });
    expect(runSimulation({ seed, plan, platform: nodePlatform }).traceHash).toBe(drawn.traceHash);
  }, 120_000);
});

describe('the plans of many seeds', () => {
  const plans = Array.from({ length: 400 }, (_, seed) => drawPlan(seed, 15, false));

  it('have no faults in a quarter of the runs, and every kind of fault in some', () => {
    const calm = plans.filter(({ faults }) => faults.length === 0).length;
    expect(calm).toBeGreaterThan(70);
    expect(calm).toBeLessThan(140);
    const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    expect([...kinds].sort().join(' ')).toBe(
      'badLink clockStep cut diskError diskFull kill mute pause powerCut reset rot slowDisk stop syncFails',
    );
  });

  it('have slaves in a share of the seeds, and are the same without in all others', () => {
    const drawn = plans.map(({ seed }) => drawPlan(seed, 15));
    const without = drawn.filter(({ cluster }) => cluster.replication === undefined);
    expect(drawn.length - without.length).toBeGreaterThan(80);
    expect(drawn.length - without.length).toBeLessThan(160);
    for (const plan of without) expect(plan).toEqual(plans[plan.seed]);
  });

  it('have slaves where that is asked for, strike them too, and lose nothing that was acknowledged by plan', () => {
    const replicated = plans
      .map(({ seed }) => drawPlan(seed, 15, true))
      .filter(({ cluster }) => cluster.replication !== undefined);
    expect(replicated.length).toBeGreaterThan(360);
    expect(replicated.some(({ faults }) => faults.some(({ target }) => target === 'broker-a-1'))).toBe(true);
    const acks = new Set(replicated.flatMap(({ workload }) => workload.senders.map(({ ack }) => ack)));
    expect([...acks].sort()).toEqual(['committed', 'none']);
    const flushed = replicated.map(({ cluster }) => `${cluster.flush}, ${cluster.replication?.elected ? 'elected' : 'made'}`);
    expect([...new Set(flushed)].sort()).toEqual(['sync, elected', 'sync, made']);
  });

  it('have masters that are elected in some, with faults of the store where there are faults', () => {
    const drawn = plans.map(({ seed }) => drawPlan(seed, 15, true));
    const elected = drawn.filter(({ cluster }) => cluster.replication?.elected === true);
    expect(elected.length).toBeGreaterThan(100);
    expect(elected.length).toBeLessThan(220);
    const ofStore = (plan: (typeof drawn)[number]): boolean => plan.faults.some(({ target }) => target === 'consensus');
    expect(drawn.filter(ofStore).every(({ kind, cluster }) => kind === 'faults' && cluster.replication?.elected === true)).toBe(
      true,
    );
    expect(elected.filter(ofStore).length).toBeGreaterThan(elected.length / 2);
  });

  it('let everything heal before the end, faults in the order of their times', () => {
    for (const { faults, healMs, workload } of plans) {
      expect(healMs).toBeLessThan(workload.loadMs);
      for (const [i, { atMs }] of faults.entries()) {
        expect(atMs).toBeGreaterThanOrEqual(faults[i - 1]?.atMs ?? 0);
        expect(atMs).toBeLessThan(healMs + 10_000);
      }
    }
  });
});

describe('shrinking a plan', () => {
  it('leaves what the failure needs, and little else', () => {
    const plan = [...Array(100).keys()].map((seed) => drawPlan(seed, 15)).find(({ faults }) => faults.length > 100);
    if (plan === undefined) throw new Error('no seed with many faults');
    // As if two of the early faults were the cause.
    const guilty = [plan.faults[3], plan.faults[17]].map((fault) => JSON.stringify(fault));
    let runs = 0;
    const small = shrinkPlan(
      plan,
      ({ faults }) => {
        runs++;
        const texts = new Set(faults.map((fault) => JSON.stringify(fault)));
        return guilty.every((text) => texts.has(text));
      },
      200,
    );
    expect(small.faults.map((fault) => JSON.stringify(fault))).toEqual(guilty);
    expect(small.workload.loadMs).toBeLessThan(plan.workload.loadMs);
    expect([small.workload.groups.length, small.workload.senders.length]).toEqual([0, 0]);
    expect(runs).toBeLessThanOrEqual(200);
  });
});
