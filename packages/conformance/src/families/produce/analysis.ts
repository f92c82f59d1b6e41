import type { Clause, Judge } from '../../clause/clause.ts';
import type { View } from '../../history/view.ts';
import { type Expectation, expectationsOf } from './decode-order.ts';
import { type Facts, factsOf } from './facts.ts';
import { ProducerBook } from './producers.ts';
import { judgeSequences, type SequenceJudgement } from './windows.ts';

/** What the clauses of this family look at. */
export interface Analysis extends Facts {
  readonly producers: ProducerBook;
  readonly expectations: readonly Expectation[];
  readonly sequences: readonly SequenceJudgement[];
}

const known = new WeakMap<View, Analysis>();

/** Worked out once for each history. */
export function analysisOf(view: View): Analysis {
  let analysis = known.get(view);
  if (analysis === undefined) {
    const facts = factsOf(view);
    const producers = new ProducerBook(view, facts.lives, facts.forgets);
    analysis = {
      ...facts,
      producers,
      expectations: expectationsOf(facts, producers),
      sequences: judgeSequences(facts, producers),
    };
    known.set(view, analysis);
  }
  return analysis;
}

const usesDedup = (view: View): boolean =>
  view.frames.some(({ name, isResponse, header }) => name === 'SEND' && !isResponse && (header?.dedupId ?? '') !== '');

/** A clause of brokers whose checker looks at the analysis. */
export const clauseOf = (id: string, check: (analysis: Analysis, judge: Judge) => void, more: Partial<Clause> = {}): Clause => ({
  id,
  roles: ['broker'],
  ...more,
  check(view, judge) {
    // What a dedup id makes of a SEND is judged by the family of keyed state.
    if (!usesDedup(view)) check(analysisOf(view), judge);
  },
});
