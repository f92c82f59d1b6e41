import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { changeLine, changesBetween } from '../report/changes.ts';
import { isReportTarget, REPORT_KINDS, reportTo } from '../report/index.ts';
import { matrixPage } from '../report/matrix.ts';
import { RESULT_SCHEMA, type Result } from '../run/result.ts';
import { type Terminal, UsageError } from './say.ts';

export function addReportCommands(program: Command, terminal: Terminal, ended: (code: number) => void): void {
  program
    .command('report <target> <results...>')
    .description('makes a report of a kept result: html=…, junit=…, md=…, badge=…, failures=…; or matrix=PAGE of many results')
    .action((target: string, files: readonly string[]) => {
      report(target, files.map(readResult));
      ended(0);
    });
  program
    .command('diff <before> <after>')
    .description('what changed between two results: exit code 1 when something got worse')
    .action((before: string, after: string) => ended(diff(readResult(before), readResult(after), terminal)));
}

const MATRIX = 'matrix=';

function report(target: string, results: readonly Result[]): void {
  const isMatrix = target.startsWith(MATRIX) && target.length > MATRIX.length;
  if (!isMatrix) checkedTarget(target);
  const [first, second] = results;
  if (isMatrix) writePage(target.slice(MATRIX.length), matrixPage(results));
  else if (second !== undefined) throw new UsageError(`${target} is a report of one result`, 'matrix=PAGE takes many');
  else if (first !== undefined) written(target, () => reportTo(target, first));
}

const writePage = (path: string, page: string): void =>
  written(path, () => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, page);
  });

/** @throws UsageError when the file cannot be written. */
export function written(where: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new UsageError(`${where} cannot be written: ${(error as Error).message}`, 'is it a place where files can be made?');
  }
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
  const schema = result?.schema;
  if (typeof schema !== 'number' || !Array.isArray(result.clauses))
    throw new UsageError(`${file} is no result of this kit`, hint);
  if (schema !== RESULT_SCHEMA)
    throw new UsageError(
      `${file} is a result of schema ${schema}, and this kit reads ${RESULT_SCHEMA}`,
      'use the kit that wrote it',
    );
  return result;
}

function diff(before: Result, after: Result, terminal: Terminal): number {
  if (before.role !== after.role)
    throw new UsageError(`one result is of a ${before.role}, the other of a ${after.role}`, 'compare two results of one role');
  const changes = changesBetween(before, after);
  for (const change of changes) terminal.out(`${changeLine(change)}\n`);
  const worse = changes.filter(({ way }) => way === 'worse').length;
  const better = changes.filter(({ way }) => way === 'better').length;
  terminal.out(`${nameOf(before)} -> ${nameOf(after)}: ${worse} worse, ${better} better\n`);
  return worse > 0 ? 1 : 0;
}

/** A run that was broken off says little by what it lacks. */
const nameOf = ({ subject, settled }: Result): string =>
  `${subject.name} ${subject.version}${settled === 'incomplete' ? ' (incomplete)' : ''}`;
