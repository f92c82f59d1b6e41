import type { HistoryEvent } from '../history/index.ts';
import { ackedSurvives } from './acked-survives.ts';
import { atLeastOnce } from './at-least-once.ts';
import type { Checker, Fold, Verdict } from './checker.ts';
import { commitsHandled } from './commits-handled.ts';
import { commitsMonotone } from './commits-monotone.ts';
import { commitsWithinBounds } from './commits-within-bounds.ts';
import { deliveredInOrder } from './delivered-in-order.ts';
import { deliveredSurvives } from './delivered-survives.ts';
import { denseOffsets } from './dense-offsets.ts';
import { collectFacts } from './facts.ts';
import { goawayHeeded } from './goaway-heeded.ts';
import { keepsOrder } from './keeps-order.ts';
import { keyStays } from './key-stays.ts';
import { leasesExclusive } from './leases-exclusive.ts';
import { leasesFenced } from './leases-fenced.ts';
import { lostIsSuffix } from './lost-is-suffix.ts';
import { noDuplicates } from './no-duplicates.ts';
import { noPhantom } from './no-phantom.ts';
import { nobodyExpiresEarly } from './nobody-expires-early.ts';
import { nothingBreaks } from './nothing-breaks.ts';
import { pollsWake } from './polls-wake.ts';
import { readsCommitted } from './reads-committed.ts';
import { readsGapless } from './reads-gapless.ts';
import { rejectedInvisible } from './rejected-invisible.ts';
import { sequencesHold } from './sequences-hold.ts';
import { settles } from './settles.ts';
import { stableOffsets } from './stable-offsets.ts';
import { stateHolds } from './state-holds.ts';
import { storedOnce } from './stored-once.ts';

export type { Checker, Verdict } from './checker.ts';

export const CHECKERS: readonly Checker[] = [
  ackedSurvives,
  rejectedInvisible,
  stableOffsets,
  denseOffsets,
  storedOnce,
  noPhantom,
  noDuplicates,
  sequencesHold,
  keepsOrder,
  keyStays,
  deliveredInOrder,
  deliveredSurvives,
  readsCommitted,
  readsGapless,
  lostIsSuffix,
  leasesExclusive,
  leasesFenced,
  commitsMonotone,
  commitsWithinBounds,
  commitsHandled,
  atLeastOnce,
  pollsWake,
  nobodyExpiresEarly,
  goawayHeeded,
  stateHolds,
  nothingBreaks,
  settles,
];

/** Verdicts of one checker that are kept: the first ones tell most. */
const VERDICTS_MAX = 5;

/** Everything that a history breaks. A pure function: the same history gives the same verdicts. */
export function check(events: readonly HistoryEvent[], checkers: readonly Checker[] = CHECKERS): Verdict[] {
  const facts = collectFacts(events);
  const verdicts: Verdict[] = [];
  const folds = checkers.map(({ name, begin }): Fold => {
    let left = VERDICTS_MAX;
    return begin(facts, (sentence, ...shown) => {
      if (left-- <= 0) return;
      verdicts.push({ checker: name, sentence, events: shown.filter((event) => event !== undefined) });
    });
  });
  const seeing = folds.filter((fold) => fold.see !== undefined);
  for (let i = 0; i < events.length; i++) for (const fold of seeing) fold.see?.(events[i] as HistoryEvent, i);
  for (const fold of folds) fold.end?.();
  return verdicts;
}
