import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, type LogThreshold } from './logger.ts';
import type { RunningNode } from './running-node.ts';
import { startBroker } from './start-broker.ts';
import { startNameServer } from './start-name-server.ts';

export interface DevClusterOptions {
  /** Directory of the brokers' data. */
  readonly data: string;
  /** Deletes the data first. */
  readonly fresh?: boolean;
  readonly nameServers?: number;
  readonly brokers?: number;
  /** Host of every listener; ports are free ones. Default 127.0.0.1. */
  readonly host?: string;
  readonly logLevel?: LogThreshold;
}

export interface DevCluster {
  readonly nameServers: readonly RunningNode[];
  readonly brokers: readonly RunningNode[];
  stop(): Promise<void>;
}

/** Starts NameServers and brokers in this process on free loopback ports; brokers create topics on demand. */
export async function startDevCluster(options: DevClusterOptions): Promise<DevCluster> {
  const host = options.host ?? '127.0.0.1';
  const level = options.logLevel ?? 'warn';
  if (options.fresh === true) rmSync(options.data, { recursive: true, force: true });
  mkdirSync(options.data, { recursive: true });
  const started: RunningNode[] = [];
  const stop = async (): Promise<void> => {
    for (const node of [...started].reverse()) await node.stop();
  };
  try {
    const nameServers = await Promise.all(
      Array.from({ length: options.nameServers ?? 2 }, (_, i) =>
        startNameServer({ listen: `${host}:0`, name: `ns-${i + 1}`, logger: createLogger({ level, node: `ns-${i + 1}` }), engine: { warmupMs: 0 } }),
      ),
    );
    started.push(...nameServers);
    const brokers = await Promise.all(
      Array.from({ length: options.brokers ?? 2 }, (_, i) => {
        const name = `broker-${String.fromCharCode(97 + i)}`;
        return startBroker({
          name,
          listen: `${host}:0`,
          data: join(options.data, name),
          nameServers: nameServers.map((node) => node.endpoint),
          createsTopics: true,
          logger: createLogger({ level, node: name }),
        });
      }),
    );
    started.push(...brokers);
    return { nameServers, brokers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
