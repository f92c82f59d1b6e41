// Mutants: one edit of a source of the engines each, and the engines with it as one file.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

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

/** The text of a source with a bug in it. */
const pathOf = ({ file, over }) => join(SOURCES[over] ?? sources, file);

function patched(mutant) {
  const { file, find, replace } = mutant;
  const text = readFileSync(pathOf(mutant), 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${file} has ${count} times: ${find}`);
  return text.replace(find, () => replace);
}

function planting(mutant) {
  const contents = patched(mutant);
  const path = pathOf(mutant);
  const filter = new RegExp(`${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  return { name: 'mutant', setup: (builder) => builder.onLoad({ filter }, () => ({ contents, loader: 'ts' })) };
}

/** Writes a source with all that it imports to a file. @returns its path. */
export async function bundle(entry, outfile, mutant) {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@qanat/source'],
    outfile,
    plugins: mutant === undefined ? [] : [planting(mutant)],
    nodePaths: [join(packages, '../node_modules')],
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

/** The kit, for the processes that try mutants. */
export const bundleKit = (outfile) => bundle(join(folder, 'entry.ts'), outfile);

/** The engines with a mutant in them; for a mutant over WebSocket with that binding, for one of the bridge its server of MQTT. */
export const bundleEngines = (outfile, mutant) =>
  bundle(mutant.over === undefined ? join(sources, 'index.ts') : join(folder, ENTRIES[mutant.over]), outfile, mutant);
