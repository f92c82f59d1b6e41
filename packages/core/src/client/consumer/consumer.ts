import type { LiveFrame, RequestHeader } from '../../connection/request.ts';
import { QanatError } from '../../errors.ts';
import type { Assignment } from '../../wire/gen/messages.ts';
import type { ClientEvent, ClientHost, ClientPart, QueueId, TopicRoute } from '../host.ts';
import { brokerOf } from '../read-peers.ts';
import { mayNotSee } from '../routes-answer.ts';
import { BrokerShare } from './broker-share.ts';
import { Closing } from './closing.ts';
import { DeadLetters } from './dead-letters.ts';
import { Dispatcher } from './dispatcher.ts';
import { LagWatch } from './lag-watch.ts';
import { type ConsumerHandler, type ConsumerOptions, type ConsumerSettings, type QueuePosition, readOptions } from './options.ts';
import { Prefetch } from './prefetch.ts';
import { queueKey } from './puller.ts';
import type { QueueStream } from './queue-stream.ts';
import type { ConsumerScope } from './scope.ts';
import { TopicWatch } from './topic-watch.ts';

const positionKey = ({ topic, broker, queue }: QueueId): string => `${broker}/${queueKey(topic, queue)}`;

/**
 * Reads topics and hands their messages to a handler, until it is closed: through lost connections, restarts, rebalances and
 * topics that do not exist yet. What keeps it from reading is told by an event.
 */
export class Consumer implements ClientPart {
  readonly id: number;
  readonly settings: ConsumerSettings;
  readonly #host: ClientHost;
  readonly #handler: ConsumerHandler;
  readonly #scope: ConsumerScope;
  readonly #shares = new Map<string, { readonly share: BrokerShare; readonly unhold: () => void }>();
  readonly #watches: TopicWatch[];
  readonly #closing: Closing;
  readonly #deadLetters: DeadLetters | undefined;
  readonly #lagWatch: LagWatch;
  readonly #stopListening: () => void;
  /** Queues that are paused one by one. */
  readonly #paused = new Set<string>();
  #allPaused = false;
  /** Where the caller's store says to begin, and the topics that it names. */
  readonly #stored = new Map<string, QueuePosition>();
  readonly #storedTopics = new Set<string>();
  /** Topics of which a route was found. */
  readonly #begun = new Set<string>();
  #idle = false;
  /** The positions at the end. */
  #last: readonly QueuePosition[] | undefined;

  /**
   * Begins at once. @param id unique in the client, at least 1; also the number of its polls.
   * @throws QanatError BAD_CONFIG, INVALID_NAME or INVALID_ARGUMENT for options that cannot be served.
   */
  constructor(host: ClientHost, id: number, options: ConsumerOptions, handler: ConsumerHandler) {
    this.id = id;
    this.#host = host;
    this.#handler = handler;
    this.settings = readOptions(host, options);
    for (const position of this.settings.offsets) {
      this.#stored.set(positionKey(position.queue), position);
      this.#storedTopics.add(position.queue.topic);
    }
    const dispatcher = new Dispatcher(
      handler,
      this.settings.deliveriesMax,
      () => host.engine.nowMs(),
      () => this.#onPumped(),
    );
    const prefetch = new Prefetch(this.settings.prefetchBytes, () => this.#onRoom());
    const { deadLetter } = this.settings;
    this.#deadLetters = deadLetter === undefined ? undefined : new DeadLetters(host, deadLetter);
    this.#scope = this.#makeScope(dispatcher, prefetch);
    this.#lagWatch = new LagWatch(this.#scope, () => this.#streams());
    this.#closing = new Closing(
      this.#scope,
      () => [...this.#shares.values()].map(({ share }) => share),
      (error) => this.#ended(error),
    );
    this.#stopListening = host.listen({
      onOpen: (peer) => this.#shares.get(brokerOf(peer))?.share.onOpen(peer),
      onGoAway: (peer) => this.#shares.get(brokerOf(peer))?.share.onGoAway(peer),
      onClosed: (peer, error) => this.#onClosed(peer, error),
      onPush: (peer, name, headers) => this.#onPush(peer, name, headers),
    });
    const owner = {
      host,
      onWaiting: (topic: string) => this.#event({ kind: 'waiting-for-topic', topic }),
      onForbidden: (topic: string) => this.#event({ kind: 'error', consumer: this.id, error: mayNotSee(topic) }),
      onRoute: (route: TopicRoute, late: boolean) => this.#onRoute(route, late),
      onGone: (topic: string) => this.#onGone(topic),
    };
    this.#watches = [...this.settings.subscriptions.keys()].map((topic) => new TopicWatch(owner, topic));
    for (const watch of this.#watches) watch.start();
  }

  /** Handlers that run. */
  get running(): number {
    return this.#scope.dispatcher.running;
  }

  /** Bytes of batches held: what was pulled and is not yet handled. */
  get heldBytes(): number {
    return this.#scope.prefetch.heldBytes;
  }

  /**
   * How far this consumer has come in each queue: everything below was handled. With it what the caller's store said of queues
   * that could not be reached yet, so that the whole may be stored in place of what was stored before. Holds after the end too.
   */
  positions(): readonly QueuePosition[] {
    if (this.#last !== undefined) return this.#last;
    const positions = new Map(this.#stored);
    for (const stream of this.#streams()) positions.set(positionKey(stream.id), { queue: stream.id, offset: stream.position });
    return [...positions.values()];
  }

  /** Hands out and pulls nothing more of a queue, or of all; started handlers go on. It stays ours. */
  pause(queue?: QueueId): void {
    if (queue === undefined) this.#allPaused = true;
    else this.#paused.add(positionKey(queue));
    this.#applyPauses();
  }

  /** Ends `pause` of a queue, or of all and of each. */
  resume(queue?: QueueId): void {
    if (queue !== undefined) this.#paused.delete(positionKey(queue));
    else {
      this.#allPaused = false;
      this.#paused.clear();
    }
    this.#applyPauses();
  }

  /**
   * Goes on elsewhere in a queue; what was handed out of it and is not done no longer counts.
   * @throws QanatError BAD_CONFIG with leases (reset the group instead), QUEUE_NOT_FOUND when the queue is not read (yet).
   */
  seek(queue: QueueId, offset: number): void {
    if (this.settings.mode === 'clustering')
      throw new QanatError('BAD_CONFIG', 'the group keeps the offsets: reset the group instead of seeking');
    const share = this.#shares.get(queue.broker)?.share;
    const stream = share?.streams.get(queueKey(queue.topic, queue.queue));
    if (share === undefined || stream === undefined) {
      throw new QanatError(
        'QUEUE_NOT_FOUND',
        `queue ${queue.broker}/${queue.queue} of topic ${queue.topic} is not read by this consumer`,
      );
    }
    share.seek(stream, offset);
  }

  /**
   * Stops pulling, lets started handlers end (`drain`, default true; `releaseMs` at most), leaves the group with the final
   * offsets. `done` is called once, after `onEnd`, at the latest `releaseMs` and 3 s later; where a broker has said that it
   * stops,
   * 10 s later: it is about to come back, and what it is not told by then is handed out again.
   */
  close(options: { readonly drain?: boolean }, done: () => void): void {
    for (const watch of this.#watches) watch.stop();
    this.#closing.begin(options.drain ?? true, undefined, done);
  }

  /** The client is closed, nothing can be sent any more: ends at once. What is under way comes again, to whoever reads next. */
  clientClosed(error: QanatError): void {
    this.#closing.abort(error);
  }

  // ---- routes and brokers ----

  #onRoute(route: TopicRoute, late: boolean): void {
    // What comes after the start has no part in what was there at the start.
    if (this.#scope.closing || (this.settings.untilEnd && this.#begun.has(route.topic))) return;
    this.#begun.add(route.topic);
    for (const { broker, queues, away } of route.shares) {
      const share = this.#shareOf(broker);
      if (away) share.onAway();
      for (let queue = 0; queue < queues && share.tail !== undefined; queue++)
        this.#want(share, { topic: route.topic, broker, queue }, late);
      share.tail?.flush();
    }
    this.#prune();
    this.#scope.dispatcher.pump();
  }

  #want(share: BrokerShare, queue: QueueId, late: boolean): void {
    if (share.streams.has(queueKey(queue.topic, queue.queue))) return;
    const stored = this.#stored.get(positionKey(queue));
    share.tail?.want(queue, late || this.#storedTopics.has(queue.topic), stored?.offset);
  }

  #onGone(topic: string): void {
    for (const { share } of this.#shares.values()) share.dropTopic(topic);
    this.#prune();
  }

  #shareOf(broker: string): BrokerShare {
    const known = this.#shares.get(broker);
    if (known !== undefined) return known.share;
    const share = new BrokerShare(this.#scope, broker);
    this.#shares.set(broker, { share, unhold: this.#host.hold(broker) });
    share.onOpen(broker);
    return share;
  }

  #onClosed(peer: string, error: QanatError | undefined): void {
    this.#shares.get(brokerOf(peer))?.share.onClosed(peer, error);
    if (!this.#scope.closing) this.#prune();
  }

  /**
   * A route says where to connect, never whom to leave: a broker is let go when no route names it, it is not there, and it holds
   * nothing of ours.
   */
  #prune(): void {
    for (const [broker, { share, unhold }] of this.#shares) {
      if (share.streams.size > 0 || this.#host.isOpen(broker) || this.#watches.some((watch) => watch.brokers.has(broker)))
        continue;
      share.leave(0, 0, () => {});
      unhold();
      this.#shares.delete(broker);
    }
  }

  #onPush<N extends LiveFrame>(peer: string, name: N, headers: readonly RequestHeader<N>[]): void {
    if (name !== 'ASSIGNMENT') return;
    const frames = headers as unknown as readonly Assignment[];
    const first = frames[0];
    if (first === undefined || first.group !== this.settings.group || first.member !== this.settings.instanceId) return;
    this.#shares.get(brokerOf(peer))?.share.onAssignment(peer, frames);
  }

  // ---- the parts' common needs ----

  #makeScope(dispatcher: Dispatcher, prefetch: Prefetch): ConsumerScope {
    const consumer = this;
    return {
      host: this.#host,
      id: this.id,
      settings: this.settings,
      prefetch,
      dispatcher,
      deadLetters: this.#deadLetters,
      joinedAtMs: this.#host.engine.nowMs(),
      get closing() {
        return consumer.#closing.begun;
      },
      get brokerCount() {
        return Math.max(1, consumer.#shares.size);
      },
      event: (event) => this.#event(event),
      trouble: (error) => this.#event({ kind: 'error', consumer: this.id, error }),
      refused: (error) => {
        if (!this.#closing.begun) this.#closing.begin(true, error, () => {});
      },
      isPaused: (queue) => this.#allPaused || this.#paused.has(positionKey(queue)),
      isGone: (topic) => this.#watches.some((watch) => watch.topic === topic && watch.gone),
      onAssigned: () => this.#checkIdle(),
    };
  }

  #event(event: ClientEvent): void {
    this.#handler.onEvent(event);
    this.#host.event(event);
  }

  #streams(): QueueStream[] {
    return [...this.#shares.values()].flatMap(({ share }) => [...share.streams.values()]);
  }

  #applyPauses(): void {
    for (const { share } of this.#shares.values()) {
      for (const stream of share.streams.values()) share.setPaused(stream, this.#scope.isPaused(stream.id));
    }
  }

  #onRoom(): void {
    for (const { share } of this.#shares.values()) share.dirty = true;
  }

  #onPumped(): void {
    if (this.#closing.begun) return this.#closing.onPumped();
    for (const { share } of this.#shares.values()) if (share.dirty) share.refresh();
    if (this.settings.untilEnd) this.#checkEnd();
  }

  #checkEnd(): void {
    if (!this.#watches.every((watch) => watch.known)) return;
    for (const { share } of this.#shares.values()) {
      if (share.tail?.settled !== true) return;
      for (const stream of share.streams.values()) if (!stream.finished) return;
    }
    this.close({ drain: true }, () => {});
  }

  /** A surplus member is told once, when every broker says that there is nothing for it. */
  #checkIdle(): void {
    const views = [...this.#shares.values()].map(({ share }) => share.membership?.view);
    if (views.some((view) => view !== undefined && view.leases > 0)) {
      this.#idle = false;
      return;
    }
    if (this.#idle || this.#closing.begun || !views.every((view) => view !== undefined) || !views.some((view) => view.idle))
      return;
    this.#idle = true;
    const members = Math.max(...views.map((view) => view.members));
    const queues = Math.max(...views.map((view) => view.queues));
    const message = `${members} ${members === 1 ? 'member' : 'members'} for ${queues} ${queues === 1 ? 'queue' : 'queues'}: this one gets none`;
    this.#event({ kind: 'idle', consumer: this.id, members, queues, message });
  }

  #ended(error: QanatError | undefined): void {
    for (const watch of this.#watches) watch.stop();
    this.#stopListening();
    this.#last = this.positions();
    for (const { unhold } of this.#shares.values()) unhold();
    this.#shares.clear();
    this.#deadLetters?.close();
    this.#lagWatch.stop();
    this.#handler.onEnd(error);
  }
}
