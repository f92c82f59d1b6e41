import type { StoredPublication } from '../ports.ts';
import { RECENT_BYTES_MAX } from './limits.ts';
import { PackedMessages } from './packed-messages.ts';

/** Batches that follow each other are kept as one up to so many bytes: single messages would be an object for each. */
const BYTES_JOINED_MAX = 16 * 1024;
/** Counted for each message beside its payload: its object and its texts. */
const MESSAGE_BYTES = 200;

interface Batch {
  readonly queue: number;
  readonly from: number;
  to: number;
  /** Those of the span that are publications, in the order of their offsets. */
  messages: PackedMessages;
  bytes: number;
}

const NONE = new PackedMessages(0, 0, []);

/** The newest batches of all tails, as far as their bytes allow: what is read again soon is not fetched again. */
export class RecentMessages {
  readonly #bytesMax: number;
  readonly #queues = new Map<number, Batch[]>();
  /** All batches, oldest first, from `#oldest` on. */
  #all: Batch[] = [];
  #oldest = 0;
  #bytes = 0;

  constructor(bytesMax: number = RECENT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next batch of a queue: it begins where the one before ended. */
  add(queue: number, from: number, to: number, messages: readonly StoredPublication[]): void {
    let bytes = MESSAGE_BYTES;
    for (const { payload } of messages) bytes += payload.length + MESSAGE_BYTES;
    const batches = this.#queues.get(queue);
    const last = batches?.at(-1);
    if (last?.to === from && last.bytes + bytes <= BYTES_JOINED_MAX) {
      last.messages.append(messages);
      last.to = to;
      last.bytes += bytes;
    } else {
      const batch = { queue, from, to, messages: new PackedMessages(queue, from, messages), bytes };
      if (batches === undefined) this.#queues.set(queue, [batch]);
      else batches.push(batch);
      this.#all.push(batch);
    }
    this.#bytes += bytes;
    while (this.#bytes > this.#bytesMax) this.#evict();
  }

  /** What follows in a queue was not read: what is here of it is needed no more, since it can be no beginning of a span. */
  skip(queue: number): void {
    const batches = this.#queues.get(queue);
    if (batches === undefined) return;
    this.#queues.delete(queue);
    for (const batch of batches) {
      this.#bytes -= batch.bytes;
      batch.bytes = 0;
      batch.messages = NONE;
    }
  }

  /** From where on everything of the queue is here; undefined: nothing is. */
  since(queue: number): number | undefined {
    return this.#queues.get(queue)?.[0]?.from;
  }

  /** `gone`: not here, it may be in the log. Undefined: that place holds no publication. */
  find(queue: number, offset: number): StoredPublication | undefined | 'gone' {
    const batches = this.#queues.get(queue) ?? [];
    const batch = batches[firstEndingBehind(batches, offset)];
    if (batch === undefined || offset < batch.from) return 'gone';
    const { messages } = batch;
    const at = firstAtOrBehind(messages, offset);
    return at < messages.length && messages.offsetAt(at) === offset ? messages.at(at) : undefined;
  }

  /** Visits what lies in a span that is here; visitors that return false end it. @returns where it ended. */
  visit(queue: number, from: number, to: number, visitor: (message: StoredPublication) => boolean): number {
    const batches = this.#queues.get(queue) ?? [];
    for (let i = firstEndingBehind(batches, from); i < batches.length; i++) {
      const { messages } = batches[i] as Batch;
      for (let at = firstAtOrBehind(messages, from); at < messages.length; at++) {
        if (messages.offsetAt(at) >= to) return to;
        if (!visitor(messages.at(at))) return messages.offsetAt(at) + 1;
      }
    }
    return to;
  }

  #evict(): void {
    const batch = this.#all[this.#oldest++] as Batch;
    this.#bytes -= batch.bytes;
    const batches = this.#queues.get(batch.queue);
    if (batches?.[0] === batch) batches.shift();
    if (this.#oldest < 1_024 || this.#oldest * 2 < this.#all.length) return;
    this.#all = this.#all.slice(this.#oldest);
    this.#oldest = 0;
  }
}

/** Index of the first batch whose end is behind the offset. */
function firstEndingBehind(batches: readonly Batch[], offset: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((batches[middle] as Batch).to > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Index of the first message at or behind the offset. */
function firstAtOrBehind(messages: PackedMessages, offset: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (messages.offsetAt(middle) >= offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
