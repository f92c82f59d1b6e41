// Mutants: one edit of a source of the engines each, and the engines with it as one file.
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundleWith, planted } from '../../../scripts/planted-source.mjs';
import { patched } from './patched-bundle.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const packages = fileURLToPath(new URL('../..', import.meta.url));
const sources = join(packages, 'core/src');
/** Of mutants that are not in the core. */
const SOURCES = { mqtt: join(packages, 'mqtt/src') };
const ENTRIES = { websocket: 'engines-over-websocket.ts', mqtt: 'bridge-engine.ts' };
/** The families, each with a file of its own: mutants/FILE.mjs. */
const FILES = readdirSync(join(folder, 'mutants')).map((file) => file.replace('.mjs', ''));

/** @returns { name, clause, role?, file, find, replace, over?: 'websocket' or 'mqtt', family: the file that it stands in } */
export async function readMutants() {
  const mutants = await Promise.all(
    FILES.map(async (family) => {
      const { MUTANTS } = await import(pathToFileURL(join(folder, 'mutants', `${family}.mjs`)).href);
      return MUTANTS.map((mutant) => ({ ...mutant, family }));
    }),
  );
  return mutants.flat();
}

const pathOf = ({ file, over }) => join(SOURCES[over] ?? sources, file);

/** Writes an entry with all that it imports to a file. @returns its path. */
const bundle = (entry, outfile) => bundleWith(undefined, entry, outfile);

/** The kit, for the processes that try mutants. */
export const bundleKit = (outfile) => bundle(join(folder, 'entry.ts'), outfile);

const entryOf = ({ over }) => (over === undefined ? join(sources, 'index.ts') : join(folder, ENTRIES[over]));

const wholes = new Map();

/** The text of a bundle without a mutant. @param outfile any file in its folder. */
function wholeOf(entry, outfile) {
  const whole =
    wholes.get(entry) ??
    bundle(entry, join(dirname(outfile), `whole-${basename(entry)}.mjs`)).then((path) => readFile(path, 'utf8'));
  wholes.set(entry, whole);
  return whole;
}

/**
 * Writes the engines with a mutant in them to a file; for a mutant over WebSocket with that binding, for one of the bridge its
 * server of MQTT.
 */
export async function bundleEngines(outfile, mutant) {
  const entry = entryOf(mutant);
  const source = planted(pathOf(mutant), mutant);
  const text = await patched(await wholeOf(entry, outfile), await readFile(source.path, 'utf8'), source.contents);
  if (text === undefined) await bundleWith(source, entry, outfile);
  else await writeFile(outfile, text);
}
