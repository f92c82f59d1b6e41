// One edit of a source in memory, and a bundle that has it: what plants bugs for the simulator, and mutants for the kit.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const NODE_MODULES = fileURLToPath(new URL('../node_modules', import.meta.url));

/** @returns the path of the source and its text with the edit. @throws Error where `find` does not stand there once. */
export function planted(path, { file, find, replace }) {
  const text = readFileSync(path, 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${file} has ${count} times: ${find}`);
  return { path, contents: text.replace(find, () => replace) };
}

function planting({ path, contents }) {
  const filter = new RegExp(`${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  return { name: 'planted-source', setup: (builder) => builder.onLoad({ filter }, () => ({ contents, loader: 'ts' })) };
}

/** Writes a source with all that it imports to a file. @param source what `planted` gave; undefined: the sources as they are. */
export async function bundleWith(source, entry, outfile) {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@qanat/source'],
    outfile,
    plugins: source === undefined ? [] : [planting(source)],
    nodePaths: [NODE_MODULES],
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}
