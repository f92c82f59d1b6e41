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
  readonly store?: string;
  readonly http?: string;
  readonly json?: boolean;
}

async function runNameServer(session: Session, flags: NameServerFlags): Promise<void> {
  const { name, store, http, json } = flags;
  const { startNameServer } = await import('@qanat/server');
  const logger = (await nodeLoggers(session))(name ?? 'nameserver');
  const node = await startNameServer({ ...listeningOf(session, flags), store, logger, ...(name === undefined ? {} : { name }) });
  const status = await serveStatus(http, [node]);
  if (json === true)
    session.out.json({
      ready: true,
      role: 'nameserver',
      name: node.name,
      endpoint: node.endpoint,
      endpoints: node.endpoints,
      http: status?.endpoint,
      pid: process.pid,
    });
  else session.out.line(`nameserver ${name === undefined ? '' : `${name} `}${await listensOn(node)}${httpNote(status)}`);
  await serve(session, [node], () => node.stop());
  await status?.close();
}

export function addNameServerCommand(program: Command, session: Session): void {
  const command = program
    .command('nameserver')
    .description('run a NameServer: it keeps the routes, and knows no other')
    .addOption(option('--name <name>', 'for the logs', { env: 'QANAT_NAME' }))
    .addOption(
      option('--store <dir>', 'where records of replicated brokers are kept; default: none, it refuses them', {
        env: 'QANAT_STORE',
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
    ['qanat nameserver --store /var/lib/qanat-ns', 'with records of broker groups, for replicated brokers'],
    ['qanat nameserver --listen 127.0.0.1:0 --json', 'for scripts: {"ready":true,"endpoint":"127.0.0.1:PORT", …}'],
  ]);
  addStopHelp(command);
}
