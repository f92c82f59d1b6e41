import type { Clock, QueueId } from '@qanat/core';
import { retains } from '../mapping/property-scan.ts';
import { toPublication } from '../mapping/to-publication.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { ClusterEvents, Publication, PublishOutcome, StoredPublication } from '../ports.ts';
import { InboundExchanges } from './inbound-exchanges.ts';
import { InboundSweep } from './inbound-sweep.ts';
import { decodeIndex, type IndexRecord } from './index-record.ts';
import { Indexer } from './indexer.ts';
import { JoinedWalks } from './joined-walks.ts';
import { KeptState, type StateLimits } from './kept-state.ts';
import { CHECKPOINT_MS, INBOUND_SWEEP_MS, TOPICS_MS } from './limits.ts';
import { LiveGatherings } from './live-gathering.ts';
import { Liveness } from './liveness.ts';
import type { KeyedState, LogClient } from './log-client.ts';
import { LogReader } from './log-reader.ts';
import { OfflineSessions } from './offline-sessions.ts';
import { OutboundExchanges } from './outbound-exchanges.ts';
import { Publishing } from './publishing.ts';
import { QueueTable } from './queue-table.ts';
import { RecentMessages } from './recent-messages.ts';
import { Retained } from './retained.ts';
import { SessionStore } from './session-entries.ts';
import { SessionMirror } from './session-mirror.ts';
import { Sessions } from './sessions.ts';
import { Shares } from './shares.ts';
import { BRIDGES, INDEXES, ONCE, queueName, RETAINED, SESSIONS } from './state-keys.ts';
import { StateMirror } from './state-mirror.ts';
import { Steward } from './steward.ts';
import { Tails } from './tails.ts';
import { TopicQueues } from './topic-queues.ts';
import { Repeated, unlessEnded } from './waiting.ts';
import { type PublishWill, Wills } from './wills.ts';

export interface PartsOptions {
  readonly client: LogClient;
  readonly clock: Clock;
  /** Name of this life of the bridge. */
  readonly instance: string;
  readonly rules: TopicRules;
  readonly stateTopic: string;
  readonly ack: 'committed' | 'leader';
  readonly createTopics: boolean;
  readonly limits: Partial<StateLimits>;
  readonly publishWill: PublishWill;
  /** A stored message of another client of the cluster that is not retained since there are too many. */
  readonly onNotRetained: (message: StoredPublication) => void;
  readonly onWillDropped: (clientId: string, topic: string, why: PublishOutcome) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** The parts of the cluster's side of a bridge, joined to each other. */
export class ClusterParts {
  readonly clock: Clock;
  readonly rules: TopicRules;
  readonly queues = new QueueTable();
  readonly topics: TopicQueues;
  readonly recent = new RecentMessages();
  readonly live = new LiveGatherings();
  readonly reader: LogReader;
  readonly tails: Tails;
  readonly publishing: Publishing;
  readonly kept: KeptState;
  readonly mirror: SessionMirror;
  readonly retained: Retained;
  readonly inbound: InboundExchanges;
  readonly outbound: OutboundExchanges;
  readonly liveness: Liveness;
  readonly wills: Wills;
  readonly sessions: Sessions;
  readonly shares: Shares;
  readonly #options: PartsOptions;
  readonly #events: () => ClusterEvents;
  readonly #state: KeyedState;
  readonly #stateQueues: TopicQueues;
  readonly #mirrors: readonly StateMirror[];
  readonly #indexes = new Map<number, IndexRecord>();
  readonly #indexers = new Map<number, Indexer>();
  readonly #offline: OfflineSessions;
  readonly #store: SessionStore;
  readonly #steward: Steward;
  readonly #repeated: readonly Repeated[];
  #following: Promise<void>[] = [];

  constructor(options: PartsOptions, events: () => ClusterEvents) {
    const { client, clock, rules, stateTopic, instance, onTrouble, ack } = options;
    this.#options = options;
    this.#events = events;
    this.clock = clock;
    this.rules = rules;
    this.#state = client.keyedState(stateTopic);
    const wallMs = (): number => Math.floor(clock.wallMs());
    const read = (message: Parameters<typeof toPublication>[0]): Publication | undefined => toPublication(message, rules);
    const topics = rules.clusterTopics();
    this.topics = new TopicQueues(client, clock, topics, (queue) => this.#newQueue(queue), onTrouble);
    this.#stateQueues = new TopicQueues(client, clock, [stateTopic], (queue) => this.#newStateQueue(queue), onTrouble);
    this.reader = new LogReader(client, clock, this.queues, this.recent, read);
    this.tails = new Tails({
      client,
      clock,
      topics,
      queues: this.queues,
      read,
      isQuiet: () => this.live.size === 0 && this.#offline.size === 0 && !events().listens(),
      retains,
      fallback: (queue) => this.#indexes.get(queue)?.position,
      onBatch: (queue, from, to, messages, quiet) =>
        quiet ? this.#passed(queue, from, to, messages) : this.#arrived(queue, from, to, messages),
      onTrouble,
    });
    const onReady = (): void => events().ready(clock.nowMs());
    const position = (queue: number): number => this.tails.position(queue);
    const ways = { rules, topics: this.topics, queues: this.queues, position };
    this.publishing = new Publishing({ ...ways, client, ack, wallMs, onReady });
    this.kept = new KeptState(options.limits);
    this.retained = new Retained(this.#state, clock, this.queues, this.kept);
    this.inbound = new InboundExchanges({ client, clock, topics: this.topics, stateTopic, instance, onTrouble });
    this.outbound = new OutboundExchanges(this.#state, clock, this.queues, onTrouble);
    this.liveness = new Liveness(this.#state, clock, instance, onTrouble);
    const mirror = new SessionMirror(this.kept);
    this.mirror = mirror;
    this.#offline = new OfflineSessions(mirror);
    this.#store = new SessionStore(this.#state, clock, this.queues);
    this.wills = new Wills(options.publishWill, this.inbound, wallMs, options.onWillDropped);
    const { queues, tails, reader, live, liveness, inbound, outbound, wills } = this;
    const shared = { store: this.#store, mirror, liveness, wills, inbound, wallMs, onTrouble };
    const places = { queues, tails, reader, walks: new JoinedWalks(reader), live, indexes: this.#indexes };
    this.sessions = new Sessions({ ...shared, ...places, clock, outbound, events });
    this.#steward = new Steward(shared);
    const given = (...args: [Parameters<ClusterEvents['shared']>[0], StoredPublication, (done: boolean) => void]): void =>
      events().shared(...args, clock.nowMs());
    this.shares = new Shares({ client, state: this.#state, clock, rules, queues, read, given, onTrouble });
    this.#mirrors = this.#makeMirrors(mirror);
    const sweep = this.#makeSweep(mirror);
    this.#repeated = [
      new Repeated(clock, CHECKPOINT_MS, () => this.sessions.checkpoint(), onTrouble),
      new Repeated(clock, CHECKPOINT_MS, () => this.#look(), onTrouble),
      // Apart from `#look`, which is quick: a will whose broker is away takes as long as a send may.
      new Repeated(clock, CHECKPOINT_MS, () => this.#steward.turn(), onTrouble),
      new Repeated(clock, CHECKPOINT_MS, () => this.shares.sweep(), onTrouble),
      new Repeated(clock, TOPICS_MS, () => this.retained.sweep(this.#steward.isMine), onTrouble),
      new Repeated(clock, INBOUND_SWEEP_MS, () => sweep.turn(), onTrouble),
    ];
  }

  /** Resolves when devices may come. @param signal gives it up. @throws QanatError. */
  async start(signal?: AbortSignal): Promise<void> {
    const work = this.#join();
    try {
      await (signal === undefined ? work : unlessEnded(work, signal));
    } catch (error) {
      this.#leave();
      // What it was at may have begun more.
      void work.catch(() => {}).then(() => this.#leave());
      throw error;
    }
    for (const repeated of this.#repeated) repeated.start();
  }

  async #join(): Promise<void> {
    const { createTopics } = this.#options;
    await Promise.all([this.#stateQueues.start(createTopics), this.topics.start(createTopics)]);
    await this.liveness.start();
    await Promise.all(this.#following);
    await this.tails.start();
  }

  #unfollow(): void {
    for (const mirror of this.#mirrors) mirror.close();
    this.topics.stop();
    this.#stateQueues.stop();
  }

  #leave(): void {
    this.#unfollow();
    void this.tails.close();
    void this.liveness.stop(false);
  }

  /** Messages that no indexer of this bridge has come to. */
  get indexLag(): number {
    let lag = 0;
    for (const indexer of this.#indexers.values()) lag += indexer.lag ?? 0;
    return lag;
  }

  get offlineSessions(): number {
    return this.#offline.size;
  }

  async close(): Promise<void> {
    const alone = await this.sessions.close();
    for (const repeated of this.#repeated) repeated.stop();
    for (const indexer of this.#indexers.values()) indexer.stop();
    this.#unfollow();
    await Promise.all([this.tails.close(), this.shares.close(), this.publishing.close()]);
    await this.liveness.stop(alone);
    this.#store.close();
    this.outbound.close();
    this.retained.close();
  }

  #makeSweep(mirror: SessionMirror): InboundSweep {
    const { client, onTrouble } = this.#options;
    const { topics, liveness, inbound } = this;
    const isMine = (queue: QueueId): boolean => liveness.isMine(ONCE + queueName(queue));
    const queues = { topics, stateQueues: this.#stateQueues };
    return new InboundSweep({ client, state: this.#state, ...queues, mirror, group: inbound.group, isMine, onTrouble });
  }

  #makeMirrors(sessions: SessionMirror): StateMirror[] {
    const { clock, onTrouble: trouble } = this.#options;
    const make = (prefix: string, changed: StateMirrorChanged, upTo?: (queue: QueueId, version: number) => void): StateMirror =>
      new StateMirror(this.#state, clock, prefix, { changed, trouble, ...(upTo === undefined ? {} : { upTo }) });
    return [
      make(
        SESSIONS,
        (key, value, version, queue) => sessions.changed(key, value, version, queue),
        (queue, version) => {
          this.#offline.upTo(queue, version);
          this.#wake();
        },
      ),
      make(BRIDGES, (key, value, version, queue) => this.liveness.changed(key, value, version, queue)),
      make(INDEXES, (_key, value) => this.#indexed(value)),
      make(RETAINED, (key, value, version, queue) => this.retained.changed(key, value, version, queue)),
    ];
  }

  #newQueue(queue: QueueId): void {
    const number = this.queues.numberOf(queue);
    if (this.#indexers.has(number)) return;
    const { tails, reader, liveness } = this;
    const scope = { state: this.#state, clock: this.clock, liveness, tails, reader, offline: this.#offline };
    const onMessage = (message: StoredPublication): void => this.#keepRetained(message);
    this.#indexers.set(
      number,
      new Indexer({ ...scope, onMessage, onTrouble: this.#options.onTrouble }, number, queueName(queue)),
    );
  }

  #newStateQueue(queue: QueueId): void {
    for (const mirror of this.#mirrors) this.#following.push(mirror.follow(queue));
  }

  #indexed(value: Uint8Array | undefined): void {
    if (value === undefined) return;
    const record = decodeIndex(value);
    this.#indexes.set(this.queues.numberOfName(record.queue), record);
  }

  /** What other clients of the cluster sent to be retained, and what a bridge that died had no time to retain. */
  #keepRetained(message: StoredPublication): void {
    if (!message.retain || this.retained.has(message)) return;
    if (!this.retained.takes(message)) return this.#options.onNotRetained(message);
    this.retained.put(message).catch(this.#options.onTrouble);
  }

  #arrived(queue: number, from: number, to: number, messages: readonly StoredPublication[]): void {
    this.recent.add(queue, from, to, messages);
    this.live.arrived(messages);
    if (messages.length > 0) this.#events().arrived(messages, this.clock.nowMs());
    this.#came(queue, from, to, messages);
  }

  /** A span to which nobody listened. Who needs it after all reads it from the log. */
  #passed(queue: number, from: number, to: number, retained: readonly StoredPublication[]): void {
    this.recent.skip(queue);
    this.#came(queue, from, to, retained);
  }

  #came(queue: number, from: number, to: number, messages: readonly StoredPublication[]): void {
    const retained = messages.filter(isRetained);
    for (const message of retained) this.retained.arrived(message);
    this.#indexers.get(queue)?.passed(from, to, retained);
    this.publishing.seen(queue, to);
  }

  async #look(): Promise<void> {
    this.inbound.runs();
    this.#wake();
    this.sessions.strays.sweep();
    this.publishing.sweep();
    this.retained.forgetComing();
  }

  #wake(): void {
    for (const indexer of this.#indexers.values()) indexer.wake();
  }
}

const isRetained = ({ retain }: StoredPublication): boolean => retain;

type StateMirrorChanged = (key: string, value: Uint8Array | undefined, version: number, queue: QueueId) => void;
