import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { isReportTarget, REPORT_KINDS, reportTo } from '../report/index.ts';
import { matrixPage } from '../report/matrix.ts';
import { RESULT_SCHEMA, type Result, type Verdict } from '../run/result.ts';
import { type Terminal, UsageError } from './say.ts';

export function addReportCommands(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('report <target> <results...>')
    .description('makes a report of a kept result: html=…, junit=…, md=…, badge=…, failures=…; or matrix=PAGE of many results')
    .action((target: string, files: readonly string[]) => {
      const results = files.map(readResult);
      if (target.startsWith('matrix=')) writeFileSync(target.slice('matrix='.length), matrixPage(results));
      else reportTo(checkedTarget(target), results[0] as Result);
      ended(0);
    });
  program
    .command('diff <before> <after>')
    .description('what changed between two results: exit code 1 when something got worse')
    .action((before: string, after: string) => ended(diff(readResult(before), readResult(after), terminal)));
}

/** @throws UsageError. */
export function checkedTarget(target: string): string {
  if (isReportTarget(target)) return target;
  throw new UsageError(`there is no report ${target}`, `KIND=PATH, with one of ${REPORT_KINDS.join(', ')}`);
}

/** @throws UsageError for what is no result of this schema. */
export function readResult(file: string): Result {
  const hint = 'a file that --report json=FILE has written';
  let result: Result;
  try {
    result = JSON.parse(readFileSync(file, 'utf8')) as Result;
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`, hint);
  }
  if (result.schema !== RESULT_SCHEMA || !Array.isArray(result.clauses))
    throw new UsageError(`${file} is no result of this kit`, hint);
  return result;
}

/** From good to bad. */
const RANKS: readonly Verdict['verdict'][] = [
  'pass',
  'excluded',
  'not-run',
  'expected',
  'warning',
  'inconclusive',
  'stale',
  'fail',
];

function diff(before: Result, after: Result, terminal: Terminal): number {
  const was = new Map(before.clauses.map((one) => [one.id, one.verdict]));
  let worse = 0;
  for (const { id, verdict, failure } of after.clauses) {
    const old = was.get(id);
    if (old === verdict) continue;
    const isWorse = old !== undefined && RANKS.indexOf(verdict) > RANKS.indexOf(old);
    if (isWorse) worse++;
    terminal.out(
      `${isWorse ? 'worse ' : 'better'} ${id} ${old ?? 'new'} -> ${verdict}${failure === undefined ? '' : `: ${failure.sentence}`}\n`,
    );
  }
  terminal.out(`${before.subject.version} -> ${after.subject.version}: ${worse} worse\n`);
  return worse > 0 ? 1 : 0;
}
