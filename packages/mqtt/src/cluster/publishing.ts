import { QanatError } from '@qanat/core';
import { toMessage } from '../mapping/to-message.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { Publication, PublishOutcome } from '../ports.ts';
import { PUBLISH_BYTES_MAX, QOS0_BYTES_MAX } from './limits.ts';
import type { LogClient } from './log-client.ts';
import { Outbox, type StoredAt } from './outbox.ts';
import type { TopicQueues } from './topic-queues.ts';

/** Counted for each message that waits, beside its payload. */
const MESSAGE_BYTES = 256;

export interface PublishingOptions {
  readonly client: LogClient;
  readonly rules: TopicRules;
  readonly topics: TopicQueues;
  /** When messages of QoS 1 and 2 count as stored. */
  readonly ack: 'committed' | 'leader';
  readonly wallMs: () => number;
  /** Publishing may go on. */
  readonly onReady: () => void;
}

/** Where a message was stored, or why it was not. */
export type Stored = (outcome: PublishOutcome, at: StoredAt | undefined) => void;

/** What an error of the cluster means to a device. */
export function outcomeOf(error: unknown): PublishOutcome {
  if (!QanatError.is(error)) return 'unspecified-error';
  if (error.code === 'FORBIDDEN') return 'not-authorized';
  if (error.code === 'BATCH_TOO_LARGE') return 'packet-too-large';
  if (error.code === 'LIMIT_EXCEEDED' || error.code === 'DISK_FULL') return 'quota-exceeded';
  return 'unspecified-error';
}

/** Stores publications: those of QoS 0 through a producer of their own, which sheds what is too much. */
export class Publishing {
  /** Messages of QoS 0 that were not stored. */
  shed = 0;
  readonly #options: PublishingOptions;
  readonly #acknowledged: Outbox;
  readonly #unacknowledged: Outbox;
  #full = false;

  constructor(options: PublishingOptions) {
    this.#options = options;
    const { client, ack } = options;
    this.#acknowledged = new Outbox(client.producer({ ack }), () => this.#roomCame());
    this.#unacknowledged = new Outbox(client.producer({ ack: 'leader' }), () => this.#roomCame());
  }

  /** Bytes that wait to be stored. */
  get bytes(): number {
    return this.#acknowledged.bytes + this.#unacknowledged.bytes;
  }

  /** Whether the clients may go on; otherwise `onReady` follows. */
  get open(): boolean {
    return !this.#full;
  }

  /** Stores a message of QoS 0, or sheds it. */
  drop(publication: Publication): void {
    const mapped = this.#mapped(publication);
    if (mapped === undefined) return;
    if (this.#unacknowledged.bytes > QOS0_BYTES_MAX) {
      this.shed++;
      return;
    }
    this.#add(this.#unacknowledged, publication, mapped, false, undefined, (error) => {
      if (error !== undefined) this.shed++;
    });
  }

  /**
   * Stores a message, and tells once, later, what became of it.
   * @param placed its place is wanted: it makes a batch of its own.
   * @param dedupId it is stored once under this name, and alone.
   */
  store(publication: Publication, placed: boolean, dedupId: string | undefined, stored: Stored): void {
    const mapped = this.#mapped(publication);
    if (mapped === undefined) return queueMicrotask(() => stored('topic-name-invalid', undefined));
    this.#add(this.#acknowledged, publication, mapped, placed || dedupId !== undefined, dedupId, (error, at) =>
      stored(error === undefined ? 'success' : outcomeOf(error), at),
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#acknowledged.close(), this.#unacknowledged.close()]);
  }

  #mapped(publication: Publication): ReturnType<TopicRules['toCluster']> {
    const mapped = this.#options.rules.toCluster(publication.topic);
    return mapped?.direction === 'down' ? undefined : mapped;
  }

  #add(
    outbox: Outbox,
    publication: Publication,
    mapped: NonNullable<ReturnType<TopicRules['toCluster']>>,
    alone: boolean,
    dedupId: string | undefined,
    done: (error: unknown, at: StoredAt | undefined) => void,
  ): void {
    const { topics, wallMs } = this.#options;
    const message = toMessage(publication, mapped, wallMs());
    const queue = topics.queueOfKey(mapped.topic, mapped.key);
    const lane = queue === undefined ? mapped.topic : `${mapped.topic}/${queue.broker}/${queue.queue}`;
    const bytes = publication.payload.length + publication.topic.length + MESSAGE_BYTES;
    outbox.add(lane, mapped.topic, { message, bytes, alone, done, ...(dedupId === undefined ? {} : { dedupId }) });
    if (this.bytes > PUBLISH_BYTES_MAX) this.#full = true;
  }

  #roomCame(): void {
    if (!this.#full || this.bytes > PUBLISH_BYTES_MAX / 4) return;
    this.#full = false;
    this.#options.onReady();
  }
}
