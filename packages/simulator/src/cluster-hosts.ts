import {
  Broker,
  type BrokerOptions,
  type Clock,
  type LogFields,
  type LogLevel,
  NameServer,
  type NameServerOptions,
  type Platform,
  QanatError,
  Random,
  type Transport,
} from '@qanat/core';
import type { EngineObserver } from './history/index.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { Trace } from './trace.ts';
import { VirtualNetwork } from './virtual-network.ts';
import { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';

export interface ClusterHostsOptions {
  readonly clock: Clock;
  readonly platform: Platform;
  /** The same seed gives the same run. Default 1. */
  readonly seed?: number;
  /** Default 2. */
  readonly nameServers?: number;
  /** Default 2. */
  readonly brokers?: number;
  /** One way between two hosts, ms. Default 0.2. */
  readonly latencyMs?: number;
  /** Time of a sync of the disk, ms. Default 0.3. */
  readonly syncMs?: number;
  readonly nameServer?: Partial<NameServerOptions>;
  readonly broker?: Partial<BrokerOptions>;
  /** Writes every input and output of every engine. */
  readonly trace?: Trace;
  /** Makes what looks at each life of a node. */
  readonly observe?: (node: string, role: 'nameServer' | 'broker') => EngineObserver | undefined;
  readonly onLog?: (node: string, level: LogLevel, event: string, fields: LogFields) => void;
}

const NAME_SERVER_PORT = 7600;
const BROKER_PORT = 7610;

/**
 * NameServers and brokers on virtual hosts with disks in memory: the engines that ship, without sockets and files. On any
 * clock.
 */
export class ClusterHosts {
  readonly network: VirtualNetwork;
  readonly nameServers = new Map<string, VirtualNode<NameServer>>();
  readonly brokers = new Map<string, VirtualNode<Broker>>();
  /** What clients are told: `ns-1:7600`, … */
  readonly nameServerAddresses: readonly string[];
  readonly brokerNames: readonly string[];
  readonly #options: ClusterHostsOptions;
  readonly #random: Random;
  readonly #disks = new Map<string, MemoryStorage>();

  constructor(options: ClusterHostsOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ?? 1);
    this.network = new VirtualNetwork(options.clock, { latencyMs: options.latencyMs ?? 0.2 });
    this.nameServerAddresses = Array.from({ length: options.nameServers ?? 2 }, (_, i) => `ns-${i + 1}:${NAME_SERVER_PORT}`);
    this.brokerNames = Array.from({ length: options.brokers ?? 2 }, (_, i) => `broker-${String.fromCharCode(97 + i)}`);
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get platform(): Platform {
    return this.#options.platform;
  }

  /** A generator for one more part of this run. */
  newRandom(): Random {
    return new Random(this.#random.uint32());
  }

  /** Starts every node. `complete` tells when they have found each other. */
  start(): void {
    for (const address of this.nameServerAddresses) this.startNameServer(address.split(':')[0] as string);
    for (const name of this.brokerNames) this.startBroker(name);
  }

  /** Every broker is ready and known to every NameServer. */
  get complete(): boolean {
    const names = this.brokerNames;
    const known = [...this.nameServers.values()].every((node) =>
      names.every((name) => node.engine.brokers().some((broker) => broker.name === name && !broker.away)),
    );
    return known && names.every((name) => this.brokers.get(name)?.ready === true);
  }

  startNameServer(name: string): VirtualNode<NameServer> {
    const engine = new NameServer({
      name,
      software: 'qanat-sim',
      random: this.newRandom(),
      warmupMs: 0,
      ...this.#options.nameServer,
    });
    const node = new VirtualNode(engine, this.#nodeOptions(name, 'nameServer'));
    this.nameServers.set(name, node);
    node.start();
    node.listen(`${name}:${NAME_SERVER_PORT}`, () => {});
    return node;
  }

  /** Starts a broker on the disk that it left. */
  startBroker(name: string): VirtualNode<Broker> {
    const disk =
      this.#disks.get(name) ??
      new MemoryStorage(this.clock, { appendMs: 0.05, syncMs: this.#options.syncMs ?? 0.3, readMs: 0.05 });
    this.#disks.set(name, disk);
    const engine = new Broker({
      name,
      nameServers: this.nameServerAddresses,
      createsTopics: true,
      platform: this.#options.platform,
      random: this.newRandom(),
      software: 'qanat-sim',
      ...this.#options.broker,
    });
    const node = new VirtualNode(engine, { ...this.#nodeOptions(name, 'broker'), storage: disk });
    this.brokers.set(name, node);
    node.start();
    node.listen(`${name}:${BROKER_PORT}`, (address) => {
      node.call((broker, nowMs) => broker.setEndpoints([{ listener: 'default', scheme: 'mem', address }], nowMs));
    });
    return node;
  }

  /** kill -9: what was written stays, what was not is gone. `startBroker` brings it back. */
  killBroker(name: string): void {
    this.#kill(this.brokers, name);
    this.#disks.set(name, (this.#disks.get(name) as MemoryStorage).kill());
  }

  /** The power goes: what was not synced is gone. */
  cutPower(name: string): void {
    this.#kill(this.brokers, name);
    this.#disks.set(name, (this.#disks.get(name) as MemoryStorage).crash());
  }

  /** A planned stop, as SIGTERM asks for. `ended` is called when it has; `startBroker` brings it back. */
  stopBroker(name: string, ended: () => void): void {
    const node = this.#take(this.brokers, name);
    node.onEnd(() => {
      this.network.crash(name);
      this.#disks.set(name, (this.#disks.get(name) as MemoryStorage).reopen());
      ended();
    });
    node.call((broker, nowMs) => broker.stop(nowMs));
  }

  killNameServer(name: string): void {
    this.#kill(this.nameServers, name);
  }

  transport(host: string): Transport {
    return this.network.transport(host);
  }

  #kill(nodes: Map<string, { kill(error: QanatError): void }>, name: string): void {
    this.#take(nodes, name).kill(new QanatError('CLOSED', `${name} was killed`));
    this.network.crash(name);
  }

  #take<N>(nodes: Map<string, N>, name: string): N {
    const node = nodes.get(name);
    if (node === undefined) throw new QanatError('BAD_CONFIG', `${name} does not run`);
    nodes.delete(name);
    return node;
  }

  #nodeOptions(name: string, role: 'nameServer' | 'broker'): Omit<VirtualNodeOptions, 'storage'> {
    const { clock, trace, onLog, observe } = this.#options;
    const observer = observe?.(name, role);
    return {
      name,
      clock,
      transport: this.network.transport(name),
      ...(trace === undefined ? {} : { trace }),
      ...(observer === undefined ? {} : { observer }),
      ...(onLog === undefined ? {} : { onLog: (level, event, fields) => onLog(name, level, event, fields) }),
    };
  }
}
