import { isOptional } from '../run/requirement-sets.ts';
import { countOf, type FailureReport, type Result, type Verdict } from '../run/result.ts';
import { UNREACHABLE } from '../run/run-program.ts';
import { reportedFailureText } from './failure-text.ts';
import { missingFrame } from './missing-frames.ts';
import { replayCommand } from './replay-command.ts';

/** Failures that are shown whole; the others are in the files. */
const FAILURES_SHOWN = 10;
const HARNESS_SHOWN = 5;

const SENTENCES: Readonly<Record<Exclude<Result['settled'], 'conformant'>, string>> = {
  nonconformant: 'NOT CONFORMANT',
  inconclusive: 'INCONCLUSIVE: nothing was found wrong, but some clauses were never put to the test',
  harness: 'NO VERDICT: the driver or the kit could not do its part',
  incomplete: 'INCOMPLETE: the run was broken off, and this is what it had found until then',
};

const isShown = (verdict: Verdict): verdict is Verdict & { failure: FailureReport } =>
  verdict.failure !== undefined && verdict.verdict !== 'expected';

/** What a result comes to, in a sentence. A subject that does not do its work is not "found right so far". */
export function settledSentence(result: Result): string {
  if (result.settled === 'inconclusive' && countOf(result, 'pass') === 0)
    return `INCONCLUSIVE: nothing was shown, not even that it works as a ${result.role}`;
  if (result.settled === 'conformant' && result.partial === true)
    return `CONFORMANT in what was asked for, of version ${result.spec}: each of these clauses was put to the test and held`;
  if (result.settled === 'conformant')
    return `CONFORMANT with version ${result.spec}: every MUST that applies was put to the test and held${optionalOnes(result)}`;
  if (result.settled === 'harness' && result.harness.every(({ why }) => why.includes(UNREACHABLE)))
    return `NO VERDICT: ${UNREACHABLE}`;
  return SENTENCES[result.settled];
}

/** Not everything of a later version is in every implementation, or in this kit. */
function optionalOnes({ clauses }: Result): string {
  const count = clauses.filter(({ id, verdict }) => verdict === 'not-run' && isOptional(id)).length;
  return count === 0 ? '' : `; ${count} optional ones were not run`;
}

/** A result for people: failures first, then what nothing is known of, then the sum. */
export function terminalReport(result: Result): string {
  const { failures, missing } = sorted(result.clauses.filter(isShown));
  const lines = [
    ...failures.slice(0, FAILURES_SHOWN).map(reportedFailureText),
    ...(failures.length > FAILURES_SHOWN
      ? [`… and ${failures.length - FAILURES_SHOWN} more clauses fail; --report failures=FOLDER has all`, '']
      : []),
    ...[...missing].map(([frame, ids]) => `${frame} is not served, and ${ids.length} clauses fail by it: ${ids.join(' ')}`),
    ...result.harness.slice(0, HARNESS_SHOWN).map(({ program, why }) => `HARNESS ${program}: ${why}`),
    ...(result.harness.length > HARNESS_SHOWN ? [`HARNESS … and ${result.harness.length - HARNESS_SHOWN} more programs`] : []),
    ...listOf(result, 'fail', 'broken'),
    ...listOf(result, 'warning', 'not followed, and should be'),
    ...listOf(result, 'stale', 'stale entries of the baseline'),
    ...listOf(result, 'expected', 'failures that are known'),
    ...(isVain(result) ? [] : listOf(result, 'inconclusive', 'never put to the test')),
    ...(isVain(result) ? [] : listOf(result, 'not-run', 'not run')),
    sumLine(result),
    settledSentence(result),
    ...hints(result, failures),
    `again: ${result.command}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Nothing was found out: the list of all clauses would hide why. */
const isVain = (result: Result): boolean => result.settled === 'harness' && countOf(result, 'pass') === 0;

type Shown = Verdict & { failure: FailureReport };

/**
 * Failures in the order in which they are shown: one frame type that a subject does not serve breaks many clauses, and must not
 * hide the others.
 */
function sorted(shown: readonly Shown[]): {
  readonly failures: readonly Shown[];
  readonly missing: ReadonlyMap<string, readonly string[]>;
} {
  const others: Shown[] = [];
  const behind: Shown[] = [];
  const missing = new Map<string, string[]>();
  for (const one of shown) {
    const frame = missingFrame(one.failure);
    if (frame === undefined) others.push(one);
    else {
      behind.push(one);
      missing.set(frame, [...(missing.get(frame) ?? []), one.id]);
    }
  }
  return { failures: [...others, ...behind], missing };
}

/** What to do about failures. */
function hints({ command }: Result, [first]: readonly Verdict[]): readonly string[] {
  if (first === undefined) return [];
  return [
    `the rule and its programs: npx qanat-conformance explain ${first.id}`,
    `each failure with a program to run again: --report failures=FOLDER, then ${replayCommand(command, `FOLDER/${first.id}.json`)}`,
  ];
}

function listOf(result: Pick<Result, 'clauses'>, verdict: Verdict['verdict'], title: string): readonly string[] {
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
  // A codec is asked by its driver, and has neither a network nor a clock.
  const how = role === 'codec' ? '' : ` over ${binding} on ${timing} time`;
  return `${role} ${subject.name} ${subject.version}: ${counts.map(([name, count]) => `${count} ${name}`).join(', ')}; ${evidence} pieces of evidence from ${programs} programs${how} in ${seconds} s (budget ${budget}, seed ${seed})`;
}
