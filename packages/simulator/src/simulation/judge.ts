import { check } from '../checkers/index.ts';
import type { Injector } from '../faults/injector.ts';
import type { HistoryEvent } from '../history/index.ts';
import type { SimulationPlan } from './draw-plan.ts';

/** What is wrong with a run. */
export interface Violation {
  readonly checker: string;
  readonly message: string;
}

export interface Judged {
  readonly plan: SimulationPlan;
  readonly events: readonly HistoryEvent[];
  readonly injector: Pick<Injector, 'rotted' | 'refused'>;
  /** What was thrown. */
  readonly defect: Error | undefined;
  /** Why the replicas of a group do not have the same in the end. */
  readonly disagreement: string | undefined;
}

/** Everything that must hold after a run. */
export function judge({ events, injector, defect, disagreement }: Judged): readonly Violation[] {
  const violations: Violation[] = [];
  // A cluster whose broker refuses damaged data does not come to rest: that is what it should do.
  const excused = [...injector.refused.keys()].some((node) => injector.rotted.has(node));
  if (defect !== undefined && !excused) violations.push({ checker: 'defect', message: defect.stack ?? String(defect) });
  for (const [node, error] of injector.refused) {
    if (!injector.rotted.has(node))
      violations.push({ checker: 'refused', message: `${node} refuses a log that nobody damaged: ${error.message}` });
  }
  if (disagreement !== undefined) violations.push({ checker: 'replicas-agree', message: disagreement });
  if (defect === undefined) {
    for (const { checker, sentence } of check(events)) violations.push({ checker, message: sentence });
  }
  return violations;
}
