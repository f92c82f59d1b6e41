import type { BatchReceipt, MessageInit, Producer, QueueId } from '@qanat/client';
import { QanatError } from '@qanat/core';
import type { PublishOutcome } from '../ports.ts';
import { BATCHES_PER_QUEUE_MAX } from './limits.ts';

/** Where a message was stored. */
export interface StoredAt {
  readonly queue: QueueId;
  /** Undefined: a duplicate that the broker remembers no longer. */
  readonly offset: number | undefined;
  readonly storeTimeMs: number;
}

/** Told what became of a message, and where it was stored. */
export type Stored = (outcome: PublishOutcome, at: StoredAt | undefined) => void;

/** How a message is stored that makes a batch of its own, so that its place is told. */
export interface Alone {
  /** Stored once under this name. */
  readonly dedupId: string | undefined;
}

export interface OutboxEvents {
  /** Messages were stored: `to` is the offset behind the last one of a batch. */
  onStored(queue: QueueId, to: number, bytes: number): void;
  /** Fewer bytes wait than before. */
  onRoom(): void;
}

/** What an error of the cluster means to a device. */
export function outcomeOf(error: unknown): PublishOutcome {
  if (!QanatError.is(error)) return 'unspecified-error';
  if (error.code === 'FORBIDDEN') return 'not-authorized';
  if (error.code === 'BATCH_TOO_LARGE') return 'packet-too-large';
  if (error.code === 'LIMIT_EXCEEDED' || error.code === 'DISK_FULL') return 'quota-exceeded';
  return 'unspecified-error';
}

/** Messages that leave together: side by side in lists, since an object for each would cost more than the rest of its way. */
class Gathering {
  readonly messages: MessageInit[] = [];
  /** Told once, later: what became of each, with the place of one that is alone. */
  readonly dones: (Stored | undefined)[] = [];
  bytes = 0;
  readonly alone: Alone | undefined;

  constructor(alone: Alone | undefined) {
    this.alone = alone;
  }
}

/** Messages of one lane go to one queue, as far as that is known. */
export class Lane {
  readonly topic: string;
  waiting: Gathering[] = [];
  underWay = 0;
  dirty = false;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/**
 * Stores messages in the order of the calls for each lane. What comes in one turn of the event loop, or while a lane's calls
 * are under way, leaves as one batch.
 */
export class Outbox {
  readonly #producer: Producer;
  readonly #events: OutboxEvents;
  readonly #lanes = new Map<string, Lane>();
  #dirty: Lane[] = [];
  #bytes = 0;
  #closed = false;
  readonly #flush = (): void => {
    const lanes = this.#dirty;
    this.#dirty = [];
    for (const lane of lanes) {
      lane.dirty = false;
      this.#send(lane);
    }
  };

  constructor(producer: Producer, events: OutboxEvents) {
    this.#producer = producer;
    this.#events = events;
  }

  /** Bytes of messages that are not settled. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The lane of this name, which is the same for as long as this outbox lives. */
  lane(name: string, topic: string): Lane {
    let found = this.#lanes.get(name);
    if (found === undefined) {
      found = new Lane(topic);
      this.#lanes.set(name, found);
    }
    return found;
  }

  /** @param alone it makes a batch of its own. @param done told once, later. */
  add(lane: Lane, message: MessageInit, bytes: number, alone: Alone | undefined, done: Stored | undefined): void {
    let last = lane.waiting.at(-1);
    if (last === undefined || alone !== undefined || last.alone !== undefined) {
      last = new Gathering(alone);
      lane.waiting.push(last);
    }
    last.messages.push(message);
    last.dones.push(done);
    last.bytes += bytes;
    this.#bytes += bytes;
    if (lane.dirty) return;
    lane.dirty = true;
    if (this.#dirty.push(lane) === 1) queueMicrotask(this.#flush);
  }

  /** Nothing is told any more. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#producer.close({ drain: false });
  }

  #send(lane: Lane): void {
    while (lane.underWay < BATCHES_PER_QUEUE_MAX) {
      const next = lane.waiting.shift();
      if (next === undefined) return;
      lane.underWay++;
      this.#call(lane.topic, next).then(
        (at) => this.#settle(lane, next, 'success', at),
        (error: unknown) => this.#settle(lane, next, outcomeOf(error), undefined),
      );
    }
  }

  async #call(topic: string, { messages, alone, bytes }: Gathering): Promise<StoredAt | undefined> {
    if (alone?.dedupId !== undefined) {
      const [message] = messages as [MessageInit];
      const { broker, queue, offset, storeTimeMs } = await this.#producer.send(topic, message, { dedupId: alone.dedupId });
      return { queue: { topic, broker, queue }, offset, storeTimeMs };
    }
    const receipts = await this.#producer.sendBatch(topic, messages);
    for (const receipt of receipts) this.#tellStored(receipt, (bytes * receipt.count) / messages.length);
    const receipt = receipts[0];
    if (receipt === undefined) return undefined;
    const { broker, queue, baseOffset: offset, storeTimeMs } = receipt;
    return { queue: { topic, broker, queue }, offset, storeTimeMs };
  }

  #tellStored({ topic, broker, queue, baseOffset, count }: BatchReceipt, bytes: number): void {
    if (baseOffset !== undefined) this.#events.onStored({ topic, broker, queue }, baseOffset + count, bytes);
  }

  #settle(lane: Lane, { bytes, dones }: Gathering, outcome: PublishOutcome, at: StoredAt | undefined): void {
    if (this.#closed) return;
    lane.underWay--;
    this.#bytes -= bytes;
    this.#send(lane);
    for (const done of dones) done?.(outcome, at);
    this.#events.onRoom();
  }
}
