import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import { BATCH_AT, BATCH_HEADER_BYTES, readBatchHeader, verifyBatch } from '../../wire/batch.ts';
import { readUint32 } from '../../wire/bytes.ts';
import type { QueueId } from '../host.ts';
import { BatchCursor } from './batch-cursor.ts';
import type { Message } from './message.ts';
import type { TopicSubscription } from './options.ts';

/** What one answer brought for a queue: batches side by side, cut and verified only when their turn comes. */
interface Slab {
  readonly bytes: Uint8Array;
  /** Where the answer ends: above its last batch when the filter passed batches over. */
  readonly nextOffset: number;
}

/** `count` offsets from `offset` on that could not be decoded and were passed. */
export type OnUndecodable = (offset: number, count: number, error: QanatError) => void;

/** What was pulled of one queue and not yet handed out. */
export class QueueBuffer {
  /** The offset behind what was handed out, filtered out or passed. */
  cursor: number;
  /** Bytes of batches that were finished since the last `takeFinished`. */
  #finishedBytes = 0;
  readonly #platform: Platform;
  readonly #queue: QueueId;
  readonly #subscription: TopicSubscription;
  readonly #onUndecodable: OnUndecodable;
  #slabs: Slab[] = [];
  /** Place of the next batch in the first slab. */
  #at = 0;
  #batch: BatchCursor | undefined;
  #batchBytes = 0;
  #batchEnd = 0;
  /** Up to here it was told that batches could not be decoded. */
  #reportedTo = 0;

  constructor(platform: Platform, queue: QueueId, subscription: TopicSubscription, offset: number, onUndecodable: OnUndecodable) {
    this.#platform = platform;
    this.#queue = queue;
    this.#subscription = subscription;
    this.cursor = offset;
    this.#onUndecodable = onUndecodable;
  }

  get empty(): boolean {
    return this.#slabs.length === 0;
  }

  append(bytes: Uint8Array, nextOffset: number): void {
    this.#slabs.push({ bytes, nextOffset });
  }

  clear(): void {
    this.#slabs = [];
    this.#at = 0;
    this.#batch = undefined;
    this.#batchBytes = 0;
  }

  /** Bytes that need not be held any longer, but for what was handed out. */
  takeFinished(): number {
    const bytes = this.#finishedBytes;
    this.#finishedBytes = 0;
    return bytes;
  }

  /** The next message that passes the filter, or undefined when nothing more is here. */
  next(): Message | undefined {
    for (;;) {
      const batch = this.#batch ?? this.#open();
      if (batch === undefined) {
        if (this.empty) return undefined;
        continue;
      }
      const message = this.#read(batch);
      if (message === undefined) continue;
      this.cursor = message.offset + 1;
      if (batch.exhausted) this.#close();
      return message;
    }
  }

  #read(batch: BatchCursor): Message | undefined {
    try {
      const message = batch.next(this.cursor);
      if (message === undefined) this.#close();
      return message;
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#pass(this.#batchEnd, error);
      this.#close();
      return undefined;
    }
  }

  /** Opens the batch whose turn it is; undefined when it was passed or its slab is finished. */
  #open(): BatchCursor | undefined {
    const slab = this.#slabs[0];
    if (slab === undefined) return undefined;
    const rest = slab.bytes.length - this.#at;
    if (rest === 0) return this.#closeSlab(slab);
    const length = rest < BATCH_HEADER_BYTES ? 0 : readUint32(slab.bytes, this.#at + BATCH_AT.length) + 8;
    if (length < BATCH_HEADER_BYTES || length > rest) {
      // Without a length there is no next batch either: the answer says how far it would have come.
      this.#pass(slab.nextOffset, new QanatError('INVALID_BATCH', 'the length of a batch is not credible'));
      this.#finishedBytes += rest;
      return this.#closeSlab(slab);
    }
    const bytes = slab.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return this.#openBatch(bytes, slab.nextOffset);
  }

  #openBatch(bytes: Uint8Array, nextOffset: number): BatchCursor | undefined {
    this.#batchBytes = bytes.length;
    this.#batchEnd = this.cursor;
    try {
      const fault = verifyBatch(this.#platform, bytes);
      if (fault !== undefined) throw new QanatError('INVALID_BATCH', fault);
      const batch = new BatchCursor(this.#platform, this.#queue, this.#subscription, bytes);
      if (batch.endOffset > nextOffset)
        throw new QanatError('INVALID_BATCH', `ends at ${batch.endOffset}, behind the answer's end ${nextOffset}`);
      this.#batchEnd = batch.endOffset;
      if (batch.endOffset > this.cursor) {
        this.#batch = batch;
        return batch;
      }
    } catch (error) {
      if (!QanatError.is(error)) throw error;
      this.#report(bytes, nextOffset, error);
    }
    this.#close();
    return undefined;
  }

  /**
   * Tells of a batch whose header cannot be trusted. The cursor stays: the next batch, or the end of the answer, moves it, so
   * that a wrong count makes no good message disappear.
   */
  #report(bytes: Uint8Array, nextOffset: number, error: QanatError): void {
    const from = Math.max(this.cursor, this.#reportedTo);
    const { baseOffset, recordCount } = readBatchHeader(bytes);
    const end = baseOffset + recordCount;
    const counted = end > from && end <= nextOffset ? end : Math.min(from + recordCount, nextOffset);
    this.#reportedTo = Math.max(counted, from);
    this.#onUndecodable(from, this.#reportedTo - from, error);
  }

  #pass(endOffset: number, error: QanatError): void {
    const from = Math.max(this.cursor, this.#reportedTo);
    this.cursor = Math.max(this.cursor, endOffset);
    if (endOffset > from) this.#onUndecodable(from, endOffset - from, error);
  }

  #close(): void {
    this.#batch = undefined;
    this.#finishedBytes += this.#batchBytes;
    this.#batchBytes = 0;
    this.cursor = Math.max(this.cursor, this.#batchEnd);
  }

  #closeSlab(slab: Slab): undefined {
    this.#slabs.shift();
    this.#at = 0;
    this.cursor = Math.max(this.cursor, slab.nextOffset);
    return undefined;
  }
}
