import { FRAME_HEADER_BYTES, PullOk } from '@qanat/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { produce } from '../../src/families/produce/index.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { View } from '../../src/history/view.ts';
import type { Step } from '../../src/play/program.ts';
import { rawFrame } from '../../src/play/raw-frame.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { addRun, newFinding } from '../../src/run/survey.ts';
import { checkFamily } from './family-check.ts';

checkFamily(produce);

const SITE = inProcessSite({ role: 'broker' });

/** The history of a program of this family. */
async function runOf(name: string): Promise<{ events: HistoryEvent[]; slackMs: number }> {
  const program = produce.programs.find((one) => one.name === name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  const { events, slackMs } = await runProgram(SITE, program, [produce]);
  return { events: [...events], slackMs };
}

it('QNT-SND-003 goes red where a power cut took something from the midst of a queue', async () => {
  const { events, slackMs } = await runOf('cut-the-power-of-a-lazy-broker');
  const view = new View(events, slackMs);
  const cut = view.notes('powerloss')[0]?.index ?? 0;
  const pull = view.requests('PULL').find(({ request, answer }) => request.index > cut && answer?.results.length > 0);
  const response = pull?.response;
  if (response === undefined) throw new Error('nothing was read after the power cut');
  const { type, flags, correlation } = response;
  // The first batch of the first queue is gone; all others and the numbers are as they were.
  const [first, ...others] = response.header.results;
  const batchBytes = 8 + new DataView(response.payload.buffer, response.payload.byteOffset).getUint32(4);
  const control = PullOk.encode({ results: [{ ...first, bytes: first.bytes - batchBytes }, ...others] });
  const payload = response.payload.slice(batchBytes);
  const bytes = rawFrame({ type, flags, correlation, control, payload });
  expect(bytes.length).toBeGreaterThan(FRAME_HEADER_BYTES);
  events[response.index] = { ...(events[response.index] as HistoryEvent & { kind: 'frame' }), bytes };
  const clauses = produce.clauses.filter(({ id }) => id === 'QNT-SND-003');
  expect(judgeRun({ events, slackMs }, clauses).flatMap(({ failures }) => failures.map(({ sentence }) => sentence))).toEqual([
    'expected the batch of 1 records that was acknowledged at offset 0 of t/0 to be there, since the queue ends at 2, got nothing there',
  ]);
});

it('the engines of this repository keep every clause in programs that are drawn at random', async () => {
  const steps = fc.sample(produce.generated?.broker?.steps as fc.Arbitrary<Step[]>, { seed: 7, numRuns: 40 });
  const findings = new Map(produce.clauses.map((clause) => [clause.id, newFinding(clause)]));
  for (const one of steps) {
    const run = await runProgram(SITE, { family: 'produce', role: 'broker', steps: one }, [produce]);
    expect(run.harness).toBeUndefined();
    addRun(findings, run, judgeRun(run, produce.clauses));
  }
  const failures = [...findings.values()].flatMap(({ clause, failures }) =>
    failures.map(({ failure }) => `${clause.id}: ${failure.sentence}`),
  );
  expect(failures).toEqual([]);
});
