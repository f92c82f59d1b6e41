import type { EngineHost } from '../context.ts';
import type { StateRecordInit } from '../wire/gen/messages.ts';
import type { GroupHost, TopicShareOf } from './groups/host.ts';
import type { CommitLog, Settle } from './log/commit-log.ts';
import type { Pulls } from './pulls.ts';
import type { Term } from './term.ts';
import type { TopicQueue } from './topic.ts';
import type { Topics } from './topics.ts';
import type { Topology } from './topology.ts';

export interface GroupHostParts {
  readonly engine: EngineHost;
  readonly brokerName: string;
  readonly log: CommitLog;
  readonly term: Term;
  readonly topics: Topics;
  readonly topology: Topology;
  readonly pulls: Pulls;
}

/** What the groups see of their broker. */
export class BrokerGroupHost implements GroupHost {
  readonly engine: EngineHost;
  readonly brokerName: string;
  readonly #parts: GroupHostParts;

  constructor(parts: GroupHostParts) {
    this.engine = parts.engine;
    this.brokerName = parts.brokerName;
    this.#parts = parts;
  }

  topic(name: string): { readonly id: number; readonly queues: number } | undefined {
    const topic = this.#parts.topics.get(name);
    return topic === undefined ? undefined : { id: topic.id, queues: topic.queues.length };
  }

  topicName(id: number): string | undefined {
    return this.#parts.topics.byId(id)?.name;
  }

  bounds(topicId: number, queue: number): { readonly oldest: number; readonly highWatermark: number } {
    const place = this.#queue(topicId, queue);
    if (place === undefined) return { oldest: 0, highWatermark: 0 };
    return { oldest: this.#parts.topics.oldest(place), highWatermark: place.highWatermark };
  }

  offsetByTime(topicId: number, queue: number, timeMs: number): number {
    const place = this.#queue(topicId, queue);
    return place === undefined ? 0 : this.#parts.topics.offsetByTime(place, timeMs);
  }

  shares(topic: string): readonly TopicShareOf[] {
    return this.#parts.topology.shares(topic);
  }

  appendState(record: StateRecordInit, settle: Settle): void {
    this.#parts.log.appendState(record, settle);
  }

  nextEpoch(): number {
    return this.#parts.term.nextEpoch();
  }

  watchTopic(topic: string): void {
    this.#parts.topology.watch(topic);
  }

  unwatchTopic(topic: string): void {
    this.#parts.topology.unwatch(topic);
  }

  leasesEnded(group: string): void {
    this.#parts.pulls.leasesEnded(group);
  }

  #queue(topicId: number, queue: number): TopicQueue | undefined {
    return this.#parts.topics.byId(topicId)?.queues[queue];
  }
}
