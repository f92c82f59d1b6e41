import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeNumber } from '@qanat/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consume } from '../../src/families/consume/index.ts';
import { framing } from '../../src/families/framing/index.ts';
import { badgeReport } from '../../src/report/badge.ts';
import { changeLine, changesBetween } from '../../src/report/changes.ts';
import { htmlReport } from '../../src/report/html.ts';
import { reportTo } from '../../src/report/index.ts';
import { junitReport } from '../../src/report/junit.ts';
import { failurePage, markdownReport } from '../../src/report/markdown.ts';
import { matrixPage } from '../../src/report/matrix.ts';
import { replayCommand } from '../../src/report/replay-command.ts';
import { terminalReport } from '../../src/report/terminal.ts';
import type { FailureReport, Result, Verdict } from '../../src/run/result.ts';
import { alteredServer, asItIs, exploreAs, inErrors, only, withCode } from '../altered-server.ts';
import { wrongPlaces } from './result-schema.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'qanat-reports-'));
const FAMILIES = [only(framing, 'missing-fields'), only(consume, 'pull-within-limits')];
const IDS = ['QNT-TYP-004', 'QNT-FRM-007', 'QNT-FRM-022', 'QNT-TCP-001', 'QNT-TYP-008'];
const wrongCode = inErrors('PULL', (_, frame) => withCode(frame, codeNumber('TOPIC_NOT_FOUND')));

let wrong: Result;
let right: Result;

beforeAll(async () => {
  const options = { families: FAMILIES, only: (id: string) => IDS.includes(id) };
  wrong = await exploreAs({ site: alteredServer('broker', wrongCode), ...options });
  right = await exploreAs({ site: alteredServer('broker', asItIs), ...options });
});
afterAll(() => rmSync(FOLDER, { recursive: true }));

const failing = (): Verdict & { failure: FailureReport } => wrong.clauses.find(({ failure }) => failure) as never;

/** As another version of the subject, later. */
const asVersion = (result: Result, version: string, startedAt: string): Result => ({
  ...result,
  startedAt,
  subject: { ...result.subject, version },
});

const GOLDEN: Readonly<Record<string, () => string>> = {
  'page.md': () => failurePage(wrong, failing(), 'failures/QNT-TYP-004.json'),
  'report.md': () => markdownReport(wrong),
  'junit.xml': () => junitReport(wrong),
  'result.json': () => `${JSON.stringify(wrong, undefined, 1)}\n`,
  'badge.json': () => badgeReport(wrong),
  'report.html': () => htmlReport(wrong),
  'matrix.html': () =>
    matrixPage([
      asVersion(right, '1.2.3', '2026-11-30T00:00:00.000Z'),
      asVersion(wrong, '1.3.0', '2026-12-01T00:00:00.000Z'),
      asVersion(right, '1.3.1', '2026-12-02T00:00:00.000Z'),
      { ...asVersion(right, '9', '2026-12-01T00:00:00.000Z'), subject: { ...right.subject, name: 'another <one>' } },
    ]),
};

it.each(Object.entries(GOLDEN))('%s is as it was', async (file, text) => {
  await expect(text()).toMatchFileSnapshot(`golden/${file}`);
});

it('writes results as the schema says', () => {
  for (const result of [wrong, right]) expect(wrongPlaces(JSON.parse(JSON.stringify(result)))).toEqual([]);
  const odd = { ...wrong, settled: 'fine', seed: -1, extra: 1, clauses: [{ ...failing(), id: 'x', text: undefined }] };
  expect(wrongPlaces(odd)).toEqual([
    'result.settled is none of incomplete, conformant, nonconformant, inconclusive, harness',
    'result.seed is below 0',
    'result.clauses[0].text is missing',
    'result.clauses[0].id does not match ^QNT-[A-Z]{3}-[0-9]{3}$',
    'result.clauses[0].text is no string',
    'result.extra is not in the schema',
  ]);
});

describe('what a reader needs', () => {
  it('finds everything in the one HTML file, and loads nothing', () => {
    const html = htmlReport(wrong);
    expect(html).not.toMatch(/(src|href)="(?!#)|url\(|@import|<script/);
    for (const { id, verdict } of wrong.clauses)
      expect(html).toMatch(new RegExp(`class="cell ${verdict}" href="#(failure-)?${id}"`));
    for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${id}"`);
    expect(html).toMatch(/<svg[\s\S]*PULL #3 TOPIC_NOT_FOUND[\s\S]*<\/svg>/);
    expect(html).toContain('1 code = 4005 (TOPIC_NOT_FOUND)   &lt;-- here');
    expect(html).toContain('replay repro.json --cmd &apos;node driver.mjs&apos;</code>');
  });

  it('gets a command to replay that has only what replay takes', () => {
    const command = "npx qanat-conformance run broker --cmd './run me' --budget quick --seed 7 --strict --only QNT-PUL-*";
    expect(replayCommand(command, 'a$&.json')).toBe("npx qanat-conformance replay a$&.json --cmd './run me'");
  });

  it('gets a page and a program for each failing clause, in a folder that is made', () => {
    const folder = join(FOLDER, 'deep', 'failures');
    reportTo(`failures=${folder}`, wrong);
    expect(readdirSync(folder).sort()).toEqual(['QNT-TYP-004.json', 'QNT-TYP-004.md']);
    const { program } = JSON.parse(readFileSync(join(folder, 'QNT-TYP-004.json'), 'utf8'));
    expect(program).toEqual(failing().failure.program);
  });

  it('sees in JUnit that a run was broken off, or that the kit failed', () => {
    const harness = [{ program: 'pings', why: 'no <answer>' }];
    const junit = junitReport({ ...right, settled: 'incomplete', harness });
    expect(junit).toContain(`tests="${right.clauses.length + 2}"`);
    expect(junit).toContain('errors="2"');
    expect(junit).toContain('<error message="no &lt;answer&gt;"/>');
    expect(junit).toContain('<error message="it was broken off"/>');
  });

  it('is not told that nothing was wrong with a subject that does not do its work', () => {
    const idle = {
      ...right,
      settled: 'inconclusive' as const,
      clauses: right.clauses.filter(({ verdict }) => verdict !== 'pass'),
    };
    expect(terminalReport(idle)).toContain('INCONCLUSIVE: nothing was shown, not even that it works as a broker');
    expect(terminalReport(right)).toContain('INCONCLUSIVE: nothing was found wrong, but');
  });

  it('sees ten failures whole, and the names of all', () => {
    const clauses = Array.from({ length: 12 }, (_, i) => ({ ...failing(), id: `QNT-ABC-0${10 + i}` }));
    const text = terminalReport({ ...wrong, clauses });
    expect(text.match(/^FAIL /gm)).toHaveLength(10);
    expect(text).toContain('… and 2 more clauses fail');
    expect(text).toContain(`broken, 12: ${clauses.map(({ id }) => id).join(' ')}`);
  });
});

it('tells what changed between two results', () => {
  const lines = changesBetween(right, wrong).map(changeLine);
  expect(lines).toEqual([
    'worse  QNT-TYP-004 pass -> fail: a request of PULL in which Pull.topics is missing has to be answered INVALID_ARGUMENT; got TOPIC_NOT_FOUND',
  ]);
  expect(changesBetween(wrong, right).map(changeLine)).toEqual(['better QNT-TYP-004 fail -> pass']);
  expect(changesBetween(wrong, wrong)).toEqual([]);
  const part = { ...wrong, clauses: wrong.clauses.slice(1) };
  expect(changesBetween(part, wrong).map(({ way }) => way)).toEqual(['new']);
  expect(changesBetween(wrong, part).map(changeLine)).toEqual(['gone   QNT-TYP-004 fail -> none']);
});
