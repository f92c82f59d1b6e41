import { readBatchHeader } from '../wire/batch.ts';
import {
  type GroupStateInit,
  type Snapshot,
  type SnapshotInit,
  StateRecord,
  type StateWritten,
  type TopicStateInit,
} from '../wire/gen/messages.ts';
import type { Groups } from './groups/groups.ts';
import type { KeyedStates } from './keyed-state/keyed-states.ts';
import { StateSection } from './keyed-state/state-section.ts';
import type { LogEntry, LogObserver } from './log/commit-log.ts';
import type { Produce } from './produce.ts';
import type { ProducerSnapshot, Producers } from './producers.ts';
import type { Pulls } from './pulls.ts';
import type { Registration } from './registration.ts';
import { SLICE_ITEMS } from './snapshot-section.ts';
import { type SnapshotSections, SnapshotWalk, touchedBy } from './snapshot-walk.ts';
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
  readonly keyedStates: KeyedStates;
}

/** The broker's state: what follows from the log, and from nothing else. */
export class BrokerState implements LogObserver {
  readonly #parts: StateParts;
  /** A snapshot that is being taken. */
  #walk: SnapshotWalk | undefined;
  /** Keyed state that takes effect with the batch that is the next entry, and without it never. */
  #mark: StateWritten | undefined;

  constructor(parts: StateParts) {
    this.#parts = parts;
  }

  restore(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    const { term, topics, producers, produce, groups, keyedStates } = this.#parts;
    term.saw(snapshot.term);
    produce.sawStoreTime(snapshot.storeTimeMs);
    topics.restore(snapshot.topics, snapshot.nextTopicId);
    producers.restore(snapshot.producers, snapshot.names);
    groups.restore(snapshot.groups);
    keyedStates.restore(snapshot.keyedStates, snapshot.stateVersion);
  }

  apply(entry: LogEntry): void {
    this.#parts.term.saw(entry.term);
    const mark = this.#mark;
    this.#mark = undefined;
    if (entry.kind === 'batch') this.#applyBatch(entry, mark);
    else this.#applyRecord(StateRecord.decode(entry.body));
  }

  /** A mark that is applied stays: its batch follows, be it copied once more, or else the record of a new term. */
  rolledBack(): void {
    this.#parts.topics.rolledBack();
    this.#parts.producers.rolledBack();
    this.#parts.groups.rolledBack();
    this.#parts.keyedStates.rolledBack();
  }

  /** The last entry is the mark of a batch that is not applied yet: a snapshot would not hold it. */
  get isBetween(): boolean {
    return this.#mark !== undefined;
  }

  /**
   * What the state is now, in slices to be taken while entries go on to be applied. Position, chain and store id are the log's
   * part. A snapshot that is begun ends the one before.
   */
  snapshot(): Iterable<SnapshotInit> {
    const walk: SnapshotWalk = new SnapshotWalk(this.#sections(), () => {
      if (this.#walk === walk) this.#walk = undefined;
    });
    this.#walk = walk;
    return walk;
  }

  #sections(): SnapshotSections<TopicStateInit, GroupStateInit, ProducerSnapshot> {
    const { term, topics, producers, produce, groups, keyedStates } = this.#parts;
    const { producers: producerCounter, epochs: epochCounter } = term.counters;
    const whole = <Item>(item: Item): readonly Item[] => [item];
    return {
      head: {
        term: term.current,
        nextTopicId: topics.nextId,
        storeTimeMs: produce.storeTimeMs,
        producerCounter,
        epochCounter,
        stateVersion: keyedStates.version,
      },
      topics: {
        keys: () => Array.from(topics.all(), ({ id }) => id),
        capture: (id) => topics.snapshotOf(id),
        pieces: whole,
        weigh: ({ queues }) => queues?.length ?? 0,
        slice: (items) => ({ topics: items }),
      },
      groups: {
        keys: () => groups.names(),
        capture: (name) => groups.snapshotOf(name),
        pieces: piecesOfGroup,
        weigh: ({ offsets, leases }) => (offsets?.length ?? 0) + (leases?.length ?? 0),
        slice: (items) => ({ groups: items }),
      },
      producers: {
        keys: () => producers.ids(),
        capture: (id) => producers.snapshotOf(id, (topicId) => topics.byId(topicId) !== undefined),
        pieces: whole,
        weigh: ({ state }) => state.queues?.reduce((sum, { batches }) => sum + 1 + (batches?.length ?? 0), 0) ?? 0,
        slice: (items) => ({
          producers: items.map(({ state }) => state),
          names: items.flatMap(({ named }) => (named === undefined ? [] : [named])),
        }),
      },
      keyedStates: new StateSection(keyedStates.parts()),
    };
  }

  #applyBatch({ topicId, queue, body }: LogEntry, mark: StateWritten | undefined): void {
    const { topics, producers, produce, pulls } = this.#parts;
    const place = topics.byId(topicId)?.queues[queue];
    if (place === undefined) return;
    const header = readBatchHeader(body);
    if (this.#walk !== undefined) this.#walk.touch({ topicId, producerId: header.producerId });
    if (mark?.topicId === topicId && mark.queue === queue) this.#applyState(mark);
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
    if (this.#walk !== undefined) this.#walk.touch(touchedBy(record));
    const { topics, producers, pulls, groups, registration } = this.#parts;
    const { topicChanged, topicRemoved, producerNamed, stateWritten } = record;
    const topic = topicChanged === undefined ? undefined : topics.changed(topicChanged);
    const removed = topicRemoved === undefined ? undefined : topics.removed(topicRemoved.topicId);
    if (producerNamed !== undefined) producers.named(producerNamed);
    groups.apply(record);
    if (stateWritten?.withBatch === true) this.#mark = stateWritten;
    else if (stateWritten !== undefined) this.#applyState(stateWritten);
    if (removed !== undefined) {
      pulls.topicRemoved(removed);
      this.#parts.keyedStates.topicRemoved(removed.id, removed.queues.length);
    }
    const changed = topic ?? removed;
    if (changed === undefined) return;
    groups.topologyChanged(changed.name);
    registration.changed();
  }

  #applyState(written: StateWritten): void {
    this.#parts.keyedStates.apply(written, (chunk) => this.#walk?.touch({ chunk }));
  }
}

/** The offsets and leases of a large group in several states of its name; `Groups.restore` joins them. */
function piecesOfGroup(state: GroupStateInit): GroupStateInit[] {
  const { offsets = [], leases = [], ...rest } = state;
  const pieces: GroupStateInit[] = [];
  const most = Math.max(offsets.length, leases.length);
  for (let at = 0; at < most; at += SLICE_ITEMS / 2) {
    const to = at + SLICE_ITEMS / 2;
    pieces.push({ ...rest, offsets: offsets.slice(at, to), leases: leases.slice(at, to) });
  }
  return pieces;
}
