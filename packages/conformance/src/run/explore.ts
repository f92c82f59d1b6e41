import type { Clause } from '../clause/clause.ts';
import { REQUIREMENTS, type Requirement } from '../clause/gen/requirements.ts';
import type { Manifest, Role } from '../driver/driver.ts';
import { EXCLUSIONS } from '../families/exclusions/index.ts';
import { historyLine } from '../history/history.ts';
import { hexOf } from '../json.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';
import type { Baseline } from './baseline.ts';
import type { Budget } from './budget.ts';
import { drawPrograms } from './draw-programs.ts';
import { type FailureReport, RESULT_SCHEMA, type Result, type Verdict } from './result.ts';
import { type Failure, judgeRun, obstacleIn, type Run, runProgram, type Site, unreachable } from './run-program.ts';
import { shrinkProgram } from './shrink.ts';
import { addRun, type Finding, fits, newFinding } from './survey.ts';
import { showsLife, VITAL_SIGNS, vitalProgram } from './vital-signs.ts';

export interface ExploreOptions {
  readonly site: Site & { readonly manifest: Manifest };
  readonly families: readonly Family[];
  readonly budget: Budget;
  readonly seed: number;
  /** Only these ids; default: all that bind the role. */
  readonly only?: (id: string) => boolean;
  /** Requirements of the set that is asked for; default: all. */
  readonly requirements?: ReadonlySet<string>;
  /** SHOULD counts like MUST. */
  readonly strict?: boolean;
  readonly baseline?: Baseline;
  /** Programs at a time on real time. */
  readonly parallel?: number;
  readonly command: string;
  readonly kit: string;
  readonly startedAt: string;
  readonly nowMs: () => number;
  readonly onProgress?: (done: number, of: number, what: string) => void;
  /** Called with the result when it begins, as `incomplete`, and when it is settled. */
  readonly onResult?: (result: Result) => void;
  readonly signal?: AbortSignal;
}

const LETTERS: Readonly<Record<Role, string>> = { nameserver: 'N', broker: 'B', producer: 'P', consumer: 'C', codec: 'A' };

/** Whether a requirement binds a role. */
export const binds = ({ roles }: Requirement, role: Role): boolean => roles.includes('A') || roles.includes(LETTERS[role]);

/**
 * Runs every program against a subject, judges each history by every clause, makes the shortest failing program of each
 * failing clause smaller, and says clause by clause what was shown. Never stops at a failure, never throws for what a subject
 * does.
 */
export async function explore(options: ExploreOptions): Promise<Result> {
  const { site, families, budget, seed } = options;
  const startMs = options.nowMs();
  const clauses = families.flatMap((family) => family.clauses.filter(({ roles }) => roles.includes(site.role)));
  const result = beginning(options);
  options.onResult?.(result);
  const able = (needs: readonly string[] = []): boolean => needs.every((need) => site.manifest.abilities.includes(need as never));
  const generated = site.timing === 'virtual' ? budget.generatedPerFamily : budget.generatedOnRealTime;
  const programs = families
    .flatMap((family) => [...family.programs, ...drawPrograms(family, site.role, generated, seed)])
    .filter((program) => fits(program, site) && able(program.needs));
  const findings = new Map<string, Finding>(clauses.map((clause) => [clause.id, newFinding(clause)]));
  const harness: { program: string; why: string }[] = [];
  let alive = false;
  await runAll(options, programs, (run) => {
    result.programs++;
    alive ||= run.harness === undefined && showsLife(site.role, run.events);
    const obstacle = obstacleIn(run);
    if (obstacle !== undefined) harness.push({ program: run.program.name ?? 'generated', why: obstacle });
    addRun(findings, run, clauses);
  });
  if (!alive && options.signal?.aborted !== true) {
    // Where the chosen programs had no occasion to show it. Only the sign of life counts of this run.
    const run = await runProgram(site, vitalProgram(site.role), families);
    alive = run.harness === undefined && showsLife(site.role, run.events);
    const why = unreachable(run);
    if (why !== undefined) harness.push({ program: run.program.name ?? '', why });
  }
  const verdicts: Verdict[] = [];
  for (const requirement of REQUIREMENTS) {
    if (site.timing === 'virtual') await turn();
    if (!binds(requirement, site.role) || options.only?.(requirement.id) === false) continue;
    if (options.requirements?.has(requirement.id) === false) continue;
    const verdict = await verdictOf(options, requirement, findings.get(requirement.id), able);
    verdicts.push(alive || verdict.verdict !== 'pass' ? verdict : withoutCredit(verdict, site.role));
  }
  result.clauses = verdicts;
  result.harness = harness;
  result.notProved = verdicts.filter(({ verdict }) => verdict === 'inconclusive').length;
  result.seconds = Number(((options.nowMs() - startMs) / 1_000).toFixed(1));
  result.settled = settle(result, options.signal?.aborted === true);
  options.onResult?.(result);
  return result;
}

function beginning({ site, seed, budget, command, kit, startedAt }: ExploreOptions): Result {
  return {
    schema: RESULT_SCHEMA,
    kit,
    spec: '1.0',
    startedAt,
    settled: 'incomplete',
    role: site.role,
    subject: site.manifest,
    binding: site.binding,
    timing: site.timing,
    seed,
    budget: budget.name,
    command,
    programs: 0,
    seconds: 0,
    clauses: [],
    harness: [],
    notProved: 0,
  };
}

/** Programs of their own servers and of clients run side by side on real time; what fills or stops a shared one runs alone. */
async function runAll(options: ExploreOptions, programs: readonly Program[], take: (run: Run) => void): Promise<void> {
  const { site, families, signal } = options;
  const isOver = (): boolean => signal?.aborted === true;
  let done = 0;
  const one = async (program: Program): Promise<void> => {
    if (site.timing === 'virtual') await turn();
    if (isOver()) return;
    options.onProgress?.(done, programs.length, program.name ?? `${program.family} (generated)`);
    const run = await runProgram(site, program, families);
    if (isOver()) return;
    take(run);
    done++;
  };
  const workers = site.timing === 'virtual' ? 1 : (options.parallel ?? 8);
  const waiting = [...programs];
  const worked = Promise.all(
    Array.from({ length: Math.min(workers, waiting.length) }, async () => {
      for (let program = waiting.shift(); program !== undefined; program = waiting.shift()) await one(program);
    }),
  );
  // What is under way when a run is broken off may wait for long, and is not waited for.
  await (signal === undefined ? worked : Promise.race([worked, abortOf(signal)]));
  options.onProgress?.(done, programs.length, '');
}

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** A turn of the event loop: on virtual time nothing else lets signals of the process in. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function verdictOf(
  options: ExploreOptions,
  requirement: Requirement,
  finding: Finding | undefined,
  able: (needs?: readonly string[]) => boolean,
): Promise<Verdict> {
  const { id, level, text } = requirement;
  const known = options.baseline?.entryOf(id);
  const evidence = finding?.passes ?? 0;
  const verdict = { id, level, text, evidence, programs: [...(finding?.evidence ?? [])].slice(0, 8) };
  const excluded = EXCLUSIONS[id];
  if (finding === undefined)
    return excluded === undefined
      ? { ...verdict, verdict: 'inconclusive', reason: 'this kit has no clause for it in this role' }
      : { ...verdict, verdict: 'excluded', reason: excluded };
  if (finding.broken !== undefined)
    return { ...verdict, verdict: 'inconclusive', reason: `the checker broke: ${finding.broken}` };
  if (finding.failures.length > 0) {
    // One failure that is not the known one is not excused by another that is.
    const isKnown = ({ sentence }: Failure): boolean => known?.matches(sentence) === true;
    const strange = finding.failures.filter(({ failure }) => !isKnown(failure));
    if (known !== undefined && strange.length === 0) {
      const failure = await reportOf(options, finding.clause, finding.failures, isKnown);
      return { ...verdict, verdict: 'expected', reason: `${known.reason} (${known.issue})`, failure };
    }
    const failure = await reportOf(options, finding.clause, strange, (one) => !isKnown(one));
    if (known !== undefined)
      return { ...verdict, verdict: 'stale', reason: `it fails, but not as the baseline says (${known.signature})`, failure };
    return { ...verdict, verdict: level === 'MUST' || options.strict === true ? 'fail' : 'warning', failure };
  }
  if (known !== undefined && evidence > 0)
    return { ...verdict, verdict: 'stale', reason: 'the baseline says that it fails, and it does not: take the entry out' };
  if (evidence > 0) return { ...verdict, verdict: 'pass' };
  const obstacle = obstacleOf(options, finding.clause, able);
  if (obstacle !== undefined) return { ...verdict, verdict: 'not-run', reason: obstacle };
  return { ...verdict, verdict: 'inconclusive', reason: 'no program put it to the test' };
}

/** Rules that a subject keeps that does not do its work are kept by accident. */
const withoutCredit = (verdict: Verdict, role: Role): Verdict => ({
  ...verdict,
  verdict: 'inconclusive',
  reason: `no credit: no program showed that it works as a ${role} (${VITAL_SIGNS[role]})`,
});

/** What this subject, or the way to it, lacks for a clause. */
function obstacleOf({ site }: ExploreOptions, clause: Clause, able: (needs?: readonly string[]) => boolean): string | undefined {
  const missing = (clause.needs ?? []).filter((need) => !able([need]));
  if (missing.length > 0) return `needs a driver that can: ${missing.join(', ')}`;
  if (clause.binding !== undefined && clause.binding !== site.binding) return `only over ${clause.binding}`;
  if (clause.timing !== undefined && clause.timing !== site.timing)
    return 'takes too long on a real clock: only subjects on virtual time are asked';
  return undefined;
}

/**
 * Makes the shortest failing program of a clause smaller, and runs it again to see how sure it fails. @param isMeant of failures
 * of the clause: a smaller program that fails otherwise is another matter.
 */
async function reportOf(
  options: ExploreOptions,
  clause: Clause,
  failures: Finding['failures'],
  isMeant: (failure: Failure) => boolean,
): Promise<FailureReport> {
  const { site, families, budget } = options;
  const first = failures[0] as Finding['failures'][number];
  const failureIn = (run: Run): Failure | undefined => judgeRun(run, [clause])[0]?.failures.find(isMeant);
  const failing = async (program: Program): Promise<Run | undefined> => {
    if (site.timing === 'virtual') await turn();
    const run = await runProgram(site, program, families);
    // What cannot be run again shows nothing.
    return run.harness !== undefined || failureIn(run) === undefined ? undefined : run;
  };
  let last = first.run;
  const runsMax = site.timing === 'virtual' ? budget.shrinkRunsMax : budget.shrinkRunsOnRealTime;
  const { program } = await shrinkProgram(
    first.run.program,
    async (smaller) => {
      const run = await failing(smaller);
      if (run !== undefined) last = run;
      return run !== undefined;
    },
    { runsMax, goOn: () => options.signal?.aborted !== true },
  );
  let confirmed = 0;
  const confirmations = options.signal?.aborted === true ? 0 : budget.confirmations;
  for (let i = 0; i < confirmations; i++) {
    const run = await failing(program);
    if (run === undefined) continue;
    confirmed++;
    last = run;
  }
  const failure = failureIn(last) ?? first.failure;
  return {
    sentence: failure.sentence,
    program,
    history: last.events.map(historyLine),
    index: failure.index,
    ...(failure.frame === undefined ? {} : { frame: hexOf(failure.frame.bytes) }),
    ...(failure.field === undefined ? {} : { field: failure.field }),
    confirmed,
    confirmations,
    failingPrograms: failures.length,
  };
}

/** Abilities without which a server is a black box: much of what matters cannot be asked. */
const FULL_SERVER = ['kill', 'stop'] as const;

function settle({ clauses, harness, role, subject }: Result, aborted: boolean): Result['settled'] {
  if (aborted) return 'incomplete';
  if (clauses.some(({ verdict }) => verdict === 'fail' || verdict === 'stale')) return 'nonconformant';
  if (harness.length > 0) return 'harness';
  const isServer = role === 'nameserver' || role === 'broker';
  const blackBox = isServer && !FULL_SERVER.every((ability) => subject.abilities.includes(ability));
  const open = clauses.some(
    ({ verdict, level }) => level === 'MUST' && (verdict === 'inconclusive' || (blackBox && verdict === 'not-run')),
  );
  return !open && clauses.some(({ verdict }) => verdict === 'pass') ? 'conformant' : 'inconclusive';
}
