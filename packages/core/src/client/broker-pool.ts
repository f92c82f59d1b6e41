import type { ClientSession } from '../connection/client-session.ts';
import type { QanatError } from '../errors.ts';
import type { BrokerDirectory } from './broker-directory.ts';
import { BrokerLink, type BrokerLinkEvents, type PoolRequest } from './broker-link.ts';
import type { BrokerListener } from './host.ts';
import type { ConnectionHost } from './name-server-query.ts';

/** One connection to each broker that somebody here uses. */
export class BrokerPool {
  readonly #host: ConnectionHost;
  readonly #directory: BrokerDirectory;
  readonly #connectMs: number;
  readonly #links = new Map<string, BrokerLink>();
  readonly #listeners = new Set<BrokerListener>();
  readonly #events: BrokerLinkEvents;
  #closed: QanatError | undefined;

  constructor(host: ConnectionHost, directory: BrokerDirectory, connectMs: number) {
    this.#host = host;
    this.#directory = directory;
    this.#connectMs = connectMs;
    this.#events = {
      onOpen: (broker) => this.#tell((listener) => listener.onOpen?.(broker)),
      onClosed: (broker, error) => this.#tell((listener) => listener.onClosed?.(broker, error)),
      onGoAway: (broker) => this.#tell((listener) => listener.onGoAway?.(broker)),
      onPush: (broker, name, headers) => this.#tell((listener) => listener.onPush?.(broker, name, headers)),
      onUnused: (broker) => this.#links.delete(broker),
    };
  }

  request(broker: string, request: PoolRequest): void {
    if (this.#closed === undefined) return this.#link(broker).request(request);
    const error = this.#closed;
    this.#host.engine.timers.at(this.#host.engine.nowMs(), () => request.done(error, NO_RESPONSE));
  }

  /** The open connection that takes new requests, or undefined. */
  session(broker: string): ClientSession | undefined {
    return this.#links.get(broker)?.openSession;
  }

  /** Why the last attempt to connect failed. */
  whyNotOpen(broker: string): QanatError | undefined {
    return this.#links.get(broker)?.failure;
  }

  hold(broker: string): () => void {
    if (this.#closed !== undefined) return () => {};
    const link = this.#link(broker);
    link.hold();
    let held = true;
    return () => {
      if (held) link.release();
      held = false;
    };
  }

  suspect(broker: string, error: QanatError): void {
    this.#links.get(broker)?.suspect(error);
  }

  /** Listeners hear of everything in the order in which they came. */
  listen(listener: BrokerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The routes say something new of the broker: where it is, or that it is back. */
  brokerChanged(broker: string): void {
    this.#links.get(broker)?.addressChanged();
  }

  drained(session: ClientSession): void {
    for (const link of this.#links.values()) {
      if (link.openSession === session) this.#tell((listener) => listener.onDrained?.(link.broker));
    }
  }

  close(error: QanatError): void {
    this.#closed = error;
    for (const link of [...this.#links.values()]) link.close(error);
  }

  #link(broker: string): BrokerLink {
    const known = this.#links.get(broker);
    if (known !== undefined) return known;
    const link = new BrokerLink(this.#host, broker, () => this.#directory.get(broker), this.#connectMs, this.#events);
    this.#links.set(broker, link);
    return link;
  }

  #tell(call: (listener: BrokerListener) => void): void {
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) call(listener);
  }
}

const NO_RESPONSE = { header: undefined, headers: [], payload: new Uint8Array(0) } as never;
