import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { reportTo } from '../report/index.ts';
import { terminalReport } from '../report/terminal.ts';
import { type Baseline, BaselineError, readBaseline } from '../run/baseline.ts';
import { BUDGETS, type Budget } from '../run/budget.ts';
import { explore } from '../run/explore.ts';
import { requirementSet, VERSIONS } from '../run/requirement-sets.ts';
import { EXIT_CODES, type Result } from '../run/result.ts';
import { KIT_NAME } from '../version.ts';
import { Interrupt } from './interrupt.ts';
import { Progress } from './progress.ts';
import { checkedTarget, written } from './report-commands.ts';
import { type Terminal, UsageError } from './say.ts';
import { addSelectionOptions, familiesOf, type SelectionOptions, selects } from './selection.ts';
import { addSubjectOptions, openSubject, roleOf, type SubjectOptions, tellSaid } from './subject.ts';

interface RunOptions extends SubjectOptions, SelectionOptions {
  readonly budget: string;
  readonly seed: string;
  readonly strict?: boolean;
  readonly baseline?: string;
  readonly requirements?: string;
  readonly report?: readonly string[];
  readonly json?: boolean;
  readonly parallel: string;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function addRunCommand(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  const command = program
    .command('run <role>')
    .description(
      'tells clause by clause whether an implementation conforms: nameserver, broker, producer, consumer, codec or bridge',
    );
  addSelectionOptions(addSubjectOptions(command))
    .option('--budget <name>', `how much is tried: ${Object.keys(BUDGETS).join(', ')}`, 'standard')
    .option('--seed <n>', 'of the programs that are drawn at random; the same seed draws the same ones', '1')
    .option('--strict', 'SHOULD counts like MUST')
    .option('--requirements <version>', `the requirements of a version of the specification: ${VERSIONS}`)
    .option('--baseline <file>', 'failures that are known: JSON, see the documentation')
    .option(
      '--report <kind=path>',
      'html, junit, json, md, badge or failures (a folder) = path; may be given several times',
      collect,
    )
    .option('--parallel <n>', 'programs at a time', '12')
    .option('--json', 'the result as JSON on the standard output')
    .addHelpText('after', EXIT_HELP)
    .action(async (role: string, options: RunOptions) => ended(await run(role, options, terminal)));
}

const EXIT_HELP = `
Exit codes: 0 conformant · 1 not, or the baseline is stale · 2 inconclusive: something was never put to the test ·
3 the driver or the kit failed, or the run was broken off · 64 wrong use.`;

async function run(role: string, options: RunOptions, terminal: Terminal): Promise<number> {
  const budget = budgetOf(options.budget);
  const baseline = options.baseline === undefined ? undefined : baselineOf(options.baseline);
  const families = familiesOf(options);
  const requirements = options.requirements === undefined ? undefined : setOf(options.requirements);
  const targets = (options.report ?? []).map(checkedTarget);
  const subject = await openSubject(roleOf(role), options);
  const progress = new Progress(terminal);
  const interrupt = new Interrupt(terminal, () => subject.abandon());
  const kept = targets.filter((target) => target.startsWith('json='));
  try {
    const result = await explore({
      site: subject.site,
      families,
      budget,
      seed: numberOption('seed', options.seed),
      only: selects(options),
      strict: options.strict === true,
      parallel: numberOption('parallel', options.parallel, 1),
      command: commandOf(role, options),
      kit: KIT_NAME,
      startedAt: new Date().toISOString(),
      nowMs: () => performance.now(),
      onProgress: (done, of, what) => progress.show(done, of, what),
      // What an earlier run has left must not be taken for the result of this one.
      onResult: (begun) => write(kept, begun),
      signal: interrupt.signal,
      ...(baseline === undefined ? {} : { baseline }),
      ...(requirements === undefined ? {} : { requirements }),
    });
    progress.clear();
    write(targets, result);
    terminal.out(options.json === true ? `${JSON.stringify(result)}\n` : terminalReport(result));
    if (result.settled !== 'conformant') tellSaid(terminal, subject.said?.() ?? '');
    return exitCodeOf(result);
  } finally {
    interrupt.release();
    await subject.close();
  }
}

function write(targets: readonly string[], result: Result): void {
  for (const target of targets) written(target, () => reportTo(target, result));
}

export const exitCodeOf = (result: Result): number => EXIT_CODES[result.settled];

export function budgetOf(name: string): Budget {
  const budget = BUDGETS[name as Budget['name']];
  if (budget === undefined) throw new UsageError(`there is no budget ${name}`, `one of: ${Object.keys(BUDGETS).join(', ')}`);
  return budget;
}

/** @throws UsageError for what is no whole number from `least` on. */
export function numberOption(name: string, text: string, least = 0): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`--${name} cannot be ${text === '' ? 'empty' : text}`, `a whole number from ${least} on`);
}

function setOf(version: string): ReadonlySet<string> {
  const set = requirementSet(version);
  if (set === undefined) throw new UsageError(`there are no requirements of version ${version}`, `there are ${VERSIONS}`);
  return set;
}

function baselineOf(path: string): Baseline {
  try {
    return readBaseline(readFileSync(path, 'utf8'));
  } catch (error) {
    const hint = 'a list of { "clause", "reason", "issue", "signature" }';
    if (error instanceof BaselineError) throw new UsageError(`${path}: ${error.message}`, hint);
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`, hint);
  }
}

/** What runs the same again. The subject comes first: `replayCommand` takes what stands before the budget. */
function commandOf(role: string, options: RunOptions): string {
  const { budget, seed, strict, requirements, baseline, family, only, skip } = options;
  const subject = [
    ...option('cmd', options.cmd),
    ...option('connect', options.connect),
    ...option('endpoint', options.endpoint),
    ...option('user', options.user),
    ...option('password-file', options.passwordFile),
    ...(options.reference === undefined ? [] : ['--reference']),
    ...option('transport', options.transport),
  ];
  const judged = [
    ...(strict === true ? ['--strict'] : []),
    ...option('requirements', requirements),
    ...option('baseline', baseline),
    ...option('family', family?.join(',')),
    ...option('only', only?.join(',')),
    ...option('skip', skip?.join(',')),
  ];
  return ['npx qanat-conformance run', role, ...subject, '--budget', budget, '--seed', seed, ...judged].join(' ');
}

const option = (name: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [`--${name}`, quoted(value)];

const quoted = (text: string): string => (/^[\w./:@,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
