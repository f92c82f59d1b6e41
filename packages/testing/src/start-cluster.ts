import { type ConnectOptions, connectWith, loadParts, type QanatClient } from '@qanat/client';
import { type BrokerOptions, type Clock, QanatError } from '@qanat/core';
import { ClusterHosts, VirtualClock } from '@qanat/simulator';
import { nodePlatform, systemClock } from '@qanat/transports/node';

export interface ClusterOptions {
  /**
   * `real`: timers are timers. `virtual`: time passes only in `advance` and `until`, as fast as the machine can. Default
   * `real`.
   */
  readonly time?: 'real' | 'virtual';
  /** The same seed gives the same random choices. Default 1. */
  readonly seed?: number;
  readonly nameServers?: number;
  readonly brokers?: number;
  /** Slaves of each broker, `broker-a-1` and so on. Default 0. */
  readonly slaves?: number;
  /** Settings of every broker that differ from the defaults; topics are created on demand. */
  readonly broker?: Partial<BrokerOptions>;
}

const START_MS_MAX = 10_000;
/** Virtual time goes in steps of this between looks at what the test awaits. */
const STEP_MS = 1;
const VIRTUAL_MS_MAX = 3_600_000;

/** Lets promises that have settled run what waits for them. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A whole cluster in this process, for tests: NameServers, brokers, a network and disks in memory. */
export class TestCluster implements AsyncDisposable {
  readonly #hosts: ClusterHosts;
  readonly #virtual: VirtualClock | undefined;
  readonly #clients = new Set<QanatClient>();
  #clientCount = 0;

  constructor(hosts: ClusterHosts, virtual: VirtualClock | undefined) {
    this.#hosts = hosts;
    this.#virtual = virtual;
  }

  get nameServers(): readonly string[] {
    return [...this.#hosts.nameServers.keys()];
  }

  get brokers(): readonly string[] {
    return this.#hosts.brokerNames;
  }

  /** The clock that everything of this cluster runs on: for what else shall run on its time. */
  get clock(): Clock {
    return this.#hosts.clock;
  }

  /** Milliseconds since the start of the clock. */
  nowMs(): number {
    return this.#hosts.clock.nowMs();
  }

  /** A client of this cluster; closed with it. */
  async connect(options: ConnectOptions = {}): Promise<QanatClient> {
    const host = `client-${++this.#clientCount}`;
    const connecting = connectWith(
      {
        nameServers: this.#hosts.nameServerAddresses,
        transports: [this.#hosts.network.transport(host)],
        clock: this.#hosts.clock,
        platform: nodePlatform,
        seed: this.#hosts.newRandom().uint32(),
      },
      { label: host, ...options },
    );
    const client = await this.until(connecting);
    this.#clients.add(client);
    return client;
  }

  /** Lets time go by: `ms` of virtual time, or so long for real. */
  async advance(ms: number): Promise<void> {
    const clock = this.#virtual;
    if (clock === undefined) return new Promise((resolve) => setTimeout(resolve, ms));
    const endMs = clock.nowMs() + ms;
    while (clock.nowMs() < endMs) {
      clock.run(Math.min(endMs, clock.nowMs() + STEP_MS));
      await turn();
    }
  }

  /**
   * Lets time go by until the promise settles. @throws what it rejects with; QanatError TIMEOUT after an hour of virtual time.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    const clock = this.#virtual;
    if (clock === undefined) return promise;
    let settled = false;
    promise.then(
      () => {
        settled = true;
      },
      () => {
        settled = true;
      },
    );
    const endMs = clock.nowMs() + VIRTUAL_MS_MAX;
    for (await turn(); !settled; await turn()) {
      if (clock.nowMs() > endMs)
        throw new QanatError('TIMEOUT', 'what was waited for did not settle within an hour of virtual time');
      clock.run(Math.max(clock.nowMs(), Math.min(clock.nextMs() ?? clock.nowMs(), clock.nowMs() + STEP_MS)));
    }
    return promise;
  }

  /** kill -9 of a broker: what was written stays on its disk. */
  killBroker(name: string): void {
    this.#hosts.killBroker(name);
  }

  /** A planned stop of a broker, as SIGTERM asks for. */
  stopBroker(name: string): Promise<void> {
    return this.until(new Promise((resolve) => this.#hosts.stopBroker(name, resolve)));
  }

  /** Starts a broker that was killed or stopped, on the disk that it left; returns when it serves. */
  async startBroker(name: string): Promise<void> {
    const node = this.#hosts.startBroker(name);
    await this.#wait(() => node.ready && node.address !== undefined);
  }

  killNameServer(name: string): void {
    this.#hosts.killNameServer(name);
  }

  startNameServer(name: string): void {
    this.#hosts.startNameServer(name);
  }

  /** Nothing passes between two hosts (brokers and NameServers by name, clients as `client-1`, …) until `heal`. */
  cut(one: string, other: string): void {
    this.#hosts.network.cut(one, other);
  }

  heal(one: string, other: string): void {
    this.#hosts.network.heal(one, other);
  }

  /** Closes the clients, then stops every node. */
  async stop(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => this.until(client.close({ drain: false }))));
    for (const name of [...this.#hosts.brokers.keys()]) this.#hosts.killBroker(name);
    for (const name of this.nameServers) this.#hosts.killNameServer(name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #wait(condition: () => boolean): Promise<void> {
    const endMs = this.nowMs() + START_MS_MAX;
    while (!condition()) {
      if (this.nowMs() > endMs) throw new QanatError('TIMEOUT', `the node is not ready after ${START_MS_MAX} ms`);
      await this.advance(STEP_MS);
    }
  }

  /** Starts everything; called by `startCluster`. */
  async start(): Promise<void> {
    this.#hosts.start();
    await this.#wait(() => this.#hosts.complete);
  }
}

/** Starts a cluster in memory, and returns when its nodes have found each other. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  // Virtual time would go by while a file is read.
  await loadParts();
  const virtual = options.time === 'virtual' ? new VirtualClock() : undefined;
  const clock: Clock = virtual ?? systemClock;
  const { nameServers, brokers, slaves, broker, seed } = options;
  const hosts = new ClusterHosts({
    clock,
    platform: nodePlatform,
    ...(seed === undefined ? {} : { seed }),
    ...(nameServers === undefined ? {} : { nameServers }),
    ...(brokers === undefined ? {} : { brokers }),
    ...(slaves === undefined ? {} : { slaves }),
    ...(broker === undefined ? {} : { broker }),
  });
  const cluster = new TestCluster(hosts, virtual);
  await cluster.start();
  return cluster;
}
