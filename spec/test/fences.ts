// The fenced examples of the specification: what runs them is in examples.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Fence {
  readonly file: string;
  readonly line: number;
  /** Words behind the backticks: `hex frame PING request`. */
  readonly info: readonly string[];
  readonly body: string;
}

export const SPEC_DIR = join(import.meta.dirname, '..');

/** Every page of the specification, generated tables left out. */
export function pages(): readonly string[] {
  const top = readdirSync(SPEC_DIR).filter((name) => name.endsWith('.md'));
  const chapters = readdirSync(join(SPEC_DIR, 'v1')).filter((name) => name.endsWith('.md'));
  return [...top, ...chapters.map((name) => `v1/${name}`), 'v1/vectors/README.md'].sort();
}

export function fencesOf(file: string): readonly Fence[] {
  const text = readFileSync(join(SPEC_DIR, file), 'utf8');
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    info: (match[1] as string).trim().split(/\s+/),
    body: match[2] as string,
  }));
}

/** The bytes of an example: hex digits up to `#` on each line, up to the JSON that begins with `{` at the begin of a line. */
export function hexOf(body: string): Uint8Array {
  const end = body.search(/^\{/m);
  const digits = body
    .slice(0, end < 0 ? undefined : end)
    .replace(/#.*$/gm, '')
    .replace(/\s+/g, '');
  return bytesOfHex(digits);
}

export function bytesOfHex(digits: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hex: ${digits.slice(0, 40)}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export const hexOfBytes = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function jsonOf(body: string): unknown {
  return JSON.parse(body.slice(body.search(/^\{/m)));
}
