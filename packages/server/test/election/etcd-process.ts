// Real members of etcd, on free ports of loopback, with their data in a folder that goes with them.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConsensusRequest, type ConsensusResults, QanatError } from '@qanat/core';
import { EtcdStore } from '../../src/index.ts';

/** Whether etcd is installed: Debian has it as `etcd-server`. */
export const hasEtcd: boolean = spawnSync('etcd', ['--version'], { stdio: 'ignore' }).error === undefined;

/** Until a cluster that was started, or has lost a member, answers; much more than it takes. */
const READY_MS = 20_000;

/** A machine that runs many tests at once may be slow: what is not about time gives a member more of it. */
export const PATIENT_MS = 5_000;

export interface Member {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
  process: ChildProcess | undefined;
}

export interface EtcdClusterOptions {
  /** Default 1. */
  readonly size?: number;
  /** Default http. */
  readonly scheme?: 'http' | 'https';
  /** Further arguments of each member. */
  readonly args?: readonly string[];
}

export class EtcdCluster {
  static readonly #started: EtcdCluster[] = [];
  readonly folder: string = mkdtempSync(join(tmpdir(), 'qanat-etcd-'));
  readonly members: Member[] = [];
  readonly #scheme: string;
  readonly #args: readonly string[];

  private constructor({ scheme = 'http', args = [] }: EtcdClusterOptions) {
    this.#scheme = scheme;
    this.#args = args;
  }

  static async start(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(options);
    EtcdCluster.#started.push(cluster);
    const ports = await freePorts(2 * (options.size ?? 1));
    for (let i = 0; i < ports.length; i += 2)
      cluster.members.push({ name: `m${i}`, port: ports[i] as number, peerPort: ports[i + 1] as number, process: undefined });
    for (const member of cluster.members) cluster.startMember(member);
    return cluster;
  }

  get endpoints(): string[] {
    return this.members.map(({ port }) => `${this.#scheme}://127.0.0.1:${port}`);
  }

  startMember(member: Member): void {
    const client = `${this.#scheme}://127.0.0.1:${member.port}`;
    const peer = `http://127.0.0.1:${member.peerPort}`;
    const cluster = this.members.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`).join(',');
    const args = [
      ...['--name', member.name, '--data-dir', join(this.folder, member.name)],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
      ...['--heartbeat-interval', '50', '--election-timeout', '500', '--log-level', 'error', ...this.#args],
    ];
    member.process = spawn('etcd', args, { stdio: 'ignore' });
  }

  /** Calls the gateway of one member, past the adapter. */
  async post(member: Member, path: string, body: object): Promise<Record<string, unknown>> {
    const url = `http://127.0.0.1:${member.port}/v3/${path}`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    return (await response.json()) as Record<string, unknown>;
  }

  /** Kills every member of every cluster of this file, and removes their data. */
  static async endAll(): Promise<void> {
    for (const { members, folder } of EtcdCluster.#started.splice(0)) {
      await Promise.all(members.map((member) => killMember(member)));
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** With SIGKILL: nothing is flushed. */
export async function killMember(member: Member): Promise<void> {
  const { process } = member;
  if (process === undefined) return;
  member.process = undefined;
  const closed = once(process, 'close');
  process.kill('SIGKILL');
  await closed;
}

/** The store as promises. */
export function ask<R extends ConsensusRequest>(store: EtcdStore, request: R): Promise<ConsensusResults[R['op']]> {
  return new Promise((resolve, reject) => {
    store.start(request, (error, result) => (error === undefined ? resolve(result) : reject(error)));
  });
}

/** Asks again while etcd is on its way. */
export async function askUntilAnswered<R extends ConsensusRequest>(
  store: EtcdStore,
  request: R,
): Promise<ConsensusResults[R['op']]> {
  for (const untilMs = performance.now() + READY_MS; ; ) {
    try {
      return await ask(store, request);
    } catch (error) {
      if (!QanatError.is(error) || !error.retryable || performance.now() > untilMs) throw error;
    }
  }
}

export async function readyStore(cluster: EtcdCluster, settings: object = {}): Promise<EtcdStore> {
  const store = new EtcdStore({ endpoints: cluster.endpoints, timeoutMs: PATIENT_MS, ...settings });
  await askUntilAnswered(store, { op: 'get', prefix: '/qanat/' });
  return store;
}

/** Ports that nobody listens on: all are held until the last is found. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
