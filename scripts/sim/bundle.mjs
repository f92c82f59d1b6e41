// Makes one module of the simulator's sources, so that a run is always of the sources as they are.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = `
export * from '@qanat/simulator';
export { nodePlatform } from '@qanat/transports/node';
`;

/** @returns the URL of the module, and what removes it. */
export async function bundleSimulator() {
  const folder = mkdtempSync(join(tmpdir(), 'qanat-sim-'));
  const outfile = join(folder, 'simulator.mjs');
  await build({
    stdin: { contents: ENTRY, resolveDir: join(root, 'packages/testing'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    conditions: ['@qanat/source'],
    outfile,
    logLevel: 'warning',
  });
  return { url: pathToFileURL(outfile).href, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
