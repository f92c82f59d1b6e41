import type { Clause } from '../clause/clause.ts';
import type { Family } from '../play/family.ts';
import { type Program, passMsOf } from '../play/program.ts';
import { type Judgement, judgeRun, type Run, runProgram, type Site } from './run-program.ts';
import { sideBySide } from './side-by-side.ts';

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
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: number, of: number, what: string) => void) | undefined;
  readonly take: (run: Run, judgements: readonly Judgement[]) => void;
}

/**
 * Runs programs, side by side on real time, and judges them. To judge takes long, and what runs meanwhile would be late: on real
 * time that comes at the end. @returns why it was given up, when nothing came from the subject any more.
 */
export async function runAll(options: RunAllOptions): Promise<string | undefined> {
  const { site, families, clauses, programs, signal, onProgress, take } = options;
  const isReal = site.timing === 'real';
  const givingUp = new AbortController();
  const over = signal === undefined ? givingUp.signal : AbortSignal.any([signal, givingUp.signal]);
  let done = 0;
  let inVain = 0;
  let gaveUp: string | undefined;
  const waiting: Run[] = [];
  let waitingBytes = 0;
  const judgeWaiting = (): void => {
    for (const run of waiting.splice(0)) take(run, judgeRun(run, clauses));
    waitingBytes = 0;
  };
  await sideBySide(isReal ? longestFirst(programs) : programs, isReal ? options.parallel : 1, async (program) => {
    if (over.aborted) return;
    onProgress?.(done, programs.length, program.name ?? `${program.family} (generated)`);
    const run = await runProgram(site, program, families, over);
    if (over.aborted) return;
    done++;
    waiting.push(run);
    waitingBytes += bytesOf(run);
    if (!isReal || waitingBytes > WAITING_BYTES_MAX) judgeWaiting();
    inVain = hasAnswer(run) ? 0 : inVain + 1;
    if (!isReal || inVain < IN_VAIN_MAX) return;
    gaveUp ??= `nothing came from the subject in ${inVain} programs one after the other, so the rest was left out: ${obstacleIn(run)}`;
    givingUp.abort();
  });
  onProgress?.(done, programs.length, '');
  judgeWaiting();
  return gaveUp;
}

/** Else a long one that begins last keeps everybody waiting. */
const longestFirst = (programs: readonly Program[]): readonly Program[] =>
  programs.toSorted((one, other) => passMsOf(other) - passMsOf(one));

const bytesOf = ({ events }: Run): number => events.reduce((sum, event) => sum + ('bytes' in event ? event.bytes.length : 0), 0);

const hasAnswer = ({ events }: Run): boolean =>
  events.some((event) => (event.kind === 'frame' || event.kind === 'bytes') && event.from === 'subject');

function obstacleIn({ events, harness }: Run): string {
  const refused = events.find(({ kind }) => kind === 'refused');
  if (harness !== undefined) return harness;
  return refused?.kind === 'refused' ? refused.why : 'it takes connections and does not answer, or makes none';
}
