import type { Place, SentPlace, StoredPublication } from '../ports.ts';
import { PlaceQueue } from './place-queue.ts';
import { RetainedRounds } from './retained-rounds.ts';

export const placeKey = ({ queue, offset }: Place): string => `${queue}:${offset}`;

/** A message that was or may have been sent on a connection before. */
export interface Resend extends SentPlace {
  readonly qos: 1 | 2;
}

/** A place that was read again, or is being read. */
export interface Loaded {
  readonly place: Place;
  readonly resend: Resend | undefined;
  /** Undefined: gone. */
  message: StoredPublication | undefined;
}

/** A queue that is looked through, up to what has arrived. */
export interface Scan extends Place {
  /** So many places were noted before: they are sent first, which keeps the order of the queue. */
  readonly behind: number;
}

/** First in, first out, of what came as lists: none is copied when another one comes. */
export class Lane<Item> {
  #lists: (readonly Item[])[] = [];
  /** In the first list. */
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#lists[0]?.[this.#head];
  }

  add(items: readonly Item[]): void {
    if (items.length === 0) return;
    this.#lists.push(items);
    this.#length += items.length;
  }

  shift(): Item | undefined {
    const [list] = this.#lists;
    if (list === undefined) return undefined;
    const item = list[this.#head++];
    this.#length--;
    if (this.#head === list.length) {
      this.#lists.shift();
      this.#head = 0;
    }
    return item;
  }

  *rest(): Generator<Item> {
    for (const [i, list] of this.#lists.entries()) yield* i === 0 ? list.slice(this.#head) : list;
  }
}

/**
 * What a session cannot be sent yet, in the order in which it will be: what was read again; what was sent before; retained
 * messages of new subscriptions; places in the log; queues that are looked through from a place on.
 */
export class Waiting {
  readonly loaded = new Lane<Loaded>();
  readonly resends = new Lane<Resend>();
  readonly retained = new RetainedRounds();
  readonly places = new PlaceQueue();
  /** By queue. */
  readonly scans = new Map<number, Scan>();
  /** What is being read. */
  reading: readonly Loaded[] | undefined;
  scanning = false;
  /** Places and queues to look through take turns: neither waits for the other to end. */
  scanNext = false;
  /** Places of queues that are looked through which go their own way: they are sent again, or were listed. */
  #listed: ReadonlySet<string> | undefined;

  get empty(): boolean {
    return (
      this.reading === undefined &&
      this.loaded.length === 0 &&
      this.resends.length === 0 &&
      this.retained.empty &&
      this.places.length === 0 &&
      this.scans.size === 0
    );
  }

  /** A message of a queue that has to be sent later. Beyond `placesMax` the queue is looked through from there on. */
  later({ queue, offset }: Place, placesMax: number): void {
    if (this.scans.has(queue)) return;
    if (this.places.length < placesMax) this.places.push(queue, offset);
    else this.scan(queue, offset);
  }

  /** A queue has to be looked through from an offset on. */
  scan(queue: number, offset: number): void {
    this.scans.set(queue, { queue, offset, behind: this.places.pushed });
  }

  /** These are not sent for having been found. */
  list(places: readonly Place[]): void {
    if (this.scans.size > 0) this.#listed = new Set(places.filter(({ queue }) => this.scans.has(queue)).map(placeKey));
  }

  isListed(place: Place): boolean {
    return this.#listed?.has(placeKey(place)) ?? false;
  }

  /** A queue that may be looked through further: what waited of it before has been taken. */
  dueScan(): Scan | undefined {
    for (const scan of this.scans.values()) if (this.places.taken >= scan.behind) return scan;
    return undefined;
  }
}
