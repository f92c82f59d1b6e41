import type { QanatClient } from '@qanat/client';
import type { Clock } from '@qanat/core';
import { BridgeCluster, type StateLimits, TopicRules } from '@qanat/mqtt';
import { type ClusterOptions, startCluster, type TestCluster } from '@qanat/testing';
import type {
  Backlog,
  Claimed,
  ClaimRefusal,
  ClaimRequest,
  ClusterEvents,
  OutboundExchange,
  Place,
  Publication,
  PublishOutcome,
  SessionSubscription,
  ShareId,
  Standing,
  StoredPublication,
  Unsettled,
} from '../../src/ports.ts';
import { killClient } from './nodes.ts';

export const NOTHING: Backlog = { places: [], scanFrom: [], maybeSent: [], exchanges: [] };

export const text = (message: { readonly payload: Uint8Array } | undefined): string =>
  message === undefined ? 'gone' : new TextDecoder().decode(message.payload);

export const publication = (topic: string, payload: string, rest: Partial<Publication> = {}): Publication => ({
  topic,
  qos: 1,
  retain: false,
  payload: new TextEncoder().encode(payload),
  clientId: 'publisher',
  properties: undefined,
  ...rest,
});

export const subscription = (filter: string, rest: Partial<SessionSubscription> = {}): SessionSubscription => ({
  filter,
  qos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  subscriptionIdentifier: undefined,
  ...rest,
});

/** The same object, but for one method. */
export function withMethod<T extends object>(object: T, name: keyof T, method: (...args: never[]) => unknown): T {
  const get = (target: T, property: keyof T): unknown => {
    const value = target[property];
    if (property === name) return method;
    return typeof value === 'function' ? value.bind(target) : value;
  };
  return new Proxy(object, { get: get as never });
}

/** The clock of a process that may stand still: what is due meanwhile comes when it goes on. */
export class FreezingClock implements Clock {
  frozen = false;
  readonly #clock: Clock;
  #due: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  at(timeMs: number, run: () => void): () => void {
    return this.#clock.at(timeMs, () => {
      if (this.frozen) this.#due.push(run);
      else run();
    });
  }

  thaw(): void {
    this.frozen = false;
    for (const run of this.#due.splice(0)) run();
  }
}

/** A bridge without devices: what the cluster tells it is kept, and tests ask in the place of a server. */
export class TestBridge implements ClusterEvents {
  /** What `listens` says. */
  listening = true;
  readonly client: QanatClient;
  readonly arrivals: StoredPublication[] = [];
  /** Whose sessions it has no more; `setOffline` told of those in `offlined`, `takenOver` of the others. */
  readonly lost: string[] = [];
  readonly offlined: string[] = [];
  readonly given: { readonly share: ShareId; readonly message: StoredPublication; readonly settle: (done: boolean) => void }[] =
    [];
  /** What `unsettled` says. */
  open = new Map<string, Unsettled>();
  readied = 0;
  readonly logged: string[] = [];
  readonly #world: World;
  #cluster: BridgeCluster | undefined;

  constructor(world: World, client: QanatClient) {
    this.#world = world;
    this.client = client;
  }

  get cluster(): BridgeCluster {
    return this.#cluster as BridgeCluster;
  }

  async start(bridgeId: string, ack: 'committed' | 'leader', clock: Clock = this.#world.cluster.clock): Promise<this> {
    const { cluster, rules, limits } = this.#world;
    const log = (_level: string, event: string, fields: object): void => {
      this.logged.push(`${event} ${JSON.stringify(fields)}`);
    };
    const options = { client: this.client, bridgeId, rules, limits, clock, ack, log };
    this.#cluster = await cluster.until(BridgeCluster.start(options, () => this));
    return this;
  }

  /** kill -9: nothing that it would still do reaches the cluster. */
  async kill(): Promise<void> {
    killClient(this.client);
    await this.#world.cluster.until(this.client.close({ drain: false }));
  }

  claim(clientId: string, rest: Partial<ClaimRequest> = {}): Promise<Claimed | ClaimRefusal> {
    return this.#world.cluster.until(this.claiming(clientId, rest));
  }

  /** A claim; time goes by elsewhere. */
  claiming(clientId: string, rest: Partial<ClaimRequest> = {}): Promise<Claimed | ClaimRefusal> {
    const usual = {
      cleanStart: false,
      expiryInterval: 86_400,
      will: undefined,
      principal: 'anonymous',
      maySubscribe: () => true,
      wanted: () => true,
    };
    const request = { clientId, ...usual, ...rest };
    return new Promise((done) => this.cluster.claim(request, done));
  }

  async claimed(clientId: string, rest: Partial<ClaimRequest> = {}): Promise<Claimed> {
    const claimed = await this.claim(clientId, rest);
    if (typeof claimed === 'string') throw new Error(`${clientId} was refused: ${claimed}`);
    return claimed;
  }

  /** A session with subscriptions. @returns its epoch. */
  async session(
    clientId: string,
    filters: readonly (string | SessionSubscription)[],
    rest: Partial<ClaimRequest> = {},
  ): Promise<number> {
    const { epoch } = await this.claimed(clientId, rest);
    const subscriptions = filters.map((filter) => (typeof filter === 'string' ? subscription(filter) : filter));
    if (!(await this.subscribed(clientId, epoch, { subscriptions, backlog: NOTHING }))) throw new Error('not subscribed');
    return epoch;
  }

  subscribed(clientId: string, epoch: number, standing: Standing): Promise<boolean> {
    return this.#call((done) => this.cluster.subscribed(clientId, epoch, standing, done));
  }

  /** An online session that subscribes and goes offline with nothing left. */
  async offline(
    clientId: string,
    filters: readonly (string | SessionSubscription)[],
    rest: Partial<ClaimRequest> = {},
  ): Promise<void> {
    const epoch = await this.session(clientId, filters, rest);
    this.suspend(clientId, epoch);
    await this.#world.cluster.advance(20);
  }

  suspend(clientId: string, epoch: number, backlog: Backlog = NOTHING, expiryInterval = 86_400, discardWill = true): void {
    this.cluster.suspend(clientId, epoch, { expiryInterval, discardWill, backlog });
  }

  publish(topic: string, payload: string, rest: Partial<Publication> = {}): Promise<PublishOutcome> {
    return this.#call((done) => this.cluster.publish(publication(topic, payload, rest), done));
  }

  publishOnce(topic: string, payload: string, packetId: number, clientId: string): Promise<PublishOutcome> {
    return this.#call((done) => this.cluster.publishOnce(publication(topic, payload, { qos: 2, clientId }), packetId, done));
  }

  exchange(
    clientId: string,
    epoch: number,
    packetId: number,
    exchange: OutboundExchange | undefined,
    shared?: StoredPublication,
  ): Promise<boolean> {
    return this.#call((done) => this.cluster.exchange(clientId, epoch, packetId, exchange, done, shared));
  }

  forget(clientId: string, packetId: number): Promise<boolean> {
    return this.#call((done) => this.cluster.forget(clientId, packetId, done));
  }

  inbound(clientId: string): Promise<readonly number[]> {
    return this.#call((done) => this.cluster.inboundExchanges(clientId, done));
  }

  async read(places: readonly Place[]): Promise<string[]> {
    const messages = await this.#call<readonly (StoredPublication | undefined)[]>((done) => this.cluster.read(places, done));
    return messages.map(text);
  }

  scan(from: Place, filters: readonly string[]): Promise<{ found: readonly StoredPublication[]; next: Place }> {
    return this.#call((done) => this.cluster.scan(from, filters, (found, next) => done({ found, next })));
  }

  // ---- ClusterEvents ----

  listens(): boolean {
    return this.listening;
  }

  arrived(messages: readonly StoredPublication[]): void {
    this.arrivals.push(...messages);
  }

  takenOver(clientId: string): void {
    this.lost.push(clientId);
  }

  setOffline(clientId: string): void {
    this.lost.push(clientId);
    this.offlined.push(clientId);
  }

  shared(share: ShareId, message: StoredPublication, settle: (done: boolean) => void): void {
    this.given.push({ share, message, settle });
  }

  ready(): void {
    this.readied++;
  }

  unsettled(): Iterable<Unsettled> {
    return this.open.values();
  }

  #call<Result>(call: (done: (result: Result) => void) => void): Promise<Result> {
    return this.#world.cluster.until(new Promise<Result>(call));
  }
}

/** A cluster in virtual time with bridges on it. */
export class World implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly rules: TopicRules;
  /** Of bridges that start from now on. */
  limits: Partial<StateLimits> = {};

  constructor(cluster: TestCluster, rules: TopicRules) {
    this.cluster = cluster;
    this.rules = rules;
  }

  async bridge(bridgeId: string, ack: 'committed' | 'leader' = 'committed'): Promise<TestBridge> {
    return new TestBridge(this, await this.cluster.connect()).start(bridgeId, ack);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cluster.stop();
  }
}

export async function startWorld(options: ClusterOptions = {}, rules: TopicRules = new TopicRules()): Promise<World> {
  return new World(await startCluster({ time: 'virtual', brokers: 2, ...options }), rules);
}
