import {
  type Broker,
  Driver,
  type DriverOptions,
  type Endpoint,
  type Listener,
  type NameServer,
  QanatError,
  type Transport,
} from '@qanat/core';
import type { BridgeView } from './bridge/bridge-figures.ts';
import { dialled } from './listeners.ts';
import type { ServerNetwork } from './server-network.ts';
import type { WatchedUsers } from './users/users-watch.ts';

/** A NameServer, a broker or an MQTT bridge that runs in this process. */
export interface RunningNode {
  readonly name: string;
  readonly role: 'broker' | 'nameserver' | 'bridge';
  /** For its figures; it is driven by its host alone. */
  readonly engine: Broker | NameServer | BridgeView;
  /** Every listener with its real port, in the order of the settings. */
  readonly endpoints: readonly Endpoint[];
  /** The first of them as clients dial it: `host:port`, or a URL where the scheme is another one than `qanat`. */
  readonly endpoint: string;
  /** Whether it asks who its clients are, by a file of users. */
  readonly authenticates: boolean;
  /** Reads the files of TLS and the users now, instead of within seconds after they have changed. */
  reload(): void;
  /** Stops as planned: GOAWAY, what is pending, close. Ends within seconds; idempotent. */
  stop(): Promise<void>;
  /** Settles when the node is no more: undefined after `stop`, or the error that ended it. Never rejects. */
  readonly ended: Promise<QanatError | undefined>;
}

/** One server engine with its driver, as promises. */
export class NodeHost<E extends Broker | NameServer> {
  readonly engine: E;
  readonly ended: Promise<QanatError | undefined>;
  readonly #ready: Promise<void>;
  readonly #driver: Driver;
  readonly #network: ServerNetwork;
  readonly #users: WatchedUsers | undefined;
  readonly #listeners: Listener[] = [];
  #stopping: Promise<void> | undefined;

  constructor(
    engine: E,
    network: ServerNetwork,
    options: Pick<DriverOptions<never>, 'clock' | 'storage' | 'consensus' | 'deriveKey' | 'onLog'>,
    users: WatchedUsers | undefined,
  ) {
    this.engine = engine;
    this.#network = network;
    this.#users = users;
    let end: (error: QanatError | undefined) => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    let ready: () => void = () => {};
    this.#ready = new Promise((resolve) => {
      ready = resolve;
    });
    this.#driver = new Driver(engine, {
      ...options,
      transports: network.transports,
      onReady: ready,
      onStopped: () => end(undefined),
      onFatal: end,
    });
  }

  /** Starts the engine, and returns when it is ready. @throws what ended it before; CLOSED where that was `stop`. */
  async start(): Promise<void> {
    this.#driver.start();
    const stopped = new QanatError('CLOSED', 'stopped before it served');
    const failed = await Promise.race([this.#ready, this.ended.then((error) => error ?? stopped)]);
    if (failed !== undefined) throw failed;
    this.#users?.follow((users) => this.call((engine, nowMs) => engine.setUsers(users, nowMs)));
    void this.ended.then(() => this.#users?.close());
  }

  /** Accepts connections on every listener. When one fails the engine is stopped. @returns them with their real addresses. */
  async listen(): Promise<readonly Endpoint[]> {
    const listening: Endpoint[] = [];
    try {
      for (const listener of this.#network.listeners) listening.push({ ...listener, address: await this.#listen(listener) });
      return listening;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** What its owner has of it. */
  running(role: RunningNode['role'], name: string, endpoints: readonly Endpoint[]): RunningNode {
    const endpoint = dialled(endpoints[0] as Endpoint);
    const { engine, ended } = this;
    const authenticates = this.#users !== undefined;
    const methods = { reload: () => this.reload(), stop: () => this.stop() };
    return { role, name, endpoints, endpoint, engine, ended, authenticates, ...methods };
  }

  call(run: (engine: E, nowMs: number) => void): void {
    this.#driver.enter((nowMs) => run(this.engine, nowMs));
    this.#driver.perform();
  }

  reload(): void {
    this.#network.reload();
    this.#users?.reload();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #listen({ listener, scheme, address }: Endpoint): Promise<string> {
    const transport = this.#network.transports.find(({ schemes }) => schemes.includes(scheme)) as Transport;
    const made = await new Promise<Listener>((resolve, reject) => {
      this.#driver.listen(transport, `${scheme}://${address}`, listener, (error, opened) =>
        opened === undefined ? reject(error) : resolve(opened),
      );
    });
    this.#listeners.push(made);
    return made.address;
  }

  async #stop(): Promise<void> {
    const closed = this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(resolve)));
    try {
      this.call((engine, nowMs) => engine.stop(nowMs));
    } catch (error) {
      if (!QanatError.is(error, 'CLOSED')) throw error; // it had ended before
    }
    await Promise.all([...closed, this.ended]);
  }
}
