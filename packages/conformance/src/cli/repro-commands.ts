import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Role } from '../driver/driver.ts';
import { clausesOf, FAMILIES } from '../families/index.ts';
import type { HistoryEvent } from '../history/event.ts';
import { historyLine, readHistoryLine } from '../history/history.ts';
import type { Program } from '../play/program.ts';
import { failureText } from '../report/failure-text.ts';
import { type KeptProgram, readRepros } from '../run/repro.ts';
import { EXIT_CODES } from '../run/result.ts';
import { judgeRun, type Run, runProgram, unreachable } from '../run/run-program.ts';
import { shrinkProgram } from '../run/shrink.ts';
import { Progress } from './progress.ts';
import { written } from './report-commands.ts';
import { numberOption } from './run-command.ts';
import { type Terminal, UsageError } from './say.ts';
import { addSubjectOptions, openSubject, roleOf, type Subject, type SubjectOptions, tellSaid } from './subject.ts';

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
    .option('--times <n>', 'runs at the most; each takes as long as the program', '400')
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
function reprosIn(file: string, clause: string | undefined): readonly KeptProgram[] {
  let repros: readonly KeptProgram[];
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
  return chosen;
}

async function replayFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<number> {
  const repros = reprosIn(file, options.clause);
  const times = numberOption('times', options.times, 1);
  const subject = await openSubject(roleIn(repros), options);
  const codes: number[] = [];
  try {
    for (const repro of repros) {
      for (let i = 0; i < times; i++) {
        const run = await runProgram(subject.site, repro.program, FAMILIES);
        const { history } = options;
        if (history !== undefined) writeTo(history, `${run.events.map(historyLine).join('\n')}\n`);
        const obstacle = run.harness ?? unreachable(run);
        if (obstacle !== undefined) {
          terminal.err(`the program could not be run: ${obstacle}\n`);
          tellSaid(terminal, subject.said?.() ?? '');
          return EXIT_CODES.harness;
        }
        codes.push(tell(terminal, run, repro));
      }
    }
  } finally {
    await subject.close();
  }
  return codes.includes(EXIT_CODES.nonconformant) ? EXIT_CODES.nonconformant : Math.max(...codes);
}

/** @throws UsageError where programs of several roles stand in one file: there is one subject. */
function roleIn(repros: readonly KeptProgram[]): Role {
  const [role, another] = [...new Set(repros.map(({ program }) => program.role))];
  if (another !== undefined) throw new UsageError(`the programs are for a ${role} and a ${another}`, 'choose by --clause');
  return roleOf(role ?? '');
}

/** @returns an exit code: what was not put to the test did not hold. */
function tell(terminal: Terminal, run: Run, { clause, program }: KeptProgram): number {
  const judged = judgeRun(run, clausesOf(program.role)).filter(({ id }) => clause === undefined || id === clause);
  for (const { id, broken } of judged) if (broken !== undefined) terminal.err(`${id}: the checker broke: ${broken}\n`);
  const failing = judged.filter(({ failures }) => failures.length > 0);
  for (const { id, failures } of failing) {
    const failure = failures[0];
    if (failure !== undefined) terminal.out(failureText(id, failure, run.events));
  }
  if (failing.length > 0) return EXIT_CODES.nonconformant;
  const proved = judged.filter(({ passes }) => passes > 0).map(({ id }) => id);
  if (proved.length > 0) terminal.out(`no failure; put to the test and held: ${proved.join(', ')}\n`);
  else terminal.out(`nothing is known: ${clause ?? 'no clause'} was ${clause === undefined ? '' : 'not '}put to the test\n`);
  return proved.length > 0 ? EXIT_CODES.conformant : EXIT_CODES.inconclusive;
}

async function shrinkFile(file: string, options: ReplayOptions, terminal: Terminal): Promise<number> {
  const [repro, another] = reprosIn(file, options.clause);
  if (repro === undefined || another !== undefined)
    throw new UsageError(`${file} has several failures`, 'choose one by --clause');
  const subject = await openSubject(roleOf(repro.program.role), options);
  const progress = new Progress(terminal);
  try {
    const clauses = clausesOf(repro.program.role).filter(({ id }) => repro.clause === undefined || id === repro.clause);
    const times = numberOption('times', options.times, 1);
    let runs = 0;
    const fails = async (smaller: Program): Promise<boolean> => {
      progress.show(runs++, times, `runs; the program has ${smaller.steps.length} steps`);
      return failsIn(subject, smaller, clauses);
    };
    if (!(await fails(repro.program))) {
      terminal.err('the program does not fail any more\n');
      return 2;
    }
    const { program } = await shrinkProgram(repro.program, fails, { runsMax: times });
    progress.clear();
    const text = `${JSON.stringify({ ...repro, program }, undefined, 1)}\n`;
    if (options.out === undefined) terminal.out(text);
    else writeTo(options.out, text);
    terminal.err(`${repro.program.steps.length} steps became ${program.steps.length} in ${runs} runs\n`);
    return 1;
  } finally {
    await subject.close();
  }
}

async function failsIn({ site }: Subject, program: Program, clauses: ReturnType<typeof clausesOf>): Promise<boolean> {
  const run = await runProgram(site, program, FAMILIES);
  return run.harness === undefined && judgeRun(run, clauses).some(({ failures }) => failures.length > 0);
}

const writeTo = (file: string, text: string): void => written(file, () => writeFileSync(file, text));

function recheck(file: string, options: { role: string; slack: string }, terminal: Terminal): number {
  const role = roleOf(options.role);
  const slackMs = numberOption('slack', options.slack);
  const events = eventsIn(file);
  const judged = judgeRun({ events, slackMs }, clausesOf(role));
  for (const { id, passes, failures, broken } of judged) {
    const failure = failures[0];
    if (failure !== undefined) terminal.out(failureText(id, failure, events));
    else if (broken !== undefined) terminal.out(`${id}: the checker broke: ${broken}\n`);
    else if (passes > 0) terminal.out(`pass ${id} (${passes})\n`);
  }
  if (judged.some(({ failures }) => failures.length > 0)) return EXIT_CODES.nonconformant;
  if (judged.some(({ passes }) => passes > 0)) return EXIT_CODES.conformant;
  terminal.out(`nothing in it puts a clause for a ${role} to the test\n`);
  return EXIT_CODES.inconclusive;
}

/** @throws UsageError that names the line. */
function eventsIn(file: string): readonly HistoryEvent[] {
  const hint = 'take a file that replay --history FILE has written';
  let lines: readonly string[];
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, hint);
  }
  return lines.flatMap((line, i) => {
    if (line === '') return [];
    try {
      return [readHistoryLine(line)];
    } catch (error) {
      throw new UsageError(`${file}:${i + 1} is no event of a history: ${(error as Error).message}`, hint);
    }
  });
}
