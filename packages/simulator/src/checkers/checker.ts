import type { HistoryEvent } from '../history/index.ts';
import type { Facts } from './facts.ts';

/** A rule that a history breaks. */
export interface Verdict {
  readonly checker: string;
  /** What happened and what should have, in one sentence. */
  readonly sentence: string;
  /** The events that show it. */
  readonly events: readonly HistoryEvent[];
}

export type Report = (sentence: string, ...events: (HistoryEvent | undefined)[]) => void;

/** A fold over one history. */
export interface Fold {
  see?(event: HistoryEvent, index: number): void;
  end?(): void;
}

export interface Checker {
  readonly name: string;
  /** What it looks for, for the documentation. */
  readonly rule: string;
  begin(facts: Facts, report: Report): Fold;
}
