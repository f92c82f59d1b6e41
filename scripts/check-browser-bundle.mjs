// Bundles the client as a page's bundler does, and holds it to a size and to what browsers have.

import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** It holds all of the client: nothing of it is left to take out but features (docs/performance.md). */
const GZIP_BYTES_MAX = 62_000;
const BIGGEST = 8;
/** What only Node has; modules of Node fail the bundling itself. */
const OF_NODE = [/\bBuffer\b/, /\bprocess\./, /\bglobal\b/, /\brequire\(/, /["'`]node:/];

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

async function bundle() {
  const { outputFiles, metafile } = await build({
    stdin: { contents: "export * from '@qanat/client';", resolveDir: 'packages/cli' },
    conditions: ['@qanat/source'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  return { text: outputFiles[0].text, inputs: output.inputs };
}

/** The folder of ours, or the package of npm, that a source belongs to. */
const partOf = (path) =>
  /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.replace(/^packages\/([^/]+)\/src/, '$1').replace(/\/[^/]+$/, '');

function biggestParts(inputs) {
  const parts = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(inputs))
    parts.set(partOf(path), (parts.get(partOf(path)) ?? 0) + bytesInOutput);
  return [...parts].sort(([, a], [, b]) => b - a).slice(0, BIGGEST);
}

const { text, inputs } = await bundle();
const gzipBytes = gzipSync(text, { level: 9 }).length;
const problems = OF_NODE.flatMap((token) => {
  const found = token.exec(text);
  return found === null ? [] : [`only Node has this: …${text.slice(Math.max(0, found.index - 40), found.index + 40)}…`];
});
if (gzipBytes > GZIP_BYTES_MAX) problems.push(`${kilobytes(gzipBytes)} gzip: more than ${kilobytes(GZIP_BYTES_MAX)}`);
for (const problem of problems) console.error(problem);
for (const [part, bytes] of biggestParts(inputs)) console.log(`${kilobytes(bytes).padStart(9)}  ${part}`);
console.log(`client for browsers: ${kilobytes(text.length)}, ${kilobytes(gzipBytes)} gzip of ${kilobytes(GZIP_BYTES_MAX)}`);
process.exitCode = problems.length === 0 ? 0 : 1;
