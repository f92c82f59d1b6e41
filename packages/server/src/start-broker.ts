import { setTimeout as sleep } from 'node:timers/promises';
import {
  Broker,
  type BrokerOptions,
  credentialsOf,
  type LoginOptions,
  parseNameServers,
  QanatError,
  Random,
  type ReplicationOptions,
} from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { deriveKey, drawNonce, nodePlatform, systemClock } from '@qanat/transports/node';
import type { EtcdSettings } from './election/etcd-settings.ts';
import { EtcdStore } from './election/etcd-store.ts';
import { endpointsToTell, parseAdvertised } from './listeners.ts';
import { createLogger, type Logger } from './logger.ts';
import { hasRunSince } from './machine-boot.ts';
import { connectionsThatFit } from './open-files.ts';
import { NodeHost, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { type ListeningOptions, serverNetwork } from './server-network.ts';
import { WatchedUsers } from './users/users-watch.ts';
import { SOFTWARE } from './version.ts';

/** How long a broker that starts waits until its NameServers know it. */
const REGISTER_MS = 1_000;
const REGISTER_POLL_MS = 5;

export interface BrokerProcessOptions extends ListeningOptions {
  readonly name: string;
  readonly cluster?: string;
  /** What clients are told instead of the addresses that it listens on, in the same form. */
  readonly advertise?: string | readonly string[];
  /** Directory of the log; made where it is missing. */
  readonly data: string;
  /** `host:port` or URLs, several with commas between them or as a list. Empty: none, so that clients do not find it. */
  readonly nameServers: string | readonly string[];
  /** Who the broker is at its NameServers, where these ask: a user of the broker's name, with the role broker. */
  readonly login?: LoginOptions | undefined;
  /** Topics are created when a client first uses them. Default false. */
  readonly createsTopics?: boolean;
  readonly defaultQueues?: number;
  /** `sync`: an acknowledged message is on stable storage. `async`: it is written, and synced every 200 ms. Default sync. */
  readonly flush?: 'sync' | 'async';
  /** Where the master of a replica's group is elected; all its replicas have the same. Default: the operator says who leads. */
  readonly etcd?: EtcdSettings | undefined;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<BrokerOptions>;
}

/**
 * Starts a broker on its listeners and files, and returns when it has recovered, serves, and its NameServers know it (or do not
 * answer).
 * @throws QanatError BAD_CONFIG, STORE_LOCKED, CORRUPT_LOG or STORE_IO.
 */
export async function startBroker(options: BrokerProcessOptions): Promise<RunningNode> {
  const node = nodeName(options.name, options.engine?.replication?.replica);
  const log = options.logger ?? createLogger({ node });
  const connectionsMax = connectionsThatFit(options.engine?.limits?.connectionsMax);
  const network = serverNetwork(options, connectionsMax, log);
  const advertised = parseAdvertised(options.advertise ?? [], network.listeners);
  const users = options.users === undefined ? undefined : new WatchedUsers(options.users, log);
  const nameServers = options.nameServers.length === 0 ? [] : parseNameServers(options.nameServers, network.schemes);
  const consensus = options.etcd === undefined ? undefined : new EtcdStore(options.etcd);
  const storage = await openFileStorage(options.data);
  const replication = replicationOf(options);
  const engine = new Broker({
    name: options.name,
    cluster: options.cluster ?? 'default',
    nameServers,
    createsTopics: options.createsTopics ?? false,
    flush: options.flush ?? 'sync',
    platform: nodePlatform,
    random: new Random(randomSeed()),
    software: SOFTWARE,
    ...(users === undefined ? {} : { security: users.security }),
    ...(options.login === undefined ? {} : { credentials: credentialsOf(options.login, drawNonce) }),
    ...(options.defaultQueues === undefined ? {} : { defaultQueues: options.defaultQueues }),
    ...options.engine,
    replication,
    limits: { ...options.engine?.limits, connectionsMax },
  });
  const ports = { clock: systemClock, storage, deriveKey, onLog: log, ...(consensus === undefined ? {} : { consensus }) };
  const host = new NodeHost(engine, network, ports, users);
  void host.ended.then(() => consensus?.close());
  try {
    await host.start();
  } catch (error) {
    await new Promise<void>((resolve) => storage.close(() => resolve()));
    consensus?.close();
    // What is wrong with the log of a replica is noted, and mended when it is opened again.
    if (QanatError.is(error, 'RESTART_REQUIRED')) return startBroker(options);
    throw error;
  }
  const endpoints = await host.listen();
  const told = endpointsToTell(endpoints, advertised);
  host.call((broker, nowMs) => broker.setEndpoints(told, nowMs));
  network.logListening(endpoints, told);
  await registered(engine, nameServers.length);
  return host.running('broker', node, endpoints);
}

function replicationOf({ engine, etcd, data, flush }: BrokerProcessOptions): ReplicationOptions | undefined {
  if (engine?.replication === undefined) return undefined;
  const intact = flush === 'async' && hasRunSince(data);
  return { ...engine.replication, intact, ...(etcd === undefined ? {} : { mode: 'automatic' as const }) };
}

/** Replicas of one name are told apart: in logs, metrics and what is shown to people. */
export const nodeName = (broker: string, replica = 0): string => (replica === 0 ? broker : `${broker}/${replica}`);

/** A broker is of use once clients can find it: waits for its NameServers, but not for those that are down. */
async function registered(engine: Broker, nameServers: number): Promise<void> {
  const untilMs = performance.now() + REGISTER_MS;
  while (engine.figures().nameServers < nameServers && performance.now() < untilMs) await sleep(REGISTER_POLL_MS);
}
