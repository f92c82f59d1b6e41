import type { MessageInit, Producer, QueueId } from '@qanat/client';
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

/** A message that waits to be stored. */
export interface Outgoing {
  readonly message: MessageInit;
  readonly bytes: number;
  /** Stored once under this name. */
  readonly dedupId: string | undefined;
  /** Its place is wanted: it makes a batch of its own. */
  readonly alone: boolean;
  /** Told once, later: what became of it, with the place of one that is alone. */
  readonly done: Stored | undefined;
}

/** What an error of the cluster means to a device. */
export function outcomeOf(error: unknown): PublishOutcome {
  if (!QanatError.is(error)) return 'unspecified-error';
  if (error.code === 'FORBIDDEN') return 'not-authorized';
  if (error.code === 'BATCH_TOO_LARGE') return 'packet-too-large';
  if (error.code === 'LIMIT_EXCEEDED' || error.code === 'DISK_FULL') return 'quota-exceeded';
  return 'unspecified-error';
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
  #closed = false;
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

  /** Nothing is told any more. */
  close(): Promise<void> {
    this.#closed = true;
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
        (at) => this.#settle(lane, batch, 'success', at),
        (error: unknown) => this.#settle(lane, batch, outcomeOf(error), undefined),
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

  #settle(lane: Lane, batch: readonly Outgoing[], outcome: PublishOutcome, at: StoredAt | undefined): void {
    if (this.#closed) return;
    lane.underWay--;
    for (const { bytes } of batch) this.#bytes -= bytes;
    this.#send(lane);
    for (const { done } of batch) done?.(outcome, at);
    this.#onRoom();
  }
}
