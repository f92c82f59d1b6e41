import type { Backlog, OutboundExchange, Place } from '../ports.ts';
import { PLACES_MAX, POINTERS_PER_ENTRY_MAX } from './limits.ts';
import { encodePointers, type Pointers } from './pointers.ts';
import type { QueueTable } from './queue-table.ts';
import { pointersKey } from './state-keys.ts';

/** What gathers of a session's places in one queue. */
interface QueuePlaces {
  readonly offsets: Set<number>;
  readonly maybeSent: Set<number>;
  /** From here on everything is looked through. */
  scanFrom: number;
}

/** Gathers where a session's messages are: pointers, what was found in the log, what arrived meanwhile. A place counts once. */
export class Gathering {
  readonly #queues = new Map<number, QueuePlaces>();
  #count = 0;

  add(queue: number, offset: number): void {
    const places = this.#at(queue);
    if (offset >= places.scanFrom) return;
    if (this.#count >= PLACES_MAX) {
      this.scanFrom(queue, offset);
      return;
    }
    if (!places.offsets.has(offset)) this.#count++;
    places.offsets.add(offset);
  }

  addPointers(queue: number, { offsets, maybeSent, scan }: Pointers): void {
    for (const offset of offsets) this.add(queue, offset);
    for (const offset of maybeSent) this.#at(queue).maybeSent.add(offset);
    if (scan !== undefined) this.scanFrom(queue, scan.from);
  }

  scanFrom(queue: number, offset: number): void {
    const places = this.#at(queue);
    places.scanFrom = Math.min(places.scanFrom, offset);
  }

  /** Whether what lies at or behind the offset will be looked through anyway. */
  isScanned(queue: number, offset: number): boolean {
    return offset >= this.#at(queue).scanFrom;
  }

  /** Lets a queue be scanned from a later offset on. @returns from where on it was to be scanned. */
  takeScan(queue: number, from: number): number {
    const places = this.#at(queue);
    const before = places.scanFrom;
    places.scanFrom = from;
    return before;
  }

  /** @param taken places of exchanges that have begun or ended: they are not sent as messages again. */
  end(taken: readonly Place[], exchanges: readonly OutboundExchange[]): Backlog {
    for (const { queue, offset } of [...taken, ...exchanges]) this.#queues.get(queue)?.offsets.delete(offset);
    const places: Place[] = [];
    const maybeSent: Place[] = [];
    const scanFrom: Place[] = [];
    for (const [queue, found] of [...this.#queues].sort(([a], [b]) => a - b)) {
      const offsets = [...found.offsets].filter((offset) => offset < found.scanFrom).sort((a, b) => a - b);
      for (const offset of offsets) {
        const place = { queue, offset };
        places.push(place);
        if (found.maybeSent.has(offset)) maybeSent.push(place);
      }
      if (found.scanFrom !== Number.POSITIVE_INFINITY) scanFrom.push({ queue, offset: found.scanFrom });
    }
    return { places, scanFrom, maybeSent, exchanges };
  }

  #at(queue: number): QueuePlaces {
    let places = this.#queues.get(queue);
    if (places === undefined) {
      places = { offsets: new Set(), maybeSent: new Set(), scanFrom: Number.POSITIVE_INFINITY };
      this.#queues.set(queue, places);
    }
    return places;
  }
}

/** Nothing is unsettled. */
export const isSettled = ({ places, scanFrom }: Backlog): boolean => places.length === 0 && scanFrom.length === 0;

const byQueue = (places: readonly Place[]): Map<number, number[]> => {
  const queues = new Map<number, number[]>();
  for (const { queue, offset } of places) {
    const offsets = queues.get(queue);
    if (offsets === undefined) queues.set(queue, [offset]);
    else offsets.push(offset);
  }
  for (const offsets of queues.values()) offsets.sort((a, b) => a - b);
  return queues;
};

/** The entries of pointers that say the same as a backlog, but for its exchanges: those are stored as they happen. */
export function backlogEntries(clientId: string, claim: number, backlog: Backlog, queues: QueueTable): Map<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  const sent = byQueue(backlog.maybeSent);
  for (const [number, all] of byQueue(backlog.places)) {
    const queue = queues.nameOf(number);
    const maybeSent = new Set(sent.get(number));
    for (let at = 0; at < all.length; at += POINTERS_PER_ENTRY_MAX) {
      const offsets = all.slice(at, at + POINTERS_PER_ENTRY_MAX);
      const some = offsets.filter((offset) => maybeSent.has(offset));
      const value = encodePointers({ queue, claim, offsets, maybeSent: some, scan: undefined });
      entries.set(pointersKey(clientId, queue, offsets[0] as number, 0), value);
    }
  }
  for (const { queue: number, offset } of backlog.scanFrom) {
    const queue = queues.nameOf(number);
    const scan = { from: offset, to: Number.POSITIVE_INFINITY };
    entries.set(pointersKey(clientId, queue, offset, 1), encodePointers({ queue, claim, offsets: [], maybeSent: [], scan }));
  }
  return entries;
}
