// Processes that try mutants. One that hangs or dies is replaced, and only its mutant is without a verdict.
import { fork } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));
const MUTANT_MS_MAX = 120_000;
/** Engines stay in a process that has loaded them: so many, then a new one. */
const JOBS_MAX = 40;

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

class Worker {
  #kit;
  #child;
  #jobs = 0;

  constructor(kit) {
    this.#kit = pathToFileURL(kit).href;
  }

  async #ready() {
    if (this.#child?.connected && this.#jobs < JOBS_MAX) return;
    this.close();
    this.#jobs = 0;
    this.#child = fork(WORKER, [this.#kit]);
    children.add(this.#child);
    await this.#message();
  }

  /** The next message, or an error when none comes. */
  #message() {
    const child = this.#child;
    return new Promise((resolve) => {
      const done = (answer) => {
        clearTimeout(watchdog);
        child.removeAllListeners('message');
        child.removeAllListeners('close');
        resolve(answer);
      };
      const watchdog = setTimeout(() => {
        this.close();
        done({ kills: [], others: [], error: `not done after ${MUTANT_MS_MAX} ms` });
      }, MUTANT_MS_MAX);
      child.once('message', done);
      child.once('close', () => done({ kills: [], others: [], error: 'the process ended without an answer' }));
    });
  }

  async ask(job) {
    await this.#ready();
    this.#jobs++;
    const answer = this.#message();
    this.#child.send(job);
    return answer;
  }

  close() {
    if (this.#child === undefined) return;
    children.delete(this.#child);
    this.#child.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** Calls `work(job, ask)` for each job, so many at a time; `ask` has a process do something. */
export async function runPool(kit, jobs, size, work) {
  const waiting = [...jobs];
  await Promise.all(
    Array.from({ length: Math.max(1, Math.min(size, waiting.length)) }, async () => {
      const worker = new Worker(kit);
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await work(job, (message) => worker.ask(message));
      worker.close();
    }),
  );
}
