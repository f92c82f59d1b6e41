import type { Clause } from '../clause/clause.ts';
import { historyLine } from '../history/history.ts';
import { hexOf } from '../json.ts';
import type { Family } from '../play/family.ts';
import type { Program } from '../play/program.ts';
import type { Budget } from './budget.ts';
import type { FailureReport } from './result.ts';
import { type Failure, judgeRun, type Run, runProgram, type Site } from './run-program.ts';
import { shrinkProgram } from './shrink.ts';
import type { Failing } from './survey.ts';
import { turn } from './turn.ts';

export interface FailureReportOptions {
  readonly site: Site;
  readonly families: readonly Family[];
  readonly budget: Budget;
  /** Whether there is time to make programs smaller. */
  readonly mayShrink: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a failure of the clause is what the report is about: a smaller program that fails otherwise is another matter. */
type IsMeant = (failure: Failure) => boolean;

type FailingRun = Failing['failures'][number];

/** A clause that holds with so much more slack failed by lateness only. */
const LENIENCE = 10;

/**
 * Makes the shortest failing program of a clause smaller, and runs it again to see how sure it fails. Undefined where none
 * failed, or where a subject on real time was late, and was in time whenever it was asked again: that was the machine.
 */
export async function failureReport(
  options: FailureReportOptions,
  clause: Clause,
  { failing, failures }: Failing,
  isMeant: IsMeant,
): Promise<FailureReport | undefined> {
  const [first] = failures;
  if (first === undefined) return undefined;
  const { site, budget, signal } = options;
  const again = new Again(options, clause, isMeant);
  const isReal = site.timing === 'real';
  const chosen = isReal ? ((await again.confirmedOf(failures)) ?? first) : first;
  const isConfirmed = !isReal || again.confirmed > 0;
  const wasAsked = signal?.aborted !== true;
  if (!isConfirmed && wasAsked && failures.every((one) => again.isLateOnly(one))) return undefined;
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
  const failure = again.failureIn(last) ?? chosen.failure;
  return {
    sentence: failure.sentence,
    program,
    history: last.events.map(historyLine),
    index: failure.index,
    ...(failure.frame === undefined ? {} : { frame: hexOf(failure.frame.bytes) }),
    ...(failure.field === undefined ? {} : { field: failure.field }),
    confirmed: again.confirmed,
    confirmations: again.confirmations,
    held: again.held,
    failingPrograms: failing,
  };
}

/** Runs programs again for one clause. */
class Again {
  confirmed = 0;
  /** How often it was asked for that. */
  confirmations = 0;
  /** How often it was put to the test then, and held. */
  held = 0;
  /** The last run that confirmed it. */
  last: Run | undefined;
  readonly #options: FailureReportOptions;
  readonly #clause: Clause;
  readonly #isMeant: IsMeant;

  constructor(options: FailureReportOptions, clause: Clause, isMeant: IsMeant) {
    this.#options = options;
    this.#clause = clause;
    this.#isMeant = isMeant;
  }

  failureIn(run: Pick<Run, 'events' | 'slackMs'>): Failure | undefined {
    return judgeRun(run, [this.#clause])[0]?.failures.find(this.#isMeant);
  }

  #holdsIn(run: Run): boolean {
    return judgeRun(run, [this.#clause]).some(({ passes, failures }) => passes > 0 && failures.length === 0);
  }

  isLateOnly({ run: { events, slackMs } }: FailingRun): boolean {
    return this.failureIn({ events, slackMs: slackMs * LENIENCE }) === undefined;
  }

  /** A run in which a program fails; undefined where it does not. */
  async failing(program: Program): Promise<Run | undefined> {
    const run = await this.#run(program);
    return run === undefined || this.failureIn(run) === undefined ? undefined : run;
  }

  /** What cannot be run again shows nothing. */
  async #run(program: Program): Promise<Run | undefined> {
    const { site, families, signal } = this.#options;
    if (site.timing === 'virtual') await turn();
    if (signal?.aborted === true) return undefined;
    const run = await runProgram(site, program, families, signal);
    return run.harness === undefined ? run : undefined;
  }

  /** How often a program fails again. What is broken off does not count. */
  async confirm(program: Program): Promise<void> {
    const { budget, signal } = this.#options;
    this.confirmed = 0;
    this.confirmations = 0;
    this.held = 0;
    this.last = undefined;
    while (this.confirmations < budget.confirmations) {
      const run = await this.#run(program);
      if (signal?.aborted === true) return;
      this.confirmations++;
      if (run === undefined) continue;
      if (this.failureIn(run) === undefined) this.held += this.#holdsIn(run) ? 1 : 0;
      else {
        this.confirmed++;
        this.last = run;
      }
    }
  }

  /** The first of the failing programs that fails again. */
  async confirmedOf(failures: readonly FailingRun[]): Promise<FailingRun | undefined> {
    for (const one of failures) {
      await this.confirm(one.run.program);
      if (this.confirmed > 0) return one;
    }
    return undefined;
  }
}
