import type { ReplicationOptions } from '@qanat/core';
import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { bytesPerSecond, durationFrom, option, wholeNumber } from '../options.ts';

/** REPLICAS_MAX − 1; the core is loaded by those that run. */
const REPLICA_MAX = 15;
/** The core's, too. */
const LAG_MS_MIN = 1_000;

/** Options of `qanat broker` about its group. */
export interface ReplicationFlags {
  readonly replica?: number;
  readonly slave?: boolean;
  readonly minInSync?: number;
  readonly replicaLag?: number;
  readonly catchUpRate?: number;
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
        parse: durationFrom(LAG_MS_MIN, '1s'),
        env: 'QANAT_REPLICA_LAG',
      }),
    )
    .addOption(
      option(
        '--catch-up-rate <bytes>',
        'what all slaves that are not in sync may take of this master in a second, for example 50MB; default: no bound',
        { parse: bytesPerSecond, env: 'QANAT_CATCH_UP_RATE' },
      ),
    );
}

/** Undefined: the broker is alone. @throws CliError where the flags do not fit together. */
export function replicationOf(flags: ReplicationFlags): ReplicationOptions | undefined {
  const { replica, slave, minInSync, replicaLag, catchUpRate } = flags;
  if (replica === undefined) {
    const given = [
      ...(slave === true ? ['--slave'] : []),
      ...(minInSync === undefined ? [] : ['--min-in-sync']),
      ...(replicaLag === undefined ? [] : ['--replica-lag']),
      ...(catchUpRate === undefined ? [] : ['--catch-up-rate']),
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
    ...(catchUpRate === undefined ? {} : { catchUpBytesPerSecond: catchUpRate }),
  };
}

/** Its directory where none is named: replicas of one name on one machine do not meet in one. */
export const usualData = (name: string, replica = 0): string => (replica === 0 ? name : `${name}-${replica}`);
