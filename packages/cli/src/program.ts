import { Command } from 'commander';
import { addBridgeCommands } from './commands/bridge.ts';
import { addBrokerCommand } from './commands/broker.ts';
import { addClusterCommands } from './commands/cluster.ts';
import { addConformanceCommand } from './commands/conformance.ts';
import { addDevCommand } from './commands/dev.ts';
import { addGroupCommands } from './commands/group.ts';
import { addLogCommands } from './commands/log.ts';
import { addNameServerCommand } from './commands/nameserver.ts';
import { addSendCommand } from './commands/send.ts';
import { addSpecCommands } from './commands/spec.ts';
import { addTailCommand } from './commands/tail.ts';
import { addTlsCommands } from './commands/tls.ts';
import { addTopicCommands } from './commands/topic.ts';
import { addUserCommands } from './commands/user.ts';
import { usageError } from './errors.ts';
import { addGlobalOptions, applyGlobals } from './options.ts';
import type { Session } from './session.ts';
import { packageVersion } from './version.ts';

const EVERY_DAY = `Every day:
  qanat dev                          run a cluster on this machine
  qanat send orders 'hello'          send a message
  qanat tail orders --from first     watch messages
  qanat group lag billing            see how far a group is behind`;

const EXIT_CODES = `Exit codes: 0 ok, 1 failure, 2 wrong use, 3 not found, 5 cannot connect, 6 timeout, 7 partly done,
130 and 143 ended by SIGINT and SIGTERM.`;

/** Of servers that are clients of NameServers too. */
const MEMBER_GLOBALS: readonly string[] = [
  ...['--user', '--password-from', '--by-certificate'],
  ...['--nameserver', '--tls-ca', '--tls-cert', '--tls-key'],
  ...['--log-level', '--log-format', '--debug', '--no-color'],
];

/** Servers take none of the options of clients. */
const SERVER_GLOBALS: Readonly<Record<string, readonly string[]>> = {
  dev: ['--log-level', '--log-format', '--debug', '--no-color'],
  nameserver: ['--tls-ca', '--tls-cert', '--tls-key', '--log-level', '--log-format', '--debug', '--no-color'],
  broker: MEMBER_GLOBALS,
  mqtt: MEMBER_GLOBALS,
};

/** The whole command line, bound to one session. Nothing is printed or ended past the session. */
export function createProgram(session: Session): Command {
  const program: Command = new Command('qanat')
    .description(EVERY_DAY)
    .usage('<command> [options]')
    .version(packageVersion(), '-V, --version')
    .configureOutput({
      writeOut: (text) => session.out.write(text),
      writeErr: (text) => session.io.stderr.write(text),
      getOutHelpWidth: () => 110,
      getErrHelpWidth: () => 110,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions(command) {
        const all = program.options.filter((one) => !one.hidden && one.long !== '--version');
        const kept = SERVER_GLOBALS[command.name()];
        if (command === program) return [];
        return kept === undefined ? all : all.filter((one) => kept.includes(one.long ?? ''));
      },
    });
  addGlobalOptions(program);
  program.hook('preAction', (_program, command) => applyGlobals(session, program, command));
  addDevCommand(program, session);
  addSendCommand(program, session);
  addTailCommand(program, session);
  addTopicCommands(program, session);
  addGroupCommands(program, session);
  addClusterCommands(program, session);
  addNameServerCommand(program, session);
  addBrokerCommand(program, session);
  addBridgeCommands(program, session);
  addUserCommands(program, session);
  addLogCommands(program, session);
  addTlsCommands(program, session);
  addSpecCommands(program, session);
  addConformanceCommand(program);
  program.addHelpText('after', `\n"qanat help COMMAND" shows examples.\n${EXIT_CODES}`);
  return program;
}

/**
 * A command within another that is called without it: `mqtt` for `bridge mqtt`. Commander shows the main help for `mqtt --help`.
 * @throws CliError that names the whole command.
 */
export function checkNoun(program: Command, argv: readonly string[]): void {
  const [word] = argv;
  if (program.commands.some((one) => one.name() === word || one.aliases().includes(word ?? ''))) return;
  const nouns = program.commands.filter(({ commands }) => commands.some((one) => one.name() === word));
  if (nouns.length === 0) return;
  const meant = nouns.map((noun) => `"qanat ${noun.name()} ${word}"`).join(' or ');
  throw usageError(`there is no command "${word}"`, `write ${meant}`);
}

/** Commander's `help` knows one word: `help topic create` becomes `topic create --help`. */
export function expandHelp(program: Command, argv: readonly string[]): readonly string[] {
  if (argv[0] !== 'help' || argv.length < 3) return argv;
  let command: Command | undefined = program;
  for (const word of argv.slice(1))
    command = command?.commands.find((one) => one.name() === word || one.aliases().includes(word));
  return command === undefined ? argv : [...argv.slice(1), '--help'];
}
