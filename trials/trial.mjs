// One trial: its checks, its figures, its deadline, its temporary directory, and what must be put away at its end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAtExit, sleep } from './processes.mjs';

/** Of the deadline: for putting away. */
const CLOSING_MS = 15_000;
const PROGRESS_MS = 5_000;

export const seconds = (ms) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`);

/** What a trial needs is not there. */
class Skipped extends Error {}

export class Trial {
  name;
  directory;
  options;
  checks = [];
  figures = {};
  skipped = [];
  #say;
  #closers = [];
  #toldMs = performance.now();

  /** @param say writes one line for people. */
  constructor(name, directory, options, say) {
    this.name = name;
    this.directory = directory;
    this.options = options;
    this.#say = say;
  }

  get failures() {
    return this.checks.filter(({ passed }) => !passed).length;
  }

  /** One that could prove nothing has not passed. */
  get verdict() {
    if (this.failures > 0) return 'failed';
    if (this.checks.length > 0) return 'passed';
    return this.skipped.length > 0 ? 'skipped' : 'failed';
  }

  get summary() {
    const skipped = this.skipped.length === 0 ? '' : `, ${this.skipped.length} skipped`;
    return `${this.checks.length - this.failures} of ${this.checks.length} checks${skipped}`;
  }

  /** What `--rounds` says, else the size of the quick or of the full trial. */
  rounds(quick, full) {
    return this.options.rounds ?? (this.options.full ? full : quick);
  }

  log(of) {
    return join(this.directory, `${of.replace('/', '-')}.log`);
  }

  /** One line of the verdict. @param details told when it failed. */
  check(passed, text, details = []) {
    this.checks.push({ passed, text, ...(passed ? {} : { details: details.slice(0, 8) }) });
    this.#say(`  ${passed ? 'PASS' : 'FAIL'} ${text}`);
    if (!passed) for (const detail of details.slice(0, 8)) this.#say(`       ${detail}`);
  }

  /** A figure for `--json`; people read it in the text of a check or note. */
  figure(name, value) {
    this.figures[name] = value;
  }

  /** A figure that is no verdict. */
  note(text) {
    this.#say(`       ${text}`);
  }

  /** Told every few seconds, so that a long trial is seen to live. */
  progress(text) {
    if (performance.now() - this.#toldMs < PROGRESS_MS) return;
    this.#toldMs = performance.now();
    this.#say(`    .. ${text}`);
  }

  /** A part of the trial that cannot be shown here; the rest goes on. */
  skipPart(why) {
    this.skipped.push(why);
    this.#say(`  SKIP ${why}`);
  }

  /** Nothing of the trial can be shown here. */
  skip(why) {
    this.skipPart(why);
    throw new Skipped(why);
  }

  /** Runs at the end of the trial, the last first. */
  atEnd(close) {
    this.#closers.push(close);
  }

  async close() {
    for (const close of this.#closers.reverse())
      await close().catch((error) => this.check(false, `putting away: ${error.message}`));
  }
}

/**
 * Asks again and again until the answer is not undefined. @returns the answer and how long it took; undefined when the time is
 * up.
 */
export async function until(ask, { withinMs, everyMs = 50, sinceMs = performance.now() }) {
  for (;;) {
    const value = await ask();
    const ms = performance.now() - sinceMs;
    if (value !== undefined) return { value, ms };
    if (ms > withinMs) return undefined;
    await sleep(everyMs);
  }
}

const inTime = async (work, ms, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within ${seconds(ms)}`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * @param trial.deadlineMs of the whole, putting away included. @param say writes one line for people.
 * @returns the verdict, the checks and the figures.
 */
export async function runTrial({ name, run, deadlineMs }, options, say) {
  const directory = mkdtempSync(join(tmpdir(), `qanat-trial-${name}-`));
  if (!options.keep) removeAtExit(directory);
  say(`${name}${options.keep ? `: ${directory}` : ''}`);
  const trial = new Trial(name, directory, options, say);
  const startedMs = performance.now();
  try {
    await inTime(run(trial), deadlineMs - CLOSING_MS, 'the trial');
  } catch (error) {
    if (!(error instanceof Skipped))
      trial.check(false, `it broke off: ${error.message}`, (error.stack ?? '').split('\n').slice(1));
  }
  await inTime(trial.close(), CLOSING_MS, 'putting away').catch((error) => trial.check(false, error.message));
  if (!options.keep) rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const { verdict, checks, figures, skipped, summary } = trial;
  const ms = Math.round(performance.now() - startedMs);
  say(`${verdict === 'skipped' ? 'SKIP' : verdict === 'passed' ? 'PASS' : 'FAIL'} ${name}: ${summary}, ${seconds(ms)}\n`);
  return { trial: name, verdict, ms, checks, figures, skipped };
}
