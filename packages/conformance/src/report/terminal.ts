import { countOf, type FailureReport, type Result, type Verdict } from '../run/result.ts';
import { reportedFailureText } from './failure-text.ts';

/** Failures that are shown whole; the others are in the files. */
const FAILURES_SHOWN = 10;

const SENTENCES: Readonly<Record<Result['settled'], string>> = {
  conformant: 'CONFORMANT: every clause that applies was put to the test and held',
  nonconformant: 'NOT CONFORMANT',
  inconclusive: 'INCONCLUSIVE: nothing was found wrong, but some clauses were never put to the test',
  harness: 'NO VERDICT: the driver or the kit could not do its part',
  incomplete: 'INCOMPLETE: the run was broken off',
};

const isShown = (verdict: Verdict): verdict is Verdict & { failure: FailureReport } =>
  verdict.failure !== undefined && verdict.verdict !== 'expected';

/** A result for people: failures first, then what nothing is known of, then the sum. */
export function terminalReport(result: Result): string {
  const failures = result.clauses.filter(isShown);
  const lines = [
    ...failures.slice(0, FAILURES_SHOWN).map(reportedFailureText),
    ...(failures.length > FAILURES_SHOWN
      ? [`… and ${failures.length - FAILURES_SHOWN} more clauses fail; --report failures=FOLDER has all`, '']
      : []),
    ...result.harness.slice(0, 5).map(({ program, why }) => `HARNESS ${program}: ${why}`),
    ...listOf(result, 'stale', 'stale entries of the baseline'),
    ...listOf(result, 'expected', 'failures that are known'),
    ...listOf(result, 'inconclusive', 'never put to the test'),
    ...listOf(result, 'not-run', 'not run'),
    sumLine(result),
    SENTENCES[result.settled],
    `again: ${result.command}`,
  ];
  return `${lines.join('\n')}\n`;
}

function listOf(result: Result, verdict: Verdict['verdict'], title: string): readonly string[] {
  const found = result.clauses.filter((one) => one.verdict === verdict);
  const byReason = new Map<string, string[]>();
  for (const { id, reason = '' } of found) byReason.set(reason, [...(byReason.get(reason) ?? []), id]);
  return [...byReason].map(([reason, ids]) => `${title}, ${ids.length}: ${ids.join(' ')}${reason === '' ? '' : ` (${reason})`}`);
}

export function sumLine(result: Result): string {
  const { subject, role, programs, seconds, timing, binding, seed, budget } = result;
  const names = ['pass', 'fail', 'warning', 'expected', 'stale', 'inconclusive', 'not-run', 'excluded'] as const;
  const counts = names.map((name) => [name, countOf(result, name)] as const).filter(([, count]) => count > 0);
  const evidence = result.clauses.reduce((sum, one) => sum + one.evidence, 0);
  return `${role} ${subject.name} ${subject.version}: ${counts.map(([name, count]) => `${count} ${name}`).join(', ')}; ${evidence} pieces of evidence from ${programs} programs over ${binding} on ${timing} time in ${seconds} s (budget ${budget}, seed ${seed})`;
}
