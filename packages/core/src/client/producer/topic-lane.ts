import { queueOfKey } from '../../model/queue-by-key.ts';
import type { Platform } from '../../platform.ts';
import { type RecordInit, textChecksum } from '../../wire/record.ts';
import type { TopicRoute } from '../host.ts';
import type { OutBatch } from './out-batch.ts';
import type { GroupCall, SingleCall } from './pending-call.ts';
import type { SendBatchOptions, SendOptions } from './producer-options.ts';
import type { QueueLane } from './queue-lane.ts';

/** A call whose queue depends on a route that is not known yet. */
export type Waiting =
  | { readonly record: RecordInit; readonly bytes: number; readonly call: SingleCall; readonly options: SendOptions }
  | {
      readonly records: readonly RecordInit[];
      readonly bytes: number;
      readonly group: GroupCall;
      readonly options: SendBatchOptions;
    };

/** Keys whose queue is remembered. */
const KEYS_KEPT_MAX = 1_024;

/** One topic as a producer sees it. */
export class TopicLane {
  readonly topic: string;
  /** What stops watching the route. */
  stop: () => void = () => {};
  /** Undefined until a route is known. */
  found: boolean | undefined;
  /** Sorted by broker, then number: the order that the choice by key is defined on. */
  queues: readonly QueueLane[] = [];
  /** Brokers that vanished lately. */
  away: ReadonlySet<string> = new Set();
  /** Batches that may go to any queue: they get one when they leave. */
  drafts: OutBatch[] = [];
  waiting: Waiting[] = [];
  #hashes: readonly number[] = [];
  /** Queues of keys that were used lately: weighing all queues costs more than the rest of a send. */
  readonly #byKey = new Map<string, QueueLane>();
  /** The same queues, so that neighbours are at different brokers. */
  #rotation: readonly QueueLane[] = [];
  #next = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** @param laneOf makes the lane of a queue, or finds it: numbers outlive routes. */
  take(route: TopicRoute, laneOf: (broker: string, queue: number) => QueueLane): void {
    const queues: QueueLane[] = [];
    for (const { broker, queues: count } of route.shares) for (let i = 0; i < count; i++) queues.push(laneOf(broker, i));
    this.found = route.found;
    this.#byKey.clear();
    this.queues = queues;
    this.#hashes = queues.map(({ hash }) => hash);
    this.#rotation = [...queues].sort((a, b) => a.queue - b.queue || (a.broker < b.broker ? -1 : 1));
    this.away = new Set(route.shares.filter(({ away }) => away).map(({ broker }) => broker));
    if (this.#next >= queues.length) this.#next = 0;
  }

  queueOfKey(platform: Platform, key: string): QueueLane | undefined {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const queue = this.queues[queueOfKey(textChecksum(platform, key), this.#hashes)];
    if (this.#byKey.size >= KEYS_KEPT_MAX) this.#byKey.clear();
    if (queue !== undefined) this.#byKey.set(key, queue);
    return queue;
  }

  queueOf(broker: string, queue: number): QueueLane | undefined {
    return this.queues.find((lane) => lane.broker === broker && lane.queue === queue);
  }

  /** The next queue in turn that suits. */
  nextQueue(suits: (lane: QueueLane) => boolean): QueueLane | undefined {
    const rotation = this.#rotation;
    for (let i = 0; i < rotation.length; i++) {
      const at = (this.#next + i) % rotation.length;
      const lane = rotation[at] as QueueLane;
      if (this.away.has(lane.broker) || !suits(lane)) continue;
      this.#next = (at + 1) % rotation.length;
      return lane;
    }
    return undefined;
  }
}
