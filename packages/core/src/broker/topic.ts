import type { SmallSet } from '../small-set.ts';

/** What waits for a message in a queue. */
export interface QueueWaiter {
  /** Something may have come. */
  look(): void;
}

/** A queue of a topic at this broker. */
export class TopicQueue {
  readonly topic: Topic;
  readonly queue: number;
  /** Offset of the next batch, behind everything staged. */
  nextOffset: number;
  /** Consumers see what is below it. */
  highWatermark: number;
  /** Of the newest message that consumers see; 0 for none. */
  lastStoreTimeMs: number;
  /** Polls that wait for a message here; the set is made with the first. */
  waiting: SmallSet<QueueWaiter> | undefined;
  /** The high watermark moved since the polls were looked at. */
  moved = false;

  constructor(topic: Topic, queue: number, highWatermark: number, lastStoreTimeMs: number) {
    this.topic = topic;
    this.queue = queue;
    this.nextOffset = highWatermark;
    this.highWatermark = highWatermark;
    this.lastStoreTimeMs = lastStoreTimeMs;
  }
}

/** A topic of this broker. Its id is durable and never used again. */
export class Topic {
  readonly id: number;
  readonly name: string;
  readonly queues: TopicQueue[] = [];
  /** A record that removes the topic is staged or in the log: it takes no messages. */
  removed = false;

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  growTo(queues: number): void {
    while (this.queues.length < queues) this.queues.push(new TopicQueue(this, this.queues.length, 0, 0));
  }
}
