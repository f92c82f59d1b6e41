import type { QueueId } from '@qanat/client';
import { MessageMaker } from '../mapping/message-maker.ts';
import type { MappedTopic } from '../mapping/rule.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { Publication } from '../ports.ts';
import { PUBLISH_BYTES_MAX, QOS0_BYTES_MAX, UNSEEN_BYTES_MAX, WAY_LENGTH_MAX, WAYS_KEPT_MAX } from './limits.ts';
import type { LogClient } from './log-client.ts';
import { type Alone, type Lane, Outbox, type Stored } from './outbox.ts';
import type { QueueTable } from './queue-table.ts';
import type { TopicQueues } from './topic-queues.ts';
import { Unseen } from './unseen.ts';

/** Counted for each message that waits, beside its payload. */
const MESSAGE_BYTES = 256;

const bytesOf = ({ payload, topic }: Publication): number => payload.length + topic.length + MESSAGE_BYTES;

const ALONE: Alone = { dedupId: undefined };

export interface PublishingOptions {
  readonly client: LogClient;
  readonly rules: TopicRules;
  readonly topics: TopicQueues;
  readonly queues: QueueTable;
  /** Behind the last message of a queue that its tail has brought. */
  readonly position: (queue: number) => number;
  /** When messages of QoS 1 and 2 count as stored. */
  readonly ack: 'committed' | 'leader';
  readonly wallMs: () => number;
  /** Publishing may go on. */
  readonly onReady: () => void;
}

/** Where the messages of one MQTT topic go. */
interface Way {
  readonly mapped: MappedTopic;
  readonly acknowledged: Lane;
  readonly unacknowledged: Lane;
}

/** Stores publications: those of QoS 0 through a producer of their own, which sheds what is too much all the same. */
export class Publishing {
  /** Messages of QoS 0 that were not stored. */
  shed = 0;
  readonly #options: PublishingOptions;
  readonly #acknowledged: Outbox;
  readonly #unacknowledged: Outbox;
  readonly #unseen = new Unseen();
  readonly #maker = new MessageMaker();
  /** To find the queue of a topic anew for each message costs more than the rest of its way. */
  readonly #ways = new Map<string, Way>();
  /** Of the queues that `#ways` know. */
  #edition = 0;
  /** The time of this turn of the event loop. */
  #turnMs: number | undefined;
  /** Of messages that wait before they may be stored. */
  #held = 0;
  #full = false;
  #closed = false;
  /** Told of a message of QoS 0, for which nobody waits. */
  readonly dropped: Stored = (outcome) => {
    if (outcome !== 'success') this.shed++;
  };
  readonly #endTurn = (): void => {
    this.#turnMs = undefined;
  };

  constructor(options: PublishingOptions) {
    this.#options = options;
    const { client, ack } = options;
    const events = {
      onStored: (queue: QueueId, to: number, bytes: number) => this.#stored(queue, to, bytes),
      onRoom: () => this.#roomCame(),
    };
    this.#acknowledged = new Outbox(client.producer({ ack }), events);
    this.#unacknowledged = new Outbox(client.producer({ ack: 'leader' }), events);
  }

  /** Bytes that wait to be stored. */
  get bytes(): number {
    return this.#acknowledged.bytes + this.#unacknowledged.bytes + this.#held;
  }

  /** Whether the clients may go on; otherwise `onReady` follows. */
  get open(): boolean {
    return !this.#full;
  }

  /** Whether a rule has a place for what is published to a topic. */
  takes(topic: string): boolean {
    return this.#wayOf(topic) !== undefined;
  }

  /** Stores a message of QoS 0, or sheds it: of sockets that are held back what they had read before may still come. */
  drop(publication: Publication): void {
    const way = this.#wayOf(publication.topic);
    if (way === undefined) return;
    if (this.#unacknowledged.bytes > QOS0_BYTES_MAX) {
      this.shed++;
      return;
    }
    this.#add(this.#unacknowledged, way.unacknowledged, publication, way.mapped, undefined, this.dropped);
  }

  /**
   * Stores a message, and tells once, later, what became of it.
   * @param placed its place is wanted: it makes a batch of its own.
   * @param dedupId it is stored once under this name, and alone.
   */
  store(publication: Publication, placed: boolean, dedupId: string | undefined, stored: Stored | undefined): void {
    const way = this.#wayOf(publication.topic);
    const alone = dedupId !== undefined ? { dedupId } : placed ? ALONE : undefined;
    if (way !== undefined) return this.#add(this.#acknowledged, way.acknowledged, publication, way.mapped, alone, stored);
    queueMicrotask(() => {
      if (!this.#closed) stored?.('topic-name-invalid', undefined);
    });
  }

  /** Counts a message that is not to be stored yet as one that waits. @returns what ends that. */
  hold(publication: Publication): () => void {
    const bytes = bytesOf(publication);
    this.#held += bytes;
    this.#count();
    return () => {
      this.#held -= bytes;
      this.#roomCame();
    };
  }

  /** The tail of a queue has come to a place. */
  seen(queue: number, position: number): void {
    this.#unseen.seen(queue, position);
    this.#roomCame();
  }

  /** A tail that stands still must not hold everybody up: to be called each second. */
  sweep(): void {
    this.#unseen.forget(this.#options.wallMs());
    this.#roomCame();
  }

  /** Nothing is told any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#acknowledged.close(), this.#unacknowledged.close()]);
  }

  #wayOf(topic: string): Way | undefined {
    if (this.#edition !== this.#options.topics.edition) {
      this.#ways.clear();
      this.#edition = this.#options.topics.edition;
    }
    const known = this.#ways.get(topic);
    if (known !== undefined) return known;
    const way = this.#newWay(topic);
    if (way === undefined || topic.length > WAY_LENGTH_MAX) return way;
    if (this.#ways.size >= WAYS_KEPT_MAX) this.#ways.clear();
    this.#ways.set(topic, way);
    return way;
  }

  #newWay(topic: string): Way | undefined {
    const { rules, topics } = this.#options;
    const mapped = rules.toCluster(topic);
    if (mapped === undefined || mapped.direction === 'down') return undefined;
    const queue = topics.queueOfKey(mapped.topic, mapped.key);
    const name = queue === undefined ? mapped.topic : `${mapped.topic}/${queue.broker}/${queue.queue}`;
    return {
      mapped,
      acknowledged: this.#acknowledged.lane(name, mapped.topic),
      unacknowledged: this.#unacknowledged.lane(name, mapped.topic),
    };
  }

  #add(
    outbox: Outbox,
    lane: Lane,
    publication: Publication,
    mapped: MappedTopic,
    alone: Alone | undefined,
    done: Stored | undefined,
  ): void {
    const message = this.#maker.make(publication, mapped, this.#nowMs());
    outbox.add(lane, message, bytesOf(publication), alone, done);
    this.#count();
  }

  #count(): void {
    if (this.bytes > PUBLISH_BYTES_MAX) this.#full = true;
  }

  #nowMs(): number {
    if (this.#turnMs === undefined) {
      this.#turnMs = this.#options.wallMs();
      queueMicrotask(this.#endTurn);
    }
    return this.#turnMs;
  }

  #stored(queue: QueueId, to: number, bytes: number): void {
    const { queues, position, wallMs } = this.#options;
    const number = queues.numberOf(queue);
    if (position(number) >= to) return;
    this.#unseen.stored(number, to, bytes, wallMs());
    if (this.#unseen.bytes > UNSEEN_BYTES_MAX) this.#full = true;
  }

  #roomCame(): void {
    if (!this.#full || this.bytes > PUBLISH_BYTES_MAX / 4 || this.#unseen.bytes > UNSEEN_BYTES_MAX / 4) return;
    this.#full = false;
    this.#options.onReady();
  }
}
