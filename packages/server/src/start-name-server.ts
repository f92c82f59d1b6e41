import { type Endpoint, NameServer, type NameServerOptions, Random } from '@qanat/core';
import { openFileStorage } from '@qanat/storage';
import { systemClock } from '@qanat/transports/node';
import { formatListener } from './listeners.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectionsThatFit } from './open-files.ts';
import { NodeHost, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { type ListeningOptions, serverNetwork } from './server-network.ts';
import { WatchedUsers } from './users/users-watch.ts';
import { SOFTWARE } from './version.ts';

export interface NameServerProcessOptions extends ListeningOptions {
  /** For operators and logs. Default `nameserver`. */
  readonly name?: string;
  /** Directory in which it keeps the records of broker groups; made where it is missing. Default: it keeps none. */
  readonly data?: string | undefined;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<Omit<NameServerOptions, 'name' | 'software' | 'random' | 'keepsRecords'>>;
}

/**
 * Starts a NameServer on its listeners and, where it keeps records, its file.
 * @throws QanatError BAD_CONFIG when it cannot listen; STORE_LOCKED, CORRUPT_LOG or STORE_IO.
 */
export async function startNameServer(options: NameServerProcessOptions): Promise<RunningNode> {
  const log = options.logger ?? createLogger({ node: options.name ?? 'nameserver' });
  const connectionsMax = connectionsThatFit(options.engine?.connectionsMax);
  const network = serverNetwork(options, connectionsMax, log);
  const users = options.users === undefined ? undefined : new WatchedUsers(options.users, log);
  const storage = options.data === undefined ? undefined : await openFileStorage(options.data);
  const engine = new NameServer({
    name: options.name ?? 'nameserver',
    software: SOFTWARE,
    random: new Random(randomSeed()),
    ...(users === undefined ? {} : { security: users.security }),
    ...options.engine,
    connectionsMax,
    keepsRecords: storage !== undefined,
  });
  const stored = storage === undefined ? {} : { storage };
  const host = new NodeHost(engine, network, { clock: systemClock, ...stored, onLog: log }, users);
  try {
    await host.start();
  } catch (error) {
    storage?.close(() => {});
    throw error;
  }
  const endpoints = await host.listen();
  network.logListening(endpoints);
  return host.running('nameserver', options.name ?? formatListener(endpoints[0] as Endpoint), endpoints);
}
