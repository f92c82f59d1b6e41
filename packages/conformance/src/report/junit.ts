import type { Result, Verdict } from '../run/result.ts';
import { reportedFailureText } from './failure-text.ts';

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
  const counts = `tests="${result.clauses.length}" failures="${failed}" errors="${result.harness.length > 0 ? 1 : 0}" skipped="${skipped}"`;
  const errors = result.harness.map(
    ({ program, why }) =>
      `  <testcase classname="harness" name="${escapeXml(program)}"><error message="${escapeXml(why.slice(0, 300))}"/></testcase>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="${escapeXml(name)}" ${counts} time="${result.seconds}">
${[...cases, ...errors].join('\n')}
</testsuite>
</testsuites>
`;
}

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
  if (isSkipped(verdict)) return `${head}><skipped message="${escapeXml(reason)}"/></testcase>`;
  return `${head}/>`;
}
