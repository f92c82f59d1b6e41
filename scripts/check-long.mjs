// What is too long for every change, after `npm test`: whole processes, seeds, fuzzing, a newer Node. `npm run check:long` runs
// it.
//   node scripts/check-long.mjs                    every step; goes on after one that fails
//   node scripts/check-long.mjs --only NAME,NAME   some steps
import { spawn } from 'node:child_process';
import { readOptions, wrongUse } from './read-options.mjs';

/** Each step is one Node program that prints `N passed, N failed` as its last line, or is one check itself. */
const STEPS = [
  { name: 'log-shipping', what: 'text through brokers that are killed', args: ['examples/log-shipping/main.mjs'] },
  {
    name: 'mqtt-fleet',
    what: 'devices of MQTT through bridges and brokers that are killed, for a short while',
    args: ['examples/mqtt-fleet/main.mjs', '--devices', '200', '--seconds', '20'],
  },
  {
    name: 'sim',
    what: 'simulated quarters of an hour under faults, three of ten with slaves, as many as fit in a minute, at least 40',
    args: ['scripts/sim/main.mjs', '--seeds', '1000000', '--seconds', '60', '--at-least', '40'],
  },
  {
    name: 'replication',
    what: 'broker groups of a model under crashes, power cuts, a bad network and elections',
    args: ['scripts/sim/main.mjs', '--replication', '--seeds', '10000', '--seconds', '60', '--at-least', '5000'],
  },
  {
    name: 'planted-bugs',
    what: 'bugs planted in the sources, each caught by its checker',
    args: ['packages/simulator/planted-bugs/run.mjs'],
  },
  {
    name: 'kit',
    what: 'the conformance kit on subjects whose verdict is known: degenerate ones, mutants, changes on the wire',
    args: ['packages/conformance/bin/qanat-conformance.mjs', 'selftest', '--budget', 'quick', '--stored', '--no-control'],
  },
  {
    name: 'bridge',
    what: 'the conformance kit on an MQTT bridge of its own, which is killed now and then',
    args: [
      ...['packages/conformance/bin/qanat-conformance.mjs', 'run', 'bridge', '--budget', 'quick'],
      ...['--family', 'mqtt,mqtt-crashes', '--cmd', 'node packages/conformance/drivers/qanat-bridge.mjs'],
    ],
  },
  {
    name: 'tutorial',
    what: 'the tutorial of the conformance kit, as its reader would follow it',
    args: ['packages/conformance/test/tutorial.mjs'],
  },
  { name: 'fuzz', what: 'changed inputs for every decoder', args: ['fuzz/main.mjs', '--seconds', '45', '--jobs', '2'] },
  {
    name: 'newer-node',
    what: 'unit tests under a newer Node, of the engines and what they stand on',
    args: ['scripts/newer-node.mjs', '--', ...['core', 'client', 'storage', 'transports'].map((name) => `packages/${name}/`)],
  },
];

/** Runs one program, shows what it says and keeps the end of it. */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
    let tail = '';
    const show = (stream) => (chunk) => {
      stream.write(chunk);
      tail = (tail + chunk).slice(-4096);
    };
    child.stdout.on('data', show(process.stdout));
    child.stderr.on('data', show(process.stderr));
    child.on('close', (code) => resolve({ ok: code === 0, tail }));
  });
}

/** What a step counted; a step that failed counts as one failure at least. */
function count({ ok, tail }) {
  const line = [...tail.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  const passed = line === undefined ? Number(ok) : Number(line[1]);
  const failed = line === undefined ? 0 : Number(line[2]);
  return { passed, failed: Math.max(failed, ok ? 0 : 1) };
}

const HELP = `usage: npm run check:long [-- --only NAME,NAME]

What is too long for every change, after npm test; it goes on after a step that fails.

  --only NAME,NAME   some steps: ${STEPS.map(({ name }) => name).join(', ')}
  --help             this
`;

function chosen() {
  const { values } = readOptions(HELP, { only: { type: 'string' } });
  const names = values.only?.split(',') ?? STEPS.map((step) => step.name);
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length === 0) return STEPS.filter((step) => names.includes(step.name));
  return wrongUse(`there is no step ${unknown.join(', ')}`, HELP);
}

const total = { passed: 0, failed: 0 };
const summary = [];
for (const { name, what, args } of chosen()) {
  console.log(`\n== ${name}: ${what}`);
  const startMs = performance.now();
  const { passed, failed } = count(await run(args));
  total.passed += passed;
  total.failed += failed;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  summary.push(`${name.padEnd(14)} ${failed === 0 ? 'ok    ' : 'FAILED'} ${String(passed).padStart(6)} passed  ${seconds} s`);
}
console.log(`\n${summary.join('\n')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
