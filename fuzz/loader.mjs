// Loads the TypeScript sources for fuzzing: types are stripped, and every branch counts how often it was taken. The counters are
// what tells the fuzzer that an input reached something new.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCE = /^file:.*\/packages\/[^/]+\/src\/.*\.ts$/;
/** Lets a module count in its own part of the shared map. */
const CLAIM = '__qanatCoverage';
const INSTRUMENT = new URL('./instrument.mjs', import.meta.url);
const CACHE = fileURLToPath(new URL('../node_modules/.cache/fuzz/', import.meta.url));
/** Of everything that makes the text of a module what it is. */
const INSTRUMENT_TEXT = readFileSync(INSTRUMENT);
mkdirSync(CACHE, { recursive: true });

async function write(file, path, text) {
  // Takes half a second to load, and most processes find everything made.
  const { instrumented } = await import(INSTRUMENT.href);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, instrumented(path, text, CLAIM));
  renameSync(temporary, file);
}

export async function load(url, context, next) {
  if (!SOURCE.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  const text = readFileSync(path, 'utf8');
  const cached = `${CACHE}${createHash('sha256').update(INSTRUMENT_TEXT).update(text).digest('hex')}.mjs`;
  if (!existsSync(cached)) await write(cached, path, text);
  return { format: 'module', source: readFileSync(cached, 'utf8'), shortCircuit: true };
}
