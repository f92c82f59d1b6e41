// A snapshot that is taken in slices while the broker works. It says what the state was at its beginning: what an entry is about
// to change is captured before.
import type { SnapshotInit, StateRecord } from '../wire/gen/messages.ts';
import type { Chunk } from './keyed-state/sorted-entries.ts';
import type { StatePart, StateSection } from './keyed-state/state-section.ts';
import { SLICE_ITEMS, type SnapshotSection } from './snapshot-section.ts';

/** Walks over one section; an item that is touched before its turn is captured then. */
class SectionWalk<Key, Item> {
  readonly #section: SnapshotSection<Key, Item>;
  readonly #keys: readonly Key[];
  readonly #captured = new Map<Key, Item | undefined>();
  readonly #taken = new Set<Key>();
  /** What was captured and waits for its slice. */
  #pending: Item[] = [];
  #at = 0;

  constructor(section: SnapshotSection<Key, Item>) {
    this.#section = section;
    this.#keys = section.keys();
  }

  /** What was not there at the beginning is captured for nothing. */
  touch(key: Key): void {
    if (this.#taken.has(key) || this.#captured.has(key)) return;
    this.#captured.set(key, this.#section.capture(key));
  }

  next(): SnapshotInit | undefined {
    const items: Item[] = [];
    for (let weight = 0; weight < SLICE_ITEMS; ) {
      const item = this.#pending.shift() ?? this.#takeNext();
      if (item === undefined) break;
      weight += 1 + this.#section.weigh(item);
      items.push(item);
    }
    return items.length === 0 ? undefined : this.#section.slice(items);
  }

  #takeNext(): Item | undefined {
    while (this.#at < this.#keys.length) {
      const key = this.#keys[this.#at++] as Key;
      const item = this.#captured.has(key) ? this.#captured.get(key) : this.#section.capture(key);
      this.#captured.delete(key);
      this.#taken.add(key);
      if (item === undefined) continue;
      if (this.#section.weigh(item) <= SLICE_ITEMS) return item;
      const [first, ...rest] = this.#section.pieces(item);
      this.#pending = rest;
      return first;
    }
    return undefined;
  }
}

/** What an entry is about to change. */
export interface Touched {
  readonly topicId?: number;
  readonly producerId?: number;
  readonly group?: string;
  /** Of keyed state. */
  readonly chunk?: Chunk;
}

export interface SnapshotSections<Topic, Group, Producer> {
  /** What is said at once. */
  readonly head: SnapshotInit;
  readonly topics: SnapshotSection<number, Topic>;
  readonly groups: SnapshotSection<string, Group>;
  readonly producers: SnapshotSection<number, Producer>;
  readonly keyedStates: StateSection;
}

/** Slices whose encodings, one behind the other, are the encoding of the whole snapshot. */
export class SnapshotWalk implements Iterable<SnapshotInit> {
  readonly #head: SnapshotInit;
  readonly #topics: SectionWalk<number, unknown>;
  readonly #groups: SectionWalk<string, unknown>;
  readonly #producers: SectionWalk<number, unknown>;
  readonly #stateSection: StateSection;
  readonly #keyedStates: SectionWalk<StatePart, StatePart>;
  readonly #ended: () => void;

  /** @param ended is called when nothing more needs to be captured. */
  constructor(sections: SnapshotSections<unknown, unknown, unknown>, ended: () => void) {
    this.#head = sections.head;
    this.#topics = new SectionWalk(sections.topics);
    this.#groups = new SectionWalk(sections.groups);
    this.#producers = new SectionWalk(sections.producers);
    this.#stateSection = sections.keyedStates;
    this.#keyedStates = new SectionWalk(sections.keyedStates);
    this.#ended = ended;
  }

  /** To be called before an entry is applied. */
  touch({ topicId, producerId, group, chunk }: Touched): void {
    if (topicId !== undefined) this.#topics.touch(topicId);
    if (producerId !== undefined) this.#producers.touch(producerId);
    if (group !== undefined) this.#groups.touch(group);
    const part = chunk === undefined ? undefined : this.#stateSection.keyOf(chunk);
    if (part !== undefined) this.#keyedStates.touch(part);
  }

  *[Symbol.iterator](): Iterator<SnapshotInit> {
    try {
      yield this.#head;
      for (const section of [this.#topics, this.#groups, this.#producers, this.#keyedStates])
        for (let slice = section.next(); slice !== undefined; slice = section.next()) yield slice;
    } finally {
      this.#ended();
    }
  }
}

/**
 * What a state record changes. A removed topic takes its offsets out of every group and its windows out of every producer; these
 * need no capture, for the record stands behind the snapshot and takes them out again.
 */
export function touchedBy(record: StateRecord): Touched {
  const { topicChanged, topicRemoved, groupChanged, leaseGranted, leaseEnded, offsetsCommitted, producerNamed } = record;
  const topicId = topicChanged?.topicId ?? topicRemoved?.topicId;
  const group = (groupChanged ?? leaseGranted ?? leaseEnded ?? offsetsCommitted)?.group;
  return {
    ...(topicId === undefined ? {} : { topicId }),
    ...(group === undefined ? {} : { group }),
    ...(producerNamed === undefined ? {} : { producerId: producerNamed.producerId }),
  };
}
