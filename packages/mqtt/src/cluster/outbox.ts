import type { MessageInit, Producer, QueueId } from '@qanat/client';
import { BATCHES_PER_QUEUE_MAX } from './limits.ts';

/** Where a message was stored. */
export interface StoredAt {
  readonly queue: QueueId;
  /** Undefined: a duplicate that the broker remembers no longer. */
  readonly offset: number | undefined;
  readonly storeTimeMs: number;
}

/** A message that waits to be stored. */
export interface Outgoing {
  readonly message: MessageInit;
  readonly bytes: number;
  /** Stored once under this name. */
  readonly dedupId?: string;
  /** Its place is wanted: it makes a batch of its own. */
  readonly alone: boolean;
  /** Told once. An error, or the place of one that is alone. */
  readonly done: ((error: unknown, at: StoredAt | undefined) => void) | undefined;
}

interface Lane {
  readonly topic: string;
  waiting: Outgoing[];
  underWay: number;
}

/**
 * Stores messages in the order of the calls for each lane. What comes in one turn of the event loop, or while a lane's calls
 * are under way, leaves as one batch.
 */
export class Outbox {
  readonly #producer: Producer;
  readonly #onRoom: () => void;
  readonly #lanes = new Map<string, Lane>();
  readonly #dirty = new Set<Lane>();
  #bytes = 0;
  readonly #flush = (): void => {
    const lanes = [...this.#dirty];
    this.#dirty.clear();
    for (const lane of lanes) this.#send(lane);
  };

  /** @param onRoom fewer bytes wait than before. */
  constructor(producer: Producer, onRoom: () => void) {
    this.#producer = producer;
    this.#onRoom = onRoom;
  }

  /** Bytes of messages that are not settled. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param lane messages of one lane go to one queue, as far as that is known. */
  add(lane: string, topic: string, outgoing: Outgoing): void {
    let found = this.#lanes.get(lane);
    if (found === undefined) {
      found = { topic, waiting: [], underWay: 0 };
      this.#lanes.set(lane, found);
    }
    found.waiting.push(outgoing);
    this.#bytes += outgoing.bytes;
    if (this.#dirty.size === 0) queueMicrotask(this.#flush);
    this.#dirty.add(found);
  }

  close(): Promise<void> {
    return this.#producer.close({ drain: false });
  }

  #send(lane: Lane): void {
    while (lane.waiting.length > 0 && lane.underWay < BATCHES_PER_QUEUE_MAX) {
      const single = lane.waiting.findIndex(({ alone }) => alone);
      const count = single < 0 ? lane.waiting.length : Math.max(1, single);
      const batch = lane.waiting.slice(0, count);
      lane.waiting = lane.waiting.slice(count);
      lane.underWay++;
      this.#call(lane.topic, batch).then(
        (at) => this.#settle(lane, batch, undefined, at),
        (error: unknown) => this.#settle(lane, batch, error ?? new Error('stored nothing'), undefined),
      );
    }
  }

  async #call(topic: string, batch: readonly Outgoing[]): Promise<StoredAt | undefined> {
    const first = batch[0] as Outgoing;
    if (first.dedupId !== undefined) {
      const { broker, queue, offset, storeTimeMs } = await this.#producer.send(topic, first.message, { dedupId: first.dedupId });
      return { queue: { topic, broker, queue }, offset, storeTimeMs };
    }
    const receipts = await this.#producer.sendBatch(
      topic,
      batch.map(({ message }) => message),
    );
    const receipt = receipts[0];
    if (receipt === undefined) return undefined;
    const { broker, queue, baseOffset: offset, storeTimeMs } = receipt;
    return { queue: { topic, broker, queue }, offset, storeTimeMs };
  }

  #settle(lane: Lane, batch: readonly Outgoing[], error: unknown, at: StoredAt | undefined): void {
    lane.underWay--;
    for (const { bytes } of batch) this.#bytes -= bytes;
    this.#send(lane);
    for (const { done } of batch) done?.(error, at);
    this.#onRoom();
  }
}
