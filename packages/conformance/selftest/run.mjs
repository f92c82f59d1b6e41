// Plants one bug after the other in the engines, and runs the kit against them: the clause that a mutant names has to go red.
//   node packages/conformance/selftest/run.mjs --help
import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const USAGE = `node packages/conformance/selftest/run.mjs [--only NAME,…] [--clause ID,…] [--file FILE,…] [--share K/N] [--workers K] [--json] [--verbose]

Plants each mutant of selftest/mutants/*.mjs in the engines and runs the programs of its clause's family against them. A mutant is
killed when the clause that it names fails; another clause does not count. Then the engines as they are: nothing may fail.

  --only NAME,…    these mutants
  --clause ID,…    those of these clauses
  --file FILE,…    those of mutants/FILE.mjs
  --share K/N      the K-th of N equal shares of them, 1/8 for example
  --verbose        what the clauses say
  --json           one line of JSON for each mutant

The exit code is 0 when every mutant was killed by its clause, 1 otherwise, 64 for wrong options.`;

const MUTANT_MS_MAX = 60_000;
const folder = fileURLToPath(new URL('.', import.meta.url));
const packages = fileURLToPath(new URL('../..', import.meta.url));
const sources = join(packages, 'core/src');

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  try {
    return parseArgs({
      options: { only: text, clause: text, file: text, share: text, workers: text, json: flag, verbose: flag, help: flag },
    }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}\n`);
    return process.exit(64);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}

async function readMutants() {
  const files = readdirSync(join(folder, 'mutants')).filter((file) => file.endsWith('.mjs'));
  const wanted = (list, value) => list === undefined || list.split(',').includes(value);
  const mutants = [];
  for (const file of files) {
    if (!wanted(options.file, file.replace('.mjs', ''))) continue;
    const { MUTANTS } = await import(pathToFileURL(join(folder, 'mutants', file)).href);
    mutants.push(...MUTANTS.filter(({ name, clause }) => wanted(options.only, name) && wanted(options.clause, clause)));
  }
  const [, share, shares] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(options.share ?? '1/1') ?? [];
  if (shares === undefined) throw new Error(`--share ${options.share} is no K/N`);
  return mutants.filter((_, i) => i % Number(shares) === Number(share) - 1);
}

/** The text of a source with a bug in it. */
function patched({ file, find, replace }) {
  const text = readFileSync(join(sources, file), 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${file} has ${count} times: ${find}`);
  return text.replace(find, () => replace);
}

async function bundle(entry, outfile, mutant) {
  const plugins = [];
  if (mutant !== undefined) {
    const contents = patched(mutant);
    const path = join(sources, mutant.file);
    const setup = (builder) =>
      builder.onLoad({ filter: /\.ts$/ }, (args) => (args.path === path ? { contents, loader: 'ts' } : undefined));
    plugins.push({ name: 'mutant', setup });
  }
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@qanat/source'],
    outfile,
    plugins,
    nodePaths: [join(packages, '../node_modules')],
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/** Lets a process run the kit against engines. @returns its message, or an error. */
function judge(kit, engines, job) {
  const child = fork(join(folder, 'worker.mjs'), [pathToFileURL(kit).href, pathToFileURL(engines).href, JSON.stringify(job)]);
  running.add(child);
  return new Promise((resolve) => {
    let answer = { error: 'the process ended without an answer' };
    const watchdog = setTimeout(() => {
      answer = { error: `not done after ${MUTANT_MS_MAX} ms` };
      child.kill('SIGKILL');
    }, MUTANT_MS_MAX);
    child.on('message', (message) => {
      answer = message;
    });
    child.on('close', () => {
      clearTimeout(watchdog);
      running.delete(child);
      resolve(answer);
    });
  });
}

async function tryMutant(mutant, kit, out) {
  const startMs = performance.now();
  const result = (outcome, rest = {}) => ({
    mutant: mutant.name,
    clause: mutant.clause,
    outcome,
    seconds: Number(((performance.now() - startMs) / 1_000).toFixed(1)),
    ...rest,
  });
  let engines;
  try {
    engines = await bundle(join(sources, 'index.ts'), join(out, `${mutant.name}.mjs`), mutant);
  } catch (error) {
    return result('does not fit', { message: error.message });
  }
  const { failed = [], error } = await judge(kit, engines, { clause: mutant.clause, role: mutant.role, seed: 1 });
  rmSync(engines, { force: true });
  const hit = failed.find(({ id }) => id === mutant.clause);
  if (hit !== undefined) return result('killed', { program: hit.program, message: hit.sentence });
  if (error !== undefined) return result('breaks', { message: error });
  const others = failed.map(({ id }) => id).join(' ');
  return result(failed.length > 0 ? 'killed by another' : 'survived', { message: others });
}

const mutants = await readMutants();
const out = mkdtempSync(join(tmpdir(), 'qanat-selftest-'));
process.on('exit', () => rmSync(out, { recursive: true, force: true }));
const kit = await bundle(join(folder, 'entry.ts'), join(out, 'kit.mjs'));
const waiting = [...mutants];
const results = [];
const workers = options.workers === undefined ? availableParallelism() : Number(options.workers);
await Promise.all(
  Array.from({ length: Math.max(1, Math.min(workers, waiting.length)) }, async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const result = await tryMutant(mutant, kit, out);
      results.push(result);
      if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else if (result.outcome !== 'killed' || options.verbose)
        process.stdout.write(`${result.outcome.padEnd(18)} ${result.mutant} (${result.clause}) ${result.message ?? ''}\n`);
    }
  }),
);
const killed = results.filter(({ outcome }) => outcome === 'killed').length;
process.stdout.write(`${killed} passed, ${results.length - killed} failed\n`);
process.exitCode = killed === results.length ? 0 : 1;
