import { Driver, NameServer, type NameServerOptions, QanatError, Random } from '@qanat/core';
import { systemClock } from '@qanat/transports/node';
import { tcpTransport } from '@qanat/transports/tcp';
import { createLogger, type Logger } from './logger.ts';
import { closeListener, listen, type RunningNode } from './running-node.ts';
import { randomSeed } from './seed.ts';
import { SOFTWARE } from './version.ts';

export interface NameServerProcessOptions {
  /** `host:port`; port 0 picks a free one. */
  readonly listen: string;
  /** For logs. Default: the address. */
  readonly name?: string;
  readonly logger?: Logger;
  /** Times and limits of the engine that differ from the defaults. */
  readonly engine?: Partial<Omit<NameServerOptions, 'name' | 'software' | 'random'>>;
}

/** Starts a NameServer on TCP. @throws QanatError BAD_CONFIG when it cannot listen. */
export async function startNameServer(options: NameServerProcessOptions): Promise<RunningNode> {
  const log = options.logger ?? createLogger({ node: options.name ?? 'nameserver' });
  const engine = new NameServer({ name: options.name ?? options.listen, software: SOFTWARE, random: new Random(randomSeed()), ...options.engine });
  let end: (error: QanatError | undefined) => void = () => {};
  const ended = new Promise<QanatError | undefined>((resolve) => {
    end = resolve;
  });
  const driver = new Driver(engine, { clock: systemClock, transports: [], onLog: log, onStopped: () => end(undefined), onFatal: (error) => end(error) });
  driver.start();
  const listener = await listen(driver, tcpTransport(), options.listen, 'default');
  log('info', 'listening', { endpoint: listener.address });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const closed = closeListener(listener);
    driver.enter((nowMs) => engine.stop(nowMs));
    driver.perform();
    await Promise.all([closed, ended]);
  };
  return {
    name: options.name ?? listener.address,
    endpoint: listener.address,
    ended,
    stop: () => {
      stopping ??= stop().catch((error) => {
        if (!QanatError.is(error, 'CLOSED')) throw error;
      });
      return stopping;
    },
  };
}
