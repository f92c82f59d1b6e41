import { CommanderError } from 'commander';
import { CONFORMANCE, runConformance } from './commands/conformance.ts';
import { describeError, ExitCode, exitCodeOf } from './errors.ts';
import { type CliIo, processIo } from './io.ts';
import { safeText } from './output/safe-text.ts';
import { checkNoun, createProgram, expandHelp } from './program.ts';
import { Session } from './session.ts';

export { ExitCode } from './errors.ts';
export type { CliIo, StopSignal } from './io.ts';

/** Prints what went wrong, and what to do about it; a stack only where it was asked for. */
function report(session: Session, error: unknown, debug: boolean): void {
  if (error instanceof CommanderError) return; // Commander has printed it.
  const { diagnostics } = session;
  const { code, message, hint, retryable } = describeError(error);
  if (diagnostics.format === 'json') {
    diagnostics.writeLine(JSON.stringify({ error: { code, message, hint, retryable, exitCode: exitCodeOf(error) } }));
  } else {
    const prefix = diagnostics.paint('31', 'error: ');
    diagnostics.writeLine(`${prefix}${safeText(message)}${code === undefined ? '' : ` (${code})`}`);
    if (hint !== undefined) diagnostics.writeLine(`hint: ${safeText(hint)}`);
  }
  if (!debug) return;
  for (let one: unknown = error; one instanceof Error; one = one.cause) diagnostics.writeLine(one.stack ?? String(one));
}

async function runCommand(session: Session, argv: readonly string[]): Promise<number> {
  try {
    const program = createProgram(session);
    checkNoun(program, argv);
    await program.parseAsync([...expandHelp(program, argv)], { from: 'user' });
    return session.stoppedBy === undefined ? session.exitCode : session.stoppedExitCode || session.exitCode;
  } catch (error) {
    // What fails because it was asked to stop is no failure.
    if (session.stoppedBy !== undefined && session.stoppedExitCode !== 0) return session.stoppedExitCode;
    if (session.stoppedBy === 'EPIPE') return session.exitCode;
    report(session, error, argv.includes('--debug'));
    return exitCodeOf(error);
  }
}

/**
 * Runs one command line. Touches nothing but `io` (and files and sockets that the command names).
 * @param argv without the program's name.
 * @returns the exit code. After a second Ctrl-C it comes although the command still runs.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  if (argv[0] === CONFORMANCE) return runConformance(argv.slice(1), io);
  if (argv[0] === 'help' && argv[1] === CONFORMANCE) return runConformance([...argv.slice(2), '--help'], io);
  const session = new Session(io);
  const code = await Promise.race([runCommand(session, argv), session.forced]);
  await session.out.flush().catch(() => {});
  session.dispose();
  return code;
}

/** Runs the command line of this process, and ends it. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const crash = (error: unknown): void => {
    const text = error instanceof Error ? (argv.includes('--debug') ? error.stack : error.message) : String(error);
    process.stderr.write(`error: ${text}\nhint: this is a defect of Qanat: please report it, with what --debug shows\n`);
    process.exit(ExitCode.FAILURE);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  const code = await run(argv, processIo());
  process.exit(code);
}
