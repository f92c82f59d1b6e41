// Bundles the client as a page's bundler does, and holds what a page loads first to a size, and all of it to what browsers have.

import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Of the entry and what it imports: enough to connect and to send (docs/performance.md). */
const FIRST_GZIP_BYTES_MAX = 45_000;
const BIGGEST = 8;
/** What only Node has; modules of Node fail the bundling itself. */
const OF_NODE = [/\bBuffer\b/, /\bprocess\./, /\bglobal\b/, /\brequire\(/, /["'`]node:/];

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const gzipBytes = (text) => gzipSync(text, { level: 9 }).length;

/** @returns every file that is made, by its name: its text, what it imports, and the sources in it. */
async function bundle() {
  const { outputFiles, metafile } = await build({
    entryPoints: { browser: 'packages/client/src/browser.ts' },
    conditions: ['@qanat/source', 'browser'],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    outdir: 'dist',
    metafile: true,
    write: false,
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  return new Map(
    Object.entries(metafile.outputs).map(([path, { imports, inputs }]) => [
      basename(path),
      { text: texts.get(basename(path)), imports, inputs },
    ]),
  );
}

/** A file and all that it imports statically, but for what is `there` already. */
function loadedWith(files, name, there = new Set()) {
  const loaded = new Set();
  const load = (one) => {
    if (loaded.has(one) || there.has(one)) return;
    loaded.add(one);
    for (const { kind, path } of files.get(one).imports) if (kind === 'import-statement') load(basename(path));
  };
  load(name);
  return loaded;
}

/** Files that some file imports when it needs them. */
const lazyParts = (files) =>
  new Set(
    [...files.values()]
      .flatMap(({ imports }) => imports.filter(({ kind }) => kind === 'dynamic-import'))
      .map(({ path }) => basename(path)),
  );

function sizeOf(files, names) {
  const texts = [...names].map((name) => files.get(name).text);
  return { bytes: texts.join('').length, gzip: texts.reduce((sum, text) => sum + gzipBytes(text), 0) };
}

/** The folder of ours, or the package of npm, that a source belongs to. */
const folderOf = (path) =>
  /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.replace(/^packages\/([^/]+)\/src/, '$1').replace(/\/[^/]+$/, '');

function biggestFolders(files, names) {
  const folders = new Map();
  for (const name of names)
    for (const [path, { bytesInOutput }] of Object.entries(files.get(name).inputs))
      folders.set(folderOf(path), (folders.get(folderOf(path)) ?? 0) + bytesInOutput);
  return [...folders].sort(([, a], [, b]) => b - a).slice(0, BIGGEST);
}

const onlyNode = ({ text }) =>
  OF_NODE.flatMap((token) => {
    const found = token.exec(text);
    return found === null ? [] : [`only Node has this: …${text.slice(Math.max(0, found.index - 40), found.index + 40)}…`];
  });

const row = (what, { bytes, gzip }) => `${kilobytes(bytes).padStart(9)} ${kilobytes(gzip).padStart(8)} gzip  ${what}`;

const files = await bundle();
const first = loadedWith(files, 'browser.js');
const size = sizeOf(files, first);
const problems = [...files.values()].flatMap(onlyNode);
if (size.gzip > FIRST_GZIP_BYTES_MAX)
  problems.push(`a page loads ${kilobytes(size.gzip)} gzip first: more than ${kilobytes(FIRST_GZIP_BYTES_MAX)}`);
for (const problem of problems) console.error(problem);
for (const [folder, bytes] of biggestFolders(files, first)) console.log(`${kilobytes(bytes).padStart(9)}  ${folder}`);
console.log(row(`what a page loads first, in ${first.size} files`, size));
for (const part of lazyParts(files))
  console.log(row(`later: ${part.replace(/-\w+\.js$/, '')}`, sizeOf(files, loadedWith(files, part, first))));
const total = sizeOf(files, files.keys());
console.log(
  `client for browsers: ${kilobytes(size.gzip)} gzip first, of ${kilobytes(FIRST_GZIP_BYTES_MAX)}; ${kilobytes(total.gzip)} in all`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
