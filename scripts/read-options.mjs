// The command lines of scripts: `--help` prints the help and ends with 0, wrong use is told with it and ends with 64.
import { parseArgs } from 'node:util';

export function wrongUse(message, help) {
  process.stderr.write(`error: ${message}\n\n${help}`);
  process.exit(64);
}

/**
 * @param help what `--help` prints. @param options as those of `parseArgs`.
 * @returns `values` and `positionals`; without `allowPositionals` there are none.
 */
export function readOptions(help, options, { allowPositionals = false } = {}) {
  const read = () => {
    try {
      return parseArgs({ allowPositionals, options: { ...options, help: { type: 'boolean', short: 'h', default: false } } });
    } catch (error) {
      return wrongUse(error.message.replace(/\. To specify a positional argument.*$/s, ''), help);
    }
  };
  const { values, positionals } = read();
  if (!values.help) return { values, positionals };
  process.stdout.write(help);
  return process.exit(0);
}
