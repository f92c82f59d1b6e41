// Every queue, map and loop that a peer can fill has a named limit: docs/limits.md lists those of this implementation. Each
// constant there must stand in the source that the page names, and in a test or in the list of those without one and why. Each
// constant `..._MAX` of a source must be on the page. Prints what is wrong and exits with 1 when something is.
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const PAGE = 'docs/limits.md';
const UNTESTED_HEADING = '## Without a test of their own';
/** What peers talk to. */
const PACKAGES = ['core', 'transports', 'storage', 'server', 'client', 'mqtt'];

/** Bounds of a number or of a way of working: nothing that a peer fills. */
const NO_LIMITS = new Set(
  'HEAP_ARRAY_BYTES_MAX FEW_MAX VARINT_BYTES_MAX DEPTH_MAX UINT32_MAX PORT_MAX TIMEOUT_MS_MAX COPIED_PART_BYTES_MAX SMALL_APPEND_BYTES_MAX DISTANCE_MAX SHORT_LENGTH_MAX UINT16_MAX CONTROL_BYTES_MAX HEADER_BYTES_MAX HEAD_BYTES_MAX'.split(
    ' ',
  ),
);

const problems = [];

function* filesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && entry.name !== 'gen') yield* filesUnder(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

const namesIn = (text) => [...text.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name]) => name);

/** Rows of the tables: the names in the first cell, the files in the third. */
function readPage() {
  const page = readFileSync(PAGE, 'utf8');
  const [tables, untested = ''] = page.split(UNTESTED_HEADING);
  const rows = tables.split('\n').filter((line) => line.startsWith('| `'));
  const limits = rows.map((row) => {
    const cells = row.split('|').map((cell) => cell.trim());
    return {
      names: namesIn(cells[1]),
      files: [...(cells[3] ?? '').matchAll(/[\w./-]+\.ts/g)].map(([file]) => `packages/${file}`),
    };
  });
  const reasons = untested.split('\n').filter((line) => line.startsWith('| `'));
  return { limits, untested: new Set(reasons.flatMap((line) => namesIn(line.split('|')[1]))) };
}

const { limits, untested } = readPage();
const documented = new Set(limits.flatMap(({ names }) => names));
const sources = PACKAGES.flatMap((name) => [...filesUnder(`packages/${name}/src`)]);
const tests = readdirSync('packages').flatMap((name) => {
  const folder = `packages/${name}/test`;
  return existsSync(folder) ? [...filesUnder(folder)] : [];
});
const testText = tests.map((path) => readFileSync(path, 'utf8')).join('\n');
const tested = (name) => new RegExp(`\\b${name}\\b`).test(testText);

for (const { names, files } of limits) {
  if (files.length === 0) problems.push(`${PAGE}: no source is named for ${names.join(', ')}`);
  for (const file of files) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    for (const name of names) {
      if (!new RegExp(`const ${name}\\b`).test(text)) problems.push(`${PAGE}: ${file} has no constant ${name}`);
    }
  }
}
for (const name of documented) {
  if (!tested(name) && !untested.has(name)) problems.push(`${PAGE}: no test cites ${name}`);
  if (tested(name) && untested.has(name)) problems.push(`${PAGE}: ${name} is cited by a test: take it off the list`);
}
for (const name of untested) if (!documented.has(name)) problems.push(`${PAGE}: ${name} is listed without a test, and not above`);
for (const path of sources) {
  if (path.startsWith('packages/core/src/testing/')) continue;
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*_MAX)\b/gm)) {
    if (!documented.has(name) && !NO_LIMITS.has(name)) problems.push(`${path}: ${name} is not on the page ${PAGE}`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log(`limits: ${documented.size} constants, ${untested.size} with a reason for no test`);
process.exitCode = problems.length === 0 ? 0 : 1;
