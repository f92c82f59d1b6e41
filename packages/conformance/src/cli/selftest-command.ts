import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { isObject } from '../json.ts';
import { runFaultyBridges } from '../selftest/mqtt/run-bridges.ts';
import type { SelfTestOutcome } from '../selftest/outcome.ts';
import { runEquivalence } from '../selftest/run-equivalence.ts';
import { runControlGroup, runDegenerate } from '../selftest/run-selftest.ts';
import { runWireMutations } from '../selftest/run-wire-mutations.ts';
import { runOverSockets } from '../selftest/socket-site.ts';
import { Tally } from '../selftest/tally.ts';
import { budgetOf } from './run-command.ts';
import type { Terminal } from './say.ts';

/** Mutants are edits of sources, which only a clone of the repository has. */
const MUTANTS = [
  new URL('../../selftest/run.mjs', import.meta.url),
  new URL('../../packages/conformance/selftest/run.mjs', import.meta.url),
]
  .map((url) => fileURLToPath(url))
  .find((path) => existsSync(path));

interface SelfTestOptions {
  readonly budget: string;
  readonly seeds: string;
  readonly mutants: boolean;
  readonly control: boolean;
  readonly stored?: boolean;
  readonly json?: boolean;
}

export function addSelfTestCommand(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('selftest')
    .description(
      'how good is the verdict? Subjects that do no work, legal variants, changes on the wire, mutants of the engines: is each judged as it should be?',
    )
    .option('--budget <name>', 'quick, standard or thorough', 'quick')
    .option('--seeds <n,…>', 'of the programs that are drawn for mutants that those written by hand do not kill', '1')
    .option('--stored', 'mutants: the program that killed each the last time goes first')
    .option('--no-mutants', 'without the mutants')
    .option('--no-control', 'without the control group')
    .option('--json', 'one JSON object a line')
    .action(async (options: SelfTestOptions) => ended(await selfTest(options, terminal)));
}

async function selfTest(options: SelfTestOptions, terminal: Terminal): Promise<number> {
  const budget = budgetOf(options.budget).name;
  const startMs = performance.now();
  const nowMs = (): number => performance.now();
  const tally = new Tally();
  let passed = 0;
  let failed = 0;
  const told = (outcome: SelfTestOutcome): void => {
    if (outcome.ok) passed++;
    else failed++;
    tally.add(outcome);
    const { seen, ...rest } = outcome;
    terminal.out(options.json === true ? `${JSON.stringify(rest)}\n` : lineOf(outcome));
  };
  if (options.mutants && MUTANTS === undefined) terminal.out('mutants need a clone of the repository: not run\n');
  // They run in processes of their own, beside what needs no quiet clock.
  const mutants = options.mutants && MUTANTS !== undefined ? runMutants(MUTANTS, options, terminal, tally) : undefined;
  await runDegenerate(nowMs, told);
  if (options.control) await runControlGroup(budget, nowMs, told);
  const mutantsFailed = (await mutants) ?? 0;
  await runWireMutations(nowMs, told);
  await runFaultyBridges(nowMs, told);
  if (options.control) await runOverSockets(nowMs, told);
  await runEquivalence(nowMs, told);
  const { clauses, seen, never } = tally.summary();
  const counts = `${clauses} clauses: ${seen.pass} seen to pass, ${seen.fail} to fail, ${seen.inconclusive} to be inconclusive`;
  if (options.json === true) terminal.out(`${JSON.stringify({ kind: 'tally', clauses, seen, never })}\n`);
  else terminal.out(`${counts}${mutants === undefined || !options.control ? '' : `; ${never.join(', ')}`}\n`);
  terminal.out(`${((performance.now() - startMs) / 1_000).toFixed(0)} s\n${passed} passed, ${failed + mutantsFailed} failed\n`);
  return failed + mutantsFailed === 0 ? 0 : 1;
}

const lineOf = ({ kind, subject, role, ok, text, seconds }: SelfTestOutcome): string =>
  `${ok ? 'ok   ' : 'WRONG'} ${kind.padEnd(10)} ${role.padEnd(10)} ${subject.padEnd(48)} ${text} (${seconds} s)\n`;

/** @returns how many survived. */
async function runMutants(path: string, options: SelfTestOptions, terminal: Terminal, tally: Tally): Promise<number> {
  const args = [
    path,
    '--json',
    '--budget',
    options.budget,
    '--seeds',
    options.seeds,
    ...(options.stored === true ? ['--stored'] : []),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  let survived = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const result = line.startsWith('{') ? JSON.parse(line) : undefined;
    if (!isObject(result)) terminal.out(`mutants: ${line}\n`);
    else if (result.outcome === 'killed') tally.addKill(String(result.clause));
    else survived++;
    if (isObject(result) && (options.json === true || result.outcome !== 'killed')) terminal.out(`${line}\n`);
  }
  return Math.max(survived, (await code) === 0 ? 0 : 1);
}
