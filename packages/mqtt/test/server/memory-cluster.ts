import {
  type Backlog,
  type Claimed,
  type ClaimRefusal,
  type ClaimRequest,
  type Cluster,
  type ClusterEvents,
  matches,
  type OutboundExchange,
  type Place,
  type Publication,
  type PublishOutcome,
  type SessionSubscription,
  type ShareId,
  type Standing,
  type StoredPublication,
  type Suspension,
  type Will,
} from '@qanat/mqtt';

const QUEUES = 3;
const SCAN_PAGE = 20;
const SHARE_UNSETTLED_MAX = 8;
const NOTHING: Backlog = { places: [], scanFrom: [], maybeSent: [], exchanges: [] };

interface SessionRecord {
  epoch: number;
  owner: MemoryBridge | undefined;
  expiryInterval: number;
  readonly principal: string;
  subscriptions: readonly SessionSubscription[];
  will: Will | undefined;
  backlog: Backlog;
  /** By queue, what the suspended session has seen. */
  seen: readonly number[];
  exchanges: Map<number, OutboundExchange>;
}

interface Unsettled {
  readonly message: StoredPublication;
  readonly bridge: MemoryBridge;
}

interface ShareState {
  readonly id: ShareId;
  todo: StoredPublication[];
  readonly unsettled: Set<Unsettled>;
  readonly bridges: MemoryBridge[];
  settled: StoredPublication[];
}

/** A cluster of arrays, for several bridges. Everything it does waits in one list, so that a test decides when it happens. */
export class MemoryCluster {
  readonly logs: StoredPublication[][] = Array.from({ length: QUEUES }, () => []);
  readonly sessions = new Map<string, SessionRecord>();
  readonly retained = new Map<string, StoredPublication>();
  readonly shares = new Map<string, ShareState>();
  readonly once = new Map<string, PublishOutcome>();
  readonly bridges: MemoryBridge[] = [];
  /** Wills that wait for their delay, by client id. */
  readonly delayedWills = new Map<string, Will>();
  /** What the next publishes come to, other than success. */
  readonly outcomes: PublishOutcome[] = [];
  /** Topics without a rule. */
  readonly unmapped = new Set<string>();
  /** Answers to the next claims. */
  readonly refusals: ClaimRefusal[] = [];
  /** Whether `subscribed` succeeds. */
  records = true;
  /** What `publish` returns. */
  takesMore = true;
  /** What the next claims are told of a bridge that died. */
  sentUntilMs = -1;
  /** The packet id of a place. */
  packetIdOf = (queue: number, offset: number): number => 1 + ((queue * 20_000 + offset) % 61_417);
  /** Places listed in a backlog; what is beyond is looked through. */
  placesMax = 1_000;
  nowMs = 0;
  readonly #tasks: (() => void)[] = [];
  #epochs = 0;

  bridge(): MemoryBridge {
    const bridge = new MemoryBridge(this);
    this.bridges.push(bridge);
    return bridge;
  }

  later(task: () => void): void {
    this.#tasks.push(task);
  }

  get idle(): boolean {
    return this.#tasks.length === 0;
  }

  /** Does one thing of what waits. */
  step(): boolean {
    const task = this.#tasks.shift();
    task?.();
    return task !== undefined;
  }

  /** Does everything that waits, and what follows from it. */
  run(): void {
    for (let steps = 0; this.step(); steps++) if (steps > 1_000_000) throw new Error('the cluster never comes to rest');
  }

  queueOf(topic: string): number {
    let sum = 0;
    for (const letter of topic) sum = (sum * 31 + letter.charCodeAt(0)) % 1_000_003;
    return sum % QUEUES;
  }

  append(publication: Publication): StoredPublication {
    const queue = this.queueOf(publication.topic);
    const log = this.logs[queue] as StoredPublication[];
    const payload = new Uint8Array(publication.payload);
    const message = { ...publication, payload, queue, offset: log.length, storeTimeMs: this.nowMs };
    log.push(message);
    if (message.retain && payload.length === 0) this.retained.delete(message.topic);
    else if (message.retain) this.retained.set(message.topic, message);
    for (const share of this.shares.values()) if (matches(share.id.filter, message.topic)) share.todo.push(message);
    for (const bridge of this.bridges) this.later(() => bridge.tail(queue));
    for (const share of this.shares.values()) this.later(() => this.give(share));
    return message;
  }

  /** Stores a message of another client of the cluster. */
  send(topic: string, payload: string, more: Partial<Publication> = {}): void {
    this.append({
      topic,
      qos: 1,
      retain: false,
      payload: Buffer.from(payload),
      clientId: undefined,
      properties: undefined,
      ...more,
    });
  }

  claim(bridge: MemoryBridge, request: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void {
    const record = this.sessions.get(request.clientId);
    if (record !== undefined && record.principal !== request.principal) return done('not-authorized');
    if (record?.owner !== undefined && record.owner !== bridge) {
      const { owner, epoch } = record;
      owner.server.takenOver(request.clientId, epoch, this.nowMs);
      this.later(() => {
        if (record.owner === owner) record.owner = undefined;
        this.claim(bridge, request, done);
      });
      return;
    }
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return done(refusal);
    this.#claimWill(request);
    const claimed = this.#take(bridge, request, record);
    done(claimed);
  }

  #claimWill({ clientId, cleanStart }: ClaimRequest): void {
    const will = this.delayedWills.get(clientId);
    this.delayedWills.delete(clientId);
    if (will !== undefined && cleanStart) this.publishWill(clientId, will);
  }

  publishWill(clientId: string, { topic, payload, qos, retain, properties }: Will): void {
    const { contentType, userProperties } = properties ?? {};
    const carried = { ...(contentType ? { contentType } : {}), ...(userProperties ? { userProperties } : {}) };
    this.append({ topic, payload, qos, retain, clientId, properties: properties === undefined ? undefined : carried });
  }

  #take(bridge: MemoryBridge, request: ClaimRequest, record: SessionRecord | undefined): Claimed {
    const before = request.cleanStart ? undefined : record;
    const subscriptions = before?.subscriptions.filter(({ filter }) => request.maySubscribe(filter)) ?? [];
    const epoch = ++this.#epochs;
    const backlog = before === undefined ? NOTHING : this.#backlog(bridge, request.clientId, before);
    if (request.cleanStart) this.#forgetInbound(request.clientId);
    this.sessions.set(request.clientId, {
      epoch,
      owner: bridge,
      expiryInterval: request.expiryInterval,
      principal: request.principal,
      subscriptions,
      will: request.will,
      backlog: NOTHING,
      seen: [],
      exchanges: before?.exchanges ?? new Map(),
    });
    const firstPacketId = 61_418 + ((epoch * 977) % 4_118);
    const { sentUntilMs } = this;
    return { epoch, sessionPresent: before !== undefined, subscriptions, backlog, firstPacketId, sentUntilMs };
  }

  #forgetInbound(clientId: string): void {
    for (const key of this.once.keys()) if (key.startsWith(`${clientId}/`)) this.once.delete(key);
  }

  #backlog(bridge: MemoryBridge, clientId: string, { backlog, seen, subscriptions, exchanges }: SessionRecord): Backlog {
    const places = [...backlog.places];
    const scanFrom = [...backlog.scanFrom];
    for (let queue = 0; queue < QUEUES; queue++) {
      if (scanFrom.some((place) => place.queue === queue)) continue;
      for (let offset = seen[queue] ?? 0; offset < (bridge.tails[queue] as number); offset++) {
        const message = this.logs[queue]?.[offset] as StoredPublication;
        if (!selects(subscriptions, message, clientId)) continue;
        if (places.length < this.placesMax) places.push({ queue, offset });
        else {
          scanFrom.push({ queue, offset });
          break;
        }
      }
    }
    return { places, scanFrom, maybeSent: backlog.maybeSent, exchanges: [...exchanges.values()] };
  }

  suspend(bridge: MemoryBridge, clientId: string, epoch: number, suspension: Suspension, seen: readonly number[]): void {
    const record = this.sessions.get(clientId);
    if (record?.epoch !== epoch || record.owner !== bridge) return;
    record.owner = undefined;
    record.backlog = suspension.backlog;
    record.seen = seen;
    record.expiryInterval = suspension.expiryInterval;
    if (suspension.expiryInterval === 0) {
      this.sessions.delete(clientId);
      this.#forgetInbound(clientId);
    }
    const { will } = record;
    if (will === undefined || suspension.discardWill) return;
    const delay = Math.min(will.properties?.willDelayInterval ?? 0, suspension.expiryInterval);
    if (delay > 0) this.delayedWills.set(clientId, will);
    else this.publishWill(clientId, will);
  }

  shareOf(id: ShareId): ShareState {
    const key = `${id.name}/${id.filter}`;
    const share = this.shares.get(key) ?? { id, todo: [], unsettled: new Set(), bridges: [], settled: [] };
    this.shares.set(key, share);
    return share;
  }

  give(share: ShareState): void {
    const bridge = share.bridges[share.settled.length % Math.max(1, share.bridges.length)];
    while (bridge !== undefined && share.unsettled.size < SHARE_UNSETTLED_MAX) {
      const message = share.todo.shift();
      if (message === undefined) return;
      const entry = { message, bridge };
      share.unsettled.add(entry);
      bridge.server.shared(share.id, message, (done) => this.#settle(share, entry, done), this.nowMs);
    }
  }

  #settle(share: ShareState, entry: Unsettled, done: boolean): void {
    if (!share.unsettled.delete(entry)) return;
    if (done) share.settled.push(entry.message);
    else this.#again(share, [entry.message]);
    this.later(() => this.give(share));
  }

  #again(share: ShareState, messages: readonly StoredPublication[]): void {
    share.todo = [...share.todo, ...messages].sort((a, b) => a.queue - b.queue || a.offset - b.offset);
  }

  leave(bridge: MemoryBridge, share: ShareState): void {
    const at = share.bridges.indexOf(bridge);
    if (at >= 0) share.bridges.splice(at, 1);
    const back = [...share.unsettled].filter((entry) => entry.bridge === bridge);
    for (const entry of back) share.unsettled.delete(entry);
    this.#again(
      share,
      back.map(({ message }) => message),
    );
    this.later(() => this.give(share));
  }
}

function selects(subscriptions: readonly SessionSubscription[], message: StoredPublication, clientId: string): boolean {
  return subscriptions.some(
    ({ filter, qos, noLocal }) =>
      Math.min(qos, message.qos) > 0 && matches(filter, message.topic) && !(noLocal && message.clientId === clientId),
  );
}

/** The cluster as one bridge sees it. */
export class MemoryBridge implements Cluster {
  /** What `mayHold` allows. */
  filterBytesMax = Number.POSITIVE_INFINITY;
  server: ClusterEvents = {
    listens: () => true,
    arrived: () => {},
    takenOver: () => {},
    setOffline: () => {},
    shared: () => {},
    ready: () => {},
    unsettled: () => [],
  };
  /** By queue, up to where it has been told. */
  readonly tails: number[] = Array.from({ length: QUEUES }, () => 0);
  /** What was asked, for tests that look at it. */
  readonly calls: string[] = [];
  readonly #cluster: MemoryCluster;

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
    cluster.logs.forEach((log, queue) => {
      this.tails[queue] = log.length;
    });
  }

  tail(queue: number): void {
    const messages = this.#cluster.logs[queue]?.slice(this.tails[queue]) ?? [];
    this.tails[queue] = (this.tails[queue] as number) + messages.length;
    if (messages.length > 0 && this.server.listens()) this.server.arrived(messages, this.#cluster.nowMs);
  }

  publish(publication: Publication, done?: (outcome: PublishOutcome) => void): boolean {
    this.#cluster.later(() => {
      const outcome = done === undefined ? 'success' : (this.#cluster.outcomes.shift() ?? 'success');
      if (outcome === 'success') this.#cluster.append(publication);
      done?.(outcome);
    });
    return this.#cluster.takesMore;
  }

  publishOnce(publication: Publication, packetId: number, done: (outcome: PublishOutcome) => void): boolean {
    this.#cluster.later(() => {
      const key = `${publication.clientId}/${packetId}`;
      const outcome = this.#cluster.once.get(key) ?? this.#cluster.outcomes.shift() ?? 'success';
      if (!this.#cluster.once.has(key) && (outcome === 'success' || outcome === 'unspecified-error')) {
        this.#cluster.append(publication);
        this.#cluster.once.set(key, 'success');
      }
      done(outcome);
    });
    return this.#cluster.takesMore;
  }

  mayHold(_clientId: string, _subscriptions: number, filterBytes: number): boolean {
    return filterBytes <= this.filterBytesMax;
  }

  takes(topic: string): boolean {
    return !this.#cluster.unmapped.has(topic);
  }

  forget(clientId: string, packetId: number, done: (known: boolean) => void): void {
    this.#cluster.later(() => done(this.#cluster.once.delete(`${clientId}/${packetId}`)));
  }

  inboundExchanges(clientId: string, done: (packetIds: readonly number[]) => void): void {
    const prefix = `${clientId}/`;
    const keys = () => [...this.#cluster.once.keys()].filter((key) => key.startsWith(prefix));
    this.#cluster.later(() => done(keys().map((key) => Number(key.slice(prefix.length)))));
  }

  claim(request: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void {
    this.calls.push(`claim ${request.clientId}`);
    this.#cluster.later(() => this.#cluster.claim(this, request, done));
  }

  subscribed(clientId: string, epoch: number, { subscriptions }: Standing, done: (ok: boolean) => void): void {
    this.#cluster.later(() => {
      const record = this.#cluster.sessions.get(clientId);
      const ok = this.#cluster.records && record?.epoch === epoch;
      if (ok) record.subscriptions = subscriptions;
      done(ok);
    });
  }

  packetIdOf({ queue, offset }: Place): number {
    return this.#cluster.packetIdOf(queue, offset);
  }

  suspend(clientId: string, epoch: number, suspension: Suspension): void {
    this.calls.push(`suspend ${clientId}`);
    const seen = [...this.tails];
    this.#cluster.later(() => this.#cluster.suspend(this, clientId, epoch, suspension, seen));
  }

  exchange(
    clientId: string,
    epoch: number,
    packetId: number,
    exchange: OutboundExchange | undefined,
    done: (held: boolean) => void,
  ): void {
    this.calls.push(`exchange ${packetId} ${exchange === undefined ? 'ended' : exchange.released ? 'released' : 'begun'}`);
    this.#cluster.later(() => {
      const record = this.#cluster.sessions.get(clientId);
      if (record?.epoch === epoch && exchange === undefined) record.exchanges.delete(packetId);
      else if (record?.epoch === epoch && exchange !== undefined) record.exchanges.set(packetId, exchange);
      done(record?.epoch === epoch);
    });
  }

  read(places: readonly Place[], done: (messages: readonly (StoredPublication | undefined)[]) => void): void {
    this.#cluster.later(() => done(places.map(({ queue, offset }) => this.#cluster.logs[queue]?.[offset])));
  }

  scan(from: Place, filters: readonly string[], done: (found: readonly StoredPublication[], next: Place) => void): void {
    this.calls.push(`scan ${from.queue}`);
    this.#cluster.later(() => {
      const to = Math.min(from.offset + SCAN_PAGE, this.tails[from.queue] as number);
      const log = this.#cluster.logs[from.queue]?.slice(from.offset, to) ?? [];
      const found = log.filter(({ topic }) => filters.some((filter) => matches(filter, topic)));
      done(found, { queue: from.queue, offset: Math.max(from.offset, to) });
    });
  }

  *retained(filter: string): Iterable<StoredPublication> {
    const one = this.#cluster.retained.get(filter);
    if (one !== undefined) yield one;
    else if (/[+#]/.test(filter)) yield* this.#selected(filter);
  }

  *#selected(filter: string): Iterable<StoredPublication> {
    for (const message of this.#cluster.retained.values()) if (matches(filter, message.topic)) yield message;
  }

  retainedCount(): number {
    return this.#cluster.retained.size;
  }

  joinShare(id: ShareId): void {
    const share = this.#cluster.shareOf(id);
    if (!share.bridges.includes(this)) share.bridges.push(this);
    this.#cluster.later(() => this.#cluster.give(share));
  }

  leaveShare(id: ShareId): void {
    this.#cluster.leave(this, this.#cluster.shareOf(id));
  }
}
