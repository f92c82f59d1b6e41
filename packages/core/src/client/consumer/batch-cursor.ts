import type { Platform } from '../../platform.ts';
import { BatchAttribute, hasColumn } from '../../wire/batch.ts';
import { readUint32 } from '../../wire/bytes.ts';
import { checkProperties } from '../../wire/properties.ts';
import { RecordReader } from '../../wire/record.ts';
import type { QueueId } from '../host.ts';
import { Message, type MessageSource } from './message.ts';
import type { TopicSubscription } from './options.ts';

/** Walks the messages of one verified batch that pass a filter. */
export class BatchCursor {
  readonly #reader: RecordReader;
  readonly #source: MessageSource;
  readonly #subscription: TopicSubscription;
  readonly #batch: Uint8Array;
  /** Where the tag column begins; 0 where no record has a tag. */
  readonly #columnAt: number;

  /** @throws QanatError INVALID_BATCH when the batch does not inflate. */
  constructor(platform: Platform, queue: QueueId, subscription: TopicSubscription, batch: Uint8Array) {
    this.#reader = new RecordReader(platform, batch);
    const { header, bytes } = this.#reader;
    this.#source = { queue, header, bytes };
    this.#subscription = subscription;
    this.#batch = batch;
    this.#columnAt = hasColumn(header, BatchAttribute.TAG_COLUMN) ? header.headerLength : 0;
  }

  get endOffset(): number {
    return this.#source.header.baseOffset + this.#source.header.recordCount;
  }

  /** Whether the last record was read. */
  get exhausted(): boolean {
    return this.#reader.index + 1 === this.#source.header.recordCount;
  }

  /**
   * The next message whose offset is at least `fromOffset` and whose tag passes, or undefined at the end.
   * @throws QanatError INVALID_BATCH when a record breaks the format.
   */
  next(fromOffset: number): Message | undefined {
    const reader = this.#reader;
    const { baseOffset } = this.#source.header;
    while (reader.next()) {
      if (baseOffset + reader.index < fromOffset || !this.#passes()) continue;
      checkProperties(reader.bytes, reader.bodyEnd);
      return new Message(this.#source, reader);
    }
    return undefined;
  }

  /** The checksum decides most, without a string; the string decides the rest (spec, chapter of pull). */
  #passes(): boolean {
    const { filter, tagSums } = this.#subscription;
    if (filter === undefined) return true;
    if (this.#columnAt === 0 || !tagSums.has(readUint32(this.#batch, this.#columnAt + this.#reader.index * 4))) return false;
    const tag = this.#reader.tag;
    return tag !== undefined && filter.has(tag);
  }
}
