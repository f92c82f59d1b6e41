// etcd, two NameServers and two groups of a master and a slave, each a process started as an operator would.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, start } from '../processes.mjs';

const ETCD_READY_MS = 10_000;

export const GROUPS = ['a', 'b'];

async function freeUrl() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** @throws where etcd is not installed. */
async function startEtcd(directory) {
  const [url, peers] = [await freeUrl(), await freeUrl()];
  const clients = ['--listen-client-urls', url, '--advertise-client-urls', url];
  const others = ['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`];
  const child = spawn('etcd', ['--data-dir', join(directory, 'etcd'), ...clients, ...others], { stdio: 'ignore' });
  await once(child, 'spawn').catch(() => {
    throw new Error('etcd is not installed (Debian and Ubuntu: apt install etcd-server)');
  });
  for (let waitedMs = 0; waitedMs < ETCD_READY_MS; waitedMs += 100) {
    if ((await fetch(`${url}/health`).catch(() => undefined))?.ok) return { child, url };
    await sleep(100);
  }
  await end(child, 'SIGKILL');
  throw new Error('etcd does not answer');
}

export async function startCluster(directory) {
  const etcd = await startEtcd(directory);
  const running = [etcd.child];
  const nameServers = [];
  for (const name of ['ns-1', 'ns-2']) {
    const { child, endpoint } = await start(['nameserver', '--name', name, '--listen', '127.0.0.1:0']);
    running.push(child);
    nameServers.push(endpoint);
  }
  const replicas = new Map();
  const startReplica = async (group, replica) => {
    const key = `${group}/${replica}`;
    const listen = replicas.get(key)?.endpoint ?? '127.0.0.1:0';
    const own = ['--name', group, '--replica', String(replica), ...(replica === 0 ? [] : ['--slave'])];
    const where = ['--listen', listen, '--data', join(directory, `${group}-${replica}`), '--nameserver', nameServers.join(',')];
    replicas.set(key, await start(['broker', ...own, ...where, '--etcd', etcd.url, '--create-topics']));
  };
  for (const replica of [0, 1]) for (const group of GROUPS) await startReplica(group, replica);
  return {
    nameServers,
    kill: (group, replica) => end(replicas.get(`${group}/${replica}`).child, 'SIGKILL'),
    startAgain: startReplica,
    async stop() {
      const brokers = [...replicas.values()].map(({ child }) => child);
      await Promise.all(brokers.map((child) => end(child, 'SIGTERM')));
      for (const child of running.reverse()) await end(child, 'SIGTERM');
    },
  };
}
