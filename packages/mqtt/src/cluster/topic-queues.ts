import { type Clock, portableCrc32, portablePlatform, QanatError, type QueueId, queueHash, queueOfKey, utf8 } from '@qanat/core';
import { RETRY_MS, TOPICS_MS } from './limits.ts';
import type { LogClient } from './log-client.ts';
import { queueName } from './state-keys.ts';
import { pause, Repeated } from './waiting.ts';

interface TopicPlaces {
  readonly queues: readonly QueueId[];
  readonly hashes: readonly number[];
}

/** Sorted by broker name, then queue, as the rendezvous of keys needs it. */
function placesOf(queues: readonly QueueId[]): TopicPlaces {
  const sorted = [...queues].sort((a, b) => (a.broker < b.broker ? -1 : a.broker > b.broker ? 1 : a.queue - b.queue));
  return { queues: sorted, hashes: sorted.map(({ broker, queue }) => queueHash(portablePlatform, broker, queue)) };
}

/** The queues of some topics, asked for again and again. */
export class TopicQueues {
  readonly #client: LogClient;
  readonly #clock: Clock;
  readonly #topics = new Map<string, TopicPlaces>();
  readonly #onNew: (queue: QueueId) => void;
  readonly #onTrouble: (error: unknown) => void;
  readonly #refresh: Repeated;
  #closed = false;
  /** Changes with the queues. */
  edition = 0;

  /** @param onNew is told of every queue once. */
  constructor(
    client: LogClient,
    clock: Clock,
    topics: readonly string[],
    onNew: (queue: QueueId) => void,
    onTrouble: (error: unknown) => void,
  ) {
    this.#client = client;
    this.#clock = clock;
    for (const topic of topics) this.#topics.set(topic, placesOf([]));
    this.#onNew = onNew;
    this.#onTrouble = onTrouble;
    this.#refresh = new Repeated(clock, TOPICS_MS, () => this.#ask(), onTrouble);
  }

  /**
   * Resolves when the queues of every topic are known. @param create makes topics that are not there.
   * @throws QanatError FORBIDDEN, CLOSED: no outage that passes by itself.
   */
  async start(create: boolean): Promise<void> {
    while (!this.#closed) {
      try {
        if (create) for (const topic of this.#topics.keys()) await this.#client.admin.createTopic(topic);
        await this.#ask();
        if ([...this.#topics.values()].every(({ queues }) => queues.length > 0)) break;
      } catch (error) {
        if (QanatError.is(error, 'FORBIDDEN') || QanatError.is(error, 'CLOSED')) throw error;
        this.#onTrouble(error);
      }
      await pause(this.#clock, RETRY_MS);
    }
    if (!this.#closed) this.#refresh.start();
  }

  stop(): void {
    this.#closed = true;
    this.#refresh.stop();
  }

  queuesOf(topic: string): readonly QueueId[] {
    return this.#topics.get(topic)?.queues ?? [];
  }

  all(): QueueId[] {
    return [...this.#topics.values()].flatMap(({ queues }) => queues);
  }

  /** The queue of a key; undefined while none is known. */
  queueOfKey(topic: string, key: string): QueueId | undefined {
    const places = this.#topics.get(topic);
    if (places === undefined || places.queues.length === 0) return undefined;
    return places.queues[queueOfKey(portableCrc32(utf8(key), 0), places.hashes)];
  }

  async #ask(): Promise<void> {
    for (const topic of this.#topics.keys()) {
      const { queues } = await this.#client.admin.describeTopic(topic);
      const known = new Set(this.queuesOf(topic).map(queueName));
      const ids = queues.map(({ topic, broker, queue }) => ({ topic, broker, queue }));
      if (ids.length !== known.size || ids.some((id) => !known.has(queueName(id)))) this.edition++;
      this.#topics.set(topic, placesOf(ids));
      for (const id of ids) if (!known.has(queueName(id))) this.#onNew(id);
    }
  }
}
