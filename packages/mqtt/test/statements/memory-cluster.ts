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

const NOTHING: Backlog = { places: [], scanFrom: [], maybeSent: [], exchanges: [] };
const NEVER = 0xffff_ffff;
/** Begin of the wall clock, ms since 1970. */
export const WALL_MS = 1_700_000_000_000;

interface KeptSession {
  epoch: number;
  online: boolean;
  subscriptions: readonly SessionSubscription[];
  backlog: Backlog;
  exchanges: Map<number, OutboundExchange>;
  /** Offset up to which it has seen the log. */
  cursor: number;
  will: Will | undefined;
  willAtMs: number;
  expiresAtMs: number;
}

interface ShareQueue {
  readonly id: ShareId;
  joined: boolean;
  waiting: StoredPublication[];
}

/** A cluster of one queue in memory. What it answers comes by `run`, in the order in which it was asked. */
export class MemoryCluster implements Cluster {
  readonly log: StoredPublication[] = [];
  readonly retainedByTopic = new Map<string, StoredPublication>();
  /** Says what becomes of publications; default: they are stored. */
  outcome: (publication: Publication) => PublishOutcome = () => 'success';
  /** Stored publications are not acknowledged meanwhile. */
  holding = false;
  claimAnswer: ClaimRefusal | undefined;
  readonly #events: () => ClusterEvents;
  readonly #now: () => number;
  readonly #sessions = new Map<string, KeptSession>();
  readonly #inbound = new Map<string, Set<number>>();
  readonly #shares = new Map<string, ShareQueue>();
  #tasks: (() => void)[] = [];
  #held: (() => void)[] = [];
  #arrivedTo = 0;
  #epochs = 0;

  constructor(events: () => ClusterEvents, now: () => number) {
    this.#events = events;
    this.#now = now;
  }

  /** Gives all answers, and those to what they bring. */
  run(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) task();
    }
  }

  /** Acknowledges what was held. */
  release(): void {
    this.holding = false;
    this.#tasks.push(...this.#held.splice(0));
    this.run();
  }

  sessionOf(clientId: string): KeptSession | undefined {
    return this.#sessions.get(clientId);
  }

  /** Does something with the next answers. */
  later(task: () => void): void {
    this.#tasks.push(task);
  }

  #acknowledge(task: () => void): void {
    if (this.holding) this.#held.push(task);
    else this.later(task);
  }

  /** Stores a message as another client of the cluster does too. */
  store(publication: Publication): void {
    const storeTimeMs = WALL_MS + this.#now();
    // Its own bytes: what was received may be written over.
    const payload = new Uint8Array(publication.payload);
    const message: StoredPublication = { ...publication, payload, queue: 0, offset: this.log.length, storeTimeMs };
    this.log.push(message);
    if (message.retain && payload.length === 0) this.retainedByTopic.delete(message.topic);
    else if (message.retain) this.retainedByTopic.set(message.topic, message);
    this.later(() => {
      this.#arrivedTo = message.offset + 1;
      this.#events().arrived([message], this.#now());
      this.#share(message);
    });
  }

  publish(publication: Publication, done?: (outcome: PublishOutcome) => void): boolean {
    const outcome = this.outcome(publication);
    if (outcome === 'success') this.store(publication);
    if (done !== undefined) this.#acknowledge(() => done(outcome));
    return true;
  }

  publishOnce(publication: Publication, packetId: number, done: (outcome: PublishOutcome) => void): boolean {
    const open = this.#inbound.get(publication.clientId ?? '') ?? new Set();
    if (open.has(packetId)) {
      this.#acknowledge(() => done('success'));
      return true;
    }
    const outcome = this.outcome(publication);
    if (outcome === 'success') {
      this.#inbound.set(publication.clientId ?? '', open.add(packetId));
      this.store(publication);
    }
    this.#acknowledge(() => done(outcome));
    return true;
  }

  mayHold(): boolean {
    return true;
  }

  takes(topic: string): boolean {
    const nothing = new Uint8Array(0);
    const empty = { qos: 1, retain: false, payload: nothing, clientId: undefined, properties: undefined } as const;
    return this.outcome({ ...empty, topic }) !== 'topic-name-invalid';
  }

  forget(clientId: string, packetId: number, done: (known: boolean) => void): void {
    const known = this.#inbound.get(clientId)?.delete(packetId) === true;
    this.later(() => done(known));
  }

  inboundExchanges(clientId: string, done: (packetIds: readonly number[]) => void): void {
    const ids = [...(this.#inbound.get(clientId) ?? [])];
    this.later(() => done(ids));
  }

  claim({ clientId, cleanStart, will }: ClaimRequest, done: (claimed: Claimed | ClaimRefusal) => void): void {
    this.later(() => {
      if (this.claimAnswer !== undefined) return done(this.claimAnswer);
      const kept = cleanStart ? undefined : this.#sessions.get(clientId);
      if (cleanStart) this.#end(clientId);
      const session: KeptSession = {
        epoch: ++this.#epochs,
        online: true,
        subscriptions: kept?.subscriptions ?? [],
        backlog: NOTHING,
        exchanges: kept?.exchanges ?? new Map(),
        cursor: this.#arrivedTo,
        will,
        willAtMs: Number.POSITIVE_INFINITY,
        expiresAtMs: Number.POSITIVE_INFINITY,
      };
      this.#sessions.set(clientId, session);
      const backlog = kept === undefined ? NOTHING : this.#backlogOf(kept);
      const { epoch, subscriptions } = session;
      done({ epoch, sessionPresent: kept !== undefined, subscriptions, backlog, firstPacketId: 65_000, sentUntilMs: 0 });
    });
  }

  #backlogOf({ backlog, subscriptions, cursor, exchanges }: KeptSession): Backlog {
    const missed = this.log.slice(cursor, this.#arrivedTo).filter((message) => this.#misses(subscriptions, message));
    const places = [...backlog.places, ...missed.map(({ queue, offset }) => ({ queue, offset }))];
    return { ...backlog, places, exchanges: [...exchanges.values()] };
  }

  #misses(subscriptions: readonly SessionSubscription[], message: StoredPublication): boolean {
    const selects = ({ filter, qos }: SessionSubscription): boolean => qos > 0 && matches(filter, message.topic);
    return message.qos > 0 && subscriptions.some(selects);
  }

  subscribed(clientId: string, epoch: number, { subscriptions }: Standing, done: (ok: boolean) => void): void {
    const session = this.#sessions.get(clientId);
    if (session?.epoch === epoch) session.subscriptions = subscriptions;
    this.later(() => done(true));
  }

  packetIdOf({ offset }: Place): number {
    return offset + 1;
  }

  suspend(clientId: string, epoch: number, { expiryInterval, discardWill, backlog }: Suspension): void {
    const session = this.#sessions.get(clientId);
    if (session?.epoch !== epoch) return;
    session.online = false;
    session.backlog = backlog;
    session.cursor = this.#arrivedTo;
    if (discardWill) session.will = undefined;
    const delayS = Math.min(session.will?.properties?.willDelayInterval ?? 0, expiryInterval);
    session.willAtMs = this.#now() + 1000 * delayS;
    session.expiresAtMs = expiryInterval === NEVER ? Number.POSITIVE_INFINITY : this.#now() + 1000 * expiryInterval;
    this.later(() => this.tick());
  }

  nextDeadlineMs(): number {
    const times = [...this.#sessions.values()].map(({ will, willAtMs, expiresAtMs }) =>
      Math.min(will === undefined ? Number.POSITIVE_INFINITY : willAtMs, expiresAtMs),
    );
    return Math.min(Number.POSITIVE_INFINITY, ...times);
  }

  /** Publishes the wills that are due, and ends the sessions whose time has passed. */
  tick(): void {
    for (const [clientId, session] of [...this.#sessions]) {
      if (session.online) continue;
      if (session.willAtMs <= this.#now()) this.#publishWill(clientId, session);
      if (session.expiresAtMs <= this.#now()) this.#end(clientId);
    }
  }

  #end(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined && !session.online) this.#publishWill(clientId, session);
    this.#sessions.delete(clientId);
    this.#inbound.delete(clientId);
  }

  #publishWill(clientId: string, session: KeptSession): void {
    const { will } = session;
    session.will = undefined;
    if (will === undefined) return;
    const { topic, qos, retain, payload } = will;
    const { willDelayInterval: _, messageExpiryInterval, ...rest } = will.properties ?? {};
    const expires =
      messageExpiryInterval === undefined ? {} : { expiresAtMs: WALL_MS + this.#now() + 1000 * messageExpiryInterval };
    this.store({ topic, qos, retain, payload, clientId, properties: { ...rest, ...expires } });
  }

  exchange(
    clientId: string,
    _epoch: number,
    packetId: number,
    exchange: OutboundExchange | undefined,
    done: (held: boolean) => void,
  ): void {
    const exchanges = this.#sessions.get(clientId)?.exchanges;
    if (exchange === undefined) exchanges?.delete(packetId);
    else exchanges?.set(packetId, exchange);
    this.later(() => done(true));
  }

  read(places: readonly Place[], done: (messages: readonly (StoredPublication | undefined)[]) => void): void {
    this.later(() => done(places.map(({ offset }) => this.log[offset])));
  }

  scan(from: Place, filters: readonly string[], done: (found: readonly StoredPublication[], next: Place) => void): void {
    const found = this.log
      .slice(from.offset, this.#arrivedTo)
      .filter(({ topic }) => filters.some((filter) => matches(filter, topic)));
    const next = { queue: 0, offset: this.#arrivedTo };
    this.later(() => done(found, next));
  }

  retained(filter: string): Iterable<StoredPublication> {
    return [...this.retainedByTopic.values()].filter(({ topic }) => matches(filter, topic));
  }

  retainedCount(): number {
    return this.retainedByTopic.size;
  }

  joinShare(id: ShareId): void {
    const key = `$share/${id.name}/${id.filter}`;
    const share = this.#shares.get(key) ?? { id, joined: true, waiting: [] };
    share.joined = true;
    this.#shares.set(key, share);
    this.later(() => this.#giveWaiting(share));
  }

  leaveShare(id: ShareId): void {
    const share = this.#shares.get(`$share/${id.name}/${id.filter}`);
    if (share !== undefined) share.joined = false;
  }

  #share(message: StoredPublication): void {
    for (const share of this.#shares.values()) {
      if (!matches(share.id.filter, message.topic)) continue;
      share.waiting.push(message);
      this.#giveWaiting(share);
    }
  }

  #giveWaiting(share: ShareQueue): void {
    if (!share.joined) return;
    for (const message of share.waiting.splice(0)) this.#give(share, message);
  }

  #give(share: ShareQueue, message: StoredPublication): void {
    const settle = (done: boolean): void => {
      if (done) return;
      share.waiting.push(message);
      this.later(() => this.#giveWaiting(share));
    };
    this.#events().shared(share.id, message, settle, this.#now());
  }
}
