import type { Command, Option } from 'commander';
import type { Node, Scalar } from 'yaml';
import { usageError } from './errors.ts';
import { isRepeated } from './repeated-options.ts';
import { readYamlFile } from './yaml-file.ts';

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
  const { isMap, isScalar, isSeq } = await import('yaml');
  const { contents, placeOf } = await readYamlFile(file, 'configuration', 'write name: value');
  if (contents === null) return;
  if (!isMap<Scalar, Node>(contents)) throw usageError(`${file}:1:1: settings are lines of name: value`);
  for (const { key, value } of contents.items) {
    const at = placeOf(key);
    const scalars = isSeq<Node>(value) ? value.items : [value];
    if (!scalars.every((one) => isScalar(one)) || scalars.length === 0)
      throw usageError(`${at}: "${key.value}" needs a value, or a list of values`);
    set(
      command,
      at,
      String(key.value),
      scalars.map((one) => String((one as Scalar).value)),
    );
  }
}

function set(command: Command, at: string, name: string, texts: readonly string[]): void {
  const settings = settingsOf(command);
  const found = settings.get(name);
  if (found === undefined) {
    throw usageError(
      `${at}: there is no setting "${name}"`,
      `settings of ${pathOf(command)}: ${[...settings.keys()].join(', ')}`,
    );
  }
  const { option: one, owner } = found;
  const source = owner.getOptionValueSource(one.attributeName());
  const text = texts.join(',');
  try {
    const value = one.isBoolean() ? booleanOf(text) : isRepeated(one) ? repeated(one, texts) : parsed(one, text);
    if (source === undefined || source === 'default') owner.setOptionValueWithSource(one.attributeName(), value, 'config');
  } catch (error) {
    throw usageError(`${at}: ${name} is "${text}": ${error instanceof Error ? error.message : String(error)}`);
  }
}

const parsed = (one: Option, text: string): unknown => one.parseArg?.(text, undefined as never) ?? text;

/** An option that is given again and again takes each value of a list by itself. */
const repeated = (one: Option, texts: readonly string[]): unknown =>
  texts.reduce<unknown>((before, text) => one.parseArg?.(text, before as never), undefined);

function booleanOf(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error('Write true or false.');
}

/** `qanat bridge mqtt` */
const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

/** The options that the help of the command shows, by their long names. */
function settingsOf(command: Command): Map<string, { readonly option: Option; readonly owner: Command }> {
  let root = command;
  while (root.parent !== null) root = root.parent;
  const settings = new Map<string, { readonly option: Option; readonly owner: Command }>();
  const add = (owner: Command, one: Option): void => {
    const name = one.long?.replace(/^--/, '') ?? '';
    if (name !== '' && !NOT_IN_A_FILE.has(name) && !one.negate) settings.set(name, { option: one, owner });
  };
  for (const one of command.options) add(command, one);
  for (const one of command.createHelp().visibleGlobalOptions(command)) add(root, one);
  return settings;
}
