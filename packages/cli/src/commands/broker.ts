import { join } from 'node:path';
import type { BrokerProcessOptions } from '@qanat/server';
import type { Command } from 'commander';
import { collectSeldom, collectWithoutHelpers } from '../heap-growth.ts';
import { loginOf } from '../login.ts';
import { option, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { addBrokerGroupCommands } from './broker-group.ts';
import { addEtcdOptions, type EtcdFlags, etcdOf } from './etcd-options.ts';
import { addExamples } from './examples.ts';
import { addLogOptions, flushOption, type LogFlags, logSettings } from './log-options.ts';
import { addReplicationOptions, type ReplicationFlags, replicationOf, usualData } from './replication-options.ts';
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
  startUnlessStopped,
} from './serve.ts';
import { addStateOptions, type StateFlags, stateLimits } from './state-options.ts';

/** Of a broker, and of a slave, which is often on the machine of a master of another group. */
const USUAL_LISTEN = '127.0.0.1:7610';
const USUAL_LISTEN_OF_SLAVE = '127.0.0.1:7620';

interface BrokerFlags extends LogFlags, StateFlags, ListeningFlags, ReplicationFlags, EtcdFlags {
  readonly name: string;
  readonly cluster: string;
  readonly zone?: string;
  readonly advertise?: string;
  readonly data?: string;
  readonly createTopics?: boolean;
  readonly queues?: number;
  readonly flush: 'sync' | 'async';
  readonly http?: string;
  readonly json?: boolean;
}

async function runBroker(session: Session, flags: BrokerFlags): Promise<void> {
  const replication = replicationOf(flags);
  const etcd = await etcdOf(session, flags, replication !== undefined);
  collectSeldom();
  collectWithoutHelpers();
  const { startBroker } = await import('@qanat/server');
  const data = flags.data ?? join('.qanat', usualData(flags.name, replication?.replica));
  const settings: BrokerProcessOptions = {
    name: flags.name,
    cluster: flags.cluster,
    ...listeningOf(session, flags),
    data,
    nameServers: session.settings.nameServers,
    createsTopics: flags.createTopics ?? false,
    flush: flags.flush,
    login: await loginOf(session),
    etcd,
    logger: (await nodeLoggers(session))(flags.name),
    engine: {
      log: logSettings(flags),
      limits: stateLimits(flags),
      replication,
      ...(flags.zone === undefined ? {} : { zone: flags.zone }),
    },
    ...(flags.advertise === undefined ? {} : { advertise: flags.advertise }),
    ...(flags.queues === undefined ? {} : { defaultQueues: flags.queues }),
  };
  const node = await startUnlessStopped(session, (signal) => startBroker({ ...settings, signal }));
  if (node === undefined) return;
  const status = await serveStatus(flags.http, [node]);
  if (flags.json === true) {
    const { endpoint, endpoints } = node;
    const { replica } = replication ?? {};
    const http = status?.endpoint;
    session.out.json({
      ready: true,
      role: 'broker',
      name: flags.name,
      replica,
      endpoint,
      endpoints,
      http,
      data,
      pid: process.pid,
    });
  } else session.out.line(`broker ${node.name} ${await listensOn(node)}, data in ${data}${httpNote(status)}`);
  await serve(session, [node], () => node.stop());
  await status?.close();
}

/** A slave listens beside a master on the same machine. */
function withUsualListen(command: Command, flags: BrokerFlags): BrokerFlags {
  const isUsual = command.getOptionValueSource('listen') === 'default';
  return flags.slave === true && isUsual ? { ...flags, listen: USUAL_LISTEN_OF_SLAVE } : flags;
}

export function addBrokerCommand(program: Command, session: Session): void {
  const command = program
    .command('broker')
    .description('run a broker: it stores and serves messages; or look after the replicas of one')
    .addOption(option('--name <name>', 'unique in the cluster', { env: 'QANAT_NAME', fallback: 'broker-1' }))
    .addOption(option('--cluster <name>', 'name of the cluster', { env: 'QANAT_CLUSTER', fallback: 'default' }))
    .addOption(option('--zone <name>', 'where it stands, for consumers that read in their zone', { env: 'QANAT_ZONE' }));
  addListeningOptions(command, USUAL_LISTEN)
    .addOption(
      option('--advertise <addresses>', 'what clients are told instead of the addresses it listens on: [name=]host:port,…', {
        env: 'QANAT_ADVERTISE',
      }),
    )
    .addOption(option('--data <dir>', 'where the log is kept; default .qanat/NAME', { env: 'QANAT_DATA' }))
    .addOption(option('--create-topics', 'create topics when they are first used', { env: 'QANAT_CREATE_TOPICS' }))
    .addOption(
      option('--queues <n>', 'queues of a topic created without a number', { parse: wholeNumber(1), env: 'QANAT_QUEUES' }),
    )
    .addOption(flushOption())
    .addOption(httpOption())
    .addOption(configOption())
    .addOption(readyLineOption())
    .action((flags: BrokerFlags) => runBroker(session, withUsualListen(command, flags)));
  addReplicationOptions(command);
  addEtcdOptions(command);
  addLogOptions(command);
  addStateOptions(command);
  addExamples(command, [
    ['qanat broker --name a --data /var/lib/qanat --create-topics', ''],
    ['qanat broker --nameserver ns1:7600,ns2:7600 --listen 0.0.0.0:7610 --insecure', 'in a network of its own'],
    ['qanat broker --listen qanat://127.0.0.1:7610,lan=qanats://0.0.0.0:7611 --tls-cert …', 'in two networks'],
    [
      'qanat broker --name a --replica 0 --min-in-sync 2',
      'master of the group a: a message is committed once a slave has it too',
    ],
    ['qanat broker --name a --replica 1 --slave', 'its slave, on 7620'],
    ['qanat broker --name a --replica 1 --slave --etcd http://10.0.0.1:2379', 'the group elects its master: docs/failover.md'],
    ['qanat broker --config /etc/qanat/broker.yaml', 'name: a, data: /var/lib/qanat, nameserver: [ns1:7600, ns2:7600], …'],
    ['qanat broker --name a --listen 127.0.0.1:0 --json', 'for scripts: {"ready":true,"endpoint":"127.0.0.1:PORT", …}'],
  ]);
  addStopHelp(command);
  addBrokerGroupCommands(command, session);
}
