// One target in a process of its own: runs inputs, keeps those that reach something new, and tells what breaks the rules.
//   { kind: 'progress', ... } every half a second, { kind: 'find', ... } and { kind: 'done', ... } go to the parent.
import { writeSync } from 'node:fs';
import { readInputs } from './corpus.mjs';
import { addTaken, clearTaken, coverage, forgetSeen } from './coverage.mjs';
import { Dice, Mutator } from './mutate.mjs';
import { loadTarget } from './targets/index.mjs';

/** One execution may take as long; beyond it is a hang in the making. A pause of the machine is told from it by a second try. */
const EXECUTION_MS_MAX = 250;
/** What one input may make a decoder allocate: 16 MiB of inflated records, and room for objects. */
const ALLOCATED_BYTES_MAX = 64 * 1024 * 1024;
const CORPUS_MAX = 4_096;
const KEPT_BYTES_MAX = 8 * 1024;
const PROGRESS_EVERY = 512;
const FINDS_MAX = 20;
/** With a limit of 0 V8 still takes an empty stack, which is half of the cost of an error. */
const NO_STACKS = undefined;

const [name, executions, milliseconds, seed, inputFd] = process.argv.slice(2).map((text, i) => (i === 0 ? text : Number(text)));
const target = await loadTarget(name);
const dice = new Dice(seed);
const mutator = new Mutator(dice, target.words ?? []);
const corpus = [];
const finds = new Set();
let executed = 0;

const tell = (message) => process.send?.(message);
const hexOf = (input) => Buffer.from(input).toString('hex');

/** What broke, with its place: stacks are off while inputs run, because most are refused with an error. */
function tracedError(input, error) {
  Error.stackTraceLimit = 10;
  try {
    target.run(input);
  } catch (again) {
    return again;
  } finally {
    Error.stackTraceLimit = NO_STACKS;
  }
  return error;
}

/** Tells a find once: others that read alike but for their numbers and texts are the same. */
function report(input, error) {
  const why = tracedError(input, error);
  const key = `${why.message}`.replace(/[0-9]+|"[\s\S]*"/g, '_');
  if (finds.has(key) || finds.size >= FINDS_MAX) return;
  finds.add(key);
  tell({ kind: 'find', input: hexOf(input), why: `${why.stack || why}` });
}

/** @returns whether the input reached something new. */
function execute(input) {
  executed++;
  clearTaken();
  try {
    target.run(input);
  } catch (error) {
    report(input, error);
  }
  return addTaken() > 0;
}

/** Time and memory of one input, which cost too much to be looked at each time. */
function weigh(input) {
  const before = process.memoryUsage();
  let startMs = performance.now();
  execute(input);
  const after = process.memoryUsage();
  let tookMs = performance.now() - startMs;
  if (tookMs > EXECUTION_MS_MAX) {
    startMs = performance.now();
    execute(input);
    tookMs = Math.min(tookMs, performance.now() - startMs);
  }
  if (tookMs > EXECUTION_MS_MAX) report(input, new Error(`took ${tookMs.toFixed(0)} ms`));
  const grown = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  if (grown > ALLOCATED_BYTES_MAX) report(input, new Error(`allocated ${grown} bytes`));
}

function add(input) {
  if (corpus.length < CORPUS_MAX) corpus.push(input);
  else corpus[dice.below(CORPUS_MAX)] = input;
}

/** Those that came last lead on more often than the others. */
function parent() {
  const recent = Math.min(corpus.length, 32);
  return dice.below(2) === 0 ? corpus[dice.below(corpus.length)] : corpus[corpus.length - 1 - dice.below(recent)];
}

/** In a run that repeats one that hung: the parent reads from the file where it stopped. */
const note = (input) => {
  if (inputFd >= 0) writeSync(inputFd, `${hexOf(input)}\n`, 0);
};

/** A small set that reaches what the whole corpus reaches: the short ones first. */
function smallest() {
  const chosen = [];
  let bytes = 0;
  forgetSeen();
  for (const input of [...corpus].sort((a, b) => a.length - b.length)) {
    if (bytes + input.length > KEPT_BYTES_MAX || !execute(input)) continue;
    chosen.push(input);
    bytes += input.length;
  }
  return chosen;
}

Error.stackTraceLimit = NO_STACKS;
const kept = readInputs('finds', name);
for (const input of [...kept, ...readInputs('corpus', name), ...(target.seeds?.() ?? []), new Uint8Array(0)]) {
  weigh(input);
  add(input);
}
const startMs = performance.now();
let toldMs = startMs;
while (executed < executions) {
  if (executed % PROGRESS_EVERY === 0) {
    const nowMs = performance.now();
    if (nowMs - startMs > milliseconds) break;
    if (nowMs - toldMs > 500) {
      toldMs = nowMs;
      tell({ kind: 'progress', executed, corpus: corpus.length, ...coverage() });
    }
  }
  let input = mutator.mutate(parent(), corpus[dice.below(corpus.length)]);
  if (target.mend !== undefined && dice.below(4) !== 0) input = target.mend(input);
  note(input);
  if (executed % 1_024 === 0) weigh(input);
  if (execute(input)) {
    add(input);
    weigh(input);
  }
}
const { taken, branches } = coverage();
const elapsedMs = performance.now() - startMs;
const total = executed;
tell({ kind: 'done', executed: total, ms: elapsedMs, corpus: smallest().map(hexOf), taken, branches });
process.disconnect?.();
