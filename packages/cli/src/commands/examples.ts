import type { Command } from 'commander';

/** Pairs of a command line and what it does, shown below the options by `--help`. */
export function addExamples(command: Command, examples: readonly (readonly [string, string])[], more = ''): void {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}   ${what}`.trimEnd());
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}${more === '' ? '' : `\n\n${more}`}`);
}
