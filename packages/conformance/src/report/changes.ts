import type { Result, Verdict, VerdictName } from '../run/result.ts';

/** From good to bad. */
const RANKS: readonly VerdictName[] = ['pass', 'excluded', 'not-run', 'expected', 'warning', 'inconclusive', 'stale', 'fail'];

/** What became of one clause from one result to another. */
export interface Change {
  readonly id: string;
  readonly way: 'worse' | 'better' | 'new' | 'gone';
  readonly before: VerdictName | undefined;
  readonly after: VerdictName | undefined;
  /** How it fails now, if it does. */
  readonly sentence: string | undefined;
}

/** Clauses whose verdicts differ, in the order of the later result; what only one of them has is `new` or `gone`. */
export function changesBetween(before: Result, after: Result): readonly Change[] {
  const was = new Map(before.clauses.map((one) => [one.id, one.verdict]));
  const is = new Set(after.clauses.map(({ id }) => id));
  const changed = after.clauses.filter(({ id, verdict }) => was.get(id) !== verdict).map((one) => changeOf(was.get(one.id), one));
  const gone = before.clauses
    .filter(({ id }) => !is.has(id))
    .map(({ id, verdict }): Change => ({ id, way: 'gone', before: verdict, after: undefined, sentence: undefined }));
  return [...changed, ...gone];
}

function changeOf(before: VerdictName | undefined, { id, verdict, failure }: Verdict): Change {
  const isWorse = before !== undefined && RANKS.indexOf(verdict) > RANKS.indexOf(before);
  const way = before === undefined ? 'new' : isWorse ? 'worse' : 'better';
  return { id, way, before, after: verdict, sentence: failure?.sentence };
}

/** One change as a line. */
export const changeLine = ({ id, way, before, after, sentence }: Change): string =>
  `${way.padEnd(6)} ${id} ${before ?? 'none'} -> ${after ?? 'none'}${sentence === undefined ? '' : `: ${sentence}`}`;
