import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LineCounter, Node } from 'yaml';
import { CliError, ExitCode, usageError } from './errors.ts';

/** Settings and rules are short; a file beyond it is another file. */
const CONFIG_BYTES_MAX = 64 * 1024;

/** A file of YAML, and where in it something stands. */
export interface YamlFile {
  readonly contents: Node | null;
  /** `file:line:column` of a node. */
  placeOf(node: { readonly range?: readonly [number, number, number] | null | undefined }): string;
}

/** @param what the file is called in errors. @throws CliError that names file, line and column. */
export async function readYamlFile(file: string, what: string, hint: string): Promise<YamlFile> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(readText(file, what), { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) throw usageError(`${place(file, lines, broken.pos[0])}: ${broken.message}`, hint);
  return { contents: document.contents, placeOf: ({ range }) => place(file, lines, range?.[0] ?? 0) };
}

function readText(file: string, what: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= CONFIG_BYTES_MAX) return bytes.toString();
  } catch (error) {
    const hint = `it was looked for at ${resolve(file)}`;
    throw new CliError(ExitCode.USAGE, `cannot read the ${what}: ${(error as Error).message}`, hint, error);
  }
  throw usageError(`${file} is above ${CONFIG_BYTES_MAX} bytes (CONFIG_BYTES_MAX): this is no ${what}`);
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}
