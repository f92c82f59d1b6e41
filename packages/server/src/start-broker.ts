import { setTimeout as sleep } from 'node:timers/promises';
import { Broker, type BrokerOptions, Random } from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { nodePlatform, systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import { advertisedAddress, warnOfOpenListener } from './listen-address.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectionsThatFit } from './open-files.ts';
import { NodeHost, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { SOFTWARE } from './version.ts';

/** How long a broker that starts waits until its NameServers know it. */
const REGISTER_MS = 1_000;
const REGISTER_POLL_MS = 5;

export interface BrokerProcessOptions {
  readonly name: string;
  readonly cluster?: string;
  /** `host:port`; port 0 picks a free one. */
  readonly listen: string;
  /** What clients are told instead of the address that it listens on. */
  readonly advertise?: string;
  /** Directory of the log; made where it is missing. */
  readonly data: string;
  readonly nameServers: readonly string[];
  /** Topics are created when a client first uses them. Default false. */
  readonly createsTopics?: boolean;
  readonly defaultQueues?: number;
  /** `sync`: an acknowledged message is on stable storage. `async`: it is written, and synced every 200 ms. Default sync. */
  readonly flush?: 'sync' | 'async';
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<BrokerOptions>;
}

/**
 * Starts a broker on TCP and files, and returns when it has recovered, serves, and its NameServers know it (or do not answer).
 * @throws QanatError BAD_CONFIG, STORE_LOCKED, CORRUPT_LOG or STORE_IO.
 */
export async function startBroker(options: BrokerProcessOptions): Promise<RunningNode> {
  const log = options.logger ?? createLogger({ node: options.name });
  const storage = await openFileStorage(options.data);
  const engine = new Broker({
    name: options.name,
    cluster: options.cluster ?? 'default',
    nameServers: options.nameServers,
    createsTopics: options.createsTopics ?? false,
    flush: options.flush ?? 'sync',
    platform: nodePlatform,
    random: new Random(randomSeed()),
    software: SOFTWARE,
    ...(options.defaultQueues === undefined ? {} : { defaultQueues: options.defaultQueues }),
    ...options.engine,
    limits: { ...options.engine?.limits, connectionsMax: connectionsThatFit(options.engine?.limits?.connectionsMax) },
  });
  const host = new NodeHost(engine, { clock: systemClock, transports: [tcpTransport()], storage, onLog: log });
  try {
    await host.start();
  } catch (error) {
    storage.close(() => {});
    throw error;
  }
  const endpoint = await host.listen(tcpTransport(), options.listen);
  const advertised = options.advertise ?? advertisedAddress(endpoint);
  host.call((broker, nowMs) => broker.setEndpoints([{ listener: 'default', scheme: 'qanat', address: advertised }], nowMs));
  log('info', 'listening', { endpoint, advertised });
  warnOfOpenListener(log, endpoint);
  await registered(engine, options.nameServers.length);
  return { name: options.name, role: 'broker', engine, endpoint, ended: host.ended, stop: () => host.stop() };
}

/** A broker is of use once clients can find it: waits for its NameServers, but not for those that are down. */
async function registered(engine: Broker, nameServers: number): Promise<void> {
  const untilMs = performance.now() + REGISTER_MS;
  while (engine.figures().nameServers < nameServers && performance.now() < untilMs) await sleep(REGISTER_POLL_MS);
}
