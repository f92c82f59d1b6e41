import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { runControlGroup, runDegenerate, type SelfTestOutcome } from '../selftest/run-selftest.ts';
import { runWireMutations } from '../selftest/run-wire-mutations.ts';
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
  readonly mutants: boolean;
  readonly json?: boolean;
}

export function addSelfTestCommand(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('selftest')
    .description(
      'how good is the verdict? Subjects that do no work, legal variants, mutants of the engines: is each judged as it should be?',
    )
    .option('--budget <name>', 'quick, standard or thorough', 'quick')
    .option('--no-mutants', 'without the mutants')
    .option('--json', 'one JSON object a line')
    .action(async (options: SelfTestOptions) => ended(await selfTest(options, terminal)));
}

async function selfTest(options: SelfTestOptions, terminal: Terminal): Promise<number> {
  const budget = budgetOf(options.budget).name;
  const startMs = performance.now();
  let passed = 0;
  let failed = 0;
  const told = (outcome: SelfTestOutcome): void => {
    if (outcome.ok) passed++;
    else failed++;
    terminal.out(options.json === true ? `${JSON.stringify(outcome)}\n` : lineOf(outcome));
  };
  const nowMs = (): number => performance.now();
  await runDegenerate(nowMs, told);
  await runWireMutations(nowMs, told);
  await runControlGroup(budget, nowMs, told);
  if (options.mutants && MUTANTS === undefined) terminal.out('mutants need a clone of the repository: not run\n');
  const mutantsFailed = options.mutants && MUTANTS !== undefined ? await runMutants(MUTANTS, terminal) : 0;
  terminal.out(`${((performance.now() - startMs) / 1_000).toFixed(0)} s\n${passed} passed, ${failed + mutantsFailed} failed\n`);
  return failed + mutantsFailed === 0 ? 0 : 1;
}

const lineOf = ({ kind, subject, role, ok, text, seconds }: SelfTestOutcome): string =>
  `${ok ? 'ok   ' : 'WRONG'} ${kind.padEnd(10)} ${role.padEnd(10)} ${subject.padEnd(40)} ${text} (${seconds} s)\n`;

/** @returns 1 when a mutant survived. */
function runMutants(path: string, terminal: Terminal): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (text: string) => terminal.out(`mutants: ${text}`));
    child.on('close', (code) => resolve(code === 0 ? 0 : 1));
  });
}
