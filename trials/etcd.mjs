// One node of etcd (Debian: etcd-server), with its data in the directory of the trial.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, TrialProcess } from './processes.mjs';
import { until } from './trial.mjs';

const READY_MS = 10_000;

/** The trial is skipped where there is no etcd. @returns the URL of the node. */
export async function startEtcd(trial) {
  if (spawnSync('etcd', ['--version']).error !== undefined) trial.skip('it needs etcd (Debian: etcd-server)');
  const url = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  const addresses = ['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peers];
  const cluster = ['--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`];
  const command = ['etcd', '--data-dir', join(trial.directory, 'etcd'), ...addresses, ...cluster];
  const etcd = new TrialProcess(command, { log: trial.log('etcd') });
  trial.atEnd(() => etcd.end('SIGKILL'));
  const healthy = async () => ((await fetch(`${url}/health`).catch(() => undefined))?.ok ? true : undefined);
  if ((await until(healthy, { withinMs: READY_MS })) === undefined)
    throw new Error(`etcd is not ready after ${READY_MS} ms; see ${trial.log('etcd')}`);
  return url;
}
