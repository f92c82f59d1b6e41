import {
  type Broker,
  type BrokerOptions,
  LIMITS,
  type Listener,
  type NameServer,
  type NameServerOptions,
  type Platform,
  Random,
  type ReplicationOptions,
  type Transport,
} from '@qanat/core';
import { HostClock, MemoryStorage, type VirtualNetwork, VirtualNode } from '@qanat/simulator';
import type { Ground } from '../ground/ground.ts';
import { isObject, type JsonObject } from '../json.ts';
import { numberOf, objectOf } from '../play/program.ts';
import { passwordCredentials } from '../users/credentials.ts';
import { deriveKeyOn } from '../users/salted-password.ts';
import { securityOf, userTable } from '../users/server-security.ts';
import { type User, usersIn } from '../users/user.ts';
import type { CallDone, Driver, Manifest } from './driver.ts';
import type { Engines } from './engines.ts';

export interface ReferenceServerOptions {
  readonly role: 'nameserver' | 'broker';
  readonly ground: Ground;
  readonly platform: Platform;
  readonly engines: Engines;
  /** `nameServer` or `broker`: options of the engine. */
  readonly setup?: JsonObject;
}

const HOST = { nameserver: 'subject-ns', broker: 'subject' } as const;
const PORT = { nameserver: 7600, broker: 7610 } as const;
const WARM_UP_MS = 0;

/** The name of a broker under test. */
export const SUBJECT_BROKER = 'subject';

const flushOf = (setup: JsonObject): 'sync' | 'async' => (objectOf(setup, 'broker').flush === 'async' ? 'async' : 'sync');

/** `replica`, `role`, `minInSync` and `lagMs` of a start. */
const replicationOf = (told: JsonObject): ReplicationOptions => ({
  replica: numberOf(told, 'replica', 0),
  role: told.role === 'slave' ? 'slave' : 'master',
  minInSync: numberOf(told, 'minInSync', 1),
  lagMs: numberOf(told, 'lagMs', LIMITS.REPLICA_LAG_MS),
});

/** A NameServer or broker of this repository as a subject in this process. */
export class ReferenceServer implements Driver {
  readonly manifest: Manifest;
  readonly #options: ReferenceServerOptions;
  /** Stands still while the subject is paused. */
  readonly #clock: HostClock;
  #node: VirtualNode<NameServer | Broker> | undefined;
  #disk: MemoryStorage | undefined;
  #listener: Listener | undefined;
  #address: string | undefined;
  #lives = 0;
  /** What a restart does not say is as it was. */
  #nameServers: readonly string[] = [];
  #users: readonly User[] | undefined;
  #credentials: JsonObject | undefined;
  #replication: JsonObject | undefined;

  constructor(options: ReferenceServerOptions) {
    this.#options = options;
    this.#clock = new HostClock(options.ground.clock);
    this.manifest = {
      name: 'qanat',
      version: '0.1.0',
      language: 'TypeScript',
      roles: [options.role],
      abilities: [
        'kill',
        'stop',
        'powerloss',
        'pause',
        'settings',
        'users',
        ...(options.role === 'broker' ? (['register', 'credentials', 'replication'] as const) : []),
      ],
      ...(options.role === 'broker' ? { flush: flushOf(options.setup ?? {}) } : {}),
    };
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    switch (op) {
      case 'start':
        return this.#start(args, done);
      case 'kill':
        this.#kill('kill');
        return done(undefined, null);
      case 'powerloss':
        this.#kill('crash', typeof args.seed === 'number' ? args.seed : undefined);
        return done(undefined, null);
      case 'stop':
        return this.#stop(done);
      case 'pause':
      case 'resume':
        this.#setPaused(op === 'pause');
        return done(undefined, null);
      case 'users':
        return this.#setUsers(args, done);
      default:
        return done({ kind: 'unsupported', text: `there is no ${op}` }, null);
    }
  }

  onTold(): void {}

  async close(): Promise<void> {
    this.#kill('kill');
  }

  #start(args: JsonObject, done: CallDone): void {
    const { role, ground } = this.#options;
    if (this.#node !== undefined && !this.#node.ended) return done({ kind: 'failed', text: 'it runs already' }, null);
    if (Array.isArray(args.nameServers)) this.#nameServers = args.nameServers.map(String);
    this.#users = usersIn(args.users) ?? this.#users;
    if (isObject(args.credentials)) this.#credentials = args.credentials;
    if (isObject(args.replication)) this.#replication = args.replication;
    const engine = role === 'nameserver' ? this.#nameServer(args) : this.#broker(args);
    this.#disk ??= new MemoryStorage(this.#clock, { appendMs: 0.05, syncMs: 0.3, readMs: 0.05 });
    const node = new VirtualNode<NameServer | Broker>(engine, {
      name: HOST[role],
      clock: this.#clock,
      transport: this.#listeningBy(ground.transport(HOST[role])),
      deriveKey: deriveKeyOn(this.#clock),
      ...(this.#disk === undefined ? {} : { storage: this.#disk }),
    });
    this.#node = node;
    node.onEnd(() => {
      // One that gives up by itself leaves what a killed one leaves.
      if (node.failure !== undefined) this.#vanish();
      if (node.failure !== undefined) this.#disk = this.#disk?.kill();
      ground.changed();
    });
    node.start();
    node.listen(this.#address ?? ground.listenAddress(HOST[role], PORT[role]), (address) => {
      this.#address = address;
      if (role === 'broker')
        node.call((broker, nowMs) =>
          (broker as Broker).setEndpoints([{ listener: 'default', scheme: ground.scheme, address }], nowMs),
        );
      this.#whenReady(node, () => done(undefined, { address, endpoints: { [ground.scheme]: address }, broker: SUBJECT_BROKER }));
    });
  }

  /** It is ready once it has read what its disk holds. */
  #whenReady(node: VirtualNode<NameServer | Broker>, ready: () => void): void {
    if (node.ready || node.ended) return ready();
    const { clock } = this.#options.ground;
    clock.at(clock.nowMs() + 0.5, () => this.#whenReady(node, ready));
  }

  /** @param seed draws what a power cut leaves of unsynced bytes, torn; without it nothing is left of them. */
  #kill(how: 'kill' | 'crash', seed?: number): void {
    const node = this.#node;
    if (node === undefined || node.ended) return;
    node.kill(new this.#options.engines.QanatError('CLOSED', 'the kit killed it'));
    this.#vanish();
    this.#disk = this.#disk?.[how](seed === undefined ? undefined : new Random(seed));
  }

  #stop(done: CallDone): void {
    const node = this.#node;
    if (node === undefined || node.ended) return done(undefined, null);
    node.onEnd(() => {
      this.#vanish();
      this.#disk = this.#disk?.reopen();
      done(undefined, null);
      this.#options.ground.changed();
    });
    node.call((engine, nowMs) => engine.stop(nowMs));
  }

  #setUsers(args: JsonObject, done: CallDone): void {
    const node = this.#node;
    if (node === undefined || node.ended || this.#users === undefined)
      return done({ kind: 'invalid', text: 'it asks nobody who he is' }, null);
    const users = usersIn(args.users) ?? [];
    try {
      const table = userTable(users, this.#options.engines);
      node.call((engine, nowMs) => engine.setUsers(table, nowMs));
    } catch (error) {
      return done({ kind: 'invalid', text: (error as Error).message }, null);
    }
    this.#users = users;
    return done(undefined, null);
  }

  /** SIGSTOP and SIGCONT: what was due runs first, then what arrived is read. */
  #setPaused(on: boolean): void {
    if (on === this.#clock.stopped) return;
    if (on) this.#clock.stop();
    else this.#clock.goOn();
    this.#network?.[on ? 'suspend' : 'resume'](HOST[this.#options.role]);
  }

  /** What a process listens with is closed when it is gone. */
  #listeningBy(transport: Transport): Transport {
    return {
      ...transport,
      listen: (address, accept, done) =>
        transport.listen(address, accept, (error, listener) => {
          this.#listener = listener;
          done(error, listener);
        }),
    };
  }

  /** What a dead process leaves: its connections break, and nobody can dial it. */
  #vanish(): void {
    this.#setPaused(false);
    this.#listener?.close(() => {});
    this.#listener = undefined;
    this.#network?.crash(HOST[this.#options.role]);
  }

  /** On virtual time the network knows processes. */
  get #network(): VirtualNetwork | undefined {
    const { ground } = this.#options;
    return 'network' in ground ? (ground.network as VirtualNetwork) : undefined;
  }

  #nameServer(args: JsonObject): NameServer {
    const { engines, setup = {} } = this.#options;
    return new engines.NameServer({
      name: SUBJECT_BROKER,
      software: 'qanat',
      random: new engines.Random(100 + this.#lives++),
      warmupMs: WARM_UP_MS,
      keepsRecords: true,
      ...this.#security(),
      ...(objectOf(setup, 'nameServer') as Partial<NameServerOptions>),
      ...(isObject(args.settings) ? (args.settings as Partial<NameServerOptions>) : {}),
    });
  }

  #broker(args: JsonObject): Broker {
    const { engines, setup = {}, platform } = this.#options;
    return new engines.Broker({
      name: SUBJECT_BROKER,
      nameServers: this.#nameServers,
      createsTopics: true,
      platform,
      random: new engines.Random(100 + this.#lives++),
      software: 'qanat',
      ...this.#security(),
      ...(this.#replication === undefined ? {} : { replication: replicationOf(this.#replication) }),
      ...(this.#credentials === undefined ? {} : { credentials: passwordCredentials(this.#credentials, this.#nonces()) }),
      ...(objectOf(setup, 'broker') as Partial<BrokerOptions>),
      ...(isObject(args.settings) ? (args.settings as Partial<BrokerOptions>) : {}),
    });
  }

  #security(): Pick<BrokerOptions, 'security'> {
    if (this.#users === undefined) return {};
    return { security: securityOf(this.#users, this.#options.engines, this.#nonces()) };
  }

  /** A source of its own: what it draws must not move what else is drawn. */
  #nonces(): Random {
    return new this.#options.engines.Random(1_000 + this.#lives);
  }
}
