// Proofs with real processes: NameServers, brokers and tails are started by the command line, then stopped, killed and frozen.
//   npm run trial -- NAME... | all [--kills 20] [--keep]
import { parseArgs } from 'node:util';
import { groups } from './groups.mjs';
import { hungBroker } from './hung-broker.mjs';
import { hungNameServer } from './hung-name-server.mjs';
import { killNine } from './kill-nine.mjs';
import { nameServers } from './name-servers.mjs';
import { exitOnSignals } from './processes.mjs';
import { runTrial } from './trial.mjs';

const TRIALS = new Map([
  [
    'groups',
    { run: groups, about: 'tails share the queues of a group: joins, Ctrl-C, kill -9, an idle one, a broker restarted' },
  ],
  ['nameservers', { run: nameServers, about: 'two NameServers are killed, one by one and both: traffic goes on' }],
  ['hung-broker', { run: hungBroker, about: 'a broker is frozen under load and comes back: nothing lost, nothing twice' }],
  ['hung-nameserver', { run: hungNameServer, about: 'the first NameServer accepts and never answers, or is frozen' }],
  ['kill-9', { run: killNine, about: 'brokers are killed again and again under load, some while they recover' }],
]);

const HELP = `usage: npm run trial -- NAME... | all [options]

${[...TRIALS].map(([name, { about }]) => `  ${name.padEnd(18)}${about}`).join('\n')}

  --kills N         kills of kill-9; default 20
  --keep            keep the temporary directory: the data of the brokers and what the processes wrote
  --help

Each ends within 90 seconds. Exit code 0: all passed; 1: something failed; 2: wrong use. Build first: npm run build.
`;

function wrongUse(message) {
  process.stderr.write(`error: ${message}\n\n${HELP}`);
  process.exit(2);
}

function readArguments() {
  const options = { kills: { type: 'string', default: '20' }, keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return wrongUse(error.message);
  }
}

const { values, positionals } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (positionals.length === 0) wrongUse('which trial?');
const names = positionals.includes('all') ? [...TRIALS.keys()] : positionals;
const unknown = names.find((name) => !TRIALS.has(name));
if (unknown !== undefined) wrongUse(`there is no trial "${unknown}"`);
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) wrongUse('--kills wants a whole number of at least 1');

exitOnSignals();
const failed = [];
for (const name of names) {
  const passed = await runTrial(name, TRIALS.get(name).run, { kills, keep: values.keep ?? false });
  if (!passed) failed.push(name);
}
if (names.length > 1) console.log(failed.length === 0 ? `\nPASS all ${names.length} trials` : `\nFAIL ${failed.join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
