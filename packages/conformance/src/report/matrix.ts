import { countOf, type Result, type VerdictName } from '../run/result.ts';
import { changesBetween } from './changes.ts';
import { escapeXml } from './junit.ts';

/** Many results as one page: implementations beside each other, and how each one changed from version to version. */
export function matrixPage(results: readonly Result[]): string {
  const sorted = [...results].sort((a, b) => keyOf(a).localeCompare(keyOf(b)) || a.startedAt.localeCompare(b.startedAt));
  const newest = [...new Map(sorted.map((result) => [keyOf(result), result])).values()];
  const ids = [...new Set(newest.flatMap(({ clauses }) => clauses.map(({ id }) => id)))];
  const head = newest
    .map((one) => `<th>${escapeXml(one.subject.name)}<br>${escapeXml(one.subject.version)}<br>${one.role}`)
    .join('');
  const rows = ids.map((id) => `<tr><th>${id}${newest.map((one) => cellOf(one, id)).join('')}</tr>`);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Qanat conformance</title>
<style>
body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem}
table{border-collapse:collapse}
td,th{border:1px solid #d0d7de;padding:.15rem .5rem;text-align:left}
.pass{background:#dafbe1}
.fail,.stale{background:#ffebe9}
.warning{background:#fff1e5}
.expected{background:#fbefff}
.inconclusive{background:#fff8c5}
.not-run,.excluded{background:#eaeef2}
</style>
<h1>Qanat conformance</h1>
<h2>Trend</h2>
<table><tr><th>Implementation<th>Role<th>Version<th>When<th>Verdict<th>Passed<th>Failed<th>Not proved<th>Since the one before</tr>
${sorted.map((one, i) => trendRow(one, sorted[i - 1])).join('\n')}
</table>
<h2>Clauses, newest result of each</h2>
<table><tr><th>Clause${head}</tr>
${rows.join('\n')}
</table></html>
`;
}

/** Implementation and role: what versions are compared of. */
const keyOf = ({ subject, role }: Result): string => `${subject.name} ${role}`;

function trendRow(result: Result, above: Result | undefined): string {
  const { subject, role, startedAt, settled, notProved } = result;
  const failed = countOf(result, 'fail') + countOf(result, 'stale');
  const changed = above !== undefined && keyOf(above) === keyOf(result) ? changeText(above, result) : '';
  return `<tr><td>${escapeXml(subject.name)}<td>${role}<td>${escapeXml(subject.version)}<td>${escapeXml(startedAt)}<td>${settled}<td>${countOf(result, 'pass')}<td>${failed}<td>${notProved}<td>${changed}</tr>`;
}

/** What got worse by name, and how many clauses got better. */
function changeText(before: Result, after: Result): string {
  const changes = changesBetween(before, after);
  const worse = changes.filter(({ way }) => way === 'worse').map(({ id }) => id);
  const better = changes.filter(({ way }) => way === 'better').length;
  const texts = [...(worse.length > 0 ? [`worse: ${worse.join(' ')}`] : []), ...(better > 0 ? [`${better} better`] : [])];
  return texts.join('; ') || 'the same';
}

function cellOf(result: Result, id: string): string {
  const found = result.clauses.find((one) => one.id === id);
  const verdict: VerdictName | '' = found?.verdict ?? '';
  return `<td class="${verdict}" title="${escapeXml(found?.failure?.sentence ?? found?.reason ?? '')}">${verdict}`;
}
