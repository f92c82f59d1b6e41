import { type Endpoint, NameServer, type NameServerOptions, Random } from '@qanat/core';
import { networkTransports } from '@qanat/transports/network';
import { systemClock } from '@qanat/transports/node';
import { formatListener, parseListeners } from './listeners.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectionsThatFit } from './open-files.ts';
import { warnOfOpenListeners } from './open-listeners.ts';
import { NodeHost, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { SOFTWARE } from './version.ts';

export interface NameServerProcessOptions {
  /**
   * Where it listens: `[name=][scheme://]host:port`, several with commas between them or as a list. Port 0 picks a free one.
   * Default name `default`, default scheme `qanat`.
   */
  readonly listen: string | readonly string[];
  /** For operators and logs. Default `nameserver`. */
  readonly name?: string;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<Omit<NameServerOptions, 'name' | 'software' | 'random'>>;
}

/** Starts a NameServer on its listeners. @throws QanatError BAD_CONFIG when it cannot listen. */
export async function startNameServer(options: NameServerProcessOptions): Promise<RunningNode> {
  const log = options.logger ?? createLogger({ node: options.name ?? 'nameserver' });
  const transports = networkTransports();
  const listeners = parseListeners(
    options.listen,
    transports.flatMap(({ schemes }) => schemes),
  );
  const engine = new NameServer({
    name: options.name ?? 'nameserver',
    software: SOFTWARE,
    random: new Random(randomSeed()),
    ...options.engine,
    connectionsMax: connectionsThatFit(options.engine?.connectionsMax),
  });
  const host = new NodeHost(engine, { clock: systemClock, transports, onLog: log });
  await host.start();
  const endpoints = await host.listen(listeners);
  for (const one of endpoints) log('info', 'listening', { endpoint: formatListener(one) });
  warnOfOpenListeners(log, endpoints);
  return host.running('nameserver', options.name ?? formatListener(endpoints[0] as Endpoint), endpoints);
}
