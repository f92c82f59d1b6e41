import {
  type Clock,
  type Connection,
  type ConnectionHandler,
  Exchange,
  parseHostPort,
  QanatError,
  type Transport,
} from '@qanat/core';

export interface MemoryNetworkOptions {
  /** Milliseconds from one end to the other. Default 0: the next turn of the scheduler. */
  readonly latencyMs?: number;
}

const SCHEMES = ['mem'] as const;
const OWNER = 'memory';

/**
 * Connects everything inside one process: for tests, and for a whole cluster in one process. Addresses are any `host:port`;
 * they mean nothing outside the network.
 */
export class MemoryNetwork {
  readonly #exchange: Exchange;

  constructor(scheduler: Pick<Clock, 'at' | 'nowMs'>, options: MemoryNetworkOptions = {}) {
    const latencyMs = options.latencyMs ?? 0;
    const policy = { latencyMs: () => latencyMs, isCut: () => false };
    this.#exchange = new Exchange(scheduler, () => policy);
  }

  /** A transport of the scheme `mem`. All transports of one network reach each other. */
  transport(): Transport {
    const exchange = this.#exchange;
    return {
      schemes: SCHEMES,
      dial: (address: string, handler: ConnectionHandler): Connection => {
        try {
          return exchange.dial(OWNER, OWNER, parseHostPort(address, SCHEMES), handler);
        } catch (error) {
          return exchange.dialNowhere(
            address,
            handler,
            new QanatError('CONNECTION_FAILED', (error as Error).message, { cause: error }),
          );
        }
      },
      listen: (address, accept, done): void => {
        try {
          exchange.listen(OWNER, parseHostPort(address, SCHEMES), accept, done);
        } catch (error) {
          exchange.soon(() => done(error as QanatError, undefined));
        }
      },
    };
  }
}
