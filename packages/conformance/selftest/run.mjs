// Plants one bug after the other in the engines, and runs the kit against them: the clause that a mutant names has to go red.
//   node packages/conformance/selftest/run.mjs --help
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleEngines, bundleKit, readMutants } from './plant.mjs';
import { runPool } from './pool.mjs';

const USAGE = `node packages/conformance/selftest/run.mjs [--only NAME,…] [--clause ID,…] [--file FILE,…] [--share K/N] [--stored]
     [--budget quick|standard] [--seeds N,…] [--workers K] [--update] [--json] [--verbose]

Plants each mutant of selftest/mutants/*.mjs in the engines and runs the programs of its clause's families against them. A mutant
is killed when the clause that it names fails; another clause does not count.

  --only NAME,…    these mutants
  --clause ID,…    those of these clauses
  --file FILE,…    those of mutants/FILE.mjs
  --share K/N      the K-th of N equal shares of them, 1/8 for example
  --stored         begins with the program that kills.json has for the mutant, and wants one for each
  --budget NAME    how many programs are drawn where those written by hand do not kill: quick (the default) or standard
  --workers K      processes that try mutants; default: as many as processors. Those over WebSocket have 8 of their own
  --seeds N,…      of the drawn programs; a mutant has to be killed with each. Default: 1
  --update         writes kills.json: which program killed which mutant
  --verbose        what the clauses say
  --json           one line of JSON for each mutant

The exit code is 0 when every mutant was killed by its clause, 1 otherwise, 64 for wrong options.`;

/** Those over WebSocket run on real time, and mostly wait: so many at a time, beside the others. */
const WAITING_AT_A_TIME = 8;
const KILLS = fileURLToPath(new URL('./kills.json', import.meta.url));

function readOptions() {
  const text = { type: 'string' };
  const flag = { type: 'boolean', default: false };
  try {
    const { values } = parseArgs({
      options: {
        ...{ only: text, clause: text, file: text, share: text, workers: text },
        ...{ budget: { type: 'string', default: 'quick' }, seeds: { type: 'string', default: '1' } },
        ...{ stored: flag, update: flag, json: flag, verbose: flag, help: flag },
      },
    });
    if (!/^[1-9]\d*\/[1-9]\d*$/.test(values.share ?? '1/1')) throw new Error(`--share ${values.share} is no K/N`);
    if (!/^\d+(,\d+)*$/.test(values.seeds)) throw new Error(`--seeds ${values.seeds} are no numbers`);
    if (!['quick', 'standard', 'thorough'].includes(values.budget)) throw new Error(`there is no budget ${values.budget}`);
    return values;
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
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const stored = JSON.parse(readFileSync(KILLS, 'utf8'));
const seeds = options.seeds.split(',').map(Number);
const all = await readMutants();
const mutants = selected(all);
const out = mkdtempSync(join(tmpdir(), 'qanat-selftest-'));
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

function selected(from) {
  const wanted = (list, value) => list === undefined || list.split(',').includes(value);
  const [share, shares] = (options.share ?? '1/1').split('/').map(Number);
  return from
    .filter(
      ({ name, clause, family }) => wanted(options.only, name) && wanted(options.clause, clause) && wanted(options.file, family),
    )
    .filter((_, i) => i % shares === share - 1);
}

async function tryMutant(mutant, ask) {
  const { name, clause, role, family } = mutant;
  const startMs = performance.now();
  const result = (outcome, rest) => {
    const seconds = Number(((performance.now() - startMs) / 1_000).toFixed(1));
    return { mutant: name, family, clause, outcome, seconds, ...rest };
  };
  const known = stored[name];
  if (options.stored && known?.clause !== clause)
    return result('not stored', { kills: [], message: 'kills.json has nothing for it: run with --update' });
  const file = join(out, `${name}.mjs`);
  try {
    await bundleEngines(file, mutant);
  } catch (error) {
    return result('does not fit', { kills: [], message: error.message });
  }
  const first = known === undefined ? {} : { first: known.program, firstRole: known.role };
  const job = { engines: pathToFileURL(file).href, clause, role, seeds, budget: options.budget, ...first };
  const { program, message, role: of, kills, others = [], error } = await ask(job);
  rmSync(file, { force: true });
  if (kills.length === seeds.length) return result('killed', { kills, program, role: of, message });
  if (kills.length > 0) return result('survives some seeds', { kills, program, role: of, message: `killed with ${kills}` });
  if (error !== undefined) return result('breaks', { kills, message: error });
  return result(others.length > 0 ? 'killed by another' : 'survived', { kills, message: others.join(' ') });
}

function tell(result) {
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else if (result.outcome !== 'killed' || options.verbose)
    process.stdout.write(`${result.outcome.padEnd(18)} ${result.mutant} (${result.clause}) ${result.message ?? ''}\n`);
}

/** Which program killed which mutant: what --stored begins with, and what must not get worse. */
function writeKills(results) {
  const names = new Set(all.map(({ name }) => name));
  const kept = Object.entries(stored).filter(([name]) => names.has(name));
  const found = results
    .filter(({ outcome }) => outcome === 'killed')
    .map(({ mutant, clause, role, program }) => [mutant, { clause, role, program }]);
  const kills = Object.entries({ ...Object.fromEntries(kept), ...Object.fromEntries(found) }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const lines = kills.map(([name, kill]) => `  ${JSON.stringify(name)}: ${JSON.stringify(kill)}`);
  writeFileSync(KILLS, `{\n${lines.join(',\n')}\n}\n`);
}

const kit = await bundleKit(join(out, 'kit.mjs'));
const results = [];
const waits = ({ over }) => over === 'websocket';
const tryAll = (some, workers) =>
  runPool(kit, some, workers, async (mutant, ask) => {
    const result = await tryMutant(mutant, ask);
    results.push(result);
    tell(result);
  });
await Promise.all([
  tryAll(mutants.filter(waits), WAITING_AT_A_TIME),
  tryAll(
    mutants.filter((mutant) => !waits(mutant)),
    Number(options.workers ?? availableParallelism()),
  ),
]);
if (options.update) writeKills(results);
const gone = options.stored ? Object.keys(stored).filter((name) => !all.some((mutant) => mutant.name === name)) : [];
if (gone.length > 0) process.stdout.write(`kills.json has mutants that are no more: ${gone.join(', ')} (run with --update)\n`);
if (seeds.length > 1)
  for (const seed of seeds) {
    const killed = results.filter(({ kills }) => kills.includes(seed)).length;
    process.stdout.write(
      `seed ${seed}: ${killed} of ${results.length} killed (${((100 * killed) / results.length).toFixed(1)} %)\n`,
    );
  }
const killed = results.filter(({ outcome }) => outcome === 'killed').length;
process.stdout.write(`${killed} passed, ${results.length - killed + gone.length} failed\n`);
process.exitCode = killed === results.length && gone.length === 0 ? 0 : 1;
