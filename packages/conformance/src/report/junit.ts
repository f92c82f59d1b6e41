import type { Result, Verdict } from '../run/result.ts';
import { shortened } from './decode-tree.ts';
import { reportedFailureText } from './failure-text.ts';

const WHY_CHARACTERS = 300;

const MARKS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Text for XML and HTML; characters that XML has not are left out. */
export const escapeXml = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has none of them.
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replace(/[&<>"']/g, (mark) => MARKS[mark] as string);

/** JUnit: a test case for each clause, so that every build server shows them. */
export function junitReport(result: Result): string {
  const name = `qanat ${result.role} ${result.subject.name}`;
  const failed = result.clauses.filter(isFailed).length;
  const skipped = result.clauses.filter(isSkipped).length;
  const cases = result.clauses.map(testCase);
  const errors = errorsOf(result).map(
    ([what, why]) => `  <testcase classname="harness" name="${escapeXml(what)}"><error message="${escapeXml(why)}"/></testcase>`,
  );
  const tests = cases.length + errors.length;
  const counts = `tests="${tests}" failures="${failed}" errors="${errors.length}" skipped="${skipped}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="${escapeXml(name)}" ${counts} time="${result.seconds}">
${[...cases, ...errors].join('\n')}
</testsuite>
</testsuites>
`;
}

/** What kept the kit from a verdict: a run that was broken off is none, whatever it had found. */
const errorsOf = ({ harness, settled }: Result): readonly (readonly [what: string, why: string])[] => [
  ...harness.map(({ program, why }) => [program, shortened(why, WHY_CHARACTERS)] as const),
  ...(settled === 'incomplete' ? [['the whole run', 'it was broken off'] as const] : []),
];

/** What was never put to the test is no success: it fails where a MUST is open. */
const isFailed = ({ verdict, level }: Verdict): boolean =>
  verdict === 'fail' || verdict === 'stale' || (verdict === 'inconclusive' && level === 'MUST');
const isSkipped = (verdict: Verdict): boolean => ['not-run', 'excluded', 'expected'].includes(verdict.verdict);

function testCase(verdict: Verdict): string {
  const { id, text, failure, reason = '' } = verdict;
  const head = `  <testcase classname="${id.slice(4, 7)}" name="${escapeXml(`${id} ${text}`)}"`;
  if (isFailed(verdict)) {
    const details = failure === undefined ? '' : escapeXml(reportedFailureText({ ...verdict, failure }));
    return `${head}><failure message="${escapeXml(failure?.sentence ?? reason)}">${details}</failure></testcase>`;
  }
  if (failure !== undefined)
    return `${head}><system-out>${verdict.verdict}: ${escapeXml(failure.sentence)}</system-out></testcase>`;
  if (isSkipped(verdict)) return `${head}><skipped message="${escapeXml(reason)}"/></testcase>`;
  return `${head}/>`;
}
