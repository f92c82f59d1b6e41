import type { Command } from 'commander';
import { option } from '../options.ts';
import type { Session } from '../session.ts';
import { addExamples } from './examples.ts';
import { addStopHelp, configOption, nodeLoggers, readyLineOption, serve } from './serve.ts';

interface NameServerFlags {
  readonly listen: string;
  readonly name?: string;
  readonly json?: boolean;
}

async function runNameServer(session: Session, { listen, name, json }: NameServerFlags): Promise<void> {
  const { startNameServer } = await import('@qanat/server');
  const logger = (await nodeLoggers(session))(name ?? 'nameserver');
  const node = await startNameServer({ listen, logger, ...(name === undefined ? {} : { name }) });
  if (json === true)
    session.out.json({ ready: true, role: 'nameserver', name: node.name, endpoint: node.endpoint, pid: process.pid });
  else session.out.line(`nameserver ${name ?? ''}${name === undefined ? '' : ' '}listens on ${node.endpoint}`);
  await serve(session, [node], () => node.stop());
}

export function addNameServerCommand(program: Command, session: Session): void {
  const command = program
    .command('nameserver')
    .description('run a NameServer: it keeps the routes, and knows no other')
    .addOption(
      option('--listen <address>', 'host:port; port 0 picks a free one', { env: 'QANAT_LISTEN', fallback: '127.0.0.1:7600' }),
    )
    .addOption(option('--name <name>', 'for the logs', { env: 'QANAT_NAME' }))
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
