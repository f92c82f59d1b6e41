// The vectors for a codec as data for the conformance kit: it is shipped without the specification.
import { readFileSync } from 'node:fs';

const FOLDER = 'spec/v1/vectors';
/** Those of a server's HELLO and of the numbers of producers are no pure functions: servers are asked about them. */
const CASES = [
  ...['preface', 'frames', 'headers', 'batches', 'crc32', 'errors', 'rendezvous'],
  ...['allocate-averagely', 'allocate-circle', 'allocate-sticky'],
];
const TEXTS = ['names', 'tags', 'filters'].flatMap((name) => [`${name}-valid`, `${name}-invalid`]);

function casesOf(name) {
  const { clauses, cases } = JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8'));
  const rows = cases.map((one) => `      ${JSON.stringify(one)},\n`).join('');
  return `  '${name}': {\n    clauses: ${JSON.stringify(clauses)},\n    cases: [\n${rows}    ],\n  },\n`;
}

const textOf = (name) => `  '${name}': ${JSON.stringify(readFileSync(`${FOLDER}/${name}.txt`, 'utf8'))},\n`;

export function generateVectors() {
  return `// Generated from spec/v1/vectors by scripts/generate. Do not edit.
import type { JsonObject } from '../../json.ts';

/** A file of cases. */
export interface VectorFile {
  /** The ids that it tests. */
  readonly clauses: readonly string[];
  readonly cases: readonly JsonObject[];
}

/** The files with cases, by their name. */
export const VECTOR_CASES: Readonly<Record<string, VectorFile>> = {
${CASES.map(casesOf).join('')}};

/** The files with a text a line, as they are. */
export const VECTOR_TEXTS: Readonly<Record<string, string>> = {
${TEXTS.map(textOf).join('')}};
`;
}
