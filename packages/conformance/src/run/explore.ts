import type { Clause } from '../clause/clause.ts';
import type { Requirement } from '../clause/gen/requirements.ts';
import { ALL_REQUIREMENTS } from '../clause/requirement-list.ts';
import { type Ability, type Manifest, type Role, transportsOf } from '../driver/driver.ts';
import { exclusionOf } from '../families/exclusions/index.ts';
import { clausesOf } from '../families/index.ts';
import { BINDING_NAMES, type SocketBinding } from '../ground/ground.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';
import type { Baseline } from './baseline.ts';
import type { Budget } from './budget.ts';
import { binds } from './coverage.ts';
import { drawPrograms } from './draw-programs.ts';
import { type FailureReportOptions, failureReport } from './failure-report.ts';
import { featureName, featuresIn } from './features.ts';
import { FIRST_VERSION, isOptional, versionJudged } from './requirement-sets.ts';
import { countOf, RESULT_SCHEMA, type Result, type Verdict } from './result.ts';
import { type RunAllOptions, runAll } from './run-all.ts';
import { type Judgement, obstacleIn, type Run, runProgram, type Site, unreachable } from './run-program.ts';
import { sideBySide } from './side-by-side.ts';
import { addRun, type Finding, fits, newFinding } from './survey.ts';
import { turn } from './turn.ts';
import { showsLife, VITAL_SIGNS, vitalProgram } from './vital-signs.ts';

const PARALLEL = 12;

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
  /** Asked before each history is judged: those that are left then count for nothing. */
  readonly mayJudge?: () => boolean;
}

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
  const findings = new Map<string, Finding>(
    clauses.map((clause) => {
      const known = options.baseline?.entryOf(clause.id);
      return [clause.id, newFinding(clause, ({ sentence }) => known?.matches(sentence) === true)];
    }),
  );
  const harness: { program: string; why: string }[] = [];
  let alive = false;
  const { signal, onProgress, parallel = PARALLEL } = options;
  const slackMs = new Map<Program, number>();
  const offered = new Set<number>();
  const take = (run: Run, judgements: readonly Judgement[]): void => {
    result.programs++;
    slackMs.set(run.program, run.slackMs);
    alive ||= run.harness === undefined && showsLife(site.role, run.events);
    const obstacle = obstacleIn(run);
    if (obstacle !== undefined) harness.push({ program: run.program.name ?? 'generated', why: obstacle });
    if (site.role === 'broker' || site.role === 'nameserver') for (const feature of featuresIn(run.events)) offered.add(feature);
    addRun(findings, run, judgements);
  };
  const all = { site, families, clauses, programs, parallel, signal, mayJudge: options.mayJudge, onProgress, take };
  const gaveUp = await runAll(all);
  const open = clauses.filter((one) => obstacleOf(options, one, able) === undefined && findings.get(one.id)?.passes === 0);
  if (site.timing === 'real' && gaveUp === undefined && open.length > 0)
    await runAll({
      ...all,
      ...inQuiet(programs, slackMs, families, open),
      onProgress: (done, of, what) => onProgress?.(done, of, `once more, in quiet: ${what}`),
      until: AbortSignal.timeout(QUIET_MS),
    });
  if (gaveUp !== undefined) harness.unshift({ program: 'all', why: gaveUp });
  else if (!alive && signal?.aborted !== true) alive = await showsLifeWhenAsked(options, harness);
  const binding = ALL_REQUIREMENTS.filter((one) => binds(one, site.role) && options.requirements?.has(one.id) !== false);
  const here = new Set(clauses.map(({ id }) => id));
  const elsewhere = new Set(clausesOf(site.role).map(({ id }) => id));
  const asked = binding.filter(({ id }) => options.only?.(id) !== false && (here.has(id) || !elsewhere.has(id)));
  result.partial = asked.length < binding.length;
  const shrinkUntilMs = options.nowMs() + budget.shrinkMsOnRealTime;
  const mayShrink = (): boolean =>
    signal?.aborted !== true && gaveUp === undefined && (site.timing === 'virtual' || options.nowMs() < shrinkUntilMs);
  const verdicts = new Map<string, Verdict>();
  const failing = asked.filter(({ id }) => (findings.get(id)?.failures.length ?? 0) > 0).length;
  let failed = 0;
  await sideBySide(asked, site.timing === 'virtual' ? 1 : parallel, async (requirement) => {
    if (site.timing === 'virtual') await turn();
    const finding = findings.get(requirement.id);
    if (finding?.failures.length) onProgress?.(failed++, failing, `failing clauses: ${requirement.id} again, and smaller`);
    const verdict = await verdictOf({ ...options, mayShrink, offered }, requirement, finding, able);
    verdicts.set(requirement.id, alive || verdict.verdict !== 'pass' ? verdict : withoutCredit(verdict, site.role));
  });
  result.clauses = asked.map(({ id }) => verdicts.get(id) as Verdict);
  result.spec = versionJudged(result.clauses);
  result.harness = harness;
  result.notProved = countOf(result, 'inconclusive');
  result.seconds = Number(((options.nowMs() - startMs) / 1_000).toFixed(1));
  result.settled = settle(result, options.signal?.aborted === true);
  options.onResult?.(result);
  return result;
}

/** Programs at a time where they were disturbed before, and how long they are tried again. */
const PARALLEL_IN_QUIET = 4;
const QUIET_MS = 15_000;
/** What is wider than the least slack by so much proves little. */
const WIDE = 1.5;

/** Of families of which clauses have no evidence: programs that ran while the machine was late. */
function inQuiet(
  programs: readonly Program[],
  slackMs: ReadonlyMap<Program, number>,
  families: readonly Family[],
  open: readonly Clause[],
): Pick<RunAllOptions, 'programs' | 'parallel'> {
  const leastMs = Math.min(...slackMs.values());
  const names = families.filter(({ clauses }) => clauses.some((clause) => open.includes(clause))).map(({ name }) => name);
  const disturbed = programs.filter((one) => names.includes(one.family) && (slackMs.get(one) ?? 0) > WIDE * leastMs);
  return { programs: disturbed, parallel: PARALLEL_IN_QUIET };
}

function beginning({ site, seed, budget, command, kit, startedAt }: ExploreOptions): Result {
  return {
    schema: RESULT_SCHEMA,
    kit,
    spec: FIRST_VERSION,
    startedAt,
    settled: 'incomplete',
    role: site.role,
    subject: site.manifest,
    binding: site.binding,
    timing: site.timing,
    seed,
    budget: budget.name,
    partial: false,
    command,
    programs: 0,
    seconds: 0,
    clauses: [],
    harness: [],
    notProved: 0,
  };
}

/** Where the chosen programs had no occasion to show that a subject works. Only the sign of life counts of this run. */
async function showsLifeWhenAsked(
  { site, families, signal }: ExploreOptions,
  harness: Result['harness'][number][],
): Promise<boolean> {
  const run = await runProgram(site, vitalProgram(site.role, site.login?.user), families, signal);
  const why = unreachable(run);
  if (why !== undefined) harness.push({ program: run.program.name ?? '', why });
  return run.harness === undefined && showsLife(site.role, run.events);
}

type VerdictOptions = ExploreOptions & Pick<FailureReportOptions, 'mayShrink'> & { readonly offered: ReadonlySet<number> };

async function verdictOf(
  options: VerdictOptions,
  requirement: Requirement,
  finding: Finding | undefined,
  able: (needs?: readonly string[]) => boolean,
): Promise<Verdict> {
  const { id, level, text } = requirement;
  const known = options.baseline?.entryOf(id);
  const evidence = finding?.passes ?? 0;
  const verdict = { id, level, text, evidence, programs: [...(finding?.evidence ?? [])].slice(0, 8) };
  const excluded = exclusionOf(id, options.site.role);
  if (finding === undefined) return { ...verdict, ...withoutClause(id, excluded) };
  if (finding.broken !== undefined)
    return { ...verdict, verdict: 'inconclusive', reason: `the checker broke: ${finding.broken}` };
  const failed = await failedVerdictOf(options, finding, verdict);
  if (failed !== undefined) return failed;
  if (known !== undefined && evidence > 0)
    return { ...verdict, verdict: 'stale', reason: 'the baseline says that it fails, and it does not: take the entry out' };
  const late = finding.failures[0]?.failure.sentence;
  if (evidence > 0)
    return { ...verdict, verdict: 'pass', ...(late === undefined ? {} : { reason: `late once, and not again: ${late}` }) };
  const obstacle = obstacleOf(options, finding.clause, able);
  if (obstacle !== undefined) return { ...verdict, verdict: 'not-run', reason: obstacle };
  const { feature } = finding.clause;
  if (feature !== undefined && !options.offered.has(feature))
    return { ...verdict, verdict: 'not-run', reason: `this subject does not offer ${featureName(feature)}` };
  return { ...verdict, verdict: 'inconclusive', reason: 'no program put it to the test' };
}

/** What a draft brings and this kit has no clause for yet stands in nobody's way. */
function withoutClause(id: string, excluded: string | undefined): Pick<Verdict, 'verdict' | 'reason'> {
  if (excluded !== undefined) return { verdict: 'excluded', reason: excluded };
  const reason = 'this kit has no clause for it in this role';
  return { verdict: isOptional(id) ? 'not-run' : 'inconclusive', reason };
}

/** Undefined where nothing failed, or was late only. One failure that is not the known one is not excused by another that is. */
async function failedVerdictOf(
  options: VerdictOptions,
  { clause, isKnown, known: expected, ...others }: Finding,
  verdict: Omit<Verdict, 'verdict'>,
): Promise<Verdict | undefined> {
  const known = options.baseline?.entryOf(clause.id);
  const strange = await failureReport(options, clause, others, (one) => !isKnown(one));
  if (strange !== undefined && known !== undefined)
    return {
      ...verdict,
      verdict: 'stale',
      reason: `it fails, but not as the baseline says (${known.signature})`,
      failure: strange,
    };
  if (strange !== undefined)
    return { ...verdict, verdict: verdict.level === 'MUST' || options.strict === true ? 'fail' : 'warning', failure: strange };
  const failure = await failureReport(options, clause, expected, isKnown);
  if (known === undefined || failure === undefined) return undefined;
  return { ...verdict, verdict: 'expected', reason: `${known.reason} (${known.issue})`, failure };
}

/** Rules that a subject keeps that does not do its work are kept by accident. */
const withoutCredit = (verdict: Verdict, role: Role): Verdict => ({
  ...verdict,
  verdict: 'inconclusive',
  reason: `no credit: no program showed that it works as a ${role} (${VITAL_SIGNS[role]})`,
});

/** Abilities that are a part of the protocol, which is optional, and not of drivers. */
const SECURITY: ReadonlySet<Ability> = new Set(['users', 'credentials']);

/** What this subject, or the way to it, lacks for a clause. */
function obstacleOf({ site }: ExploreOptions, clause: Clause, able: (needs?: readonly string[]) => boolean): string | undefined {
  const missing = (clause.needs ?? []).filter((need) => !able([need]));
  if (site.login === undefined && missing.some((need) => SECURITY.has(need))) return 'this subject does not authenticate';
  if (missing.length > 0) return `needs a driver that can: ${missing.join(', ')}`;
  if (clause.binding !== undefined && clause.binding !== site.binding) return onlyOver(clause.binding, site.manifest);
  if (clause.timing !== undefined && clause.timing !== site.timing)
    return 'takes too long for a real clock, or too exact a moment: only subjects on virtual time are asked';
  return undefined;
}

/** What does not show over the binding of this run: another run may, or the subject has no such transport. */
function onlyOver(binding: SocketBinding, manifest: Manifest): string {
  const name = BINDING_NAMES[binding];
  return transportsOf(manifest).includes(binding)
    ? `only over ${name}: --transport ${binding}`
    : `only over ${name}, which the subject does not name`;
}

/** Abilities without which a server is a black box: much of what matters cannot be asked. */
const FULL_SERVER = ['kill', 'stop'] as const;

function settle({ clauses, harness, role, subject }: Result, aborted: boolean): Result['settled'] {
  if (aborted) return 'incomplete';
  if (clauses.some(({ verdict }) => verdict === 'fail' || verdict === 'stale')) return 'nonconformant';
  if (harness.length > 0) return 'harness';
  const isServer = role === 'nameserver' || role === 'broker' || role === 'bridge';
  const blackBox = isServer && !FULL_SERVER.every((ability) => subject.abilities.includes(ability));
  const lacks = ({ id, verdict }: Verdict): boolean => blackBox && verdict === 'not-run' && !isOptional(id);
  const open = clauses.some((one) => one.level === 'MUST' && (one.verdict === 'inconclusive' || lacks(one)));
  return !open && clauses.some(({ verdict }) => verdict === 'pass') ? 'conformant' : 'inconclusive';
}
