import type { Command } from 'commander';
import type { CliIo } from '../io.ts';

export const CONFORMANCE = 'conformance';

/** For the list of commands; the kit reads its arguments itself. */
export function addConformanceCommand(program: Command): void {
  program.command(CONFORMANCE).description('check an implementation of the protocol: the same as qanat-conformance');
}

/** Hands a command line over to the conformance kit, which has exit codes of its own. */
export async function runConformance(argv: readonly string[], { stdout, stderr }: CliIo): Promise<number> {
  const { runCommand } = await import('@qanat/conformance/cli');
  return runCommand(argv, {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    interactive: 'isTTY' in stderr && stderr.isTTY === true,
  });
}
