// The whole check of the repository; `npm test` runs it. Needs nothing but what `npm install` brought.
//   node scripts/check.mjs                       every step, stops at the first that fails
//   node scripts/check.mjs --only tidy,lint      some steps
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { readOptions, wrongUse } from './read-options.mjs';

const REPORT = 'node_modules/.cache/check/vitest.json';
const BIN = {
  biome: 'node_modules/@biomejs/biome/bin/biome',
  tsc: 'node_modules/typescript/bin/tsc',
  depcruise: 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
  vitest: 'node_modules/vitest/vitest.mjs',
};

/**
 * Each step is one Node program; as many run side by side as there are processors, but one that is `alone` uses all of them. The
 * last line of one that `says` something is shown.
 */
const steps = [
  { name: 'generate', what: 'generated files are fresh', args: ['scripts/generate/main.mjs', '--check'] },
  { name: 'tidy', what: 'sizes, tokens, links', args: ['scripts/tidy.mjs'] },
  { name: 'lint', what: 'format and lint', args: [BIN.biome, 'ci', '--colors=off', '--max-diagnostics=50', '.'] },
  { name: 'types', what: 'type check', args: [BIN.tsc, '-b', '--pretty', 'false'] },
  {
    name: 'deps',
    what: 'arrows between packages',
    args: [BIN.depcruise, '--config', '.dependency-cruiser.cjs', 'packages', 'scripts'],
  },
  { name: 'rules', what: 'every arrow can fail', args: ['scripts/check-dependency-rules.mjs'], says: true },
  { name: 'requirements', what: 'requirements and their tests', args: ['scripts/check-requirements.mjs'], says: true },
  { name: 'statements', what: 'statements of MQTT', args: ['scripts/check-mqtt-statements.mjs'], says: true },
  { name: 'limits', what: 'every limit is named and tested', args: ['scripts/check-limits.mjs'], says: true },
  { name: 'sessions', what: 'recorded sessions', args: ['scripts/record-sessions.mjs', '--check'], says: true },
  { name: 'browser', what: 'client for browsers', args: ['scripts/check-browser-bundle.mjs'], says: true },
  {
    name: 'unit',
    what: 'unit tests',
    args: [BIN.vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
    count: countTests,
    alone: true,
  },
];

const children = new Set();
let isStopped = false;

/** One step has failed: the others end, and none begins. */
function stop() {
  isStopped = true;
  for (const child of children) child.kill();
}

/** Runs one program to its end and keeps what it says. */
function run(args) {
  if (isStopped) return Promise.resolve({ ok: false, output: '' });
  return new Promise((resolve) => {
    const startMs = performance.now();
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    children.add(child);
    child.once('close', () => children.delete(child));
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const end = (ok, text) => resolve({ ok, output: text, took: seconds(startMs) });
    child.on('error', (error) => end(false, String(error)));
    child.on('close', (code) => end(code === 0, Buffer.concat(output).toString()));
  });
}

/** Tests of the vitest report. A file that could not be loaded has no tests and counts as one failure. */
function countTests(ok) {
  const report = existsSync(REPORT)
    ? JSON.parse(readFileSync(REPORT, 'utf8'))
    : { testResults: [], numPassedTests: 0, numFailedTests: 0 };
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed'),
  );
  const failed = report.numFailedTests + unloaded.length;
  return { passed: report.numPassedTests, failed: failed === 0 && !ok ? 1 : failed };
}

const HELP = `usage: npm test [-- --only NAME,NAME]

The whole check of the repository; it stops at the first step that fails.

  --only NAME,NAME   some steps: ${steps.map(({ name }) => name).join(', ')}
  --help             this
`;

function chosenSteps() {
  const { values } = readOptions(HELP, { only: { type: 'string' } });
  if (values.only === undefined) return steps;
  const names = values.only.split(',');
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length === 0) return steps.filter((step) => names.includes(step.name));
  return wrongUse(`there is no step ${unknown.join(', ')}`, HELP);
}

const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Begins to run steps in order, as many at a time as there are processors. @returns the outcome of each. */
function runBeside(chosen) {
  const lanes = Array.from({ length: availableParallelism() }, () => Promise.resolve());
  let turn = Promise.resolve();
  const begin = async (before, args) => {
    await before;
    const lane = await Promise.race(lanes.map((ended, i) => ended.then(() => i)));
    lanes[lane] = run(args);
    return { outcome: lanes[lane] };
  };
  return new Map(
    chosen.map((step) => {
      const begun = begin(turn, step.args);
      turn = begun;
      return [step, begun.then(({ outcome }) => outcome)];
    }),
  );
}

async function main() {
  const total = { passed: 0, failed: 0 };
  const startMs = performance.now();
  mkdirSync(dirname(REPORT), { recursive: true });
  rmSync(REPORT, { force: true });
  const chosen = chosenSteps();
  const beside = runBeside(chosen.filter(({ alone }) => !alone));
  for (const step of chosen) {
    const { name, what, args, says, count } = step;
    process.stdout.write(`${name.padEnd(13)} ${what.padEnd(30)} `);
    const { ok, output, took } = await (beside.get(step) ?? run(args));
    const counted = count ? count(ok) : { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
    total.passed += counted.passed;
    total.failed += counted.failed;
    console.log(`${counted.failed === 0 ? 'ok' : 'FAILED'}  ${took}`);
    if (counted.failed === 0 && says) console.log(`              ${output.trimEnd().split('\n').at(-1)}`);
    if (counted.failed === 0) continue;
    console.log(`\n${output.trimEnd()}\n`);
    console.log(`Stopped at the step ${name}. To run it alone: node scripts/check.mjs --only ${name}`);
    stop();
    break;
  }
  console.log(`Took ${seconds(startMs)}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main();
