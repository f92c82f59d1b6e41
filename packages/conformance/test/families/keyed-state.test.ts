import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keyedState } from '../../src/families/keyed-state/index.ts';
import type { Step } from '../../src/play/program.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { checkFamily } from './family-check.ts';

checkFamily(keyedState);

it('the engines of this repository keep every clause of keyed state in programs that are drawn at random', async () => {
  const site = inProcessSite({ role: 'broker' });
  const steps = fc.sample(keyedState.generated?.broker?.steps as fc.Arbitrary<Step[]>, { seed: 3, numRuns: 60 });
  const wrong: string[] = [];
  for (const one of steps) {
    const run = await runProgram(site, { family: 'keyed-state', role: 'broker', steps: one }, [keyedState]);
    expect(run.harness).toBeUndefined();
    for (const { id, failures } of judgeRun(run, keyedState.clauses))
      for (const { sentence } of failures) wrong.push(`${id}: ${sentence}`);
  }
  expect(wrong).toEqual([]);
});
