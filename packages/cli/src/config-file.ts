import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import type { LineCounter, Node, Scalar } from 'yaml';
import { CliError, ExitCode, usageError } from './errors.ts';

/** A configuration is short; a file beyond it is another file. */
const CONFIG_BYTES_MAX = 64 * 1024;
/** Options that a file cannot set: they say how the command is called, not what it runs. */
const NOT_IN_A_FILE: ReadonlySet<string> = new Set(['config', 'json', 'output', 'timeout', 'debug', 'color', 'version', 'help']);

/**
 * Takes the settings of a YAML file. A flag is stronger than the environment, that stronger than the file, the file stronger
 * than a default. Every key has the name of a long option of the command; a list stands for values with commas between them.
 *
 * @throws CliError that names file, line and column: a file that cannot be read, is no YAML, names an unknown setting or gives
 * it a value that its option refuses.
 */
export async function applyConfigFile(command: Command, file: string): Promise<void> {
  const { LineCounter, parseDocument, isMap, isScalar, isSeq } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) throw usageError(`${place(file, lines, broken.pos[0])}: ${broken.message}`, 'write name: value');
  if (document.contents === null) return;
  if (!isMap<Scalar, Node>(document.contents)) throw usageError(`${file}:1:1: settings are lines of name: value`);
  for (const { key, value } of document.contents.items) {
    const at = place(file, lines, key.range?.[0] ?? 0);
    const scalars = isSeq<Node>(value) ? value.items : [value];
    if (!scalars.every((one) => isScalar(one)) || scalars.length === 0)
      throw usageError(`${at}: "${key.value}" needs a value, or a list of values`);
    set(command, at, String(key.value), scalars.map((one) => String((one as Scalar).value)).join(','));
  }
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length <= CONFIG_BYTES_MAX) return bytes.toString();
  } catch (error) {
    throw new CliError(ExitCode.USAGE, `cannot read the configuration: ${(error as Error).message}`, undefined, error);
  }
  throw usageError(`${file} is above ${CONFIG_BYTES_MAX} bytes (CONFIG_BYTES_MAX): this is no configuration`);
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${line}:${col}`;
}

function set(command: Command, at: string, name: string, text: string): void {
  const settings = settingsOf(command);
  const found = settings.get(name);
  if (found === undefined) {
    throw usageError(
      `${at}: there is no setting "${name}"`,
      `settings of qanat ${command.name()}: ${[...settings.keys()].join(', ')}`,
    );
  }
  const { option: one, owner } = found;
  const source = owner.getOptionValueSource(one.attributeName());
  try {
    const value = one.isBoolean() ? booleanOf(text) : (one.parseArg?.(text, undefined as never) ?? text);
    if (source === undefined || source === 'default') owner.setOptionValueWithSource(one.attributeName(), value, 'config');
  } catch (error) {
    throw usageError(`${at}: ${name} is "${text}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

function booleanOf(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error('Write true or false.');
}

/** The options that the help of the command shows, by their long names. */
function settingsOf(command: Command): Map<string, { readonly option: Option; readonly owner: Command }> {
  const root = command.parent ?? command;
  const settings = new Map<string, { readonly option: Option; readonly owner: Command }>();
  const add = (owner: Command, one: Option): void => {
    const name = one.long?.replace(/^--/, '') ?? '';
    if (name !== '' && !NOT_IN_A_FILE.has(name) && !one.negate) settings.set(name, { option: one, owner });
  };
  for (const one of command.options) add(command, one);
  for (const one of command.createHelp().visibleGlobalOptions(command)) add(root, one);
  return settings;
}
