import * as core from '@qanat/core';
import {
  Broker,
  type BrokerOptions,
  type Credentials,
  NameServer,
  type NameServerOptions,
  type Platform,
  QanatError,
  Random,
} from '@qanat/core';
import { MemoryStorage, VirtualNode } from '@qanat/simulator';
import type { Ground } from '../ground/ground.ts';
import type { History } from '../history/history.ts';
import { isObject, type JsonObject } from '../json.ts';
import { listOf, numberOf, objectOf, textOf } from '../play/program.ts';
import { passwordCredentials } from '../users/credentials.ts';
import { deriveKeyOn } from '../users/salted-password.ts';
import { securityOf } from '../users/server-security.ts';
import { type User, usersIn } from '../users/user.ts';
import { KitApplication } from './kit-application.ts';
import { Meddler, OWN_SOFTWARE } from './meddler.ts';

export interface KitClusterOptions {
  readonly ground: Ground;
  readonly history: History;
  readonly platform: Platform;
  readonly nextConnection: () => number;
  /** What makes names of topics the program's own. */
  readonly token: string;
  /**
   * `nameServers` and `brokers`: how many; `topics`: `[{ topic, queues }]`, made at every broker; `nameServer`, `broker`:
   * options of the engines; `replicas`: the brokers are one group, of which the first is the first master, and all have its
   * name; `createsTopics`; `users`: whom they know, where they ask who their clients are.
   */
  readonly setup: JsonObject;
}

const brokerName = (index: number): string => `broker-${String.fromCharCode(97 + index)}`;

/** Brokers where a program does not say how many. */
const BROKERS = 2;
const START_MS_MAX = 10_000;
const NAME_SERVER_PORT = 7600;
const BROKER_PORT = 7610;
/** Of the kit's own brokers and its application, whom its servers know besides the users of the program. */
const OWN_PASSWORD = 'the kit is at home here';
const APPLICATION = 'the-kit';
/** Times that a client learns from the cluster, so that a run on a real clock need not wait for the usual ones. */
const BROKER_TIMES = { routePollMs: 1_000, reportMs: 5_000 };

const diskOn = ({ clock }: Ground): MemoryStorage => new MemoryStorage(clock, { appendMs: 0.05, syncMs: 0.3, readMs: 0.05 });

interface Server {
  node: VirtualNode<NameServer | Broker>;
  address: string;
  disk?: MemoryStorage;
}

/**
 * NameServers and brokers of the kit, for clients under test and for brokers that register: the engines that ship, behind a
 * meddler.
 */
export class KitCluster {
  readonly meddler: Meddler;
  readonly #options: KitClusterOptions;
  readonly #servers = new Map<string, Server>();
  readonly #random = new Random(7);
  /** Of nonces alone. */
  readonly #nonces = new Random(8);
  #application: KitApplication | undefined;

  constructor(options: KitClusterOptions) {
    this.#options = options;
    const { clock } = options.ground;
    this.meddler = new Meddler(options.history, options.nextConnection, (ms, run) => void clock.at(clock.nowMs() + ms, run));
  }

  get nameServerNames(): readonly string[] {
    return [...this.#servers.keys()].filter((name) => name.startsWith('ns-'));
  }

  get brokerNames(): readonly string[] {
    return [...this.#servers.keys()].filter((name) => !name.startsWith('ns-'));
  }

  /** What a subject is told: the addresses of the NameServers. */
  get nameServers(): readonly string[] {
    return this.nameServerNames.map((name) => this.#options.ground.told(this.addressOf(name)));
  }

  addressOf(name: string): string {
    return this.#servers.get(name)?.address ?? '';
  }

  engineOf(name: string): NameServer | Broker | undefined {
    const server = this.#servers.get(name);
    return server === undefined || server.node.ended ? undefined : server.node.engine;
  }

  /** A server by number, modulo how many of its kind there are. */
  nodeOf(kind: 'nameserver' | 'broker', number: number): string {
    const names = kind === 'broker' ? this.brokerNames : this.nameServerNames;
    return names[((number % names.length) + names.length) % names.length] ?? '';
  }

  /** Starts everything, and waits until the NameServers know the brokers and the brokers have the topics. */
  async start(): Promise<void> {
    const { setup, ground } = this.#options;
    const nameServers = Array.from({ length: numberOf(setup, 'nameServers', 2) }, (_, i) => `ns-${i + 1}`);
    const brokers = Array.from({ length: numberOf(setup, 'brokers', BROKERS) }, (_, i) => brokerName(i));
    for (const name of nameServers) this.#startNameServer(name);
    await ground.until(() => nameServers.every((name) => this.addressOf(name) !== ''), START_MS_MAX);
    for (const name of brokers) this.#startBroker(name);
    await ground.until(() => this.#complete(brokers), START_MS_MAX);
    for (const topic of listOf(setup, 'topics').filter(isObject))
      await this.createTopic(`${textOf(topic, 'topic')}${this.#options.token}`, numberOf(topic, 'queues', 4));
    const topics = listOf(setup, 'topics').length;
    await ground.until(() => this.#topicsKnown(topics), START_MS_MAX);
  }

  /** Makes a topic at every broker that runs. */
  async createTopic(topic: string, queues: number): Promise<void> {
    await this.application.createTopic(topic, queues);
  }

  /** kill -9: connections break, what was acknowledged is on the disk. */
  kill(name: string): void {
    const server = this.#servers.get(name);
    if (server === undefined || server.node.ended) return;
    server.node.kill(new QanatError('CLOSED', `${name} was killed`));
    this.meddler.shut(name);
    if (server.disk !== undefined) server.disk = server.disk.kill();
    this.#options.history.add({ kind: 'node', what: 'killed', node: name });
  }

  /** A planned stop: GOAWAY, then the end. */
  async stop(name: string): Promise<void> {
    const server = this.#servers.get(name);
    if (server === undefined || server.node.ended) return;
    this.#options.history.add({ kind: 'node', what: 'stopping', node: name });
    server.node.call((engine, nowMs) => engine.stop(nowMs));
    await this.#options.ground.until(() => server.node.ended, START_MS_MAX);
    this.meddler.shut(name);
    if (server.disk !== undefined) server.disk = server.disk.reopen();
    this.#options.history.add({ kind: 'node', what: 'stopped', node: name });
  }

  /** Starts a server again that was killed or stopped, on its data and at its address. */
  async startAgain(name: string): Promise<void> {
    const server = this.#servers.get(name);
    if (server === undefined || !server.node.ended) return;
    const { address, disk } = server;
    if (name.startsWith('ns-')) this.#startNameServer(name, address, disk);
    else this.#startBroker(name, address, disk);
    const started = this.#servers.get(name) as Server;
    await this.#options.ground.until(
      () => started.node.address !== undefined && (disk === undefined || started.node.ready),
      START_MS_MAX,
    );
    this.#options.history.add({ kind: 'node', what: 'started', node: name });
  }

  /** From now on it takes connections and frames and gives nothing back. */
  hang(name: string): void {
    this.meddler.hanging.add(name);
    this.#options.history.add({ kind: 'node', what: 'paused', node: name });
  }

  goOn(name: string): void {
    if (!this.meddler.hanging.delete(name)) return;
    this.meddler.breakOff(name);
    this.#options.history.add({ kind: 'node', what: 'resumed', node: name });
  }

  /** A client of the kit's own: for what administrators and other applications do. */
  get application(): KitApplication {
    const { ground, platform } = this.#options;
    this.#application ??= new KitApplication(ground, platform, this.nameServers, this.#credentialsOf(APPLICATION));
    return this.#application;
  }

  /** The end of all servers. */
  close(): void {
    // What comes behind it is the end of the program, and no doing of the subject.
    this.#options.history.add({ kind: 'node', what: 'ended', node: '*' });
    this.#application?.close();
    for (const { node } of this.#servers.values()) if (!node.ended) node.kill(new QanatError('CLOSED', 'the program is over'));
    for (const name of this.#servers.keys()) this.meddler.shut(name);
  }

  #complete(brokers: readonly string[]): boolean {
    const ready = brokers.every((name) => this.#servers.get(name)?.node.ready === true);
    return (
      ready &&
      this.#nameServers().every((engine) =>
        brokers.every((name) => engine.brokers().some((known) => known.name === this.#groupOf(name))),
      )
    );
  }

  /** The name that a broker has in the cluster: one that stands in the set-up, for a replica of the subject's group. */
  #groupOf(name: string): string {
    return this.#replicaOf(name).name ?? textOf(objectOf(this.#options.setup, 'broker'), 'name', name);
  }

  #replicaOf(node: string): Pick<BrokerOptions, 'replication'> & { readonly name?: string } {
    if (this.#options.setup.replicas !== true) return {};
    const replica = node.charCodeAt(node.length - 1) - brokerName(0).charCodeAt(node.length - 1);
    return { name: brokerName(0), replication: { replica, role: replica === 0 ? 'master' : 'slave' } };
  }

  #topicsKnown(topics: number): boolean {
    return this.#nameServers().every((engine) => engine.figures().topics >= topics);
  }

  #nameServers(): readonly NameServer[] {
    return this.nameServerNames.map((name) => this.#servers.get(name)?.node.engine as NameServer);
  }

  /** Whom the servers know; undefined where they ask nobody. */
  #users(): readonly User[] | undefined {
    const users = usersIn(this.#options.setup.users);
    if (users === undefined) return undefined;
    const own = { password: OWN_PASSWORD, permissions: [], certificate: false, requestsPerSecond: 0 };
    const brokers = Array.from({ length: numberOf(this.#options.setup, 'brokers', BROKERS) }, (_, i) => brokerName(i));
    return [
      ...users,
      { ...own, name: APPLICATION, roles: ['admin'] },
      ...brokers.map((name) => ({ ...own, name, roles: ['broker'] })),
    ];
  }

  #security(): Pick<BrokerOptions, 'security'> {
    const users = this.#users();
    return users === undefined ? {} : { security: securityOf(users, core, this.#nonces) };
  }

  #credentialsOf(user: string): Credentials | undefined {
    return this.#users() === undefined ? undefined : passwordCredentials({ user, password: OWN_PASSWORD }, this.#nonces);
  }

  #startNameServer(name: string, at?: string, left?: MemoryStorage): void {
    const { setup, ground } = this.#options;
    const engine = new NameServer({
      name,
      software: 'qanat-conformance',
      random: new Random(this.#random.uint32()),
      warmupMs: 0,
      ...this.#security(),
      ...(objectOf(setup, 'nameServer') as Partial<NameServerOptions>),
    });
    // With `keepsRecords` it has something to keep.
    const keeps = objectOf(setup, 'nameServer').keepsRecords === true;
    const disk = left ?? (keeps ? diskOn(ground) : undefined);
    this.#run(name, engine, at ?? ground.listenAddress(name, NAME_SERVER_PORT), disk);
  }

  #startBroker(name: string, at?: string, left?: MemoryStorage): void {
    const { setup, ground, platform } = this.#options;
    const credentials = this.#credentialsOf(name);
    const engine = new Broker({
      name,
      nameServers: this.nameServers,
      createsTopics: setup.createsTopics === true,
      platform,
      random: new Random(this.#random.uint32()),
      software: OWN_SOFTWARE,
      times: BROKER_TIMES,
      ...this.#security(),
      ...(credentials === undefined ? {} : { credentials }),
      ...(objectOf(setup, 'broker') as Partial<BrokerOptions>),
      ...this.#replicaOf(name),
    });
    const disk = left ?? diskOn(ground);
    const server = this.#run(name, engine, at ?? ground.listenAddress(name, BROKER_PORT), disk);
    const endpoint = (address: string) => [{ listener: 'default', scheme: ground.scheme, address }];
    server.onListening = (address) =>
      server.node.call((broker, nowMs) => (broker as Broker).setEndpoints(endpoint(address), nowMs));
  }

  #run(
    name: string,
    engine: NameServer | Broker,
    at: string,
    disk?: MemoryStorage,
  ): Server & { onListening: (address: string) => void } {
    const { ground } = this.#options;
    const transport = this.meddler.around(name, ground.transport(name));
    const node = new VirtualNode<NameServer | Broker>(engine, {
      name,
      clock: ground.clock,
      transport,
      deriveKey: deriveKeyOn(ground.clock),
      ...(disk === undefined ? {} : { storage: disk }),
    });
    const server = { node, address: '', onListening: (_: string) => {}, ...(disk === undefined ? {} : { disk }) };
    node.onEnd(() => ground.changed());
    this.#servers.set(name, server);
    node.start();
    node.listen(at, (address) => {
      server.address = address;
      server.onListening(address);
      ground.changed();
    });
    return server;
  }
}
