import type { Clause } from '../clause/clause.ts';
import type { Family } from '../play/family.ts';
import { type Program, passMsOf } from '../play/program.ts';
import { type Judgement, judgeRun, type Run, runProgram, type Site, unreachable } from './run-program.ts';
import { sideBySide } from './side-by-side.ts';
import { turn } from './turn.ts';

/** Programs one after the other in which nothing comes from the subject: nobody is there, or it hangs. */
const IN_VAIN_MAX = 16;

/** What histories that wait for their judgement may hold; beyond it they are judged while other programs run. */
const WAITING_BYTES_MAX = 256 * 1_024 * 1_024;

export interface RunAllOptions {
  readonly site: Site;
  readonly families: readonly Family[];
  readonly clauses: readonly Clause[];
  readonly programs: readonly Program[];
  /** Programs at a time on real time. */
  readonly parallel: number;
  /** Breaks it off: what is under way is not waited for. */
  readonly signal: AbortSignal | undefined;
  /** Ends it in order: what is under way is waited for. */
  readonly until?: AbortSignal;
  /** Asked before each judgement: what is left then is not judged. */
  readonly mayJudge?: (() => boolean) | undefined;
  readonly onProgress: ((done: number, of: number, what: string) => void) | undefined;
  readonly take: (run: Run, judgements: readonly Judgement[]) => void;
}

/**
 * Runs programs, side by side on real time, and judges them. To judge takes long, and what runs meanwhile would be late: on real
 * time that comes at the end. @returns why it was given up, when nothing came from the subject any more.
 */
export async function runAll(options: RunAllOptions): Promise<string | undefined> {
  const { site, families, clauses, programs, signal, until, mayJudge = () => true, onProgress, take } = options;
  const isReal = site.timing === 'real';
  const givingUp = new AbortController();
  const over = AbortSignal.any([signal, until, givingUp.signal].filter((one) => one !== undefined));
  let done = 0;
  let inVain = 0;
  let gaveUp: string | undefined;
  const waiting: Run[] = [];
  let waitingBytes = 0;
  const judgeWaiting = (): void => {
    for (const run of waiting.splice(0).sort((one, other) => bytesOf(one) - bytesOf(other)))
      if (mayJudge()) take(run, judgeRun(run, clauses));
    waitingBytes = 0;
  };
  const worked = sideBySide(isReal ? longestFirst(programs) : programs, isReal ? options.parallel : 1, async (program) => {
    if (!isReal) await turn();
    if (over.aborted) return;
    onProgress?.(done, programs.length, `programs: ${program.name ?? `${program.family} (generated)`}`);
    const run = await runProgram(site, program, families, over);
    if (over.aborted) return;
    done++;
    waiting.push(run);
    waitingBytes += bytesOf(run);
    if (!isReal || waitingBytes > WAITING_BYTES_MAX) judgeWaiting();
    inVain = hasAnswer(run) ? 0 : inVain + 1;
    if (!isReal || inVain < IN_VAIN_MAX) return;
    gaveUp ??= `nothing came from the subject in ${inVain} programs one after the other, so the rest was left out: ${whyInVain(run)}`;
    givingUp.abort();
  });
  // What is under way when a run is broken off may wait for long, and is not waited for.
  await (signal === undefined ? worked : Promise.race([worked, abortOf(signal)]));
  onProgress?.(done, programs.length, 'programs: judging what they showed');
  judgeWaiting();
  return gaveUp;
}

/** Else a long one that begins last keeps everybody waiting. */
const longestFirst = (programs: readonly Program[]): readonly Program[] =>
  programs.toSorted((one, other) => passMsOf(other) - passMsOf(one));

const bytesOf = ({ events }: Run): number => events.reduce((sum, event) => sum + ('bytes' in event ? event.bytes.length : 0), 0);

/**
 * What a codec says, its driver says for it; drivers of others may answer though nobody is behind them. Whoever refuses an
 * upgrade is there only for programs that want it refused.
 */
const hasAnswer = ({ program, events }: Run): boolean =>
  events.some((event) => {
    if (program.role === 'codec') return event.kind === 'result';
    if (event.kind === 'upgrade' && program.binding !== 'websocket') return false;
    return 'from' in event && event.from === 'subject';
  });

const whyInVain = (run: Run): string =>
  run.harness ?? unreachable(run) ?? 'it takes connections and does not answer, or makes none';

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
