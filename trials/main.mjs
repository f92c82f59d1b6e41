// Proofs with real processes: NameServers, brokers and clients are started by the command line, then stopped, killed, frozen, and
// their disks taken away.
//   npm run trial -- NAME... | all [--full | --rounds N] [--json] [--keep]
import { readOptions, wrongUse } from '../scripts/read-options.mjs';
import { exitOnSignals } from './processes.mjs';
import { runTrial } from './trial.mjs';
import { TRIALS } from './trials.mjs';

const HELP = `usage: npm run trial -- NAME... | all [options]

${TRIALS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`).join('\n')}

  --rounds N        kills, cuts, runs or whatever the trial repeats
  --only TEXT       of the hostile trial: only attacks with this in their name, as 'http: ' or 'broker: sends'
  --proxy           of failover-partition: proxies that drop silently, though network namespaces are allowed
  --full            the full size of each instead of the quick one
  --json            one line of JSON per trial on standard output; what is for people goes to standard error
  --keep            keep the temporary directory: the data of the brokers and what the processes wrote
  --help

Exit code 0: all passed, or were skipped because something that they need is not here; 1: something failed; 64: wrong use.
Build first: npm run build.
`;

const { values, positionals } = readOptions(
  HELP,
  {
    rounds: { type: 'string' },
    only: { type: 'string' },
    proxy: { type: 'boolean' },
    full: { type: 'boolean' },
    json: { type: 'boolean' },
    keep: { type: 'boolean' },
  },
  { allowPositionals: true },
);
if (positionals.length === 0) wrongUse('which trial?', HELP);
const names = positionals.includes('all') ? TRIALS.map(({ name }) => name) : positionals;
const unknown = names.find((name) => !TRIALS.some((trial) => trial.name === name));
if (unknown !== undefined) wrongUse(`there is no trial "${unknown}"`, HELP);
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1))
  wrongUse('--rounds wants a whole number of at least 1', HELP);

exitOnSignals();
const options = {
  rounds,
  only: values.only,
  proxy: values.proxy ?? false,
  full: values.full ?? false,
  keep: values.keep ?? false,
};
const say = (line) => (values.json ? process.stderr : process.stdout).write(`${line}\n`);
const verdicts = { passed: [], failed: [], skipped: [] };
for (const name of names) {
  const result = await runTrial(
    TRIALS.find((trial) => trial.name === name),
    options,
    say,
  );
  verdicts[result.verdict].push(name);
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}
if (names.length > 1) {
  const { passed, failed, skipped } = verdicts;
  const counts = `${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`;
  say(`${failed.length === 0 ? 'PASS' : 'FAIL'} ${names.length} trials: ${counts}${failed.map((name) => `; ${name}`).join('')}`);
}
process.exit(verdicts.failed.length === 0 ? 0 : 1);
