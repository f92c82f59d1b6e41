import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FailureReport, Result, Verdict } from '../run/result.ts';
import { badgeReport } from './badge.ts';
import { htmlReport } from './html.ts';
import { junitReport } from './junit.ts';
import { failurePage, markdownReport } from './markdown.ts';

const WRITERS: Readonly<Record<string, (result: Result) => string>> = {
  html: htmlReport,
  junit: junitReport,
  json: (result) => `${JSON.stringify(result, undefined, 1)}\n`,
  md: markdownReport,
  badge: badgeReport,
};

export const REPORT_KINDS: readonly string[] = [...Object.keys(WRITERS), 'failures'];

/** Whether `kind=path` names a report that there is. */
export const isReportTarget = (target: string): boolean => {
  const [kind = '', path = ''] = splitTarget(target);
  return REPORT_KINDS.includes(kind) && path !== '';
};

const splitTarget = (target: string): readonly string[] => {
  const at = target.indexOf('=');
  return at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)];
};

/** Writes one report, `kind=path`. The folder `failures` gets a page and a repro for each failing clause. */
export function reportTo(target: string, result: Result): void {
  const [kind = '', path = ''] = splitTarget(target);
  if (kind === 'failures') return writeFailures(path, result);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, (WRITERS[kind] as (result: Result) => string)(result));
}

function writeFailures(folder: string, result: Result): void {
  mkdirSync(folder, { recursive: true });
  for (const verdict of result.clauses) {
    if (verdict.failure === undefined) continue;
    const failing = verdict as Verdict & { failure: FailureReport };
    const { id, failure } = failing;
    const file = join(folder, `${id}.json`);
    writeFileSync(join(folder, `${id}.md`), failurePage(result, failing, file));
    const repro = { clause: id, sentence: failure.sentence, program: failure.program };
    writeFileSync(file, `${JSON.stringify(repro, undefined, 1)}\n`);
  }
}
