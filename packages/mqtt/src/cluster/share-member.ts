import type { Message, PushConsumer } from '@qanat/client';
import type { Clock } from '@qanat/core';
import { matches } from '../filters/topic-filter.ts';
import type { TopicRules } from '../mapping/topic-rules.ts';
import type { ShareId, StoredPublication } from '../ports.ts';
import { HandedQueue } from './handed-queue.ts';
import { CHECKPOINT_MS, HANDED_MAX, RETRY_MS, SHARE_WINDOW } from './limits.ts';
import type { KeyedState, LogClient } from './log-client.ts';
import type { QueueTable } from './queue-table.ts';
import type { ShareHold, ShareMemory } from './share-memory.ts';
import { type ReadMessage, storedMessage } from './stored-publication.ts';
import { pause } from './waiting.ts';

export interface SharesScope {
  readonly client: LogClient;
  readonly state: KeyedState;
  readonly clock: Clock;
  readonly rules: TopicRules;
  readonly queues: QueueTable;
  readonly read: ReadMessage;
  readonly memory: ShareMemory;
  readonly given: (share: ShareId, message: StoredPublication, settle: (done: boolean) => void) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** What was not settled comes again, here or elsewhere. */
class NotSettled extends Error {}

/** One membership in the group of a shared subscription, from `join` to `leave`. */
export class ShareMember {
  readonly #scope: SharesScope;
  readonly #share: ShareId;
  readonly #group: string;
  /** Of messages of QoS 2, by the number of the data queue. */
  readonly #handed = new Map<number, HandedQueue>();
  readonly #givenBy: WeakMap<StoredPublication, HandedQueue>;
  readonly #takingBack = new Set<Promise<void>>();
  readonly #hold: ShareHold;
  #consumer: PushConsumer | undefined;
  #left = false;

  /** @param givenBy is told of each message of QoS 2 that is given. */
  constructor(scope: SharesScope, share: ShareId, group: string, givenBy: WeakMap<StoredPublication, HandedQueue>) {
    this.#scope = scope;
    this.#share = share;
    this.#group = group;
    this.#givenBy = givenBy;
    const pause = (): void => this.#consumer?.pause();
    const resume = (): void => this.#consumer?.resume();
    this.#hold = scope.memory.begin({ pause, resume });
  }

  async run(): Promise<void> {
    const { client, clock, rules, onTrouble } = this.#scope;
    const topics = rules.clusterTopicsOf(this.#share.filter);
    while (!this.#left && topics.length > 0) {
      const consumer = client.pushConsumer({
        group: this.#group,
        topics,
        from: 'last',
        strategy: 'sticky',
        concurrency: SHARE_WINDOW,
        prefetchBytes: this.#hold.prefetchBytes,
        retryMs: { first: RETRY_MS / 10, max: RETRY_MS },
      });
      this.#consumer = consumer;
      if (this.#hold.paused) consumer.pause();
      try {
        await consumer.run((message) => this.#take(message));
      } catch (error) {
        if (this.#left) return;
        onTrouble(error);
        await pause(clock, RETRY_MS);
      }
    }
  }

  async leave(): Promise<void> {
    this.#left = true;
    for (const handed of this.#handed.values()) handed.end();
    // Whoever goes on would find them handed.
    await Promise.all(this.#takingBack);
    // What is not settled is not passed: the consumer hears of it no more.
    await this.#consumer?.close({ drain: false });
    this.#hold.end();
    await this.#tidyUp();
  }

  /** A queue came or went: whatever was known of it is to be found out anew. */
  changed(queue: number): void {
    this.#handed.get(queue)?.end();
    this.#handed.delete(queue);
  }

  /** Forgets what was handed and can never come again. @throws QanatError. */
  async sweep(): Promise<void> {
    const { client, queues } = this.#scope;
    if (![...this.#handed.values()].some(({ size }) => size > 0)) return;
    const group = await client.admin.describeGroup(this.#group, { timeoutMs: CHECKPOINT_MS });
    for (const { topic, broker, queue, committed } of group.queues) {
      const handed = this.#handed.get(queues.numberOf({ topic, broker, queue }));
      if (committed !== undefined) await handed?.passed(committed);
    }
  }

  /** What the filter does not select is passed at once, without a promise. */
  #take(message: Message): Promise<void> | undefined {
    const { queues, read } = this.#scope;
    const { topic, broker, queue } = message;
    const stored = storedMessage(read, message, queues.numberOf({ topic, broker, queue }));
    if (stored === undefined || !matches(this.#share.filter, stored.topic)) return undefined;
    return stored.qos === 2 ? this.#takeOnce(stored) : this.#give(stored, undefined);
  }

  /** What was handed before is not given again. */
  async #takeOnce(message: StoredPublication): Promise<void> {
    const handed = this.#handedOf(message.queue);
    if (!handed.isKnown) await handed.begin(this.#scope.onTrouble);
    if (handed.has(message.offset)) return;
    if (handed.isOver || handed.size >= HANDED_MAX) throw new NotSettled();
    this.#givenBy.set(message, handed);
    await this.#give(message, handed);
  }

  #handedOf(queue: number): HandedQueue {
    const known = this.#handed.get(queue);
    if (known !== undefined && !known.isOver) return known;
    const { state, clock, queues } = this.#scope;
    const handed = new HandedQueue(state, clock, this.#group, queues.nameOf(queue));
    this.#handed.set(queue, handed);
    return handed;
  }

  #give(message: StoredPublication, handed: HandedQueue | undefined): Promise<void> {
    this.#hold.add(message.payload);
    return new Promise((resolve, reject) => {
      this.#scope.given(this.#share, message, (done) => {
        this.#hold.remove(message.payload);
        if (done) resolve();
        else if (handed?.has(message.offset) !== true) reject(new NotSettled());
        else void this.#takeBack(handed, message.offset).then(() => reject(new NotSettled()));
      });
    });
  }

  #takeBack(handed: HandedQueue, offset: number): Promise<void> {
    const { clock, onTrouble } = this.#scope;
    const work = async (): Promise<void> => {
      do {
        try {
          return await handed.takeBack(offset);
        } catch (error) {
          onTrouble(error);
          await pause(clock, RETRY_MS);
        }
      } while (!this.#left);
    };
    const takingBack = work().finally(() => this.#takingBack.delete(takingBack));
    this.#takingBack.add(takingBack);
    return takingBack;
  }

  /** Leaves as little as may be behind: perhaps nobody ever goes on. */
  async #tidyUp(): Promise<void> {
    try {
      await this.sweep();
      for (const handed of this.#handed.values()) await handed.clear();
    } catch (error) {
      this.#scope.onTrouble(error);
    }
  }
}
