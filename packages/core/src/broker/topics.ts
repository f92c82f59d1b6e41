import { QanatError } from '../errors.ts';
import type { TopicChanged, TopicState, TopicStateInit } from '../wire/gen/messages.ts';
import type { TopicFigures } from './figures.ts';
import type { CommitLog } from './log/commit-log.ts';
import { Topic, TopicQueue } from './topic.ts';

/** The topics of this broker, as the log has them. */
export class Topics {
  readonly #log: CommitLog;
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<number, Topic>();
  #nextId = 1;
  #queues = 0;

  constructor(log: CommitLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Queues of all topics. */
  get queueCount(): number {
    return this.#queues;
  }

  all(): Iterable<Topic> {
    return this.#byId.values();
  }

  /** A topic that takes messages. */
  get(name: string): Topic | undefined {
    const topic = this.#byName.get(name);
    return topic?.removed === true ? undefined : topic;
  }

  byId(id: number): Topic | undefined {
    return this.#byId.get(id);
  }

  /** @throws QanatError TOPIC_NOT_FOUND. */
  need(name: string): Topic {
    const topic = this.get(name);
    if (topic === undefined) throw new QanatError('TOPIC_NOT_FOUND', `topic ${name} does not exist at this broker`);
    return topic;
  }

  /** @throws QanatError QUEUE_NOT_FOUND. */
  needQueue(topic: Topic, queue: number): TopicQueue {
    const found = topic.queues[queue];
    if (found !== undefined) return found;
    throw new QanatError('QUEUE_NOT_FOUND', `topic ${topic.name} has ${topic.queues.length} queues here, there is no ${queue}`);
  }

  /** The oldest offset that can be read; the high watermark where nothing is stored. */
  oldest(queue: TopicQueue): number {
    return this.#log.bounds(queue.topic.id, queue.queue)?.oldest ?? queue.highWatermark;
  }

  /** The first offset stored at or after a wall-clock time; the high watermark when there is none. */
  offsetByTime(queue: TopicQueue, timeMs: number): number {
    return this.#log.findByTime(queue.topic.id, queue.queue, timeMs) ?? queue.highWatermark;
  }

  *figures(): Iterable<TopicFigures> {
    for (const { name, queues } of this.#byId.values()) {
      let stored = 0;
      let kept = 0;
      for (const queue of queues) {
        stored += queue.highWatermark;
        kept += queue.highWatermark - this.oldest(queue);
      }
      yield { topic: name, queues: queues.length, stored, kept };
    }
  }

  /** Draws the id of a new topic. */
  drawId(): number {
    return this.#nextId++;
  }

  // ---- what the log says ----

  restore(states: readonly TopicState[], nextId: number): void {
    this.#nextId = Math.max(this.#nextId, nextId);
    for (const state of states) {
      const topic = this.#add(state.topicId, state.topic);
      state.queues.forEach(({ nextOffset, lastStoreTimeMs }, i) => {
        topic.queues.push(new TopicQueue(topic, i, nextOffset, lastStoreTimeMs));
      });
      this.#queues += topic.queues.length;
    }
  }

  changed({ topicId, topic: name, queues }: TopicChanged): Topic {
    const topic = this.#byId.get(topicId) ?? this.#add(topicId, name);
    const before = topic.queues.length;
    topic.growTo(queues);
    this.#queues += topic.queues.length - before;
    return topic;
  }

  removed(topicId: number): Topic | undefined {
    const topic = this.#byId.get(topicId);
    if (topic === undefined) return undefined;
    topic.removed = true;
    this.#queues -= topic.queues.length;
    this.#byId.delete(topicId);
    this.#byName.delete(topic.name);
    return topic;
  }

  rolledBack(): void {
    for (const topic of this.#byId.values()) {
      topic.removed = false;
      for (const queue of topic.queues) queue.nextOffset = queue.highWatermark;
    }
  }

  get nextId(): number {
    return this.#nextId;
  }

  snapshotOf(id: number): TopicStateInit | undefined {
    const topic = this.#byId.get(id);
    if (topic === undefined) return undefined;
    const queues = topic.queues.map((queue) => ({
      nextOffset: queue.highWatermark,
      oldestOffset: this.oldest(queue),
      lastStoreTimeMs: queue.lastStoreTimeMs,
    }));
    return { topicId: topic.id, topic: topic.name, queues };
  }

  #add(id: number, name: string): Topic {
    const topic = new Topic(id, name);
    this.#byId.set(id, topic);
    this.#byName.set(name, topic);
    this.#nextId = Math.max(this.#nextId, id + 1);
    return topic;
  }
}
