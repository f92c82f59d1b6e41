// Plants one bug after the other in the sources, and runs seeds until the checker fires that has to catch it, or the one file of
// tests that has to. A patch that no longer fits fails the run; so does a bug that is not caught, or by another checker only, and
// one that is called equivalent and is caught.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readOptions, wrongUse } from '../../../scripts/read-options.mjs';
import { CATALOGUE } from './catalogue.mjs';
import { bundle } from './plant.mjs';

const USAGE = `node packages/simulator/planted-bugs/run.mjs [--only NAME,NAME] [--workers K] [--json] [--verbose] [--help]

Plants each bug of catalogue.mjs in a copy of the sources in memory and runs simulated clusters, seed after seed, until the
checker that the bug names finds it; of a bug that is too rare for seeds it runs the tests that the bug names. One that is called
equivalent must not be found. Then runs the sources as they are through the same seeds: nothing may be found.

  --only NAME,NAME   these bugs
  --workers K        processes at a time; default: one for each processor
  --json             one line of JSON for each bug instead of the table
  --verbose          tell what the checkers say

The exit code is 0 when every bug was caught by what it names and the sources are clean, 1 otherwise, 64 for wrong options.
`;

const MINUTES = 1.5;
/** A seed that is not done by then hangs. Most of what would is a defect before: of timers, or of a clock that stands still. */
const SEED_MS_MAX = 60_000;
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** A process with one bundle, which runs one seed at a time. */
function startWorker(file) {
  const child = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), [pathToFileURL(file).href]);
  running.add(child);
  let settle;
  let cpuSeconds = 0;
  const answer = () =>
    new Promise((resolve) => {
      settle = resolve;
    });
  const ready = answer();
  child.on('message', (message) => {
    cpuSeconds = message.cpuSeconds ?? cpuSeconds;
    settle(message);
  });
  child.on('exit', (code, signal) => {
    running.delete(child);
    settle({ error: `the process ended with ${signal ?? code}` });
  });
  return {
    /** @returns violations; or `error`: the run did not come to its end, which no checker saw. */
    async run(job) {
      await ready;
      if (!child.connected) return { violations: [], error: 'the process ended before it ran anything' };
      const answered = answer();
      const watchdog = setTimeout(() => {
        settle({ error: `seed ${job.seed} is not done after ${SEED_MS_MAX} ms` });
        child.kill('SIGKILL');
      }, SEED_MS_MAX);
      child.send(job);
      const { violations = [], error } = await answered;
      clearTimeout(watchdog);
      return { violations, error };
    },
    cpuSeconds: () => cpuSeconds,
    stop: () => child.kill(),
  };
}

const resultOf = ({ name, detector = 'none' }) => ({ bug: name, detector, seeds: 0, seconds: 0, others: '', message: '' });

/** Runs the tests that a bug names: one whose name bears the detector has to fail. */
async function tryTests(bug) {
  const child = fork(fileURLToPath(new URL('directed.mjs', import.meta.url)), [bug.name]);
  running.add(child);
  const { ran, failed, error, cpuSeconds } = await new Promise((resolve) => {
    const watchdog = setTimeout(() => child.kill('SIGKILL'), SEED_MS_MAX);
    child.on('message', resolve);
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      running.delete(child);
      resolve({ ran: 0, failed: [], error: `the process ended with ${signal ?? code}`, cpuSeconds: 0 });
    });
  });
  const result = { ...resultOf(bug), seconds: Number(cpuSeconds.toFixed(1)) };
  if (error !== undefined || ran === 0) return { ...result, outcome: 'breaks', message: error ?? `no test ran: ${bug.directed}` };
  const hit = failed.find((name) => name.includes(bug.detector));
  if (hit !== undefined) return { ...result, outcome: 'caught', message: hit };
  return { ...result, outcome: failed.length > 0 ? 'caught by another' : 'not caught', message: failed.join('; ') };
}

/** Runs seeds until the bug's checker fires; of an equivalent bug any checker. */
async function trySeeds(bug, out, seen) {
  const others = new Map();
  let worker;
  const result = (outcome, seeds, message = '') => ({
    ...resultOf(bug),
    outcome,
    seeds,
    seconds: Number((worker?.cpuSeconds() ?? 0).toFixed(1)),
    others: [...others.keys()].join(' '),
    message,
  });
  try {
    worker = startWorker(await bundle(bug, out));
  } catch (error) {
    return result('does not fit', 0, error.message);
  }
  try {
    const minutes = bug.minutes ?? MINUTES;
    for (let i = 0; i < bug.seedsMax; i++) {
      const seed = (bug.seedFirst ?? 1) + i;
      const job = { seed, minutes, stress: bug.stress };
      if (!bug.equivalent) seen.set(`${seed} ${minutes} ${bug.stress ?? ''}`, job);
      const { violations, error } = await worker.run(job);
      const hit = violations.find(({ checker }) => bug.equivalent || checker === bug.detector);
      if (hit !== undefined) return result(bug.equivalent ? 'not equivalent' : 'caught', i + 1, hit.message);
      if (error !== undefined) return result('hangs or breaks', i + 1, error);
      for (const { checker, message } of violations) if (!others.has(checker)) others.set(checker, message);
    }
  } finally {
    worker.stop();
  }
  if (bug.equivalent) return result('equivalent', bug.seedsMax);
  const by = [...others].map(([checker, message]) => `${checker}: ${message}`).join('; ');
  return result(others.size > 0 ? 'caught by another' : 'not caught', bug.seedsMax, by.slice(0, 600));
}

const hunt = (bug, out, seen) => (bug.directed === undefined ? trySeeds(bug, out, seen) : tryTests(bug));

/** Does all jobs, so many at a time. */
async function inTurns(jobs, work) {
  const waiting = [...jobs];
  const turns = Array.from({ length: Math.max(1, Math.min(workersMax, waiting.length)) }, async (_, i) => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await work(job, i);
  });
  await Promise.all(turns);
}

/** The sources as they are, through every seed and plan in which a bug was looked for. */
async function lookAtSources(out, seen) {
  const file = await bundle(undefined, out);
  const workers = Array.from({ length: Math.min(workersMax, seen.size) }, () => startWorker(file));
  const found = [];
  await inTurns(seen.values(), async (job, i) => {
    const { violations, error } = await workers[i].run(job);
    const told = error === undefined ? violations : [{ checker: 'run', message: error }];
    for (const { checker, message } of told.slice(0, 2))
      found.push(`seed ${job.seed}, ${job.stress ?? 'drawn'}: ${checker}: ${message}`);
  });
  for (const worker of workers) worker.stop();
  const seconds = Number(workers.reduce((sum, worker) => sum + worker.cpuSeconds(), 0).toFixed(1));
  return { seeds: seen.size, seconds, found };
}

const { values } = readOptions(USAGE, {
  only: { type: 'string' },
  workers: { type: 'string' },
  json: { type: 'boolean' },
  verbose: { type: 'boolean' },
});
const names = values.only?.split(',');
const unknown = names?.filter((name) => !CATALOGUE.some((bug) => bug.name === name)) ?? [];
if (unknown.length > 0) wrongUse(`there is no bug ${unknown.join(', ')}`, USAGE);

const workersMax = values.workers === undefined ? availableParallelism() : Number(values.workers);
if (!(workersMax >= 1)) wrongUse(`--workers ${values.workers}: a number from 1 on is needed`, USAGE);

const out = mkdtempSync(join(tmpdir(), 'qanat-planted-'));
const seen = new Map();
let passed = 0;
let failed = 0;
let cpuSeconds = 0;
const tell = (ok) => (ok ? passed++ : failed++);

function tellOf(result) {
  const { bug, outcome, detector, seeds, seconds, message } = result;
  const isFine = outcome === 'caught' || outcome === 'equivalent';
  tell(isFine);
  cpuSeconds += seconds;
  if (values.json) return console.log(JSON.stringify(result));
  const figures = `${String(seeds).padStart(3)} seeds ${seconds.toFixed(1).padStart(6)} s`;
  const row = `${bug.padEnd(32)} ${detector.padEnd(22)} ${outcome.padEnd(18)} ${figures}`;
  console.log(values.verbose || !isFine ? `${row}\n    ${message}` : row);
}

try {
  // The table keeps the order of the catalogue, and tells each bug as soon as those before it are told.
  const bugs = CATALOGUE.filter(({ name }) => names === undefined || names.includes(name));
  const results = new Map();
  let told = 0;
  await inTurns(bugs, async (bug) => {
    results.set(bug, await hunt(bug, out, seen));
    for (let next = bugs[told]; next !== undefined && results.has(next); next = bugs[++told]) tellOf(results.get(next));
  });
  const { seeds, seconds, found } = await lookAtSources(out, seen);
  tell(found.length === 0);
  if (values.json) console.log(JSON.stringify({ bug: null, seeds, seconds, found }));
  else
    console.log(
      `${'the sources as they are'.padEnd(55)} ${(found.length === 0 ? 'clean' : 'VIOLATIONS').padEnd(18)} ${String(seeds).padStart(3)} seeds ${seconds.toFixed(1).padStart(6)} s`,
    );
  for (const line of found) console.log(`    ${line}`);
  if (!values.json) console.log(`${(cpuSeconds + seconds).toFixed(0)} s of processor time`);
} finally {
  rmSync(out, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
