import {
  Broker,
  type BrokerOptions,
  type Clock,
  type ConsensusStore,
  type LogFields,
  type LogLevel,
  NameServer,
  type NameServerOptions,
  type Platform,
  QanatError,
  Random,
  type ReplicationOptions,
  type Transport,
} from '@qanat/core';
import { DiskFaults } from './faults/disk-faults.ts';
import type { EngineObserver } from './history/index.ts';
import { HostClock } from './host-clock.ts';
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
  /** Slaves of each broker. Default 0: brokers are alone. */
  readonly slaves?: number;
  /** What of its group's replication differs from the defaults. */
  readonly replication?: Partial<ReplicationOptions>;
  /** The store by which a broker elects the master of its group. Default: an operator makes it. */
  readonly consensus?: ((host: string) => ConsensusStore) | undefined;
  /** One way between two hosts, ms; a function is asked for each message. Default 0.2. */
  readonly latencyMs?: number | ((from: string, to: string) => number);
  /** Time of a sync of the disk, ms. Default 0.3. */
  readonly syncMs?: number;
  readonly nameServer?: Partial<NameServerOptions>;
  readonly broker?: Partial<BrokerOptions>;
  /** Networks and disks can fail; see `diskFaults` and `network`. Default false: they do what they promise and no more. */
  readonly faults?: boolean;
  /** Writes every input and output of every engine. */
  readonly trace?: Trace;
  /** Makes what looks at each life of a node. */
  readonly observe?: (node: string, role: 'nameServer' | 'broker') => EngineObserver | undefined;
  /** A process ended by itself: its engine could not go on, or it was asked to stop (no error). */
  readonly onEnd?: (node: string, error: QanatError | undefined) => void;
  readonly onLog?: (node: string, level: LogLevel, event: string, fields: LogFields) => void;
}

/** The group and the number in it of a node that is a broker. */
export function replicaOf(node: string): { readonly group: string; readonly replica: number } {
  const [, group = node, replica = '0'] = /^(.+?)-(\d+)$/.exec(node) ?? [];
  return { group, replica: Number(replica) };
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
  /** Nodes that are brokers: `broker-a`, … and, where they have slaves, `broker-a-1`, …: replica 1 of the group broker-a. */
  readonly brokerNames: readonly string[];
  readonly #options: ClusterHostsOptions;
  readonly #random: Random;
  readonly #clocks = new Map<string, HostClock>();
  readonly #disks = new Map<string, MemoryStorage>();
  readonly #diskFaults = new Map<string, DiskFaults>();

  constructor(options: ClusterHostsOptions) {
    this.#options = options;
    this.#random = new Random(options.seed ?? 1);
    this.network = new VirtualNetwork(options.clock, {
      latencyMs: options.latencyMs ?? 0.2,
      clockOf: (host) => this.hostClock(host),
      ...(options.faults === true ? { random: this.newRandom() } : {}),
    });
    this.nameServerAddresses = Array.from({ length: options.nameServers ?? 2 }, (_, i) => `ns-${i + 1}:${NAME_SERVER_PORT}`);
    const groups = Array.from({ length: options.brokers ?? 2 }, (_, i) => `broker-${String.fromCharCode(97 + i)}`);
    const slaves = Array.from({ length: options.slaves ?? 0 }, (_, i) => `-${i + 1}`);
    this.brokerNames = groups.flatMap((group) => ['', ...slaves].map((replica) => `${group}${replica}`));
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get platform(): Platform {
    return this.#options.platform;
  }

  get nameServerNames(): readonly string[] {
    return this.nameServerAddresses.map((address) => address.split(':')[0] as string);
  }

  /** The clock of a host: it may be stopped, and its wall clock may step. */
  hostClock(host: string): HostClock {
    let clock = this.#clocks.get(host);
    if (clock === undefined) {
      clock = new HostClock(this.clock);
      this.#clocks.set(host, clock);
    }
    return clock;
  }

  /** What a process on a host dials and listens with. */
  transport(host: string): Transport {
    return this.network.transport(host);
  }

  /** What is wrong with the disk of a broker. @throws QanatError BAD_CONFIG without the option `faults`. */
  diskFaults(name: string): DiskFaults {
    if (this.#options.faults !== true) throw new QanatError('BAD_CONFIG', 'these hosts have no faults');
    let faults = this.#diskFaults.get(name);
    if (faults === undefined) {
      faults = new DiskFaults(this.newRandom());
      this.#diskFaults.set(name, faults);
    }
    return faults;
  }

  /** The disk of a broker as it is now: for damaging it. */
  disk(name: string): MemoryStorage | undefined {
    return this.#disks.get(name);
  }

  /** A broker that does not run starts next on an empty disk. */
  replaceDisk(name: string): void {
    this.#disks.delete(name);
  }

  /** A generator for one more part of this run. */
  newRandom(): Random {
    return new Random(this.#random.uint32());
  }

  // ---- life of processes ----

  /** Starts every node. `complete` tells when they have found each other. */
  start(): void {
    for (const name of this.nameServerNames) this.startNameServer(name);
    for (const name of this.brokerNames) this.startBroker(name);
  }

  /** Every broker is ready and known to every NameServer. */
  get complete(): boolean {
    const names = this.brokerNames;
    const known = [...this.nameServers.values()].every((node) =>
      names.every((name) => node.engine.brokers().some((broker) => broker.name === replicaOf(name).group && !broker.away)),
    );
    return known && names.every((name) => this.brokers.get(name)?.ready === true);
  }

  runs(name: string): boolean {
    return this.brokers.has(name) || this.nameServers.has(name);
  }

  startNameServer(name: string): VirtualNode<NameServer> {
    const engine = new NameServer({
      name,
      software: 'qanat-sim',
      random: this.newRandom(),
      warmupMs: 0,
      keepsRecords: this.#replicates,
      ...this.#options.nameServer,
    });
    const storage = this.#replicates ? { storage: this.#diskOf(name) } : {};
    const node = new VirtualNode(engine, { ...this.#nodeOptions(name, 'nameServer'), ...storage });
    this.nameServers.set(name, node);
    node.onEnd(() => this.#ended(this.nameServers, node));
    this.network.wakeUp(name);
    node.start();
    node.listen(`${name}:${NAME_SERVER_PORT}`, () => {});
    return node;
  }

  /** Starts a broker on the disk that it left. */
  startBroker(name: string): VirtualNode<Broker> {
    const { group, replica } = replicaOf(name);
    const role = replica === 0 ? 'master' : 'slave';
    const consensus = this.#options.consensus?.(name);
    const mode = consensus === undefined ? 'manual' : 'automatic';
    const engine = new Broker({
      name: group,
      ...(this.#replicates ? { replication: { replica, role, mode, ...this.#options.replication } } : {}),
      nameServers: this.nameServerAddresses,
      createsTopics: true,
      platform: this.#options.platform,
      random: this.newRandom(),
      software: 'qanat-sim',
      ...this.#options.broker,
    });
    const ports = { storage: this.#diskOf(name), ...(consensus === undefined ? {} : { consensus }) };
    const node = new VirtualNode(engine, { ...this.#nodeOptions(name, 'broker'), ...ports });
    this.brokers.set(name, node);
    node.onEnd(() => this.#ended(this.brokers, node));
    this.network.wakeUp(name);
    node.start();
    node.listen(`${name}:${BROKER_PORT}`, (address) => {
      node.call((broker, nowMs) => broker.setEndpoints([{ listener: 'default', scheme: 'mem', address }], nowMs));
    });
    return node;
  }

  /**
   * kill -9: what was written stays, what was not is gone; with `faults`, some of what was under way is written too.
   * `startBroker` brings it back.
   */
  killBroker(name: string): void {
    this.#kill(this.#take(this.brokers, name));
    this.network.crash(name);
    this.#leaveDisk(name, (disk) => disk.kill(this.#diskRandom(name)));
  }

  /**
   * The power goes: what was not synced is gone; with `faults`, not all of it, and torn. The peers lose their connections, or are
   * told nothing (`silent`).
   */
  cutPower(name: string, options: { readonly silent?: boolean } = {}): void {
    this.#kill(this.#take(this.brokers, name));
    this.#losePower(name, options.silent === true);
    this.#leaveDisk(name, (disk) => disk.crash(this.#diskRandom(name)));
  }

  /** A planned stop, as SIGTERM asks for. `ended` is called when it has; `startBroker` brings it back. */
  stopBroker(name: string, ended: () => void): void {
    const node = this.#take(this.brokers, name);
    this.goOn(name);
    node.onEnd(() => {
      this.#ended(this.brokers, node);
      ended();
    });
    node.call((broker, nowMs) => broker.stop(nowMs));
  }

  killNameServer(name: string): void {
    this.#kill(this.#take(this.nameServers, name));
    this.network.crash(name);
    this.#leaveDisk(name, (disk) => disk.kill(this.#diskRandom(name)));
  }

  cutPowerOfNameServer(name: string, options: { readonly silent?: boolean } = {}): void {
    this.#kill(this.#take(this.nameServers, name));
    this.#losePower(name, options.silent === true);
    this.#leaveDisk(name, (disk) => disk.crash(this.#diskRandom(name)));
  }

  /** SIGSTOP: nothing runs on the host and what arrives waits, until `goOn`. */
  pause(host: string): void {
    this.hostClock(host).stop();
    this.network.suspend(host);
  }

  /** SIGCONT: what was due runs first, then what arrived is read. */
  goOn(host: string): void {
    const clock = this.hostClock(host);
    if (!clock.stopped) return;
    clock.goOn();
    this.network.resume(host);
  }

  // ---- inside ----

  get #replicates(): boolean {
    return (this.#options.slaves ?? 0) > 0;
  }

  #diskOf(name: string): MemoryStorage {
    const disk =
      this.#disks.get(name) ??
      new MemoryStorage(this.hostClock(name), {
        appendMs: 0.05,
        syncMs: this.#options.syncMs ?? 0.3,
        readMs: 0.05,
        ...(this.#options.faults === true ? { faults: this.diskFaults(name) } : {}),
      });
    this.#disks.set(name, disk);
    return disk;
  }

  #diskRandom(name: string): Random | undefined {
    return this.#options.faults === true ? this.diskFaults(name).random : undefined;
  }

  #leaveDisk(name: string, leave: (disk: MemoryStorage) => MemoryStorage): void {
    const disk = this.#disks.get(name);
    if (disk !== undefined) this.#disks.set(name, leave(disk));
  }

  #kill(node: VirtualNode<NameServer | Broker>): void {
    node.kill(new QanatError('CLOSED', `${node.name} was killed`));
    // A killed process does not stay stopped.
    this.goOn(node.name);
  }

  #losePower(name: string, silent: boolean): void {
    if (silent) this.network.fallSilent(name);
    else this.network.crash(name);
  }

  /** A process that ended by itself leaves its disk as a killed one does, but for one that stopped as planned. */
  #ended(nodes: Map<string, unknown>, node: VirtualNode<NameServer | Broker>): void {
    const { name, failure } = node;
    if (nodes.get(name) === node) nodes.delete(name);
    this.network.crash(name);
    this.#leaveDisk(name, (disk) => (failure === undefined ? disk.reopen() : disk.kill(this.#diskRandom(name))));
    this.#options.onEnd?.(name, failure);
  }

  #take<N>(nodes: Map<string, N>, name: string): N {
    const node = nodes.get(name);
    if (node === undefined) throw new QanatError('BAD_CONFIG', `${name} does not run`);
    nodes.delete(name);
    return node;
  }

  #nodeOptions(name: string, role: 'nameServer' | 'broker'): Omit<VirtualNodeOptions, 'storage'> {
    const { trace, onLog, observe } = this.#options;
    const observer = observe?.(name, role);
    return {
      name,
      clock: this.hostClock(name),
      transport: this.network.transport(name),
      ...(trace === undefined ? {} : { trace }),
      ...(observer === undefined ? {} : { observer }),
      ...(onLog === undefined ? {} : { onLog: (level, event, fields) => onLog(name, level, event, fields) }),
    };
  }
}
