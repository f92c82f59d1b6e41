import type { Backlog, OutboundExchange, Place, SentPlace } from '../ports.ts';
import { PLACES_MAX, POINTERS_PER_ENTRY_MAX } from './limits.ts';
import { encodePointers, encodeSent, type Pointers } from './pointers.ts';
import type { QueueTable } from './queue-table.ts';
import { pointersKey, sentKey } from './state-keys.ts';

/** What gathers of a session's places in one queue. */
interface QueuePlaces {
  readonly offsets: Set<number>;
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

  addPointers(queue: number, { offsets, scan }: Pointers): void {
    for (const offset of offsets) this.add(queue, offset);
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

  /**
   * @param taken places of exchanges that have ended: they are not sent again. @param sent what may have been sent, in the
   * order in which it was.
   */
  end(taken: readonly Place[], exchanges: readonly OutboundExchange[], sent: readonly SentPlace[]): Backlog {
    for (const { queue, offset } of [...taken, ...exchanges]) this.#queues.get(queue)?.offsets.delete(offset);
    const places: Place[] = [];
    const scanFrom: Place[] = [];
    for (const [queue, found] of [...this.#queues].sort(([a], [b]) => a - b)) {
      const offsets = [...found.offsets].filter((offset) => offset < found.scanFrom).sort((a, b) => a - b);
      for (const offset of offsets) places.push({ queue, offset });
      if (found.scanFrom !== Number.POSITIVE_INFINITY) scanFrom.push({ queue, offset: found.scanFrom });
    }
    const maybeSent = sent.filter(({ queue, offset }) => this.#isListed(queue, offset));
    return { places, scanFrom, maybeSent, exchanges };
  }

  #isListed(queue: number, offset: number): boolean {
    const found = this.#queues.get(queue);
    return found !== undefined && offset < found.scanFrom && found.offsets.has(offset);
  }

  #at(queue: number): QueuePlaces {
    let places = this.#queues.get(queue);
    if (places === undefined) {
      places = { offsets: new Set(), scanFrom: Number.POSITIVE_INFINITY };
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
  for (const [number, all] of byQueue(backlog.places)) {
    const queue = queues.nameOf(number);
    for (let at = 0; at < all.length; at += POINTERS_PER_ENTRY_MAX) {
      const offsets = all.slice(at, at + POINTERS_PER_ENTRY_MAX);
      const value = encodePointers({ queue, claim, offsets, scan: undefined });
      entries.set(pointersKey(clientId, queue, offsets[0] as number, 0), value);
    }
  }
  for (const { queue: number, offset } of backlog.scanFrom) {
    const queue = queues.nameOf(number);
    const scan = { from: offset, to: Number.POSITIVE_INFINITY };
    entries.set(pointersKey(clientId, queue, offset, 1), encodePointers({ queue, claim, offsets: [], scan }));
  }
  if (backlog.maybeSent.length > 0) {
    const places = backlog.maybeSent.map(({ queue, offset, packetId }) => ({ queue: queues.nameOf(queue), offset, packetId }));
    entries.set(sentKey(clientId), encodeSent({ claim, places }));
  }
  return entries;
}
