import type { EtcdSettings } from '@qanat/server';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { option } from '../options.ts';
import { askPassword, passwordFromFile } from '../password.ts';
import type { Session } from '../session.ts';

/** Options of `qanat broker` about the etcd in which its group elects its master. */
export interface EtcdFlags {
  readonly etcd?: string;
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly etcdUser?: string;
  readonly etcdPasswordFrom?: string;
}

export function addEtcdOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--etcd <endpoints>',
        'elect the master of the group by this etcd: http://host:2379,…; the same for all its replicas',
        {
          env: 'QANAT_ETCD',
        },
      ),
    )
    .addOption(option('--etcd-ca <file>', 'CA that etcd over https is verified against, PEM', { env: 'QANAT_ETCD_CA' }))
    .addOption(option('--etcd-cert <file>', 'certificate that is shown to etcd, PEM', { env: 'QANAT_ETCD_CERT' }))
    .addOption(option('--etcd-key <file>', 'private key of --etcd-cert, PEM', { env: 'QANAT_ETCD_KEY' }))
    .addOption(option('--etcd-user <name>', 'who the broker is at an etcd that asks', { env: 'QANAT_ETCD_USER' }))
    .addOption(
      option('--etcd-password-from <file>', 'its first line is the password of --etcd-user; default: $QANAT_ETCD_PASSWORD', {
        env: 'QANAT_ETCD_PASSWORD_FROM',
      }),
    );
}

/** Undefined: no election. @throws CliError where the flags do not fit together. */
export async function etcdOf(session: Session, flags: EtcdFlags, isReplica: boolean): Promise<EtcdSettings | undefined> {
  const { etcd: endpoints, etcdCa: ca, etcdCert: cert, etcdKey: key, etcdUser: user } = flags;
  if (endpoints === undefined) {
    if (ca ?? cert ?? key ?? user)
      throw usageError('options of etcd need --etcd', '--etcd http://10.0.0.1:2379,http://10.0.0.2:2379');
    return undefined;
  }
  if (!isReplica) throw usageError('--etcd needs --replica', 'number the brokers of one name: --replica 0, --replica 1 --slave');
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return {
    endpoints,
    ...(Object.keys(files).length === 0 ? {} : { tls: files }),
    ...(user === undefined ? {} : { login: { user, password: await passwordOf(session, user, flags.etcdPasswordFrom) } }),
  };
}

async function passwordOf(session: Session, user: string, file: string | undefined): Promise<string> {
  if (file !== undefined) return passwordFromFile(session, file);
  return session.io.env.QANAT_ETCD_PASSWORD ?? askPassword(session, `Password of ${user} at etcd: `);
}
