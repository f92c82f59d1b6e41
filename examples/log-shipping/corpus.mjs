// Makes a real text file on the spot: lines of files that any Linux has, with the awkward ones put among them.

import { once } from 'node:events';
import { createWriteStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PLACES = [
  '/usr/share/common-licenses',
  '/usr/share/perl',
  '/usr/share/doc',
  '/usr/lib/python3',
  '/usr/share/zoneinfo',
  '/usr/include',
  '/etc',
  process.execPath.replace(/bin\/node$/, ''),
];
const FILE_BYTES_MAX = 4 * 1024 * 1024;

function* textFiles(directory, depth = 0) {
  let entries = [];
  try {
    entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return; // not readable, or not there
  }
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && depth < 8) yield* textFiles(path, depth + 1);
    else if (entry.isFile()) yield path;
  }
}

function linesOf(path) {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) return [];
    const bytes = readFileSync(path);
    if (bytes.subarray(0, 8_000).includes(0)) return []; // not a text
    return bytes.toString('utf8').split('\n');
  } catch {
    return [];
  }
}

function* awkwardLines() {
  yield '';
  yield 'قناة · 坎儿井 · کاریز · 🛕 e\u0301';
  yield `${'a line of 300 kB '.repeat(17_648)}end`;
  yield '\ttabs and trailing blanks   ';
  yield '\r';
}

/** Writes at least `count` lines to `path`. @returns the lines' number. */
export async function makeCorpus(path, count) {
  const out = createWriteStream(path);
  let lines = 0;
  const write = async (line) => {
    lines++;
    if (!out.write(`${line}\n`)) await once(out, 'drain');
  };
  while (lines < count) {
    const before = lines;
    for (const place of PLACES) {
      for (const file of textFiles(place)) {
        for (const line of linesOf(file)) {
          if (lines >= count) break;
          await write(line);
          if (lines % 20_000 === 10_000) for (const awkward of awkwardLines()) await write(awkward);
        }
        if (lines >= count) break;
      }
    }
    if (lines === before) throw new Error('no text files found to make the corpus of');
  }
  out.end();
  await once(out, 'finish');
  return lines;
}
