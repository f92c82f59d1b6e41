import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { DriverError } from '../driver/line-driver.ts';
import { KIT_NAME } from '../version.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addListCommands } from './list-commands.ts';
import { addProbeCommands } from './probe-commands.ts';
import { addReportCommands } from './report-commands.ts';
import { addReproCommands } from './repro-commands.ts';
import { addRunCommand } from './run-command.ts';
import { processTerminal, type Terminal, UsageError } from './say.ts';
import { addSelfTestCommand } from './selftest-command.ts';
import { addVectorsCommand } from './vectors-command.ts';

const WRONG_USE = 64;
const HARNESS = 3;

const EXAMPLES = `
Examples:
  qanat-conformance run broker --endpoint 127.0.0.1:7610            a broker that runs already
  qanat-conformance run broker --cmd './driver'                     one that a driver starts, kills and restarts
  qanat-conformance run producer --cmd 'python3 driver.py' --report html=report.html
  qanat-conformance doctor --cmd './driver'                         is my driver right?
  qanat-conformance explain QNT-SND-013
  qanat-conformance replay failures/QNT-SND-013.json --cmd './driver'`;

/** Where the vectors of the specification are: beside the sources, or in the package. */
const VECTORS = fileURLToPath(new URL('../../../../spec/v1/vectors/', import.meta.url));

/** @returns the exit code. Nothing is thrown. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const ended = (value: number): void => {
    code = value;
  };
  const program = new Command('qanat-conformance')
    .description('tells clause by clause whether a client, broker or NameServer keeps the Qanat protocol, in any language')
    .version(KIT_NAME)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showSuggestionAfterError()
    .addHelpText('after', EXAMPLES);
  addRunCommand(program, terminal, ended);
  addProbeCommands(program, terminal, ended);
  addListCommands(program, terminal, ended);
  addVectorsCommand(program, terminal, ended, VECTORS);
  addReproCommands(program, terminal, ended);
  addReportCommands(program, terminal, ended);
  addDoctorCommand(program, terminal, ended);
  addSelfTestCommand(program, terminal, ended);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    return explain(error as Error, terminal);
  }
}

function explain(error: Error, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USE;
  if (error instanceof UsageError) {
    terminal.err(`error: ${error.message}\nhint: ${error.hint}\n`);
    return WRONG_USE;
  }
  if (error instanceof DriverError) {
    terminal.err(`error: ${error.message}\nhint: qanat-conformance doctor --cmd … looks at a driver and says what is wrong\n`);
    return HARNESS;
  }
  terminal.err(`error: ${error.stack ?? error.message}\nhint: this is a defect of the kit: please report it\n`);
  return HARNESS;
}

/** The command. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const code = await runCommand(argv, processTerminal);
  // What a program that was broken off has left open does not keep the command; what was written is on its way first.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
