import type { Place, SentPlace, SessionSubscription, StoredPublication } from '../ports.ts';
import { PlaceQueue } from './place-queue.ts';

export const placeKey = ({ queue, offset }: Place): string => `${queue}:${offset}`;

/** A message that was or may have been sent on a connection before. */
export interface Resend extends SentPlace {
  readonly qos: 1 | 2;
}

/** A retained message that a new subscription selects. The bridge holds it anyway, so it is no place. */
export interface RetainedDelivery {
  readonly message: StoredPublication;
  readonly subscription: SessionSubscription;
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

/** First in, first out, of what came as a list. */
class Lane<Item> {
  #items: readonly Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  add(items: readonly Item[]): void {
    this.#items = this.length === 0 ? items : [...this.rest(), ...items];
    this.#head = 0;
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item !== undefined) this.#head++;
    if (this.length === 0) this.#clear();
    return item;
  }

  #clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  rest(): readonly Item[] {
    return this.#items.slice(this.#head);
  }
}

/**
 * What a session cannot be sent yet, in the order in which it will be: what was read again; what was sent before; retained
 * messages of new subscriptions; places in the log; queues that are looked through from a place on.
 */
export class Waiting {
  readonly loaded = new Lane<Loaded>();
  readonly resends = new Lane<Resend>();
  readonly retained = new Lane<RetainedDelivery>();
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
      this.retained.length === 0 &&
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
