import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InProcessNetwork } from '@qanat/transports/memory';
import { systemClock } from '@qanat/transports/node';
import { createLogger, type Logger, type LogThreshold } from './logger.ts';
import type { RunningNode } from './running-node.ts';
import { startBridge } from './start-bridge.ts';
import { nodeName, startBroker } from './start-broker.ts';
import { startNameServer } from './start-name-server.ts';

/** 0 or missing: a free one. */
export interface DevPorts {
  readonly nameServers?: readonly number[];
  /** Of the brokers, then of the first slaves of each, then of the second ones. */
  readonly brokers?: readonly number[];
}

const BRIDGE = 'mqtt';
/** Pages of this machine may connect to a cluster for development, whatever serves them. */
const LOOPBACK_PAGES = ['http://localhost:*', 'http://127.0.0.1:*', 'http://[::1]:*'];

export interface DevClusterOptions {
  /** Directory of the data of brokers, and of NameServers that keep records. */
  readonly data: string;
  /** Deletes the data first. */
  readonly fresh?: boolean;
  readonly nameServers?: number;
  readonly brokers?: number;
  /** Whether a broker acknowledges a message once it is on stable storage, or once it is written. Default `sync`. */
  readonly flush?: 'sync' | 'async' | undefined;
  /** Slaves of each broker. Default 0: each is alone. */
  readonly replicas?: number;
  /** Host of every listener. Default 127.0.0.1. */
  readonly host?: string;
  /** Listeners by their scheme: where each has its ports, in the order of the nodes. Default: `qanat` on free ports. */
  readonly ports?: Readonly<Partial<Record<'qanat' | 'ws', DevPorts>>>;
  /** Ports of an MQTT bridge, 0 for a free one; every device may connect. Default: there is none. */
  readonly mqtt?: { readonly mqtt: number; readonly ws: number } | undefined;
  /** Gives the start up: what runs is stopped, and the start fails with CLOSED. */
  readonly signal?: AbortSignal;
  readonly logLevel?: LogThreshold;
  /** Makes the logger of a node. Default: on standard error from `logLevel` on. */
  readonly logger?: (node: string) => Logger;
}

export interface DevCluster {
  readonly nameServers: readonly RunningNode[];
  /** The first brokers of their names: masters of a new cluster. */
  readonly brokers: readonly RunningNode[];
  readonly slaves: readonly RunningNode[];
  readonly bridge: RunningNode | undefined;
  /** With it a client of this process reaches them without sockets: `connect(…, { inProcess })`. */
  readonly inProcess: InProcessNetwork;
  stop(): Promise<void>;
}

/**
 * Starts NameServers, brokers, their slaves and an MQTT bridge in this process on loopback; brokers create topics on demand. They
 * listen for others, and reach each other without sockets. With slaves the NameServers keep the records of the groups, and the
 * operator says who is master.
 * @throws QanatError of the node that failed first; CLOSED where `signal` gave the start up.
 */
export async function startDevCluster(options: DevClusterOptions): Promise<DevCluster> {
  const host = options.host ?? '127.0.0.1';
  const logger = options.logger ?? ((node: string): Logger => createLogger({ level: options.logLevel ?? 'warn', node }));
  if (options.fresh === true) rmSync(options.data, { recursive: true, force: true });
  mkdirSync(options.data, { recursive: true });
  const { brokers: groups = 2, replicas = 0 } = options;
  const listen = (nodes: keyof DevPorts, i: number): readonly string[] =>
    Object.entries(options.ports ?? { qanat: {} }).map(([scheme, ports]) => `${scheme}://${host}:${ports[nodes]?.[i] ?? 0}`);
  const inProcess = new InProcessNetwork(systemClock);
  const started: RunningNode[] = [];
  const stop = async (): Promise<void> => {
    for (const node of [...started].reverse()) await node.stop();
  };
  try {
    const nameServers = await startAll(started, options.nameServers ?? 2, options.signal, (i) => {
      const name = `ns-${i + 1}`;
      return startNameServer({
        name,
        listen: listen('nameServers', i),
        origins: LOOPBACK_PAGES,
        inProcess,
        ...(replicas === 0 ? {} : { data: join(options.data, name) }),
        logger: logger(name),
        engine: { warmupMs: 0 },
      });
    });
    // All at once: who is master is on record, and another replica than the first it may be.
    const all = await startAll(started, groups * (1 + replicas), options.signal, (i, signal) => {
      const replica = Math.floor(i / groups);
      const name = `broker-${String.fromCharCode(97 + (i % groups))}`;
      const node = nodeName(name, replica);
      return startBroker({
        name,
        listen: listen('brokers', i),
        origins: LOOPBACK_PAGES,
        inProcess,
        flush: options.flush ?? 'sync',
        data: join(options.data, node.replace('/', '-')),
        nameServers: nameServers.map((server) => server.endpoint),
        createsTopics: true,
        signal,
        logger: logger(node),
        ...(replicas === 0 ? {} : { engine: { replication: { replica, role: replica === 0 ? 'master' : 'slave' } } }),
      });
    });
    const brokers = all.slice(0, groups);
    const slaves = all.slice(groups);
    const bridge =
      options.mqtt &&
      (await startBridge({
        name: BRIDGE,
        listen: [`mqtt://${host}:${options.mqtt.mqtt}`, `mqtt+ws://${host}:${options.mqtt.ws}`],
        origins: LOOPBACK_PAGES,
        inProcess,
        nameServers: nameServers.map((node) => node.endpoint),
        logger: logger(BRIDGE),
      }));
    if (bridge !== undefined) started.push(bridge);
    return { nameServers, brokers, slaves, bridge, inProcess, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts `count` nodes at once and notes those that run, so that they can be stopped where another one failed. One that fails
 * gives up the others, which may wait for it. @throws its error.
 */
async function startAll(
  started: RunningNode[],
  count: number,
  signal: AbortSignal | undefined,
  start: (index: number, signal: AbortSignal) => Promise<RunningNode>,
): Promise<RunningNode[]> {
  const failed = new AbortController();
  const givenUp = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
  const startOne = (i: number): Promise<RunningNode> =>
    start(i, givenUp).catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  const results = await Promise.allSettled(Array.from({ length: count }, (_, i) => startOne(i)));
  const running = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  started.push(...running);
  if (failed.signal.aborted) throw failed.signal.reason;
  return running;
}
