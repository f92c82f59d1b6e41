import { codeNumber } from '@qanat/core';
import { expect, it } from 'vitest';
import { framing } from '../../src/families/framing/index.ts';
import { suretyText } from '../../src/report/failure-text.ts';
import { settledSentence, terminalReport } from '../../src/report/terminal.ts';
import type { FailureReport, Result } from '../../src/run/result.ts';
import { alteredServer, exploreAs, inErrors, only, withCode } from '../altered-server.ts';

const unserved = (frame: 'PULL' | 'REGISTER_BROKER'): Promise<Result> => {
  const site = alteredServer(
    'broker',
    inErrors(frame, (_, one) => withCode(one, codeNumber('UNSUPPORTED_FRAME'))),
  );
  return exploreAs({
    site,
    families: [only(framing, 'missing-fields', 'other-role')],
    only: (id) => id !== 'QNT-TYP-010',
  });
};

it('tells once that a frame is not served by which clauses fail', async () => {
  const result = await unserved('PULL');
  expect(terminalReport(result)).toMatch(/^PULL is not served, and \d+ clauses fail by it: .*QNT-TYP-004/m);
});

it('does not say so of a frame that another role serves', async () => {
  const report = terminalReport(await unserved('REGISTER_BROKER'));
  expect(report).toContain('FAIL QNT-FRM-027');
  expect(report).not.toContain('is not served');
});

it.each([
  [{ confirmed: 1, confirmations: 3, held: 1 }, 'run again it failed 1 of 3 times, held 1, was not put to the test 1'],
  [{ confirmed: 2, confirmations: 2, held: 0 }, 'run again it failed 2 of 2 times'],
])('says what became of the program when it was run again: %j', (counts, text) => {
  expect(suretyText({ ...counts, failingPrograms: 1 } as FailureReport)).toBe(`no other program fails so; ${text}`);
});

it('does not blame the kit where nobody is at the address', async () => {
  const harness = [{ program: 'all', why: 'nothing came: the subject cannot be reached: connect ECONNREFUSED' }];
  const result: Result = { ...(await unserved('PULL')), settled: 'harness', harness };
  expect(settledSentence(result)).toBe('NO VERDICT: the subject cannot be reached');
});
