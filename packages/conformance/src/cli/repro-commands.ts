import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Role } from '../driver/driver.ts';
import { clausesOf, FAMILIES } from '../families/index.ts';
import { historyLine, readHistoryLine } from '../history/history.ts';
import type { Program } from '../play/program.ts';
import { failureText } from '../report/failure-text.ts';
import { type Repro, readRepros } from '../run/repro.ts';
import { judgeRun, type Run, runProgram } from '../run/run-program.ts';
import { shrinkProgram } from '../run/shrink.ts';
import { numberOption } from './run-command.ts';
import { type Terminal, UsageError } from './say.ts';
import { addSubjectOptions, openSubject, roleOf, type Subject, type SubjectOptions } from './subject.ts';

interface ReplayOptions extends SubjectOptions {
  readonly times: string;
  readonly clause?: string;
  readonly history?: string;
  readonly out?: string;
}

export function addReproCommands(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  const replay = program
    .command('replay <file>')
    .description('runs a kept program again: a repro, a program, or the failures of a result');
  addSubjectOptions(replay)
    .option('--times <n>', 'how often', '1')
    .option('--clause <id>', 'only the repro of this clause')
    .option('--history <file>', 'write what happened, a line of JSON for each event')
    .action(async (file: string, options: ReplayOptions) => ended(await replayFile(file, options, terminal)));
  const shrink = program.command('shrink <file>').description('makes a failing program smaller');
  addSubjectOptions(shrink)
    .option('--clause <id>', 'only the repro of this clause')
    .option('--times <n>', 'runs at the most', '400')
    .option('--out <file>', 'where the smaller repro goes; default: the standard output')
    .action(async (file: string, options: ReplayOptions) => ended(await shrinkFile(file, options, terminal)));
  program
    .command('recheck <history>')
    .description('judges a kept history again, without a subject: after a change of the kit, or to see all clauses')
    .requiredOption('--role <role>', 'what the subject was')
    .option('--slack <ms>', 'how late it may be', '400')
    .action((file: string, options: { role: string; slack: string }) => ended(recheck(file, options, terminal)));
}

/** @throws UsageError when the file cannot be used. */
function reprosIn(file: string, clause: string | undefined): readonly (Partial<Repro> & { program: Program })[] {
  let repros: ReturnType<typeof readRepros>;
  try {
    repros = readRepros(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `${file} cannot be used: ${(error as Error).message}`,
      'take a result (--report json=FILE), a repro or a program',
    );
  }
  const chosen = repros.filter((one) => clause === undefined || one.clause === clause);
  if (chosen.length === 0)
    throw new UsageError(
      `${file} has no failure${clause === undefined ? '' : ` of ${clause}`}`,
      'a result without failures has nothing to replay',
    );
  return chosen as readonly (Partial<Repro> & { program: Program })[];
}

async function replayFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<number> {
  const repros = reprosIn(file, options.clause);
  const times = numberOption('times', options.times, 1);
  const subject = await openSubject(repros[0]?.program.role as Role, options);
  let failed = 0;
  try {
    for (const repro of repros) {
      for (let i = 0; i < times; i++) {
        const run = await runProgram(subject.site, repro.program, FAMILIES);
        if (options.history !== undefined) writeFileSync(options.history, `${run.events.map(historyLine).join('\n')}\n`);
        if (run.harness !== undefined) {
          terminal.err(`the program could not be run: ${run.harness}\n`);
          return 3;
        }
        failed += tell(terminal, run, repro);
      }
    }
  } finally {
    await subject.close();
  }
  return failed > 0 ? 1 : 0;
}

/** @returns how many clauses failed. */
function tell(terminal: Terminal, run: Run, { clause, program }: Partial<Repro> & { program: Program }): number {
  const judged = judgeRun(run, clausesOf(program.role)).filter(({ id }) => clause === undefined || id === clause);
  const failing = judged.filter(({ failures }) => failures.length > 0);
  for (const { id, failures } of failing) {
    const failure = failures[0];
    if (failure !== undefined) terminal.out(failureText(id, failure, run.events));
  }
  if (failing.length === 0) {
    const proved = judged.filter(({ passes }) => passes > 0).map(({ id }) => id);
    terminal.out(`no failure; put to the test and held: ${proved.join(', ') || 'nothing'}\n`);
  }
  return failing.length;
}

async function shrinkFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<number> {
  const [repro] = reprosIn(file, options.clause);
  if (repro === undefined) return 64;
  const subject = await openSubject(repro.program.role, options);
  try {
    const clauses = clausesOf(repro.program.role).filter(({ id }) => repro.clause === undefined || id === repro.clause);
    const fails = async (smaller: Program): Promise<boolean> => failsIn(subject, smaller, clauses);
    if (!(await fails(repro.program))) {
      terminal.err('the program does not fail any more\n');
      return 2;
    }
    const { program, runs } = await shrinkProgram(repro.program, fails, { runsMax: numberOption('times', options.times, 1) });
    const text = `${JSON.stringify({ ...repro, program }, undefined, 1)}\n`;
    if (options.out === undefined) terminal.out(text);
    else writeFileSync(options.out, text);
    terminal.err(`${repro.program.steps.length} steps became ${program.steps.length} in ${runs} runs\n`);
    return 1;
  } finally {
    await subject.close();
  }
}

async function failsIn({ site }: Subject, program: Program, clauses: ReturnType<typeof clausesOf>): Promise<boolean> {
  const run = await runProgram(site, program, FAMILIES);
  return judgeRun(run, clauses).some(({ failures }) => failures.length > 0);
}

function recheck(file: string, options: { role: string; slack: string }, terminal: Terminal): number {
  const role = roleOf(options.role);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const events = lines.map(readHistoryLine);
  const judged = judgeRun({ events, slackMs: numberOption('slack', options.slack) }, clausesOf(role));
  for (const { id, passes, failures, broken } of judged) {
    const failure = failures[0];
    if (failure !== undefined) terminal.out(failureText(id, failure, events));
    else if (broken !== undefined) terminal.out(`${id}: the checker broke: ${broken}\n`);
    else if (passes > 0) terminal.out(`pass ${id} (${passes})\n`);
  }
  return judged.some(({ failures }) => failures.length > 0) ? 1 : 0;
}
