import { QanatError } from '../../errors.ts';
import { checkName } from '../../model/names.ts';
import type { Timer } from '../../timers.ts';
import { type RecordInit, recordBytesBound } from '../../wire/record.ts';
import type { BrokerListener, ClientPart, TopicRoute } from '../host.ts';
import { MissingTopic } from './missing-topic.ts';
import { asUnknown, type OutBatch } from './out-batch.ts';
import { CallbackCall, GroupCall, type SingleCall } from './pending-call.ts';
import { Placer } from './placer.ts';
import { checkDedupId, checkRecord } from './placing.ts';
import type { ProducerHost } from './producer-host.ts';
import {
  type ProducerOptions,
  type ProducerSettings,
  producerSettings,
  type SendBatchDone,
  type SendBatchOptions,
  type SendDone,
  type SendOptions,
} from './producer-options.ts';
import { Sender } from './sender.ts';
import { TopicLane, type Waiting } from './topic-lane.ts';

/** How exactly deadlines of calls are kept: one timer for all. */
const DEADLINE_GRAIN_MS = 20;

/**
 * Sends messages. Each call ends with one of three outcomes: stored as its `ack` says, not stored (`rejected`, `not-sent`), or
 * `unknown`. Until its deadline a call of unknown outcome is tried again at the same queue under the same sequence number, so
 * that a message is stored once.
 *
 * Records belong to the producer until `done` is called: their bytes must not change.
 */
export class Producer implements ClientPart, BrokerListener {
  readonly #host: ProducerHost;
  readonly #settings: ProducerSettings;
  readonly #sender: Sender;
  readonly #placer: Placer;
  readonly #missing = new Map<TopicLane, MissingTopic>();
  readonly #holds = new Map<string, () => void>();
  readonly #detach: () => void;
  readonly #unlisten: () => void;
  #bufferedBytes = 0;
  #refused = false;
  #dueMs = Number.POSITIVE_INFINITY;
  #deadline: Timer | undefined;
  #closed: QanatError | undefined;
  #closeDone: (() => void)[] = [];
  #ended = false;

  /** @throws QanatError BAD_CONFIG, CLOSED. */
  constructor(host: ProducerHost, options: ProducerOptions = {}) {
    this.#host = host;
    this.#settings = producerSettings(options);
    this.#sender = new Sender(host, this.#settings, {
      onDone: (batch) => this.#release(batch.bufferedBytes),
      onFenced: (error) =>
        this.#fail(new QanatError('PRODUCER_FENCED', `the producer was closed: ${error.message}`, { cause: error })),
    });
    this.#placer = new Placer(host.engine, host.platform, this.#settings, this.#sender, (bytes) => this.#release(bytes));
    this.#detach = host.attach(this);
    this.#unlisten = host.listen(this);
  }

  /** Bytes of messages that are not settled, an upper bound. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Sends one message. `done` is called once; before this returns only when the message is refused at once. Errors: INVALID_NAME,
   * INVALID_BATCH, BATCH_TOO_LARGE, QUEUE_FULL, QUEUE_NOT_FOUND, TOPIC_NOT_FOUND, TIMEOUT, CLOSED, PRODUCER_FENCED, or what a
   * broker says.
   */
  send(topic: string, record: RecordInit, options: SendOptions, done: SendDone): void {
    this.enqueue(topic, record, options, new CallbackCall(done));
  }

  /** The same for who brings the call itself, which is then all that is made for a message. Not once more with the same one. */
  enqueue(topic: string, record: RecordInit, options: SendOptions, call: SingleCall): void {
    let bytes: number;
    let lane: TopicLane;
    try {
      checkRecord(record);
      if (options.dedupId !== undefined) checkDedupId(record, options, options.ack ?? this.#settings.ack);
      bytes = recordBytesBound(record);
      lane = this.#admit(topic, bytes);
    } catch (error) {
      return call.failed(error as QanatError);
    }
    call.dueMs = this.#dueOf(options);
    this.#placer.place(lane, record, bytes, call, options);
    this.#pending(lane);
  }

  /**
   * Sends messages as one batch, or as few as their size, or the queues of their keys, make necessary. Messages without keys go
   * to one queue. `done` is called once, as with `send`; each receipt is of one stored batch.
   */
  sendBatch(topic: string, records: readonly RecordInit[], options: SendBatchOptions, done: SendBatchDone): void {
    let lane: TopicLane;
    let bytes = 0;
    try {
      if (records.length === 0)
        throw new QanatError('INVALID_ARGUMENT', 'a batch has at least one message', { outcome: 'not-sent' });
      for (const record of records) {
        checkRecord(record);
        bytes += recordBytesBound(record);
      }
      lane = this.#admit(topic, bytes);
    } catch (error) {
      return done(error as QanatError, []);
    }
    const group = new GroupCall(done, this.#dueOf(options));
    this.#placer.placeGroup(lane, records, bytes, group, options);
    this.#pending(lane);
  }

  /**
   * Takes no more messages, sends what has gathered, waits until all is settled, then calls `done`. It always ends: calls have
   * deadlines.
   */
  close(done: () => void = () => {}): void {
    if (this.#ended) return done();
    this.#closeDone.push(done);
    this.#closed ??= new QanatError('CLOSED', 'the producer was closed', { outcome: 'not-sent' });
    this.#sender.urgent = true;
    this.#sender.change();
    if (this.#bufferedBytes === 0) this.#end();
  }

  // ---- ClientPart, BrokerListener ----

  flush(): void {
    this.#sender.flush();
  }

  clientClosed(error: QanatError): void {
    this.#fail(error);
  }

  onOpen(): void {
    this.#sender.change();
  }

  onClosed(): void {
    this.#sender.change();
  }

  onGoAway(): void {
    this.#sender.change();
  }

  onDrained(): void {
    this.#sender.change();
  }

  // ---- taking calls in ----

  /** @throws QanatError CLOSED, INVALID_NAME, QUEUE_FULL. */
  #admit(topic: string, bytes: number): TopicLane {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#bufferedBytes > 0 && this.#bufferedBytes + bytes > this.#settings.bufferBytes) {
      this.#refused = true;
      throw new QanatError(
        'QUEUE_FULL',
        `${this.#bufferedBytes} bytes wait to be settled, at most ${this.#settings.bufferBytes} may`,
        { outcome: 'not-sent' },
      );
    }
    const lane = this.#sender.topics.get(topic) ?? this.#addTopic(topic);
    this.#bufferedBytes += bytes;
    return lane;
  }

  #addTopic(topic: string): TopicLane {
    checkName('topic', topic);
    const lane = new TopicLane(topic);
    this.#sender.topics.set(topic, lane);
    const events = {
      failed: (error: QanatError) => this.#failUnplaced(lane, error),
      appeared: (route: TopicRoute) => this.#routeCame(lane, route),
    };
    this.#missing.set(lane, new MissingTopic(this.#host, topic, events));
    lane.stop = this.#host.watchRoute(topic, (route) => this.#routeCame(lane, route));
    return lane;
  }

  #dueOf({ timeoutMs }: SendOptions): number {
    // Whole milliseconds, up: such numbers need no memory of their own.
    const dueMs = Math.ceil(this.#host.engine.nowMs() + (timeoutMs ?? this.#settings.timeoutMs));
    this.#armDeadline(dueMs);
    return dueMs;
  }

  #pending(lane: TopicLane): void {
    this.#sender.change();
    if (lane.found === false) this.#missing.get(lane)?.resolve();
  }

  // ---- routes ----

  #routeCame(lane: TopicLane, route: TopicRoute): void {
    if (this.#ended || (route.found && this.#missing.get(lane)?.creating === true)) return;
    const before = lane.queues;
    lane.take(route, (broker, queue) => this.#sender.queueLane(lane.topic, broker, queue));
    for (const { broker } of route.shares) if (!this.#holds.has(broker)) this.#holds.set(broker, this.#host.hold(broker));
    this.#sender.change();
    if (!route.found) {
      if (lane.drafts.length + lane.waiting.length > 0) this.#missing.get(lane)?.resolve(route);
      return;
    }
    this.#placer.placeWaiting(lane);
    for (const queue of before) if (!lane.queues.includes(queue)) this.#placer.leaveQueue(lane, queue);
  }

  #failUnplaced(lane: TopicLane, error: QanatError): void {
    if (lane.found === true) return;
    const { drafts, waiting } = lane;
    lane.drafts = [];
    lane.waiting = [];
    for (const batch of drafts) {
      this.#release(batch.bufferedBytes);
      batch.fail(error);
    }
    for (const item of waiting) this.#failWaiting(item, error);
  }

  #failWaiting(item: Waiting, error: QanatError): void {
    this.#release(item.bytes);
    if ('record' in item) item.call.failed(error);
    else item.group.failed(error);
  }

  // ---- deadlines ----

  #armDeadline(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.#deadline?.cancel();
    this.#dueMs = dueMs;
    this.#deadline = this.#host.engine.timers.at(dueMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#host.engine.nowMs();
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#sender.topics.values()) {
      const late = lane.waiting.filter((item) => dueOf(item) <= nowMs);
      if (late.length > 0) lane.waiting = lane.waiting.filter((item) => dueOf(item) > nowMs);
      for (const item of late) this.#failWaiting(item, this.#unsent(lane.topic, undefined));
      lane.drafts = this.#sender.expireDrafts(lane.drafts, nowMs, (batch) => this.#unsent(lane.topic, undefined, batch));
    }
    for (const queue of this.#sender.queues())
      this.#sender.expire(queue, nowMs, (batch) => this.#unsent(queue.topic, queue.broker, batch));
    const next = this.#nextDueMs();
    if (next < Number.POSITIVE_INFINITY && !this.#ended) this.#armDeadline(Math.max(next, nowMs + DEADLINE_GRAIN_MS));
  }

  #nextDueMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const lane of this.#sender.topics.values()) {
      for (const item of lane.waiting) next = Math.min(next, dueOf(item));
      for (const batch of lane.drafts) next = Math.min(next, batch.firstDueMs);
    }
    for (const queue of this.#sender.queues()) {
      for (const batch of queue.sent) next = Math.min(next, batch.firstDueMs);
      for (const batch of queue.drafts) next = Math.min(next, batch.firstDueMs);
    }
    return next;
  }

  /** @param batch that waits to be sent, perhaps again: what refused it is the reason, not the deadline. */
  #unsent(topic: string, broker: string | undefined, batch?: OutBatch): QanatError {
    const last = batch?.lastError;
    if (last?.outcome === 'rejected' && batch?.mayBeStored !== true) {
      return new QanatError(last.code, `topic "${topic}": refused until the time was up: ${last.message}`, { cause: last });
    }
    const lane = this.#sender.topics.get(topic);
    const outage = lane?.found === true ? undefined : this.#host.routes.link.failure;
    // They refuse us: more time would not have helped.
    if (outage?.retryable === false) return new QanatError(outage.code, outage.message, { cause: outage, outcome: 'not-sent' });
    const brokers = broker !== undefined ? [broker] : [...new Set(lane?.queues.map((queue) => queue.broker))];
    const errors = brokers.map((name) => this.#sender.brokerLane(name).lastError ?? this.#host.whyNotOpen(name));
    const causes = brokers.map((name, i) => errors[i]?.message ?? `broker ${name} cannot be reached or is busy`);
    const why = lane?.found === true ? causes.slice(0, 3).join('; ') : 'no NameServer told where the topic is';
    const cause = outage ?? errors.find((error) => error !== undefined);
    return new QanatError('TIMEOUT', `topic "${topic}": the message could not be sent in time: ${why}`, {
      outcome: 'not-sent',
      ...(cause === undefined ? {} : { cause, hint: cause.hint }),
    });
  }

  // ---- the end ----

  #release(bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#refused && this.#bufferedBytes <= this.#settings.bufferBytes / 2) {
      this.#refused = false;
      this.#host.engine.timers.at(this.#host.engine.nowMs(), () => this.#settings.onWritable?.());
    }
    if (this.#bufferedBytes === 0 && this.#closed !== undefined) this.#endSoon();
  }

  /** The calls of the last batch are told first. */
  #endSoon(): void {
    this.#host.engine.timers.at(this.#host.engine.nowMs(), () => {
      if (this.#bufferedBytes === 0) this.#end();
    });
  }

  /** Fails everything that is pending, and ends. */
  #fail(error: QanatError): void {
    if (this.#ended) return;
    this.#closed = error;
    const unknown = asUnknown(error);
    this.#sender.stop();
    for (const queue of this.#sender.queues()) {
      for (const batch of queue.sent) batch.fail(batch.inFlight || batch.mayBeStored ? unknown : error);
      for (const batch of queue.drafts) batch.fail(error);
    }
    for (const lane of this.#sender.topics.values()) {
      for (const batch of lane.drafts) batch.fail(error);
      for (const item of lane.waiting) this.#failWaiting(item, error);
    }
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sender.stop();
    this.#deadline?.cancel();
    for (const lane of this.#sender.topics.values()) lane.stop();
    for (const release of this.#holds.values()) release();
    this.#unlisten();
    this.#detach();
    const done = this.#closeDone;
    this.#closeDone = [];
    for (const call of done) call();
  }
}

const dueOf = (item: Waiting): number => ('record' in item ? item.call.dueMs : item.group.dueMs);
