import type { Command } from 'commander';
import { option } from '../options.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import {
  addListeningOptions,
  addStopHelp,
  configOption,
  httpNote,
  httpOption,
  type ListeningFlags,
  listeningOf,
  listensOn,
  nodeLoggers,
  readyLineOption,
  serve,
  serveStatus,
} from './serve.ts';

interface NameServerFlags extends ListeningFlags {
  readonly name?: string;
  readonly data?: string;
  readonly http?: string;
  readonly json?: boolean;
}

const recordsNote = (data: string | undefined): string => (data === undefined ? '' : `, records in ${data}`);

async function runNameServer(session: Session, flags: NameServerFlags): Promise<void> {
  const { name, data, http, json } = flags;
  const { startNameServer } = await import('@qanat/server');
  const logger = (await nodeLoggers(session))(name ?? 'nameserver');
  const named = name === undefined ? {} : { name };
  const node = await startNameServer({ ...listeningOf(session, flags), data, logger, ...named });
  const status = await serveStatus(http, [node]);
  if (json === true)
    session.out.json({
      ready: true,
      role: 'nameserver',
      name: node.name,
      endpoint: node.endpoint,
      endpoints: node.endpoints,
      http: status?.endpoint,
      data,
      pid: process.pid,
    });
  else
    session.out.line(
      `nameserver ${name === undefined ? '' : `${name} `}${await listensOn(node)}${recordsNote(data)}${httpNote(status)}`,
    );
  await serve(session, [node], () => node.stop());
  await status?.close();
}

export function addNameServerCommand(program: Command, session: Session): void {
  const command = program
    .command('nameserver')
    .description('run a NameServer: it keeps the routes, and knows no other')
    .addOption(option('--name <name>', 'for the logs', { env: 'QANAT_NAME' }))
    .addOption(
      option('--data <dir>', 'where it keeps who is master of brokers with slaves; default: it keeps nothing', {
        env: 'QANAT_DATA',
      }),
    );
  addListeningOptions(command, '127.0.0.1:7600')
    .addOption(httpOption())
    .addOption(configOption())
    .addOption(readyLineOption())
    .action((flags: NameServerFlags) => runNameServer(session, flags));
  addExamples(command, [
    ['qanat nameserver', 'on 127.0.0.1:7600'],
    ['qanat nameserver --listen 0.0.0.0:7600 --insecure', 'for other machines too, in a network of its own'],
    ['qanat nameserver --data /var/lib/qanat-ns', 'of a cluster whose brokers have slaves'],
    ['qanat nameserver --listen 127.0.0.1:0 --json', 'for scripts: {"ready":true,"endpoint":"127.0.0.1:PORT", …}'],
  ]);
  addStopHelp(command);
}
