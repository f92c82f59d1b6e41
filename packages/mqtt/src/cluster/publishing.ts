import { toMessage } from '../mapping/to-message.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { Publication } from '../ports.ts';
import { PUBLISH_BYTES_MAX, QOS0_BYTES_MAX } from './limits.ts';
import type { LogClient } from './log-client.ts';
import { Outbox, type Stored } from './outbox.ts';
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

/** Stores publications: those of QoS 0 through a producer of their own, which sheds what is too much. */
export class Publishing {
  /** Messages of QoS 0 that were not stored. */
  shed = 0;
  readonly #options: PublishingOptions;
  readonly #acknowledged: Outbox;
  readonly #unacknowledged: Outbox;
  #full = false;
  #closed = false;
  readonly #dropped: Stored = (outcome) => {
    if (outcome !== 'success') this.shed++;
  };

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
    this.#add(this.#unacknowledged, publication, mapped, false, undefined, this.#dropped);
  }

  /**
   * Stores a message, and tells once, later, what became of it.
   * @param placed its place is wanted: it makes a batch of its own.
   * @param dedupId it is stored once under this name, and alone.
   */
  store(publication: Publication, placed: boolean, dedupId: string | undefined, stored: Stored | undefined): void {
    const mapped = this.#mapped(publication);
    if (mapped !== undefined)
      return this.#add(this.#acknowledged, publication, mapped, placed || dedupId !== undefined, dedupId, stored);
    queueMicrotask(() => {
      if (!this.#closed) stored?.('topic-name-invalid', undefined);
    });
  }

  /** Nothing is told any more. */
  async close(): Promise<void> {
    this.#closed = true;
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
    done: Stored | undefined,
  ): void {
    const { topics, wallMs } = this.#options;
    const message = toMessage(publication, mapped, wallMs());
    const queue = topics.queueOfKey(mapped.topic, mapped.key);
    const lane = queue === undefined ? mapped.topic : `${mapped.topic}/${queue.broker}/${queue.queue}`;
    const bytes = publication.payload.length + publication.topic.length + MESSAGE_BYTES;
    outbox.add(lane, mapped.topic, { message, bytes, alone, done, dedupId });
    if (this.bytes > PUBLISH_BYTES_MAX) this.#full = true;
  }

  #roomCame(): void {
    if (!this.#full || this.bytes > PUBLISH_BYTES_MAX / 4) return;
    this.#full = false;
    this.#options.onReady();
  }
}
