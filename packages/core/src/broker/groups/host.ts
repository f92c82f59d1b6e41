import type { EngineHost } from '../../context.ts';
import type { QanatError } from '../../errors.ts';
import type { StateRecordInit } from '../../wire/gen/messages.ts';

export interface TopicShareOf {
  readonly broker: string;
  readonly queues: number;
}

/** What the groups of a broker need from it. */
export interface GroupHost {
  readonly engine: EngineHost;
  readonly brokerName: string;
  /** A topic of this broker. */
  topic(name: string): { readonly id: number; readonly queues: number } | undefined;
  topicName(id: number): string | undefined;
  /** The oldest offset and the high watermark of a queue of this broker. */
  bounds(topicId: number, queue: number): { readonly oldest: number; readonly highWatermark: number };
  /** The first offset stored at or after a wall-clock time; the high watermark when there is none. */
  offsetByTime(topicId: number, queue: number, timeMs: number): number;
  /**
   * A topic's shares at every broker, this one included, sorted by broker name: the union of what the NameServers say; a
   * vanished broker keeps its place for BROKER_AWAY_MS.
   */
  shares(topic: string): readonly TopicShareOf[];
  /**
   * Stages a state record. Its effect comes through `Groups.apply` when it is durable; `settle` is called after that, or with
   * the error.
   */
  appendState(record: StateRecordInit, settle: (error: QanatError | undefined) => void): void;
  /** Draws a lease epoch: term × 2^20 + counter. */
  nextEpoch(): number;
  /** A topic became of interest to a group: its route is watched at the NameServers. Idempotent. */
  watchTopic(topic: string): void;
  /** No group subscribes to it any more. */
  unwatchTopic?(topic: string): void;
  /** Leases of these queues ended: PULL requests that wait for them must be answered LEASE_FENCED. */
  leasesEnded(group: string): void;
}
