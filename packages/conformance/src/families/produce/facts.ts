import { PREFACE_BYTES } from '@qanat/core';
import type { View } from '../../history/view.ts';
import { isObject } from '../../json.ts';
import { numberOf, objectOf } from '../../play/program.ts';
import { Lives } from './lives.ts';
import { placeOf, type Reading, readingsOf } from './readings.ts';
import { mayBeStored, type Send, sendsOf } from './sends.ts';
import { TopicBook } from './topic-book.ts';

/** What the checkers of this family know of a history. */
export interface Facts {
  readonly view: View;
  readonly lives: Lives;
  readonly topics: TopicBook;
  readonly sends: readonly Send[];
  /** Where each of them goes: topic, generation and queue. Undefined where that is not certain. */
  placeOf(send: Send): string | undefined;
  /** In the order of their answers. */
  readonly readings: readonly Reading[];
  readonly readingsIn: ReadonlyMap<string, readonly Reading[]>;
  /** The subject forgets producers sooner than after a day: it was set up so. */
  readonly forgets: boolean;
  /** Bytes went out that are no frame, or a SEND that is not as it should be: nobody knows what came of them. */
  readonly hasOddities: boolean;
  /** The program says that there is no room for messages any more. */
  isDiskFull(from: number, to: number): boolean;
  /** How often the kit sent bytes like these to a queue so that they may be stored. */
  mayAppear(send: Send): number;
  /** Where readings have shown bytes like these, in one generation of the topic: base offsets. */
  appearances(place: string, key: string): ReadonlySet<number>;
}

export function factsOf(view: View): Facts {
  const lives = new Lives(view);
  const topics = new TopicBook(view, lives);
  const sends = sendsOf(view);
  const copies = groupBy(sends, ({ topic, queue, key }) => `${topic}/${queue} ${key}`);
  const readings = readingsOf(view, topics);
  const seen = appearancesIn(readings);
  return {
    view,
    lives,
    topics,
    sends,
    placeOf: (send) => {
      const generation = topics.generation(send.topic, send.start, Math.min(send.end, view.events.length));
      return generation === undefined ? undefined : placeOf(send.topic, generation, send.queue);
    },
    readings,
    readingsIn: groupBy(readings, ({ place }) => place),
    forgets: view.notes('setup').some(({ args }) => isObject(args) && limitsProducers(args)),
    hasOddities: hasOddities(view, sends),
    isDiskFull: (from, to) => view.notes('disk-full').some(({ index }) => index < from && lives.between(index, to).length === 0),
    mayAppear: ({ topic, queue, key }) => copies.get(`${topic}/${queue} ${key}`)?.filter(mayBeStored).length ?? 0,
    appearances: (place, key) => seen.get(`${place} ${key}`) ?? NOWHERE,
  };
}

const NOWHERE: ReadonlySet<number> = new Set();

function appearancesIn(readings: readonly Reading[]): ReadonlyMap<string, ReadonlySet<number>> {
  const seen = new Map<string, Set<number>>();
  for (const { place, batches } of readings) {
    for (const { key, fields } of batches) {
      const name = `${place} ${key}`;
      const offsets = seen.get(name);
      if (offsets === undefined) seen.set(name, new Set([fields.baseOffset]));
      else offsets.add(fields.baseOffset);
    }
  }
  return seen;
}

function hasOddities(view: View, sends: readonly Send[]): boolean {
  const raw = view.of('bytes').some(({ from, bytes }) => from === 'kit' && bytes.length > PREFACE_BYTES);
  return (
    raw ||
    view.frames.filter(({ name, from, isResponse }) => name === 'SEND' && from === 'kit' && !isResponse).length > sends.length
  );
}

function limitsProducers(setup: Parameters<typeof objectOf>[0]): boolean {
  const limits = objectOf(objectOf(setup, 'broker'), 'limits');
  return numberOf(limits, 'producersMax', 0) > 0 || numberOf(limits, 'producerIdleMs', 0) > 0;
}

/** Groups by a name, in order. */
export function groupBy<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string | undefined,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = nameOf(item);
    if (name === undefined) continue;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
