import { setTimeout as sleep } from 'node:timers/promises';
import {
  Broker,
  type BrokerOptions,
  credentialsOf,
  type Endpoint,
  type LoginOptions,
  parseNameServers,
  QanatError,
  Random,
  type ReplicationOptions,
  type Storage,
} from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { deriveKey, drawNonce, nodePlatform, systemClock } from '@qanat/transports/node';
import type { EtcdSettings } from './election/etcd-settings.ts';
import { EtcdStore } from './election/etcd-store.ts';
import { type Advertised, endpointsToTell, parseAdvertised } from './listeners.ts';
import type { Logger } from './logger.ts';
import { hasRunSince } from './machine-boot.ts';
import { connectionsThatFit } from './open-files.ts';
import { NodeHost } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { type ListeningOptions, type ServerNetwork, serverNetwork } from './server-network.ts';
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
  /** Gives the start up, which may wait long for others: the broker ends as planned, and the start fails with CLOSED. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<BrokerOptions>;
}

interface RunParts {
  readonly host: NodeHost<Broker>;
  readonly storage: Storage;
  readonly network: ServerNetwork;
  readonly advertised: Advertised;
  /** How many there are. */
  readonly nameServers: number;
}

/** A broker from the opening of its files to its end: its process may have several, one after the other. */
export class BrokerRun {
  readonly #parts: RunParts;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get host(): NodeHost<Broker> {
    return this.#parts.host;
  }

  /**
   * Recovers, listens, and returns when its NameServers know it (or do not answer).
   * @throws what ended it before; CLOSED where `signal` did. Then its files are closed.
   */
  async start(signal: AbortSignal): Promise<readonly Endpoint[]> {
    const { host, network, advertised, nameServers } = this.#parts;
    try {
      await this.#ready(signal);
      const endpoints = await host.listen();
      const told = endpointsToTell(endpoints, advertised);
      host.call((broker, nowMs) => broker.setEndpoints(told, nowMs));
      network.logListening(endpoints, told);
      await registered(host.engine, nameServers, signal);
      if (signal.aborted) throw givenUp();
      return endpoints;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Ends it, where it has not ended, and lets go of its files and ports. */
  async close(): Promise<void> {
    const { host, storage } = this.#parts;
    await host.stop();
    await new Promise<void>((resolve) => storage.close(() => resolve()));
  }

  async #ready(signal: AbortSignal): Promise<void> {
    const { host } = this.#parts;
    if (signal.aborted) throw givenUp();
    const giveUp = (): void => void host.stop();
    signal.addEventListener('abort', giveUp, { once: true });
    await host.start().finally(() => signal.removeEventListener('abort', giveUp));
    if (signal.aborted) throw givenUp();
  }
}

/** Opens the files of a broker, and makes its engine. @throws QanatError BAD_CONFIG, STORE_LOCKED or STORE_IO. */
export async function openBroker(options: BrokerProcessOptions, log: Logger): Promise<BrokerRun> {
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
  return new BrokerRun({ host, storage, network, advertised, nameServers: nameServers.length });
}

function replicationOf({ engine, etcd, data, flush }: BrokerProcessOptions): ReplicationOptions | undefined {
  if (engine?.replication === undefined) return undefined;
  const intact = flush === 'async' && hasRunSince(data);
  return { ...engine.replication, intact, ...(etcd === undefined ? {} : { mode: 'automatic' as const }) };
}

/** A broker is of use once clients can find it: waits for its NameServers, but not for those that are down. */
async function registered(engine: Broker, nameServers: number, signal: AbortSignal): Promise<void> {
  const untilMs = performance.now() + REGISTER_MS;
  while (engine.figures().nameServers < nameServers && performance.now() < untilMs && !signal.aborted)
    await sleep(REGISTER_POLL_MS);
}

const givenUp = (): QanatError => new QanatError('CLOSED', 'the broker was stopped before it served');
