// Plants one bug after the other in the sources, and runs seeds until the checker fires that has to catch it.
// A patch that no longer fits fails the run; so does a bug that is not caught, or by another checker only.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { CATALOGUE } from './catalogue.mjs';

const USAGE = `node packages/simulator/planted-bugs/run.mjs [--only NAME,NAME] [--json] [--verbose] [--help]

Plants each bug of catalogue.mjs in a copy of the sources in memory and runs simulated clusters, seed after seed, until the
checker that the bug names finds it. Then runs the sources as they are through the same seeds: nothing may be found.

  --only NAME,NAME   these bugs
  --json             one line of JSON for each bug instead of the table
  --verbose          tell what the checkers say

The exit code is 0 when every bug was caught by its checker and the sources are clean, 1 otherwise, 64 for wrong options.`;

const MINUTES = 1.5;
const folder = fileURLToPath(new URL('.', import.meta.url));
const sources = fileURLToPath(new URL('../../core/src/', import.meta.url));

/** The text of a source with a bug in it. */
function patched(bug) {
  const text = readFileSync(join(sources, bug.file), 'utf8');
  const count = text.split(bug.find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${bug.file} has ${count} times: ${bug.find}`);
  return text.replace(bug.find, () => bug.replace);
}

/** The simulator with a bug planted, or as it is. */
async function load(bug, out) {
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
  return (await import(pathToFileURL(outfile).href)).runSeed;
}

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Runs seeds until the bug's checker fires. */
async function hunt(bug, out, seen) {
  const startedAt = cpuSeconds();
  const others = new Map();
  const result = (outcome, seeds, message = '') => ({
    bug: bug.name,
    detector: bug.detector,
    outcome,
    seeds,
    seconds: Number((cpuSeconds() - startedAt).toFixed(1)),
    others: [...others.keys()].join(' '),
    message,
  });
  let runSeed;
  try {
    runSeed = await load(bug, out);
  } catch (error) {
    return result('does not fit', 0, error.message);
  }
  const minutes = bug.minutes ?? MINUTES;
  for (let i = 0; i < bug.seedsMax; i++) {
    const seed = (bug.seedFirst ?? 1) + i;
    seen.set(`${seed} ${minutes} ${bug.stress ?? ''}`, { seed, minutes, stress: bug.stress });
    const violations = runSeed(seed, minutes, bug.stress);
    const hit = violations.find(({ checker }) => checker === bug.detector);
    if (hit !== undefined) return result('caught', i + 1, hit.message);
    for (const { checker, message } of violations) if (!others.has(checker)) others.set(checker, message);
  }
  const by = [...others].map(([checker, message]) => `${checker}: ${message}`).join('; ');
  return result(others.size > 0 ? 'caught by another' : 'not caught', bug.seedsMax, by.slice(0, 600));
}

/** The sources as they are, through every seed and plan in which a bug was looked for. */
async function lookAtSources(out, seen) {
  const startedAt = cpuSeconds();
  const runSeed = await load(undefined, out);
  const found = [];
  for (const { seed, minutes, stress } of seen.values()) {
    const violations = runSeed(seed, minutes, stress);
    for (const { checker, message } of violations.slice(0, 2))
      found.push(`seed ${seed}, ${stress ?? 'drawn'}: ${checker}: ${message}`);
  }
  const seconds = Number((cpuSeconds() - startedAt).toFixed(1));
  return { seeds: seen.size, seconds, found };
}

const { values } = (() => {
  try {
    return parseArgs({
      options: { only: { type: 'string' }, json: { type: 'boolean' }, verbose: { type: 'boolean' }, help: { type: 'boolean' } },
    });
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(64);
  }
})();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const names = values.only?.split(',');
const unknown = names?.filter((name) => !CATALOGUE.some((bug) => bug.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`no such bug: ${unknown.join(', ')}`);
  process.exit(64);
}

const out = mkdtempSync(join(tmpdir(), 'qanat-planted-'));
const seen = new Map();
let passed = 0;
let failed = 0;
const tell = (ok) => (ok ? passed++ : failed++);
try {
  for (const bug of CATALOGUE) {
    if (names !== undefined && !names.includes(bug.name)) continue;
    const result = await hunt(bug, out, seen);
    tell(result.outcome === 'caught');
    if (values.json) console.log(JSON.stringify(result));
    else {
      const { outcome, detector, seeds, seconds, message } = result;
      const row = `${bug.name.padEnd(32)} ${detector.padEnd(22)} ${outcome.padEnd(18)} ${String(seeds).padStart(3)} seeds ${String(seconds).padStart(6)} s`;
      console.log(values.verbose || outcome !== 'caught' ? `${row}\n    ${message}` : row);
    }
  }
  const { seeds, seconds, found } = await lookAtSources(out, seen);
  tell(found.length === 0);
  if (values.json) console.log(JSON.stringify({ bug: null, seeds, seconds, found }));
  else
    console.log(
      `${'the sources as they are'.padEnd(55)} ${(found.length === 0 ? 'clean' : 'VIOLATIONS').padEnd(18)} ${String(seeds).padStart(3)} seeds ${String(seconds).padStart(6)} s`,
    );
  for (const line of found) console.log(`    ${line}`);
} finally {
  rmSync(out, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
