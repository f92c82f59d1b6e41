// npm run sim: seeds of simulated clusters, over worker processes. A seed that breaks a rule is shrunk and kept.
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions, wrongUse } from '../read-options.mjs';
import { bundleSimulator } from './bundle.mjs';
import { runReplicationSeeds } from './replication.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const HELP = `npm run sim -- [options]

Runs whole clusters on virtual time, each seed with its own topology, load and faults, and checks what happened.

  --replication    instead of clusters the model of one broker group: its replicas, their network, power and elections
  --seeds N        how many seeds; default 100, of --replication 10,000
  --first-seed S   the first one; default 1
  --seed X         this one alone
  --minutes M      virtual minutes under load; default 15
  --slaves         in every seed each broker has slaves; otherwise in a share of them
  --seconds T      stop after so many seconds of this machine; seeds that were begun are ended
  --at-least N     fail when fewer seeds were run
  --workers K      processes; default: one for each processor
  --plan FILE      a kept plan instead of seeds
  --compare        run each seed twice with traces and compare them line by line
  --trace FILE     with --seed or --plan: write the trace
  --json           one line of JSON for each seed
  --keep DIR       where shrunk plans go; default packages/simulator/seeds
  --no-shrink      keep nothing
  --help           this
`;

const { values } = readOptions(HELP, {
  replication: { type: 'boolean', default: false },
  seeds: { type: 'string' },
  'first-seed': { type: 'string', default: '1' },
  seed: { type: 'string' },
  minutes: { type: 'string', default: '15' },
  slaves: { type: 'boolean' },
  seconds: { type: 'string' },
  'at-least': { type: 'string', default: '0' },
  workers: { type: 'string' },
  plan: { type: 'string' },
  compare: { type: 'boolean', default: false },
  trace: { type: 'string' },
  json: { type: 'boolean', default: false },
  keep: { type: 'string', default: join(root, 'packages/simulator/seeds') },
  'no-shrink': { type: 'boolean', default: false },
});

function numberOf(name, least) {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  return wrongUse(`--${name} ${values[name]}: a number from ${least} on is needed`, HELP);
}

/** Each processor has a worker, so that threads of the collector only take turns with it: a tenth of a seed's time. */
const WORKER_FLAGS = ['--single-threaded-gc', '--max-semi-space-size=64'];

const minutes = numberOf('minutes', 0.1);
const { slaves } = values;
values.seeds ??= values.replication ? '10000' : '100';
const firstSeed = values.seed === undefined ? numberOf('first-seed', 0) : numberOf('seed', 0);
const seeds = values.seed === undefined && values.plan === undefined ? numberOf('seeds', 1) : 1;
const atLeast = numberOf('at-least', 0);
const untilMs = values.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + 1_000 * numberOf('seconds', 1);
const plan = values.plan === undefined ? undefined : JSON.parse(readFileSync(values.plan, 'utf8')).plan;
const workers = Math.min(seeds, values.workers === undefined ? availableParallelism() : numberOf('workers', 1));

const bundle = await bundleSimulator();
process.on('exit', bundle.remove);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

if (values.replication) {
  const simulator = await import(bundle.url);
  const { passed, failed } = runReplicationSeeds(simulator, { firstSeed, seeds, untilMs, say: console.log });
  const tooFew = passed + failed < atLeast;
  if (tooFew) console.log(`only ${passed + failed} seeds in time, at least ${atLeast} are needed`);
  console.log(`${passed} passed, ${failed + (tooFew ? 1 : 0)} failed`);
  process.exit(failed > 0 || tooFew ? 1 : 0);
}

/** A worker process that does one job at a time. */
function startWorker() {
  const child = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), {
    env: { ...process.env, QANAT_SIM_MODULE: bundle.url },
    execArgv: ['--enable-source-maps', ...WORKER_FLAGS, ...process.execArgv],
  });
  let settle;
  const answer = () =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
  const ready = answer();
  child.on('message', (message) => settle.resolve(message));
  child.on('exit', (code) => settle.reject(new Error(`a worker ended with ${code}`)));
  return {
    async ask(job) {
      await ready;
      const answered = answer();
      child.send(job);
      const { ok, error } = await answered;
      if (error !== undefined) throw new Error(error);
      return ok;
    },
    stop: () => child.disconnect(),
  };
}

const totals = {
  done: 0,
  failed: 0,
  events: 0,
  virtualMs: 0,
  cpuMs: 0,
  sent: 0,
  delivered: 0,
  refused: 0,
  kinds: {},
  faults: {},
};
const startedMs = Date.now();

function count(result) {
  totals.done++;
  if (result.violationCount > 0) totals.failed++;
  totals.events += result.stats.events;
  totals.virtualMs += result.virtualMs;
  totals.cpuMs += result.cpuMs;
  totals.sent += result.stats.sent;
  totals.delivered += result.stats.delivered;
  totals.refused += result.stats.refused.length;
  totals.kinds[result.kind] = (totals.kinds[result.kind] ?? 0) + 1;
  for (const [kind, n] of Object.entries(result.stats.faults)) totals.faults[kind] = (totals.faults[kind] ?? 0) + n;
}

function progress() {
  const seconds = (Date.now() - startedMs) / 1_000;
  const hours = totals.virtualMs / 3_600_000;
  const text = `${totals.done} of ${seeds} seeds, ${(totals.done / seconds).toFixed(1)}/s, ${totals.failed} failed, `;
  return `${text}${hours.toFixed(1)} virtual hours, ${(totals.events / 1e6).toFixed(1)} M events`;
}

const commandOf = (seed) => `npm run sim -- --seed ${seed} --minutes ${minutes}${slaves ? ' --slaves' : ''}`;
const say = (text) => process.stdout.write(`${text}\n`);

async function report(worker, result) {
  say(`seed ${result.seed} (${result.kind}): ${result.violationCount} violations`);
  for (const { checker, message } of result.violations.slice(0, 5)) say(`  ${checker}: ${message}`);
  say(`  again: ${plan === undefined ? commandOf(result.seed) : `npm run sim -- --plan ${values.plan}`}`);
  if (values['no-shrink'] || plan !== undefined) return;
  const checkers = [...new Set(result.violations.map(({ checker }) => checker))];
  const shrunk = await worker.ask({ do: 'shrink', seed: result.seed, minutes, slaves, checkers });
  mkdirSync(values.keep, { recursive: true });
  const file = join(values.keep, `${checkers[0]}-${result.seed}.json`);
  const kept = {
    seed: result.seed,
    command: commandOf(result.seed),
    violations: result.violations.slice(0, 3),
    plan: shrunk.plan,
  };
  writeFileSync(file, `${JSON.stringify(kept, undefined, 1)}\n`);
  const { faults, workload } = shrunk.plan;
  say(
    `  shrunk to ${faults.length} faults in ${workload.loadMs / 1_000} s: npm run sim -- --plan ${relative(process.cwd(), file)}`,
  );
}

let nextSeed = firstSeed;
async function work() {
  const worker = startWorker();
  while (nextSeed < firstSeed + seeds && Date.now() < untilMs) {
    const seed = nextSeed++;
    const result = await worker.ask({ do: 'run', seed, minutes, slaves, plan, compare: values.compare });
    count(result);
    if (values.json) say(JSON.stringify(result));
    if (result.violationCount > 0) await report(worker, result);
  }
  worker.stop();
}

if (values.trace !== undefined) {
  const worker = startWorker();
  const { lines, traceHash } = await worker.ask({ do: 'trace', seed: firstSeed, minutes, slaves, plan, file: values.trace });
  worker.stop();
  say(`${lines} lines in ${values.trace}, ${traceHash}`);
  process.exit(0);
}

const ticker = setInterval(() => process.stderr.write(`${progress()}\n`), 10_000);
await Promise.all(Array.from({ length: workers }, work));
clearInterval(ticker);
say(progress());
say(
  `CPU ${(totals.cpuMs / totals.done / 1_000).toFixed(2)} s a seed; messages sent ${totals.sent}, delivered ${totals.delivered}`,
);
say(`runs: ${JSON.stringify(totals.kinds)}; faults: ${JSON.stringify(totals.faults)}; refused to start: ${totals.refused}`);
const tooFew = totals.done < atLeast;
if (tooFew) say(`only ${totals.done} seeds in time, at least ${atLeast} are needed`);
say(`${totals.done - totals.failed} passed, ${totals.failed + (tooFew ? 1 : 0)} failed`);
process.exitCode = totals.failed > 0 || tooFew ? 1 : 0;
