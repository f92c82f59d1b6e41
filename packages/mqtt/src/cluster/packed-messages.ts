import type { Publication, StoredPublication } from '../ports.ts';
import { StoredMessage } from './stored-publication.ts';

/** What a message says beside its payload and place: messages of one device have the same one. */
type Head = Omit<Publication, 'payload'>;

/** Where payloads lie, and when their batch was stored. */
interface Source {
  readonly buffer: ArrayBufferLike;
  readonly storeTimeMs: number;
}

/** Heads that are remembered, by topic. */
export const HEADS_KEPT_MAX = 16_384;

const heads = new Map<string, Head>();

function isHead(head: Head | undefined, { qos, retain, clientId, properties }: StoredPublication): head is Head {
  return (
    head !== undefined && properties === undefined && head.clientId === clientId && head.qos === qos && head.retain === retain
  );
}

function headOf(message: StoredPublication): Head {
  const { topic, qos, retain, clientId, properties } = message;
  const known = heads.get(topic);
  if (isHead(known, message)) return known;
  const head = { topic, qos, retain, clientId, properties };
  if (properties !== undefined) return head;
  if (heads.size >= HEADS_KEPT_MAX) heads.clear();
  heads.set(topic, head);
  return head;
}

/** Room for so many more is made at once. */
const ROOM_MIN = 16;
/** Numbers for each message: its offset less that of the batch, its source, where its payload begins and how long it is. */
const SLOTS = 4;

/**
 * Publications of a batch, in the order of their offsets, for which no objects are kept: hundreds of thousands that live for a
 * second would have the garbage collector copy them again and again.
 */
export class PackedMessages {
  readonly #queue: number;
  readonly #from: number;
  readonly #heads: Head[] = [];
  readonly #sources: Source[] = [];
  #places: Uint32Array;

  /** @param from none of the offsets is below. */
  constructor(queue: number, from: number, messages: readonly StoredPublication[]) {
    this.#queue = queue;
    this.#from = from;
    this.#places = new Uint32Array(messages.length * SLOTS);
    for (const message of messages) this.#add(message);
  }

  /** What follows in the same queue. */
  append(messages: readonly StoredPublication[]): void {
    const length = (this.length + messages.length) * SLOTS;
    if (length > this.#places.length) {
      const places = new Uint32Array(Math.max(length, 2 * this.#places.length, ROOM_MIN * SLOTS));
      places.set(this.#places);
      this.#places = places;
    }
    for (const message of messages) this.#add(message);
  }

  get length(): number {
    return this.#heads.length;
  }

  offsetAt(index: number): number {
    return this.#from + (this.#places[index * SLOTS] as number);
  }

  at(index: number): StoredPublication {
    const [, source = 0, at = 0, length = 0] = this.#places.subarray(index * SLOTS, (index + 1) * SLOTS);
    const { buffer, storeTimeMs } = this.#sources[source] as Source;
    const payload = new Uint8Array(buffer, at, length);
    return new StoredMessage(this.#heads[index] as Head, payload, this.#queue, this.offsetAt(index), storeTimeMs);
  }

  #add(message: StoredPublication): void {
    const { payload, offset } = message;
    const at = this.#heads.push(headOf(message)) * SLOTS - SLOTS;
    this.#places[at] = offset - this.#from;
    this.#places[at + 1] = this.#sourceOf(message);
    this.#places[at + 2] = payload.byteOffset;
    this.#places[at + 3] = payload.length;
  }

  /** Neighbours have the same one, most of the time. */
  #sourceOf({ payload: { buffer }, storeTimeMs }: StoredPublication): number {
    const last = this.#sources.at(-1);
    if (last?.buffer === buffer && last.storeTimeMs === storeTimeMs) return this.#sources.length - 1;
    return this.#sources.push({ buffer, storeTimeMs }) - 1;
  }
}
