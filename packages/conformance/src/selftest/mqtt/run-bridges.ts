import { mqtt } from '../../families/mqtt/index.ts';
import { BUDGETS } from '../../run/budget.ts';
import { explore } from '../../run/explore.ts';
import { countOf, type Result } from '../../run/result.ts';
import { judgeRun, runProgram } from '../../run/run-program.ts';
import { KIT_NAME } from '../../version.ts';
import { seenIn, type Told } from '../outcome.ts';
import { MQTT_FAULTS } from './faults.ts';
import { DEGENERATE_BRIDGES, degenerateBridge, modelSite } from './model-driver.ts';

/** Shrinking and confirming tell nothing about the verdict. */
const BUDGET = { ...BUDGETS.quick, shrinkRunsMax: 0, confirmations: 0 };

const verdictOn = (site: ReturnType<typeof modelSite>, generated: number, nowMs: () => number): Promise<Result> =>
  explore({
    site,
    families: [mqtt],
    budget: { ...BUDGET, generatedPerFamily: generated },
    seed: 1,
    command: 'qanat-conformance selftest',
    kit: KIT_NAME,
    startedAt: '',
    nowMs,
  });

/** Listeners that do no work of a server of MQTT: nothing is credited to them. */
export async function runDegenerateBridges(nowMs: () => number, told: Told): Promise<void> {
  for (const subject of Object.keys(DEGENERATE_BRIDGES)) {
    const result = await verdictOn(degenerateBridge(subject), 0, nowMs);
    const credited = countOf(result, 'pass');
    const ok = result.settled !== 'conformant' && credited === 0;
    const text = `${result.settled}, ${credited} clauses credited, ${countOf(result, 'fail')} fail`;
    told({ kind: 'degenerate', subject, role: 'bridge', ok, text, seconds: result.seconds, seen: seenIn(result) });
  }
}

/** A model server that keeps the standard: no clause goes red. */
export async function runModelBridge(nowMs: () => number, told: Told): Promise<void> {
  const result = await verdictOn(modelSite(), BUDGETS.standard.generatedPerFamily, nowMs);
  const wrong = [
    ...result.clauses.flatMap(({ id, verdict, failure }) => (verdict === 'fail' ? [`${id}: ${failure?.sentence}`] : [])),
    ...result.harness.map(({ program, why }) => `${program}: ${why}`),
  ];
  const text = wrong.length === 0 ? `${countOf(result, 'pass')} clauses hold` : wrong.slice(0, 3).join(' | ');
  const of = { subject: 'model server of MQTT', role: 'bridge' as const, seconds: result.seconds, seen: seenIn(result) };
  told({ kind: 'control', ok: wrong.length === 0, text, ...of });
}

/** The model server with one fault after the other: the clause that is named for each goes red. */
export async function runFaultyBridges(nowMs: () => number, told: Told): Promise<void> {
  for (const [subject, clause, name] of MQTT_FAULTS) {
    const startMs = nowMs();
    const program = mqtt.programs.find((one) => one.name === name);
    const run = program === undefined ? undefined : await runProgram(modelSite(subject), program, [mqtt]);
    const clauses = mqtt.clauses.filter(({ id }) => id === clause);
    const [failure] = run === undefined ? [] : judgeRun(run, clauses).flatMap(({ failures }) => failures);
    const seconds = Number(((nowMs() - startMs) / 1_000).toFixed(1));
    const text = failure === undefined ? `${clause} does not go red in ${name}` : `${clause}: ${failure.sentence}`;
    told({ kind: 'wire', subject, role: 'bridge', clause, ok: failure !== undefined, text, seconds });
  }
}
