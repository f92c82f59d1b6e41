import {
  Broker,
  type BrokerOptions,
  type LogFields,
  type LogLevel,
  NameServer,
  type NameServerOptions,
  type Platform,
  QanatError,
  Random,
  type Transport,
} from '@qanat/core';
import { MemoryStorage } from './memory-storage.ts';
import type { Trace } from './trace.ts';
import { VirtualClock } from './virtual-clock.ts';
import { VirtualNetwork } from './virtual-network.ts';
import { VirtualNode } from './virtual-node.ts';

export interface VirtualClusterOptions {
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
  readonly onLog?: (node: string, level: LogLevel, event: string, fields: LogFields) => void;
}

const NAME_SERVER_PORT = 7600;
const BROKER_PORT = 7610;
const START_MS_MAX = 60_000;

/** NameServers and brokers on virtual hosts, in virtual time: the engines that ship, without sockets, files or waiting. */
export class VirtualCluster {
  readonly clock = new VirtualClock();
  readonly network: VirtualNetwork;
  readonly platform: Platform;
  readonly nameServers = new Map<string, VirtualNode<NameServer>>();
  readonly brokers = new Map<string, VirtualNode<Broker>>();
  /** What clients are told: `ns-1:7600`, … */
  readonly nameServerAddresses: readonly string[];
  readonly #options: VirtualClusterOptions;
  readonly #random: Random;
  readonly #disks = new Map<string, MemoryStorage>();

  constructor(options: VirtualClusterOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ?? 1);
    this.platform = options.platform;
    this.network = new VirtualNetwork(this.clock, { latencyMs: options.latencyMs ?? 0.2 });
    const count = options.nameServers ?? 2;
    this.nameServerAddresses = Array.from({ length: count }, (_, i) => `ns-${i + 1}:${NAME_SERVER_PORT}`);
  }

  get brokerNames(): readonly string[] {
    return Array.from({ length: this.#options.brokers ?? 2 }, (_, i) => `broker-${String.fromCharCode(97 + i)}`);
  }

  /** A generator for one more part of this run. */
  newRandom(): Random {
    return new Random(this.#random.uint32());
  }

  /** Starts every node, and runs until all brokers are ready and registered. @throws QanatError when they are not within a minute. */
  start(): void {
    for (const address of this.nameServerAddresses) this.startNameServer(address.split(':')[0] as string);
    for (const name of this.brokerNames) this.startBroker(name);
    const up = this.clock.runUntil(() => this.#complete(), this.clock.nowMs() + START_MS_MAX);
    if (!up) throw new QanatError('TIMEOUT', 'the cluster is not complete after a minute of virtual time');
  }

  /** Lets `ms` go by. */
  run(ms: number): void {
    this.clock.run(this.clock.nowMs() + ms);
  }

  startNameServer(name: string): VirtualNode<NameServer> {
    const engine = new NameServer({
      name,
      software: 'qanat-sim',
      random: this.newRandom(),
      warmupMs: 0,
      ...this.#options.nameServer,
    });
    const node = new VirtualNode(engine, { ...this.#nodeOptions(name), transport: this.network.transport(name) });
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
    const node = new VirtualNode(engine, { ...this.#nodeOptions(name), transport: this.network.transport(name), storage: disk });
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

  /** A planned stop (SIGTERM); runs until it has ended. */
  stopBroker(name: string): void {
    const node = this.brokers.get(name) as VirtualNode<Broker>;
    node.call((broker, nowMs) => broker.stop(nowMs));
    this.clock.runUntil(() => node.ended, this.clock.nowMs() + START_MS_MAX);
    this.network.crash(name);
    this.brokers.delete(name);
    this.#disks.set(name, (this.#disks.get(name) as MemoryStorage).reopen());
  }

  killNameServer(name: string): void {
    this.#kill(this.nameServers, name);
  }

  transport(host: string): Transport {
    return this.network.transport(host);
  }

  #kill(nodes: Map<string, VirtualNode<NameServer> | VirtualNode<Broker>>, name: string): void {
    const node = nodes.get(name);
    if (node === undefined) throw new QanatError('BAD_CONFIG', `there is no ${name}`);
    node.kill(new QanatError('CLOSED', `${name} was killed`));
    this.network.crash(name);
    nodes.delete(name);
  }

  #nodeOptions(name: string): {
    name: string;
    clock: VirtualClock;
    trace?: Trace;
    onLog?: (level: LogLevel, event: string, fields: LogFields) => void;
  } {
    const { trace, onLog } = this.#options;
    return {
      name,
      clock: this.clock,
      ...(trace === undefined ? {} : { trace }),
      ...(onLog === undefined ? {} : { onLog: (level, event, fields) => onLog(name, level, event, fields) }),
    };
  }

  #complete(): boolean {
    const names = this.brokerNames;
    const known = [...this.nameServers.values()].every((node) =>
      names.every((name) => node.engine.brokers().some((b) => b.name === name && !b.away)),
    );
    return known && names.every((name) => this.brokers.get(name)?.ready === true);
  }
}
