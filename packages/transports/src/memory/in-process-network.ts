import {
  type Clock,
  type Connection,
  type ConnectionHandler,
  Exchange,
  type Listener,
  parseHostPort,
  QanatError,
  type Transport,
} from '@qanat/core';
import { type ListenDone, tryParse } from '../tcp/listening.ts';

const OWNER = 'in-process';
const AT_ONCE = { latencyMs: (): number => 0, isCut: (): boolean => false };

/**
 * Clients and servers of one process that have the same one reach each other without sockets: a message spares the system calls
 * and the wake-ups of each hop. Nothing else changes: addresses are the same, others connect as they did, and who
 * dials an address at which nobody of the process listens goes over the network.
 */
export class InProcessNetwork {
  readonly #exchange: Exchange;

  constructor(scheduler: Pick<Clock, 'at' | 'nowMs'>) {
    this.#exchange = new Exchange(scheduler, () => AT_ONCE);
  }

  /** @param transport without TLS: a link in memory shows no certificates. */
  over(transport: Transport): Transport {
    const { schemes } = transport;
    return {
      schemes,
      dial: (address: string, handler: ConnectionHandler): Connection => this.#dial(transport, address, handler),
      listen: (address, accept, done): void => {
        transport.listen(address, accept, (error, outer) => {
          if (outer === undefined) done(error, undefined);
          else this.#exchange.listen(OWNER, parseHostPort(outer.address, schemes), accept, besides(outer, done));
        });
      },
    };
  }

  #dial(transport: Transport, address: string, handler: ConnectionHandler): Connection {
    const target = tryParse(address, transport.schemes);
    // Of an address that is none the transport says what is wrong with it.
    if (QanatError.is(target) || !this.#exchange.listensAt(target)) return transport.dial(address, handler);
    return this.#exchange.dial(OWNER, OWNER, target, handler);
  }
}

/** What is told of a listener that is in memory besides the network: both are closed together. */
const besides =
  (outer: Listener, done: ListenDone): ListenDone =>
  (error, inner) => {
    if (inner === undefined) outer.close(() => done(error, undefined));
    else done(undefined, { address: outer.address, close: (closed) => inner.close(() => outer.close(closed)) });
  };
