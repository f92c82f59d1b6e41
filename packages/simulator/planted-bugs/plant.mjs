// A bug in a copy of the sources in memory: for a bundle, and for a run of tests.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = fileURLToPath(new URL('.', import.meta.url));
const sources = fileURLToPath(new URL('../../core/src/', import.meta.url));

/** The source with a bug in it: its path and its text. */
export function planted({ file, find, replace }) {
  const path = join(sources, file);
  const text = readFileSync(path, 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the patch no longer fits: ${file} has ${count} times: ${find}`);
  return { path, contents: text.replace(find, () => replace) };
}

function planting(bug) {
  const { path, contents } = planted(bug);
  const setup = (builder) =>
    builder.onLoad({ filter: /\.ts$/ }, (args) => (args.path === path ? { contents, loader: 'ts' } : undefined));
  return { name: 'planted-bug', setup };
}

/** Bundles the simulator with a bug planted, or as it is. @returns the file. */
export async function bundle(bug, out) {
  const outfile = join(out, `${bug?.name ?? 'sources-as-they-are'}.mjs`);
  await build({
    entryPoints: [join(folder, 'entry.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@qanat/source'],
    outfile,
    plugins: bug === undefined ? [] : [planting(bug)],
    nodePaths: [fileURLToPath(new URL('../../../node_modules', import.meta.url))],
    logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}
