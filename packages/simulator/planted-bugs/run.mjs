// Plants one bug after the other in the sources, and runs seeds until the checker fires that has to catch it.
// A patch that no longer fits fails the run; so does a bug that is not caught, or by another checker only.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { readOptions, wrongUse } from '../../../scripts/read-options.mjs';
import { CATALOGUE } from './catalogue.mjs';

const USAGE = `node packages/simulator/planted-bugs/run.mjs [--only NAME,NAME] [--workers K] [--json] [--verbose] [--help]

Plants each bug of catalogue.mjs in a copy of the sources in memory and runs simulated clusters, seed after seed, until the
checker that the bug names finds it. Then runs the sources as they are through the same seeds: nothing may be found.

  --only NAME,NAME   these bugs
  --workers K        processes at a time; default: one for each processor
  --json             one line of JSON for each bug instead of the table
  --verbose          tell what the checkers say

The exit code is 0 when every bug was caught by its checker and the sources are clean, 1 otherwise, 64 for wrong options.
`;

const MINUTES = 1.5;
/** A seed that is not done by then hangs. Most of what would is a defect before: of timers, or of a clock that stands still. */
const SEED_MS_MAX = 60_000;
const folder = fileURLToPath(new URL('.', import.meta.url));
const sources = fileURLToPath(new URL('../../core/src/', import.meta.url));

/** The text of a source with a bug in it. */
function patched(bug) {
  const text = readFileSync(join(sources, bug.file), 'utf8');
  const count = text.split(bug.find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${bug.file} has ${count} times: ${bug.find}`);
  return text.replace(bug.find, () => bug.replace);
}

/** Bundles the simulator with a bug planted, or as it is. @returns the file. */
async function bundle(bug, out) {
  const plugins = [];
  if (bug !== undefined) {
    const contents = patched(bug);
    const path = join(sources, bug.file);
    const setup = (builder) =>
      builder.onLoad({ filter: /\.ts$/ }, (args) => (args.path === path ? { contents, loader: 'ts' } : undefined));
    plugins.push({ name: 'planted-bug', setup });
  }
  const outfile = join(out, `${bug?.name ?? 'sources-as-they-are'}.mjs`);
  await build({
    entryPoints: [join(folder, 'entry.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@qanat/source'],
    outfile,
    plugins,
    nodePaths: [fileURLToPath(new URL('../../../node_modules', import.meta.url))],
    logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

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

/** Runs seeds until the bug's checker fires. */
async function hunt(bug, out, seen) {
  const others = new Map();
  let worker;
  const result = (outcome, seeds, message = '') => ({
    bug: bug.name,
    detector: bug.detector,
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
      seen.set(`${seed} ${minutes} ${bug.stress ?? ''}`, job);
      const { violations, error } = await worker.run(job);
      const hit = violations.find(({ checker }) => checker === bug.detector);
      if (hit !== undefined) return result('caught', i + 1, hit.message);
      if (error !== undefined) return result('hangs or breaks', i + 1, error);
      for (const { checker, message } of violations) if (!others.has(checker)) others.set(checker, message);
    }
  } finally {
    worker.stop();
  }
  const by = [...others].map(([checker, message]) => `${checker}: ${message}`).join('; ');
  return result(others.size > 0 ? 'caught by another' : 'not caught', bug.seedsMax, by.slice(0, 600));
}

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
  tell(outcome === 'caught');
  cpuSeconds += seconds;
  if (values.json) return console.log(JSON.stringify(result));
  const figures = `${String(seeds).padStart(3)} seeds ${seconds.toFixed(1).padStart(6)} s`;
  const row = `${bug.padEnd(32)} ${detector.padEnd(22)} ${outcome.padEnd(18)} ${figures}`;
  console.log(values.verbose || outcome !== 'caught' ? `${row}\n    ${message}` : row);
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
