import { describe, expect, it } from 'vitest';
import { mqtt, mqttCrashes } from '../../src/families/mqtt/index.ts';
import type { Program } from '../../src/play/program.ts';
import { BUDGETS } from '../../src/run/budget.ts';
import { drawPrograms } from '../../src/run/draw-programs.ts';
import { explore } from '../../src/run/explore.ts';
import type { Result } from '../../src/run/result.ts';
import { judgeRun, obstacleIn, runProgram } from '../../src/run/run-program.ts';
import { survey } from '../../src/run/survey.ts';
import { MQTT_FAULTS } from '../../src/selftest/mqtt/faults.ts';
import { DEGENERATE_BRIDGES, degenerateBridge, modelSite } from '../../src/selftest/mqtt/model-driver.ts';

/** The model server has no cluster behind it. */
const PROGRAMS = mqtt.programs.filter(({ needs = [] }) => !needs.includes('cluster'));
const DRAWN = [...drawPrograms(mqtt, 'bridge', 20, 1), ...drawPrograms(mqttCrashes, 'bridge', 10, 1)];

describe('a server of MQTT that keeps the standard', () => {
  it('keeps every clause, with evidence for each', async () => {
    const { findings, harness } = await survey(modelSite(), [...PROGRAMS, ...DRAWN], [mqtt, mqttCrashes]);
    expect(harness.map(({ program, why }) => `${program.name}: ${why}`)).toEqual([]);
    const all = [...findings.values()];
    const wrong = all.flatMap(({ clause, failures, broken }) => [
      ...failures.map(({ run, failure }) => `${clause.id} in ${run.program.name}: ${failure.sentence}`),
      ...(broken === undefined ? [] : [`${clause.id} breaks: ${broken}`]),
    ]);
    expect(wrong).toEqual([]);
    expect(all.flatMap(({ clause, passes }) => (passes === 0 && clause.needs === undefined ? [clause.id] : []))).toEqual([]);
  });
});

describe('a server of MQTT with a fault', () => {
  it.each(MQTT_FAULTS)('that %s breaks [%s] in the program %s', async (fault, id, name) => {
    const program = mqtt.programs.find((one) => one.name === name) as Program;
    const run = await runProgram(modelSite(fault), program, [mqtt]);
    expect(obstacleIn(run)).toBeUndefined();
    const [judgement] = judgeRun(
      run,
      mqtt.clauses.filter((one) => one.id === id),
    );
    expect(judgement?.failures).not.toEqual([]);
  });
});

const verdictOn = (site: ReturnType<typeof modelSite>): Promise<Result> =>
  explore({
    site,
    families: [mqtt],
    budget: { ...BUDGETS.quick, generatedPerFamily: 0, shrinkRunsMax: 0, confirmations: 0 },
    seed: 1,
    command: '',
    kit: 'kit',
    startedAt: '',
    nowMs: () => 0,
  });

describe('a subject that does no work', () => {
  it.each(Object.keys(DEGENERATE_BRIDGES))('gets no credit: %s', async (name) => {
    const result = await verdictOn(degenerateBridge(name));
    expect(result.settled).not.toBe('conformant');
    expect(result.clauses.flatMap(({ id, verdict }) => (verdict === 'pass' ? [id] : []))).toEqual([]);
  });
});
