import type { ReplicationOptions } from '@qanat/core';
import type { EtcdSettings } from '@qanat/server';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { durationMs, option, wholeNumber } from '../options.ts';
import { passwordFromFile } from '../password.ts';
import type { Session } from '../session.ts';

/** REPLICAS_MAX − 1; the core is loaded by those that run. */
const REPLICA_MAX = 15;

/** Options of `qanat broker` about its group. */
export interface ReplicationFlags {
  readonly replica?: number;
  readonly slave?: boolean;
  readonly minInSync?: number;
  readonly replicaLag?: number;
  readonly etcd?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFile?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
}

/** `--replica` of commands that mean one replica: no variable stands for it, lest it be the wrong one. */
export const replicaOption = (description: string, env?: string): ReturnType<typeof option> =>
  option('--replica <n>', description, { parse: wholeNumber(0, REPLICA_MAX), ...(env === undefined ? {} : { env }) });

export function addReplicationOptions(command: Command): Command {
  return command
    .addOption(
      replicaOption('number of this replica among the brokers of its name; default: the broker is alone', 'QANAT_REPLICA'),
    )
    .addOption(
      option('--slave', 'copy the log of the master of this name; listens on 7620 where nothing else is said', {
        env: 'QANAT_SLAVE',
      }),
    )
    .addOption(
      option('--min-in-sync <n>', 'replicas, this one included, that have each message before it is committed; default 1', {
        parse: wholeNumber(1, REPLICA_MAX + 1),
        env: 'QANAT_MIN_IN_SYNC',
      }),
    )
    .addOption(
      option('--replica-lag <duration>', 'a slave that lags behind for longer is waited for no more; default 10s', {
        parse: durationMs,
        env: 'QANAT_REPLICA_LAG',
      }),
    )
    .addOption(
      option('--etcd <urls>', 'where the master of the group is elected: http://host:2379,…; default: you promote it', {
        env: 'QANAT_ETCD',
      }),
    )
    .addOption(option('--etcd-user <name>', 'where etcd asks who its clients are', { env: 'QANAT_ETCD_USER' }))
    .addOption(option('--etcd-password-file <file>', 'its password; - for standard input', { env: 'QANAT_ETCD_PASSWORD_FILE' }))
    .addOption(option('--etcd-ca <file>', 'authority of the certificates of etcd, for https', { env: 'QANAT_ETCD_CA' }))
    .addOption(option('--etcd-cert <file>', 'certificate of this client of etcd', { env: 'QANAT_ETCD_CERT' }))
    .addOption(option('--etcd-key <file>', 'its key', { env: 'QANAT_ETCD_KEY' }));
}

/** Undefined: masters are promoted by hand. @throws CliError where the flags do not fit together. */
export async function etcdOf(session: Session, flags: ReplicationFlags): Promise<EtcdSettings | undefined> {
  const { etcd: endpoints, etcdUser: user, etcdPasswordFile: file, etcdCa: ca, etcdCert: cert, etcdKey: key } = flags;
  if (endpoints === undefined) {
    if ([user, file, ca, cert, key].every((one) => one === undefined)) return undefined;
    throw usageError('options of etcd need --etcd', 'name the client URLs of etcd: --etcd http://10.0.0.1:2379,http://10.0.0.2:2379');
  }
  if (flags.replica === undefined)
    throw usageError('--etcd needs --replica', 'only masters of brokers with replicas are elected: --replica 0, --replica 1');
  if ((user === undefined) !== (file === undefined)) throw usageError('--etcd-user and --etcd-password-file go together');
  const login = user === undefined || file === undefined ? undefined : { user, password: await passwordFromFile(session, file) };
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return { endpoints, login, ...(Object.keys(files).length === 0 ? {} : { tls: files }) };
}

/** Undefined: the broker is alone. @throws CliError where the flags do not fit together. */
export function replicationOf({ replica, slave, minInSync, replicaLag }: ReplicationFlags): ReplicationOptions | undefined {
  if (replica === undefined) {
    const given = [
      ...(slave === true ? ['--slave'] : []),
      ...(minInSync === undefined ? [] : ['--min-in-sync']),
      ...(replicaLag === undefined ? [] : ['--replica-lag']),
    ];
    if (given.length === 0) return undefined;
    throw usageError(
      `${given.join(' and ')} ${given.length === 1 ? 'needs' : 'need'} --replica`,
      'number the brokers of one name: --replica 0 is the first master, --replica 1 --slave its first slave',
    );
  }
  return {
    replica,
    role: slave === true ? 'slave' : 'master',
    ...(minInSync === undefined ? {} : { minInSync }),
    ...(replicaLag === undefined ? {} : { lagMs: replicaLag }),
  };
}

/** Its directory where none is named: replicas of one name on one machine do not meet in one. */
export const usualData = (name: string, replica = 0): string => (replica === 0 ? name : `${name}-${replica}`);
