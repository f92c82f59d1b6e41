import type { Clause } from '../clause/clause.ts';
import { historyLine } from '../history/history.ts';
import { hexOf } from '../json.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';
import type { Budget } from './budget.ts';
import type { FailureReport } from './result.ts';
import { judgeRun, type Run, runProgram, type Site } from './run-program.ts';
import { shrinkProgram } from './shrink.ts';
import type { Finding } from './survey.ts';

export interface FailureReportOptions {
  readonly site: Site;
  readonly families: readonly Family[];
  readonly budget: Budget;
  /** Whether there is time to make programs smaller. */
  readonly mayShrink: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

type FailingRun = Finding['failures'][number]['run'];

/** A clause that holds with so much more slack failed by lateness only. */
const LENIENCE = 10;

/**
 * Makes the shortest failing program of a clause smaller, and runs it again to see how sure it fails. Undefined where a subject
 * on real time was late, and was in time whenever it was asked again: that was the machine.
 */
export async function failureReport(options: FailureReportOptions, finding: Finding): Promise<FailureReport | undefined> {
  const { site, budget } = options;
  const again = new Again(options, finding.clause);
  const isReal = site.timing === 'real';
  const chosen = isReal ? await again.confirmedOf(finding) : (finding.failures[0] as Finding['failures'][number]);
  const isConfirmed = !isReal || again.confirmed > 0;
  if (!isConfirmed && finding.failures.every(({ run }) => isLateOnly(run, finding.clause))) return undefined;
  let last = again.last ?? chosen.run;
  const runsMax = isReal ? budget.shrinkRunsOnRealTime : budget.shrinkRunsMax;
  const { program, runs } = await shrinkProgram(
    chosen.run.program,
    async (smaller) => {
      const run = await again.failing(smaller);
      last = run ?? last;
      return run !== undefined;
    },
    { runsMax: isConfirmed ? runsMax : 0, goOn: options.mayShrink },
  );
  if (!isReal || (runs > 0 && program !== chosen.run.program)) await again.confirm(program);
  last = again.last ?? last;
  const failure = judgeRun(last, [finding.clause])[0]?.failures[0] ?? chosen.failure;
  return {
    sentence: failure.sentence,
    program,
    history: last.events.map(historyLine),
    index: failure.index,
    ...(failure.frame === undefined ? {} : { frame: hexOf(failure.frame.bytes) }),
    ...(failure.field === undefined ? {} : { field: failure.field }),
    confirmed: again.confirmed,
    confirmations: budget.confirmations,
    failingPrograms: finding.failing,
  };
}

const isLateOnly = ({ events, slackMs }: FailingRun, clause: Clause): boolean =>
  judgeRun({ events, slackMs: slackMs * LENIENCE }, [clause])[0]?.failures.length === 0;

/** Runs programs again for one clause. */
class Again {
  confirmed = 0;
  /** The last run that confirmed it. */
  last: Run | undefined;
  readonly #options: FailureReportOptions;
  readonly #clause: Clause;

  constructor(options: FailureReportOptions, clause: Clause) {
    this.#options = options;
    this.#clause = clause;
  }

  async failing(program: Program): Promise<Run | undefined> {
    const { site, families, signal } = this.#options;
    if (signal?.aborted === true) return undefined;
    const run = await runProgram(site, program, families, signal);
    return (judgeRun(run, [this.#clause])[0]?.failures.length ?? 0) > 0 ? run : undefined;
  }

  /** How often a program fails again. */
  async confirm(program: Program): Promise<void> {
    this.confirmed = 0;
    this.last = undefined;
    for (let i = 0; i < this.#options.budget.confirmations; i++) {
      const run = await this.failing(program);
      if (run === undefined) continue;
      this.confirmed++;
      this.last = run;
    }
  }

  /** The first of the failing programs that fails again, or the first. */
  async confirmedOf({ failures }: Finding): Promise<Finding['failures'][number]> {
    for (const one of failures) {
      await this.confirm(one.run.program);
      if (this.confirmed > 0) return one;
    }
    return failures[0] as Finding['failures'][number];
  }
}
