import { NameServer, type NameServerOptions, Random } from '@qanat/core';
import { systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import { warnOfOpenListener } from './listen-address.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectionsThatFit } from './open-files.ts';
import { NodeHost, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { SOFTWARE } from './version.ts';

export interface NameServerProcessOptions {
  /** `host:port`; port 0 picks a free one. */
  readonly listen: string;
  /** For operators and logs. Default `nameserver`. */
  readonly name?: string;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<Omit<NameServerOptions, 'name' | 'software' | 'random'>>;
}

/** Starts a NameServer on TCP. @throws QanatError BAD_CONFIG when it cannot listen. */
export async function startNameServer(options: NameServerProcessOptions): Promise<RunningNode> {
  const log = options.logger ?? createLogger({ node: options.name ?? 'nameserver' });
  const engine = new NameServer({
    name: options.name ?? 'nameserver',
    software: SOFTWARE,
    random: new Random(randomSeed()),
    ...options.engine,
    connectionsMax: connectionsThatFit(options.engine?.connectionsMax),
  });
  const host = new NodeHost(engine, { clock: systemClock, transports: [], onLog: log });
  await host.start();
  const endpoint = await host.listen(tcpTransport(), options.listen);
  log('info', 'listening', { endpoint });
  warnOfOpenListener(log, endpoint);
  return { name: options.name ?? endpoint, role: 'nameserver', engine, endpoint, ended: host.ended, stop: () => host.stop() };
}
