import { expect, it } from 'vitest';
import { authentication } from '../../src/families/authentication/index.ts';
import { FAMILIES } from '../../src/families/index.ts';
import type { HistoryEvent } from '../../src/history/event.ts';
import { View } from '../../src/history/view.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, type Run, runProgram } from '../../src/run/run-program.ts';
import { checkFamily } from './family-check.ts';

checkFamily(authentication);

/** What a broker shows in a program of the family. */
async function runOf(name: string): Promise<Run> {
  const program = authentication.programs.find((one) => one.role === 'broker' && one.name === name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  return runProgram(inProcessSite({ role: 'broker' }), program, [authentication]);
}

const brokenBy = (events: readonly HistoryEvent[]): readonly string[] => {
  const clauses = FAMILIES.flatMap((family) => family.clauses.filter(({ roles }) => roles.includes('broker')));
  return judgeRun({ events, slackMs: 5 }, clauses).flatMap(({ id, failures }) => (failures.length > 0 ? [id] : []));
};

/** The same history, in which AUTH_FAILED and all that comes later comes at another time. */
function failingAfter(events: readonly HistoryEvent[], ms: number): readonly HistoryEvent[] {
  const failure = new View(events, 5).requests('AUTH').find(({ code }) => code === 'AUTH_FAILED');
  if (failure?.response === undefined) throw new Error('nobody was refused');
  const byMs = failure.request.atMs + ms - failure.response.atMs;
  const from = failure.response.index;
  return events.map((event, index) => (index < from ? event : { ...event, atMs: event.atMs + byMs }));
}

it('blames who answers a wrong password at once for that alone, and nobody who takes three seconds', async () => {
  const { events } = await runOf('an-old-password-is-of-no-use');
  expect(brokenBy(events)).toEqual([]);
  expect(brokenBy(failingAfter(events, 3_000))).toEqual([]);
  expect(brokenBy(failingAfter(events, 0))).toEqual(['QNT-AUT-017']);
});

it('says nothing of a server of which a program does not tell whom it knows', async () => {
  const { events } = await runOf('guesses');
  const untold = events.filter((event) => event.kind !== 'note' || event.note !== 'setup');
  const clauses = authentication.clauses.filter(({ id }) => id === 'QNT-AUT-008' || id === 'QNT-AUT-009');
  expect(judgeRun({ events: untold, slackMs: 5 }, clauses).every(({ passes, failures }) => passes + failures.length === 0)).toBe(
    true,
  );
});
