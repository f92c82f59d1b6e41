import { readBatchHeader } from '../wire/batch.ts';
import { type Snapshot, type SnapshotInit, StateRecord } from '../wire/gen/messages.ts';
import type { Groups } from './groups/groups.ts';
import type { LogEntry, LogObserver } from './log/commit-log.ts';
import type { Produce } from './produce.ts';
import type { Producers } from './producers.ts';
import type { Pulls } from './pulls.ts';
import type { Registration } from './registration.ts';
import type { Term } from './term.ts';
import type { Topics } from './topics.ts';

export interface StateParts {
  readonly term: Term;
  readonly topics: Topics;
  readonly producers: Producers;
  readonly produce: Produce;
  readonly pulls: Pulls;
  readonly groups: Groups;
  readonly registration: Registration;
}

/** The broker's state: what follows from the log, and from nothing else. */
export class BrokerState implements LogObserver {
  readonly #parts: StateParts;

  constructor(parts: StateParts) {
    this.#parts = parts;
  }

  restore(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    const { term, topics, producers, produce, groups } = this.#parts;
    term.saw(snapshot.term);
    produce.sawStoreTime(snapshot.storeTimeMs);
    topics.restore(snapshot.topics, snapshot.nextTopicId);
    producers.restore(snapshot.producers, snapshot.names);
    groups.restore(snapshot.groups);
  }

  apply(entry: LogEntry): void {
    this.#parts.term.saw(entry.term);
    if (entry.kind === 'batch') this.#applyBatch(entry);
    else this.#applyRecord(StateRecord.decode(entry.body));
  }

  rolledBack(): void {
    this.#parts.topics.rolledBack();
    this.#parts.producers.rolledBack();
    this.#parts.groups.rolledBack();
  }

  /** Position, chain and store id are the log's part. */
  snapshot(): SnapshotInit {
    const { term, topics, producers, produce, groups } = this.#parts;
    return {
      term: term.current,
      nextTopicId: topics.nextId,
      topics: topics.snapshot(),
      groups: groups.snapshot(),
      ...producers.snapshot((topicId) => topics.byId(topicId) !== undefined),
      storeTimeMs: produce.storeTimeMs,
      producerCounter: term.counters.producers,
      epochCounter: term.counters.epochs,
    };
  }

  #applyBatch({ topicId, queue, body }: LogEntry): void {
    const { topics, producers, produce, pulls } = this.#parts;
    const place = topics.byId(topicId)?.queues[queue];
    if (place === undefined) return;
    const header = readBatchHeader(body);
    const { baseOffset, recordCount, storeTimeMs } = header;
    place.highWatermark = baseOffset + recordCount;
    // In a recovery nothing was staged.
    if (place.nextOffset < place.highWatermark) place.nextOffset = place.highWatermark;
    place.lastStoreTimeMs = storeTimeMs;
    produce.sawStoreTime(storeTimeMs);
    if (header.producerId !== 0) producers.committed(topicId, queue, header);
    pulls.moved(place);
  }

  #applyRecord(record: StateRecord): void {
    const { topics, producers, pulls, groups, registration } = this.#parts;
    const { topicChanged, topicRemoved, producerNamed } = record;
    const topic = topicChanged === undefined ? undefined : topics.changed(topicChanged);
    const removed = topicRemoved === undefined ? undefined : topics.removed(topicRemoved.topicId);
    if (producerNamed !== undefined) producers.named(producerNamed);
    groups.apply(record);
    if (removed !== undefined) pulls.topicRemoved(removed);
    const changed = topic ?? removed;
    if (changed === undefined) return;
    groups.topologyChanged(changed.name);
    registration.changed();
  }
}
