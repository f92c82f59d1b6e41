// Fuzzing: random changes of inputs that reach something new, against every decoder of what comes from outside.
//   npm run fuzz -- [--target T,...] [--skip T,...] [--executions N] [--seconds S] [--seed N] [--jobs N] [--keep]
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readOptions, wrongUse } from '../scripts/read-options.mjs';
import { readInputs, writeInputs } from './corpus.mjs';
import { TARGETS } from './targets/index.mjs';

const HELP = `usage: npm run fuzz -- [options]

  --target T,...    only these; a * at the end stands for anything. Default: all
  --skip T,...      but not these
  --executions N    of each target
  --seconds S       in all, divided among the targets. Default 60 without --executions
  --seed N          default: drawn, and told
  --jobs N          processes at a time; default 1
  --keep            write the corpus that the run ends with to fuzz/corpus, and finds to fuzz/finds
  --list            the names of the targets
  --help            this

Prints what it finds with the input in hex. Exit code 0: nothing found; 1: something; 64: wrong use.
`;

/** A process that says nothing for so long hangs in one input. */
const HANG_MS = 60_000;
const CACHE = fileURLToPath(new URL('../node_modules/.cache/fuzz/', import.meta.url));
const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));
const REGISTER = new URL('./register.mjs', import.meta.url).href;
/** Heap of a worker: an input that needs more ends the process, which is a find. */
const HEAP_MB = 768;
/** A run has as many processes as processors: threads of the collector would only wait for each other. */
const COLLECTOR = ['--single-threaded-gc', '--max-semi-space-size=64'];

const text = { type: 'string' };
const flag = { type: 'boolean' };
const { values } = readOptions(HELP, {
  ...{ target: text, skip: text, executions: text, seconds: text, seed: text, jobs: text },
  ...{ keep: flag, list: flag },
});
const numberOf = (name, fallback) => {
  const number = values[name] === undefined ? fallback : Number(values[name]);
  return number > 0 ? number : wrongUse(`--${name} wants a number above 0`, HELP);
};
if (values.list) {
  console.log(TARGETS.join('\n'));
  process.exit(0);
}
const isAmong = (name, list) => list.some((w) => (w.endsWith('*') ? name.startsWith(w.slice(0, -1)) : name === w));
const wanted = values.target?.split(',') ?? ['*'];
const skipped = values.skip?.split(',') ?? [];
const targets = TARGETS.filter((name) => isAmong(name, wanted) && !isAmong(name, skipped));
if (targets.length === 0) wrongUse(`no target is left of ${wanted.join()}; see --list`, HELP);
const executions = numberOf('executions', Number.MAX_SAFE_INTEGER);
const seconds = numberOf('seconds', values.executions === undefined ? 60 : 1e9);
const seed = numberOf('seed', 1 + Math.floor(Math.random() * 1e9));
const jobs = numberOf('jobs', 1);
const eachMs = ((seconds * 1000) / targets.length) * Math.min(jobs, targets.length);

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/**
 * One target, in a process of its own. @returns what it did.
 * @param noted whether each input is written down before it runs: a run that hung is repeated so, to learn where.
 */
function fuzz(target, noted = false) {
  const notes = `${CACHE}${target}.input`;
  const inputFd = openSync(notes, 'w');
  const args = ['-C', '@qanat/source', '--import', REGISTER, `--max-old-space-size=${HEAP_MB}`, ...COLLECTOR, WORKER];
  const limits = [target, executions, noted ? 1e9 : eachMs, seed, noted ? 3 : -1].map(String);
  const child = spawn(process.execPath, [...args, ...limits], { stdio: ['ignore', 'inherit', 'pipe', inputFd, 'ipc'] });
  running.add(child);
  closeSync(inputFd);
  const result = { target, executed: 0, ms: 0, corpus: [], taken: 0, branches: 0, finds: [] };
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  return new Promise((resolve) => {
    let hang;
    const listen = () => {
      clearTimeout(hang);
      hang = setTimeout(() => {
        const input = noted ? readFileSync(notes, 'utf8').split('\n')[0] : '';
        result.finds.push({ input, why: `nothing happened for ${HANG_MS} ms` });
        child.kill('SIGKILL');
      }, HANG_MS);
    };
    listen();
    child.on('message', (message) => {
      listen();
      if (message.kind === 'find') {
        result.finds.push(message);
        console.log(`FIND ${target}: ${message.why}\n     input ${message.input}`);
      } else if (message.kind === 'done') Object.assign(result, message, { target, finds: result.finds });
      else if (process.stdout.isTTY) process.stdout.write(`\r${target} ${message.executed} `);
    });
    child.on('close', (code, signal) => {
      clearTimeout(hang);
      running.delete(child);
      if (result.branches === 0 && result.finds.length === 0)
        result.finds.push({ input: '', why: `the process ended with ${signal ?? code}: ${said}` });
      const hung = !noted && result.finds.some(({ input }) => input === '');
      resolve(hung ? fuzz(target, true) : result);
    });
  });
}

function tell({ target, executed, ms, corpus, taken, branches, finds }) {
  const rate = ms === 0 ? 0 : Math.round(executed / ms);
  const figures = `${String(executed).padStart(10)} in ${(ms / 1000).toFixed(1).padStart(7)} s ${String(rate).padStart(5)} k/s`;
  const reached = `${String(taken).padStart(5)} of ${String(branches).padStart(5)} branches, corpus ${String(corpus.length).padStart(4)}`;
  console.log(`${finds.length === 0 ? 'ok  ' : 'FIND'} ${target.padEnd(34)}${figures}   ${reached}`);
  if (finds.some((find) => find.input === '')) for (const { why } of finds) console.log(`     ${why}`);
}

/** The inputs that are kept: of earlier runs and of this one. */
function keep({ target, corpus, finds }) {
  const fromHex = (text) => new Uint8Array(Buffer.from(text, 'hex'));
  if (corpus.length > 0) writeInputs('corpus', target, corpus.map(fromHex));
  const found = finds.filter(({ input }) => input !== '').map(({ input }) => fromHex(input));
  if (found.length > 0) writeInputs('finds', target, [...readInputs('finds', target), ...found]);
}

mkdirSync(CACHE, { recursive: true });
const startMs = performance.now();
console.log(`seed ${seed}, ${targets.length} targets`);
const waiting = [...targets];
const results = [];
await Promise.all(
  Array.from({ length: Math.min(jobs, targets.length) }, async () => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const result = await fuzz(target);
      results.push(result);
      tell(result);
      if (values.keep) keep(result);
    }
  }),
);
const failed = results.filter(({ finds }) => finds.length > 0);
const total = results.reduce((sum, { executed }) => sum + executed, 0);
console.log(`${total} executions in ${((performance.now() - startMs) / 1000).toFixed(0)} s, ${failed.length} targets with finds`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
