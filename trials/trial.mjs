// One trial: its checks, its deadline, its temporary directory, and what must be put away at its end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAtExit, sleep } from './processes.mjs';

const DEADLINE_MS = 90_000;
/** Of the deadline: for putting away. */
const CLOSING_MS = 8_000;

export const seconds = (ms) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`);

export class Trial {
  name;
  directory;
  options;
  #checks = 0;
  #failures = 0;
  #closers = [];

  constructor(name, directory, options) {
    this.name = name;
    this.directory = directory;
    this.options = options;
  }

  get passed() {
    return this.#failures === 0 && this.#checks > 0;
  }

  get summary() {
    return `${this.#checks - this.#failures} of ${this.#checks} checks`;
  }

  log(of) {
    return join(this.directory, `${of}.log`);
  }

  /** One line of the verdict. @param details told when it failed. */
  check(passed, text, details = []) {
    this.#checks++;
    if (!passed) this.#failures++;
    console.log(`  ${passed ? 'PASS' : 'FAIL'} ${text}`);
    if (!passed) for (const detail of details.slice(0, 8)) console.log(`       ${detail}`);
  }

  /** A figure that is no verdict. */
  note(text) {
    console.log(`       ${text}`);
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

/** @returns whether it passed. */
export async function runTrial(name, run, options) {
  const directory = mkdtempSync(join(tmpdir(), `qanat-trial-${name}-`));
  if (!options.keep) removeAtExit(directory);
  console.log(`${name}${options.keep ? `: ${directory}` : ''}`);
  const trial = new Trial(name, directory, options);
  const startedMs = performance.now();
  try {
    await inTime(run(trial), DEADLINE_MS - CLOSING_MS, 'the trial');
  } catch (error) {
    trial.check(false, `it broke off: ${error.message}`, (error.stack ?? '').split('\n').slice(1));
  }
  await inTime(trial.close(), CLOSING_MS, 'putting away').catch((error) => trial.check(false, error.message));
  if (!options.keep) rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  console.log(`${trial.passed ? 'PASS' : 'FAIL'} ${name}: ${trial.summary}, ${seconds(performance.now() - startedMs)}\n`);
  return trial.passed;
}
