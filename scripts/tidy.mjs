// What no linter knows of this repository. Prints `file:line: what` for each finding and exits with 1 when there is one.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

const SOURCE_LINES_MAX = 400;
const TEST_LINES_MAX = 800;
const COLUMNS_MAX = 130;
const GENERATED = /^packages\/(core\/src\/(wire|annotate)|conformance\/src\/clause)\/gen\//;
/** Close codes of WebSocket have the same numbers as some error codes. */
const OTHER_NUMBERS = /^packages\/(transports\/src|conformance\/src\/ground)\/websocket\/close-codes\.ts$/;
/** Lists that are read entry by entry. */
const CATALOGUES = /^packages\/conformance\/selftest\/mutants\//;
const CODE = /\.(ts|mts|mjs|cjs|js)$/;
const TEXT = /\.(ts|mts|mjs|cjs|js|json|md|proto|sh|html|css|ya?ml)$|^\.ci\/|(^|\/)\.[a-z]+$/;
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', '.git', '.qanat', 'coverage']);
const SKIPPED_FILES = new Set(['package-lock.json', 'LICENSE']);

const PURE = /^packages\/(core|simulator)\/src\//;
/** The contract suites of the ports wait for real adapters. */
const WAITING = /^packages\/core\/src\/testing\//;
/** Tokens that make a run differ from its replay. The type check and the linter find most, but not `Math.random`. */
const IMPURE = [
  [/\bDate\b/, 'Date: time is the argument nowMs'],
  [/\bMath\.random\b/, 'Math.random: randomness is an argument'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, 'a timer: deadlines are data'],
  [/\bprocess\./, 'process: the core knows no platform'],
  [/\bBuffer\b/, 'Buffer: use Uint8Array'],
];
const ASYNCHRONOUS = [[/\b(async|await)\s|\bPromise(Like)?\b/, 'a promise: engines and the driver are synchronous']];
const UNFINISHED = /\b(TO[D]O|FIX[M]E|XX[X])\b/;
const PARKED_TEST = /\b(it|test|describe|suite)\.(only|skip|todo|fails)\b|\bbench\.(only|skip|todo)\b/;
/** A text is not cut to fit, so it does not count. */
const TEXT_IN_CODE = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/(?:\\.|[^/\\\n])+\/[a-z]*/g;
const COMMENT = /^\s*(\/\/|\/?\*)/;
const ABSOLUTE_PATH = /(?<![\w.\-/}])\/(home|work|tmp|root|Users)\/[\w.$]/;
const NAMELESS = /(^|[-.])(utils?|helpers?|common|misc)([-.]|$)/;

const problems = [];
const report = (path, line, what) => problems.push(`${path}:${line}: ${what}`);

function* filesUnder(folder) {
  for (const entry of readdirSync(folder || '.', { withFileTypes: true })) {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) yield* filesUnder(path);
    else if (entry.isFile() && TEXT.test(path) && !SKIPPED_FILES.has(entry.name)) yield path;
  }
}

/** Blanks comments and quoted strings and keeps the lines. Template literals stay: code may stand in them. */
function codeOnly(text) {
  const parts = /\/\*[\s\S]*?\*\/|\/\/.*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;
  return text.replace(parts, (part) => (part[0] === '`' ? part : part.replace(/[^\n]/g, ' ')));
}

/** Frame types and error codes of the wire as they would stand in code, from the generated registry. */
function wireNumbers() {
  const path = 'packages/core/src/wire/gen/registry.ts';
  const registry = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const frames = [...registry.matchAll(/: (0x[0-9a-f]{4}),/g)].map(([, hex]) => hex);
  const errors = [...registry.matchAll(/\bnumber: ([1-8]\d{3})\b/g)].map(([, number]) => number);
  return new RegExp(`(?<![\\w.])(${[...frames, ...errors].join('|') || '$^'})(?![\\w.])`, 'i');
}

const widthOf = (line) => [...(COMMENT.test(line) ? line : line.replace(TEXT_IN_CODE, ''))].length;

function checkCode(path, lines, wire) {
  const linesMax = /(^|\/)test\//.test(path) || CATALOGUES.test(path) ? TEST_LINES_MAX : SOURCE_LINES_MAX;
  if (lines.length > linesMax) report(path, linesMax, `${lines.length} lines: more than ${linesMax} want to be two files`);
  const code = codeOnly(lines.join('\n')).split('\n');
  const pure = PURE.test(path);
  const banned = pure ? [...IMPURE, ...(WAITING.test(path) ? [] : ASYNCHRONOUS)] : [];
  const shipped = /^packages\/[^/]+\/src\//.test(path) && !OTHER_NUMBERS.test(path);
  for (const [i, line] of lines.entries()) {
    const width = line.length > COLUMNS_MAX ? widthOf(line) : 0;
    if (width > COLUMNS_MAX) report(path, i + 1, `${width} columns: more than ${COLUMNS_MAX} (npm run format)`);
    for (const [token, why] of banned) if (token.test(code[i])) report(path, i + 1, why);
    if (PARKED_TEST.test(code[i])) report(path, i + 1, 'a parked test');
    const literal = shipped ? wire.exec(code[i]) : null;
    if (literal) report(path, i + 1, `${literal[0]} is a number of the wire: name it (FrameType, error code)`);
  }
}

function checkText(path, lines) {
  for (const part of path.split('/')) if (NAMELESS.test(part)) report(path, 1, `"${part}" says nothing: name the concept`);
  for (const [i, line] of lines.entries()) {
    if (UNFINISHED.test(line)) report(path, i + 1, 'unfinished: do it, or write an issue');
    const found = ABSOLUTE_PATH.exec(line);
    if (found) report(path, i + 1, `an absolute path of one machine: ${line.slice(found.index, found.index + 30)}`);
  }
}

const blank = (part) => part.replace(/[^\n]/g, ' ');
const withoutFences = (text) => text.replace(/^ {0,3}(```+|~~~+)[\s\S]*?^ {0,3}\1[`~]*\s*$/gm, blank);

/** The anchor that a heading gets on GitHub. */
function slug(heading) {
  const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]*>/g, '');
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}

const anchorsByFile = new Map();
function anchorsOf(path) {
  const known = anchorsByFile.get(path);
  if (known) return known;
  const anchors = new Set();
  const text = withoutFences(readFileSync(path, 'utf8'));
  for (const [, heading] of text.matchAll(/^ {0,3}#{1,6} +(.+?)[ #]*$/gm)) {
    const name = slug(heading);
    let unique = name;
    for (let n = 1; anchors.has(unique); n++) unique = `${name}-${n}`;
    anchors.add(unique);
  }
  for (const [, name] of text.matchAll(/<[a-z]+[^>]*\s(?:id|name)="([^"]+)"/g)) anchors.add(name);
  anchorsByFile.set(path, anchors);
  return anchors;
}

function problemOfLink(path, link) {
  const [target, anchor] = link.split('#', 2);
  const file = target === '' ? path : normalize(join(dirname(path), decodeURI(target)));
  if (file.startsWith('..') || target.startsWith('/')) return `${link} leaves the repository`;
  if (!existsSync(file)) return `${link} points nowhere`;
  if (anchor && file.endsWith('.md') && statSync(file).isFile() && !anchorsOf(file).has(anchor))
    return `${link}: no such heading`;
  return undefined;
}

function checkLinks(path, text) {
  const prose = withoutFences(text).replace(/(`+)[\s\S]*?[^`]\1(?!`)/g, blank);
  const links = /\]\(\s*<?([^()\s>]+)>?(?:\s+"[^"]*")?\s*\)|^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)/gm;
  for (const match of prose.matchAll(links)) {
    const link = match[1] ?? match[2];
    if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
    const problem = problemOfLink(path, link);
    if (problem) report(path, prose.slice(0, match.index).split('\n').length, problem);
  }
}

const wire = wireNumbers();
let count = 0;
for (const path of filesUnder('')) {
  count++;
  const text = readFileSync(path, 'utf8');
  const lines = text.replace(/\n$/, '').split('\n');
  checkText(path, lines);
  if (CODE.test(path) && !GENERATED.test(path)) checkCode(path, lines, wire);
  if (basename(path).endsWith('.md')) checkLinks(path, text);
}
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log(`${count} files are tidy`);
process.exitCode = problems.length === 0 ? 0 : 1;
