import type { Clause } from '../clause/clause.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';
import { type Failure, type Judgement, judgeRun, obstacleIn, type Run, runProgram, type Site } from './run-program.ts';

/** Programs that failed. */
export interface Failing {
  /** How many. */
  failing: number;
  /** Some of their runs, the one with the fewest steps first. */
  readonly failures: { readonly run: Run; readonly failure: Failure }[];
}

/** What programs showed of one clause. Those that failed as a baseline says are apart: they must not crowd out the others. */
export interface Finding extends Failing {
  readonly clause: Clause;
  /** How often it was put to the test and held. */
  passes: number;
  /** Programs that had evidence, by name. */
  readonly evidence: Set<string>;
  readonly isKnown: (failure: Failure) => boolean;
  readonly known: Failing;
  /** The checker itself broke. */
  broken: string | undefined;
}

export interface Survey {
  readonly findings: ReadonlyMap<string, Finding>;
  /** Programs in which the kit or the driver could not do its part. */
  readonly harness: readonly { readonly program: Program; readonly why: string }[];
  readonly runs: number;
}

/** Whether a program can run at a site. */
export const fits = (program: Program, site: Site): boolean =>
  program.role === site.role &&
  (program.timing ?? site.timing) === site.timing &&
  (program.binding ?? site.binding) === site.binding;

/** Runs programs one after the other, and lets every clause of the families look at each history. Never stops at a failure. */
export async function survey(
  site: Site,
  programs: readonly Program[],
  families: readonly Family[],
  onRun: (run: Run) => void = () => {},
): Promise<Survey> {
  const clauses = families.flatMap((family) => family.clauses.filter(({ roles }) => roles.includes(site.role)));
  const findings = new Map<string, Finding>(clauses.map((clause) => [clause.id, newFinding(clause)]));
  const harness: { program: Program; why: string }[] = [];
  let runs = 0;
  for (const program of programs) {
    if (!fits(program, site)) continue;
    const run = await runProgram(site, program, families);
    runs++;
    const obstacle = obstacleIn(run);
    if (obstacle !== undefined) harness.push({ program, why: obstacle });
    else addRun(findings, run, judgeRun(run, clauses));
    onRun(run);
  }
  return { findings, harness, runs };
}

/** @param isKnown tells the failures that a baseline names. */
export const newFinding = (clause: Clause, isKnown: Finding['isKnown'] = () => false): Finding => ({
  clause,
  passes: 0,
  evidence: new Set(),
  failing: 0,
  failures: [],
  isKnown,
  known: { failing: 0, failures: [] },
  broken: undefined,
});

/** Failing runs that are kept of one clause: their histories may be long. */
const KEPT_FAILURES = 3;

/** Adds what the clauses say of one run. */
export function addRun(findings: ReadonlyMap<string, Finding>, run: Run, judgements: readonly Judgement[]): void {
  for (const { id, passes, failures, broken } of judgements) {
    const finding = findings.get(id);
    if (finding === undefined) continue;
    finding.passes += passes;
    if (passes > 0) finding.evidence.add(run.program.name ?? 'generated');
    finding.broken ??= broken;
    const [failure] = failures;
    if (failure === undefined) continue;
    addFailure(finding.isKnown(failure) ? finding.known : finding, { run, failure });
  }
}

function addFailure(failing: Failing, one: Failing['failures'][number]): void {
  const { failures } = failing;
  failing.failing++;
  failures.push(one);
  failures.sort((a, b) => a.run.program.steps.length - b.run.program.steps.length);
  failures.splice(KEPT_FAILURES);
}
