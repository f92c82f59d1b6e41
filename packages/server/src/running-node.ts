import type { Driver, Listener, QanatError, Transport } from '@qanat/core';

/** A NameServer or broker that runs in this process. */
export interface RunningNode {
  readonly name: string;
  /** Where it listens, `host:port`, with the real port. */
  readonly endpoint: string;
  /** Stops as planned: GOAWAY, what is pending, close. Ends within seconds; idempotent. */
  stop(): Promise<void>;
  /** Settles when the node is no more: undefined after `stop`, or the error that ended it. Never rejects. */
  readonly ended: Promise<QanatError | undefined>;
}

/** Listens, and gives the listener or the reason why not. */
export function listen<I, O>(driver: Driver<I, O>, transport: Transport, address: string, name: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    driver.listen(transport, address, name, (error, listener) => (listener === undefined ? reject(error) : resolve(listener)));
  });
}

export const closeListener = (listener: Listener): Promise<void> => new Promise((resolve) => listener.close(resolve));
