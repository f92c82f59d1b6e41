import {
  type Broker,
  Driver,
  type DriverOptions,
  type Engine,
  type Listener,
  type NameServer,
  QanatError,
  type Transport,
} from '@qanat/core';

/** A NameServer or broker that runs in this process. */
export interface RunningNode {
  readonly name: string;
  readonly role: 'broker' | 'nameserver';
  /** For its figures; it is driven by its host alone. */
  readonly engine: Broker | NameServer;
  /** Where it listens, `host:port`, with the real port. */
  readonly endpoint: string;
  /** Stops as planned: GOAWAY, what is pending, close. Ends within seconds; idempotent. */
  stop(): Promise<void>;
  /** Settles when the node is no more: undefined after `stop`, or the error that ended it. Never rejects. */
  readonly ended: Promise<QanatError | undefined>;
}

/** An engine of a server: it can be asked to stop. */
export interface ServerEngine extends Engine {
  stop(nowMs: number): void;
}

/** One server engine with its driver, as promises. */
export class NodeHost<E extends ServerEngine> {
  readonly engine: E;
  readonly ended: Promise<QanatError | undefined>;
  readonly #ready: Promise<void>;
  readonly #driver: Driver;
  #listener: Listener | undefined;
  #stopping: Promise<void> | undefined;

  constructor(engine: E, options: Omit<DriverOptions<never>, 'onReady' | 'onStopped' | 'onFatal'>) {
    this.engine = engine;
    let end: (error: QanatError | undefined) => void = () => {};
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    let ready: () => void = () => {};
    this.#ready = new Promise((resolve) => {
      ready = resolve;
    });
    this.#driver = new Driver(engine, { ...options, onReady: ready, onStopped: () => end(undefined), onFatal: end });
  }

  /** Starts the engine, and returns when it is ready. @throws what ended it before. */
  async start(): Promise<void> {
    this.#driver.start();
    const failed = await Promise.race([this.#ready, this.ended]);
    if (failed !== undefined) throw failed;
  }

  /** Accepts connections. When that fails the engine is stopped. @returns the real address. */
  async listen(transport: Transport, address: string): Promise<string> {
    try {
      this.#listener = await new Promise<Listener>((resolve, reject) => {
        this.#driver.listen(transport, address, 'default', (error, listener) =>
          listener === undefined ? reject(error) : resolve(listener),
        );
      });
      return this.#listener.address;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  call(run: (engine: E, nowMs: number) => void): void {
    this.#driver.enter((nowMs) => run(this.engine, nowMs));
    this.#driver.perform();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const listener = this.#listener;
    const closed = listener === undefined ? undefined : new Promise<void>((resolve) => listener.close(resolve));
    try {
      this.call((engine, nowMs) => engine.stop(nowMs));
    } catch (error) {
      if (!QanatError.is(error, 'CLOSED')) throw error; // it had ended before
    }
    await Promise.all([closed, this.ended]);
  }
}
