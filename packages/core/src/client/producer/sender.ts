import type { ClientSession } from '../../connection/client-session.ts';
import { QanatError } from '../../errors.ts';
import { queueHash } from '../../model/queue-by-key.ts';
import type { Timer } from '../../timers.ts';
import { BATCH_HEADER_BYTES } from '../../wire/batch.ts';
import type { SendOk } from '../../wire/gen/messages.ts';
import { AckLevel } from '../../wire/gen/registry.ts';
import { encodeBatch, type RecordInit } from '../../wire/record.ts';
import { BatchMemory } from './batch-memory.ts';
import { BrokerLane } from './broker-lane.ts';
import { asUnknown, type OutBatch, type ProducerIdentity } from './out-batch.ts';
import type { ProducerHost } from './producer-host.ts';
import type { ProducerSettings } from './producer-options.ts';
import { QueueLane } from './queue-lane.ts';
import { expiredAfterSending, type SendVerdict, verdictOf } from './send-verdict.ts';
import type { TopicLane } from './topic-lane.ts';

/** How often one flush looks for more that may leave; the rest waits for the next one. */
const ROUNDS_MAX = 8;
/** How soon a batch that may be stored, and was refused for good since, is sent again: its queue alone waits. */
const DOUBTFUL_RETRY_MS = 500;
const NOBODY: ProducerIdentity = { producerId: 0, epoch: 0 };

export interface SenderEvents {
  /** The batch is settled: its place in the buffer is free. */
  onDone(batch: OutBatch): void;
  onFenced(error: QanatError): void;
}

/** Sends batches, decides what an answer means, and sends again (spec, chapter of idempotent sends). */
export class Sender {
  readonly topics = new Map<string, TopicLane>();
  readonly lanes = new Map<string, BrokerLane>();
  /** Topics with batches that may go to any queue. */
  readonly pending = new Set<TopicLane>();
  /** Everything that has gathered leaves now, however little it is. */
  urgent = false;
  /** Batches with a producer id are sent, so that one is asked for ahead. */
  numbered: boolean;
  readonly #host: ProducerHost;
  readonly #settings: ProducerSettings;
  readonly #events: SenderEvents;
  readonly #queues = new Map<string, QueueLane>();
  readonly #memory = new BatchMemory();
  #changed = true;
  #turn = false;
  #wake: Timer | undefined;
  #wakeMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(host: ProducerHost, settings: ProducerSettings, events: SenderEvents) {
    this.#host = host;
    this.#settings = settings;
    this.#events = events;
    this.numbered = settings.ack !== 'none';
  }

  change(): void {
    this.#changed = true;
  }

  changeAt(timeMs: number): void {
    if (timeMs >= this.#wakeMs) return;
    this.#wake?.cancel();
    this.#wakeMs = timeMs;
    this.#wake = this.#host.engine.timers.at(timeMs, () => {
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.#changed = true;
    });
  }

  /** All queues that this producer has ever sent to, or may send to. */
  queues(): Iterable<QueueLane> {
    return this.#queues.values();
  }

  queueLane(topic: string, broker: string, queue: number): QueueLane {
    const name = `${topic}/${broker}/${queue}`;
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const lane = new QueueLane(topic, broker, queue, queueHash(this.#host.platform, broker, queue));
    this.#queues.set(name, lane);
    this.brokerLane(broker).queues.push(lane);
    return lane;
  }

  brokerLane(broker: string): BrokerLane {
    const known = this.lanes.get(broker);
    if (known !== undefined) return known;
    const lane = new BrokerLane(this.#host, broker, this.#settings.name, {
      onChange: () => this.change(),
      onChangeAt: (timeMs) => this.changeAt(timeMs),
      onLost: (_, batches, error) => this.#lost(batches, error),
      onFenced: (error) => this.#events.onFenced(error),
    });
    this.lanes.set(broker, lane);
    return lane;
  }

  /** A batch was added to a queue of its own. */
  queued(queue: QueueLane): void {
    this.brokerLane(queue.broker).active.add(queue);
    this.#changed = true;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.cancel();
  }

  // ---- what may leave ----

  flush(): void {
    for (let round = 0; this.#changed && !this.#stopped && round < ROUNDS_MAX; round++) {
      this.#changed = false;
      this.#pump();
    }
    if (this.#changed && !this.#stopped) this.changeAt(this.#host.engine.nowMs());
  }

  /** Keyed and keyless batches take turns in going first, so that neither starves the other. */
  #pump(): void {
    for (const lane of this.lanes.values()) lane.prepare(this.numbered);
    this.#turn = !this.#turn;
    if (this.#turn) this.#pumpTopics();
    for (const lane of this.lanes.values()) this.#pumpLane(lane);
    if (!this.#turn) this.#pumpTopics();
    for (const lane of this.lanes.values()) lane.freed = false;
  }

  #pumpLane(lane: BrokerLane): void {
    for (let sent = true; sent; ) {
      sent = false;
      for (const queue of lane.active) {
        if (!lane.open || lane.inFlight >= this.#settings.inFlightBatches) return;
        if (queue.idle) lane.active.delete(queue);
        else if (this.#sendFrom(lane, queue)) sent = true;
      }
    }
  }

  /** Sends one batch of the queue, which then stands behind the others. */
  #sendFrom(lane: BrokerLane, queue: QueueLane): boolean {
    if (queue.gapFrom !== undefined) {
      if (queue.inFlight > 0 || !lane.ready) return false;
      queue.renumber(this.#host.platform, lane.identity);
    }
    const again = queue.nextAgain();
    const draft = queue.drafts[0];
    if (again !== undefined) {
      if (!lane.ready) return false;
      if (this.#host.engine.nowMs() < queue.againAtMs) {
        this.changeAt(queue.againAtMs);
        return false;
      }
      this.#request(lane, queue, again);
    } else {
      if (draft === undefined || !this.#mayLeave(lane, draft)) return false;
      queue.drafts.shift();
      this.#sendNew(lane, queue, this.#fitting(lane, draft, queue.drafts));
    }
    lane.active.delete(queue);
    if (!queue.idle) lane.active.add(queue);
    return true;
  }

  #pumpTopics(): void {
    if (![...this.lanes.values()].some((lane) => lane.open && lane.inFlight < this.#settings.inFlightBatches)) return;
    for (const topic of this.pending) {
      while (topic.drafts.length > 0) {
        const batch = topic.drafts[0] as OutBatch;
        const queue = topic.nextQueue((one) => !one.stalled && this.#mayLeave(this.brokerLane(one.broker), batch));
        if (queue === undefined) break;
        topic.drafts.shift();
        const lane = this.brokerLane(queue.broker);
        this.#sendNew(lane, queue, this.#fitting(lane, batch, topic.drafts));
      }
      if (topic.drafts.length === 0) this.pending.delete(topic);
    }
  }

  #mayLeave(lane: BrokerLane, batch: OutBatch): boolean {
    if (batch.ack === AckLevel.ACK_NONE)
      return lane.open && lane.session?.blocked === false && (batch.sealed || this.urgent || this.#gathered(batch));
    if (!lane.ready || lane.inFlight >= this.#settings.inFlightBatches) return false;
    if (batch.sealed || this.urgent) return true;
    return this.#settings.lingerMs > 0 ? this.#gathered(batch) : lane.inFlight === 0 || lane.freed;
  }

  #gathered(batch: OutBatch): boolean {
    // The same sum as in the timer: a difference may round the other way, and nothing would come to send the batch.
    const leavesMs = batch.createdMs + this.#settings.lingerMs;
    if (this.#host.engine.nowMs() >= leavesMs) return true;
    // One wake is set at a time, the earliest: that of a batch which began later has to be set when the earlier one has come.
    this.changeAt(leavesMs);
    return false;
  }

  // ---- sending ----

  /** The batch, or its first part where this broker takes no batch of its length: the others go back in front of the drafts. */
  #fitting(lane: BrokerLane, batch: OutBatch, drafts: OutBatch[]): OutBatch {
    const bytesMax = lane.batchBytesMax;
    if (batch.records === undefined || batch.count < 2 || batch.bufferedBytes + BATCH_HEADER_BYTES <= bytesMax) return batch;
    const [first, ...rest] = batch.cut(bytesMax);
    drafts.unshift(...rest);
    return first ?? batch;
  }

  #sendNew(lane: BrokerLane, queue: QueueLane, batch: OutBatch): void {
    batch.sealed = true;
    const oneWay = batch.ack === AckLevel.ACK_NONE;
    if (!oneWay) queue.take(batch, this.#host.platform, lane.identity);
    try {
      if (batch.dedupId !== '' && !lane.dedups) throw noDedup(lane);
      batch.bytes ??= this.#encode(batch, oneWay ? NOBODY : lane.identity, lane.batchBytesMax);
      // It was encoded for another broker, which took longer ones.
      if (batch.bytes.length > lane.batchBytesMax) throw tooLong(lane, batch.bytes.length);
    } catch (error) {
      if (!oneWay) queue.remove(batch);
      return this.#fail(batch, error as QanatError);
    }
    batch.records = undefined;
    if (oneWay) this.#sendOneWay(lane, queue, batch);
    else this.#request(lane, queue, batch);
  }

  #encode(batch: OutBatch, identity: ProducerIdentity, bytesMax: number): Uint8Array {
    const fields = {
      bornTimeMs: this.#host.engine.wallMs(),
      producerId: identity.producerId,
      producerEpoch: identity.epoch,
      baseSequence: batch.baseSequence,
      compress: this.#settings.compress && batch.bufferedBytes >= this.#settings.compressFromBytes,
    };
    const records = batch.records as readonly RecordInit[];
    // Nobody says when the bytes of a batch have left that is not acknowledged.
    if (batch.ack === AckLevel.ACK_NONE) return encodeBatch(this.#host.platform, records, fields, bytesMax);
    return encodeBatch(this.#host.platform, records, fields, bytesMax, (bytes) => {
      batch.memory = this.#memory.take(bytes);
      return batch.memory;
    });
  }

  #sendOneWay(lane: BrokerLane, queue: QueueLane, batch: OutBatch): void {
    const { topic, queue: number } = queue;
    (lane.session as ClientSession).oneWay('SEND', { topic, queue: number, ack: batch.ack }, [batch.bytes as Uint8Array]);
    this.#stored(queue, batch, undefined);
    lane.lastError = undefined;
    this.change();
  }

  #request(lane: BrokerLane, queue: QueueLane, batch: OutBatch): void {
    const session = lane.session as ClientSession;
    const { ack, dedupId } = batch;
    const header = { topic: queue.topic, queue: queue.queue, ack, dedupId };
    // Bytes that were sent before may still be on their way out.
    if (batch.attempt > 0) batch.memory = undefined;
    batch.attempt = ++lane.attempts;
    queue.started(batch);
    lane.inFlight++;
    const options = { timeoutMs: this.#host.settings.attemptMs, payload: [batch.bytes as Uint8Array] };
    session.request('SEND', header, options, (error, response) => {
      batch.inFlight = false;
      queue.inFlight--;
      lane.inFlight--;
      if (this.#stopped) return;
      lane.freed = true;
      this.#changed = true;
      if (error === undefined) this.#acknowledged(lane, queue, batch, response.header);
      else this.#refused(lane, queue, batch, error);
      if (!queue.idle) lane.active.add(queue);
    });
  }

  // ---- answers ----

  #acknowledged(lane: BrokerLane, queue: QueueLane, batch: OutBatch, answer: SendOk): void {
    lane.succeeded(batch);
    queue.stored(batch);
    this.#reuse(batch);
    this.#stored(queue, batch, answer);
  }

  /** A batch that was sent once is stored, so that the broker has read all of it: its bytes have left. */
  #reuse(batch: OutBatch): void {
    batch.bytes = undefined;
    if (batch.memory !== undefined) this.#memory.give(batch.memory);
    batch.memory = undefined;
  }

  #stored({ topic, broker, queue }: QueueLane, batch: OutBatch, answer: SendOk | undefined): void {
    const stored = { topic, broker, queue, count: batch.count, answer };
    const calls = batch.calls;
    this.#events.onDone(batch);
    for (let i = 0; i < calls.length; i++) calls[i]?.stored(stored, i);
  }

  #refused(lane: BrokerLane, queue: QueueLane, batch: OutBatch, error: QanatError): void {
    const verdict = verdictOf(error);
    batch.lastError = error;
    switch (verdict) {
      case 'fenced':
        return this.#events.onFenced(error);
      case 'final':
        if (error.code === 'TOPIC_NOT_FOUND' || error.code === 'QUEUE_NOT_FOUND') this.#host.refreshRoute(queue.topic);
        if (batch.mayBeStored) {
          // What refuses the repetition says nothing of the original: only the deadline ends the doubt (QNT-SND-011).
          queue.againAtMs = this.#host.engine.nowMs() + DOUBTFUL_RETRY_MS;
          this.changeAt(queue.againAtMs);
          break;
        }
        queue.remove(batch);
        return this.#fail(batch, error);
      case 'gap':
        queue.gap(batch, error.expectedSequence ?? 0);
        break;
      case 'forgotten':
        // Its numbers were used: perhaps by itself (QNT-SND-035).
        if (error.code === 'SEQUENCE_CONFLICT') batch.mayBeStored = true;
        lane.forget(error);
        lane.failed(error);
        break;
      default:
        this.#failedForNow(lane, queue, batch, verdict, error);
    }
    if (batch.abandoned) this.#giveUp(queue, batch);
  }

  #failedForNow(lane: BrokerLane, queue: QueueLane, batch: OutBatch, verdict: SendVerdict, error: QanatError): void {
    lane.failed(error);
    if (verdict === 'unknown') {
      batch.mayBeStored = true;
      if (error.code === 'TIMEOUT') lane.probe();
    }
    if (verdict === 'elsewhere' || error.code === 'MASTER_CHANGED') this.#host.refreshRoute(queue.topic);
    if (!batch.abandoned) this.#moveIfFree(queue, batch);
  }

  /** Only what is certainly not stored goes to another queue, and only when neither a key nor the caller binds it. */
  #moveIfFree(queue: QueueLane, batch: OutBatch): void {
    if (batch.mayBeStored || batch.target !== 'any') return;
    const topic = this.topics.get(queue.topic) as TopicLane;
    queue.remove(batch);
    topic.drafts.unshift(batch);
    this.pending.add(topic);
  }

  /** Nobody waits for the batch any more. */
  #giveUp(queue: QueueLane, batch: OutBatch): void {
    queue.remove(batch);
    this.#events.onDone(batch);
  }

  #fail(batch: OutBatch, error: QanatError): void {
    this.#events.onDone(batch);
    batch.fail(batch.mayBeStored ? asUnknown(error) : error);
  }

  #lost(batches: readonly OutBatch[], error: QanatError): void {
    for (const batch of batches) this.#fail(batch, error);
  }

  // ---- deadlines ----

  /** Fails the calls of the queue whose time is up. */
  expire(queue: QueueLane, nowMs: number, unsent: (batch: OutBatch) => QanatError): void {
    for (const batch of [...queue.sent]) {
      if (batch.firstDueMs > nowMs) continue;
      batch.expire(nowMs, expiredAfterSending(queue, batch));
      if (batch.abandoned && !batch.inFlight) this.#giveUp(queue, batch);
    }
    queue.drafts = this.expireDrafts(queue.drafts, nowMs, unsent);
    this.#changed = true;
  }

  /** @returns what is left. */
  expireDrafts(drafts: OutBatch[], nowMs: number, unsent: (batch: OutBatch) => QanatError): OutBatch[] {
    if (!drafts.some((batch) => batch.firstDueMs <= nowMs)) return drafts;
    for (const batch of drafts) if (batch.firstDueMs <= nowMs) batch.expire(nowMs, unsent(batch));
    for (const batch of drafts) if (batch.abandoned) this.#events.onDone(batch);
    return drafts.filter((batch) => !batch.abandoned);
  }
}

const noDedup = ({ broker }: BrokerLane): QanatError =>
  new QanatError('UNSUPPORTED_FEATURE', `broker ${broker} does not know dedup ids`, { outcome: 'not-sent' });

const tooLong = ({ broker, batchBytesMax }: BrokerLane, bytes: number): QanatError =>
  new QanatError('BATCH_TOO_LARGE', `the batch has ${bytes} bytes, broker ${broker} takes ${batchBytesMax}`, {
    outcome: 'not-sent',
  });
