import { type BatchHeader, LIMITS, readBatchHeader } from '@qanat/core';
import type { Act, Span } from './acts.ts';

/** A number that is known to lie between two others. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

export const isWithin = (value: number, { least, most }: Range): boolean => value >= least && value <= most;

export const shownRange = ({ least, most }: Range): string => (least === most ? `${least}` : `${least} to ${most}`);

/** A batch that the kit sent to a queue. */
export interface Write extends Span {
  readonly sent: Uint8Array;
  readonly count: number;
  /** Known from the answer. */
  readonly base: number | undefined;
  readonly storeTimeMs: number;
  /** It adds to the queue: not the second one of a duplicate. */
  readonly adds: boolean;
}

const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;

/** What is in one queue, as far as acknowledged SENDs tell. */
export class QueueModel {
  readonly topic: string;
  readonly queue: number;
  /** Old messages may have been dropped by retention. */
  readonly drops: boolean;
  readonly #writes: Write[] = [];
  readonly #told: (Span & { readonly oldest: number })[] = [];
  /** Batches whose place is known, by base offset. */
  readonly #placed = new Map<number, Write>();

  constructor(topic: string, queue: number, drops: boolean) {
    this.topic = topic;
    this.queue = queue;
    this.drops = drops;
  }

  /** @param certain it went to this queue: its topic was not made or removed meanwhile. */
  add(act: Act, certain: boolean): void {
    const { from, to, payload: sent, answer } = act;
    if (act.done === 'no' || sent.length < 64) return;
    const { recordCount: count }: BatchHeader = readBatchHeader(sent);
    const known = certain && act.done === 'yes' && answer.baseOffset !== UNKNOWN_OFFSET;
    const base = known ? answer.baseOffset : undefined;
    const adds = act.done !== 'yes' || answer.duplicate !== true;
    const write = { from, to, sent, count, base, storeTimeMs: known ? answer.storeTimeMs : 0, adds };
    this.#writes.push(write);
    if (base !== undefined && !this.#placed.has(base)) this.#placed.set(base, write);
  }

  get writes(): readonly Write[] {
    return this.#writes;
  }

  /** The high watermark while a request was under way. */
  highWatermark({ from, to }: Span): Range {
    let least = 0;
    let sum = 0;
    let before = UNKNOWN_OFFSET;
    for (const write of this.#writes) {
      if (write.base !== undefined && write.to < from) least = Math.max(least, write.base + write.count);
      if (write.adds && write.from < to) sum += write.count;
      if (write.base !== undefined && write.adds && write.from > to) before = Math.min(before, write.base);
    }
    return { least, most: Math.max(least, Math.min(sum, before)) };
  }

  /** The subject told its oldest offset. That is believed only where it may drop messages. */
  told(oldest: number, at: Span): void {
    if (this.drops) this.#told.push({ ...at, oldest });
  }

  /** The oldest offset: 0, where nothing is ever dropped; else it grows. */
  oldest(span: Span): Range {
    if (!this.drops) return { least: 0, most: 0 };
    const before = this.#told.filter(({ to }) => to < span.from).map(({ oldest }) => oldest);
    const after = this.#told.filter(({ from }) => from > span.to).map(({ oldest }) => oldest);
    return { least: Math.max(0, ...before), most: Math.min(this.highWatermark(span).most, ...after) };
  }

  /** The batch that holds an offset, where that is known. */
  batchAt(offset: number): Write | undefined {
    const exact = this.#placed.get(offset);
    if (exact !== undefined) return exact;
    for (const write of this.#placed.values()) {
      const base = write.base as number;
      if (offset >= base && offset < base + write.count) return write;
    }
    return undefined;
  }

  /** The batches that hold the offsets from … to; undefined where one is not known. */
  batches(from: number, to: number): readonly Write[] | undefined {
    const found: Write[] = [];
    for (let at = from; at < to; ) {
      const write = this.batchAt(at);
      if (write === undefined) return undefined;
      found.push(write);
      at = (write.base as number) + write.count;
    }
    return found;
  }

  /** The first offset stored at a time or later, else the high watermark; undefined where that is not known. */
  offsetByTime(timeMs: number, span: Span): number | undefined {
    const { least, most } = this.highWatermark(span);
    const all = this.batches(0, least);
    if (all === undefined || this.drops) return undefined;
    const found = all.find((write) => write.storeTimeMs >= timeMs);
    return found?.base ?? (least === most ? most : undefined);
  }
}

/** Longest that all batches of an answer may be. */
export const pullBytesMax = (asked: number): number =>
  asked === 0 ? LIMITS.PULL_BYTES_MAX : Math.min(asked, LIMITS.PULL_BYTES_MAX);
