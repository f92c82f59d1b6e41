import type { Command } from 'commander';
import { option } from '../options.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import {
  addStopHelp,
  configOption,
  httpNote,
  httpOption,
  listenOption,
  listensOn,
  nodeLoggers,
  readyLineOption,
  serve,
  serveStatus,
} from './serve.ts';

interface NameServerFlags {
  readonly listen: string;
  readonly name?: string;
  readonly http?: string;
  readonly json?: boolean;
}

async function runNameServer(session: Session, { listen, name, http, json }: NameServerFlags): Promise<void> {
  const { startNameServer } = await import('@qanat/server');
  const logger = (await nodeLoggers(session))(name ?? 'nameserver');
  const node = await startNameServer({ listen, logger, ...(name === undefined ? {} : { name }) });
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
    .addOption(listenOption('127.0.0.1:7600'))
    .addOption(option('--name <name>', 'for the logs', { env: 'QANAT_NAME' }))
    .addOption(httpOption())
    .addOption(configOption())
    .addOption(readyLineOption())
    .action((flags: NameServerFlags) => runNameServer(session, flags));
  addExamples(command, [
    ['qanat nameserver', 'on 127.0.0.1:7600'],
    ['qanat nameserver --listen 0.0.0.0:7600', 'for other machines too'],
    ['qanat nameserver --listen 127.0.0.1:0 --json', 'for scripts: {"ready":true,"endpoint":"127.0.0.1:PORT", …}'],
  ]);
  addStopHelp(command);
}
