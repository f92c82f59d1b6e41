import { expect, it } from 'vitest';
import { consume } from '../../src/families/consume/index.ts';
import { drawPrograms } from '../../src/run/draw-programs.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { survey } from '../../src/run/survey.ts';
import { checkFamily } from './family-check.ts';

checkFamily(consume);

const DRAWN = 30;

it('consume: a broker keeps every clause in programs that were drawn', async () => {
  const { findings, harness } = await survey(
    inProcessSite({ role: 'broker' }),
    drawPrograms(consume, 'broker', DRAWN, Number(process.env.SEED ?? 1)),
    [consume],
  );
  expect(harness).toEqual([]);
  const wrong = [...findings.values()].flatMap(({ clause, failures, broken }) => [
    ...failures.map(({ failure }) => `${clause.id}: ${failure.sentence}`),
    ...(broken === undefined ? [] : [`${clause.id} breaks: ${broken}`]),
  ]);
  expect(wrong).toEqual([]);
});
