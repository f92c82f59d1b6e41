// The requirements of the specification: each normative sentence has an id, each id has a test, a vector or a stated reason.
//   node scripts/check-requirements.mjs           prints what is wrong and the counts; exit 1 when something is wrong
//   node scripts/check-requirements.mjs --write   puts the page counts in spec/README.md right, and takes ids that
//                                                 have a test off the list of those without
//   node scripts/check-requirements.mjs --list    prints the ids without a test
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

const KEYWORD = /\b(MUST|SHOULD|MAY|SHALL|REQUIRED|RECOMMENDED|OPTIONAL)\b/;
const ID = /QNT-[A-Z]{3}-\d{3}/g;
const REQUIREMENT = /^\*\*\[(QNT-([A-Z]{3})-\d{3})\]\*\* \(([ANBPCM](?:,[ANBPCM])*)\) /;
const AREAS = 'INV TYP NAM FRM CON COR ERR LIM KAL REG RTE BAT SND PUL OFS GRP ADM LOG TCP SEC RGY WSK AUT ATZ KST MQT RPL'.split(
  ' ',
);
const UNTESTED = 'spec/v1/untested.json';
const README = 'spec/README.md';
const PAGE_LINES = 45;
const CHAPTER_PAGES_MAX = 12;

const problems = [];
const report = (where, what) => problems.push(`${where}: ${what}`);
const blank = (part) => part.replace(/[^\n]/g, ' ');

function filesUnder(folder, extensions) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort();
}

/** Paragraphs, list items and table rows of a page, without fences and inline code, with the line where each begins. */
function blocksOf(text) {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, blank).replace(/(`+)[\s\S]*?[^`]\1(?!`)/g, blank);
  const blocks = [];
  let block;
  prose.split('\n').forEach((line, i) => {
    const begins =
      /^\s*([-*]|\d+\.) |^\s*$|^#|^>|^\|/.test(line) && !/^>(?! ?$)/.test(line.startsWith('>') && block?.quote ? '' : line);
    if (block === undefined || begins || block.table) {
      block = { line: i + 1, text: '', quote: line.startsWith('>'), table: line.startsWith('|') };
      blocks.push(block);
    }
    block.text += ` ${line.trim()}`;
  });
  return blocks.map(({ line, text: whole }) => ({ line, text: whole.trim().replace(/^([-*]|\d+\.) /, '') }));
}

/** The requirements of one page by id; whatever is normative and has no id of its own is reported. */
function requirementsOf(path, found) {
  for (const { line, text } of blocksOf(readFileSync(path, 'utf8'))) {
    const where = `${path}:${line}`;
    const match = REQUIREMENT.exec(text);
    const normative = text.split(/(?<=[.!?])\s+(?=[A-Z])/).filter((sentence) => KEYWORD.test(sentence));
    if (match === null) {
      if (normative.length > 0) report(where, `a normative sentence without an id: ${normative[0].slice(0, 80)}`);
      if (/\*\*\[QNT/.test(text)) report(where, `an id that is not written as **[QNT-ABC-001]** (A): ${text.slice(0, 60)}`);
      continue;
    }
    const [whole, id, area] = match;
    if (!AREAS.includes(area)) report(where, `${id}: no area ${area}`);
    if (found.has(id)) report(where, `${id} is given twice, first at ${found.get(id).where}`);
    if (normative.length !== 1) report(where, `${id} has ${normative.length} normative sentences, not one`);
    found.set(id, { where, text: text.slice(whole.length) });
  }
}

/** Every id that a file names, with the files. */
function citationsIn(paths) {
  const cited = new Map();
  for (const path of paths) {
    for (const [id] of readFileSync(path, 'utf8').matchAll(ID)) {
      if (!cited.has(id)) cited.set(id, new Set());
      cited.get(id).add(path);
    }
  }
  return cited;
}

function checkUntested(ids, tested, write) {
  const listed = existsSync(UNTESTED) ? JSON.parse(readFileSync(UNTESTED, 'utf8')) : {};
  const reasons = write ? Object.fromEntries(Object.entries(listed).filter(([id]) => !tested.has(id))) : listed;
  if (write) writeFileSync(UNTESTED, `${JSON.stringify(reasons, null, 2)}\n`);
  for (const [id, reason] of Object.entries(reasons)) {
    if (!ids.has(id)) report(UNTESTED, `${id} is no requirement`);
    else if (tested.has(id)) report(UNTESTED, `${id} has a test (${[...tested.get(id)][0]}): take it off this list`);
    if (typeof reason !== 'string' || reason.length < 10) report(UNTESTED, `${id} has no reason`);
  }
  for (const id of ids.keys()) {
    if (!tested.has(id) && !(id in reasons)) report(ids.get(id).where, `${id} has no test and no reason in ${UNTESTED}`);
  }
  return Object.keys(reasons).length;
}

const linesOf = (path) => readFileSync(path, 'utf8').trimEnd().split('\n').length;
const pagesOf = (lines) => Math.ceil(lines / PAGE_LINES);

/** The chapter files that a roadmap names as `01`, `invariants` or `A`. */
function chapterFile(name, chapters) {
  if (name === 'invariants') return 'spec/invariants.md';
  const file = chapters.find((path) => basename(path).startsWith(name === 'A' ? 'appendix-a' : `${name}-`));
  if (file === undefined) throw new Error(`${README}: no chapter ${name}`);
  return file;
}

/** Checks or writes the "about N pages" of each roadmap: a table row `| role | chapters | about N pages |`. */
function roadmaps(chapters, write) {
  const text = readFileSync(README, 'utf8');
  const roads = [];
  const right = text.replace(
    /^(\| \*\*([^*]+)\*\* \| )([^|]+)( \| about )(\d+)( pages \|)$/gm,
    (_row, head, role, list, about, told, tail) => {
      const names = list
        .replace(/\[|\]\([^)]*\)/g, '')
        .split(/, ?/)
        .map((name) => name.trim());
      const pages = pagesOf(names.reduce((sum, name) => sum + linesOf(chapterFile(name, chapters)), 0));
      roads.push(`${role} ${pages}`);
      if (!write && Math.abs(pages - Number(told)) > 1)
        report(README, `the road of the ${role} has ${pages} pages, not ${told} (--write)`);
      return `${head}${list}${about}${pages}${tail}`;
    },
  );
  if (roads.length === 0) report(README, 'no roadmap');
  if (write) writeFileSync(README, right);
  return roads;
}

function main() {
  const { values } = parseArgs({ options: { write: { type: 'boolean' }, list: { type: 'boolean' } } });
  const chapters = readdirSync('spec/v1')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `spec/v1/${name}`)
    .sort();
  const ids = new Map();
  for (const path of [README, 'spec/CHANGELOG.md', 'spec/invariants.md', ...chapters]) requirementsOf(path, ids);
  for (const path of ['spec/invariants.md', ...chapters]) {
    const pages = pagesOf(linesOf(path));
    if (pages > CHAPTER_PAGES_MAX) report(path, `${pages} pages: a chapter has at most ${CHAPTER_PAGES_MAX}`);
  }
  const tests = filesUnder('packages', /\.(ts|mjs)$/).filter(
    // The contract suites are tests too: those of every adapter run them.
    (path) =>
      (/\/test\//.test(path) || /^packages\/(conformance\/src|core\/src\/testing)\//.test(path)) &&
      // The list of all requirements, and of those that the kit cannot observe.
      !/^packages\/conformance\/src\/(clause\/gen|families\/exclusions)\//.test(path),
  );
  const tested = citationsIn([...tests, ...filesUnder('spec/test', /\.ts$/), ...filesUnder('spec/v1/vectors', /\.json$/)]);
  const sources = filesUnder('packages', /\.(ts|mjs)$/).filter((path) => !tests.includes(path));
  const pages = ['spec/README.md', 'spec/CHANGELOG.md', 'spec/invariants.md', ...chapters, 'spec/v1/vectors/README.md'];
  for (const cited of [tested, citationsIn([...sources, ...pages, ...filesUnder('docs', /\.md$/)])]) {
    for (const [id, paths] of cited) if (!ids.has(id)) report([...paths][0], `${id} does not exist`);
  }
  const reasons = checkUntested(ids, tested, values.write);
  const roads = roadmaps(chapters, values.write);
  if (values.list) for (const [id, { text }] of ids) if (!tested.has(id)) console.log(`${id} ${text}`);
  for (const problem of problems) console.error(problem);
  const count = [...ids.keys()].filter((id) => tested.has(id)).length;
  const lines = chapters.reduce((sum, path) => sum + linesOf(path), linesOf('spec/invariants.md'));
  console.log(`pages of ${PAGE_LINES} lines: ${pagesOf(lines)} in all; to write a ${roads.join(', a ')}`);
  console.log(`requirements: ${ids.size} ids, ${count} tested, ${reasons} with a reason`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

main();
