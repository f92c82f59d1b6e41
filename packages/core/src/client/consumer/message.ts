import type { BatchHeader } from '../../wire/batch.ts';
import { readUtf8 } from '../../wire/bytes.ts';
import { readProperties } from '../../wire/properties.ts';
import type { RecordReader } from '../../wire/record.ts';
import type { QueueId } from '../host.ts';

/** What the messages of one batch share. */
export interface MessageSource {
  readonly queue: QueueId;
  readonly header: BatchHeader;
  /** Where the records are: the batch as it came, or its inflated copy. */
  readonly bytes: Uint8Array;
}

/**
 * A message as a handler gets it: a few places in the bytes of its batch. Texts and properties are decoded when they are asked
 * for, so that a handler pays only for what it reads.
 */
export class Message {
  /** How often this message was handed out, this time included: 1 at first. The consumer counts it up. */
  attempt = 1;
  readonly #source: MessageSource;
  readonly #index: number;
  /** Born time less that of the batch: small, where the time itself would take a number on the heap for each message. */
  readonly #bornDelta: number;
  readonly #keyAt: number;
  readonly #keyEnd: number;
  readonly #tagAt: number;
  readonly #tagEnd: number;
  readonly #bodyAt: number;
  readonly #bodyEnd: number;
  #properties: Readonly<Record<string, string>> | undefined = undefined;

  /** Takes the record on which `record` stands. */
  constructor(source: MessageSource, record: RecordReader) {
    this.#source = source;
    this.#index = record.index;
    this.#bornDelta = record.bornTimeMs - source.header.bornTimeMs;
    this.#keyAt = record.keyAt;
    this.#keyEnd = record.keyEnd;
    this.#tagAt = record.tagAt;
    this.#tagEnd = record.tagEnd;
    this.#bodyAt = record.bodyAt;
    this.#bodyEnd = record.bodyEnd;
  }

  get topic(): string {
    return this.#source.queue.topic;
  }

  get broker(): string {
    return this.#source.queue.broker;
  }

  /** The number of the queue at its broker. */
  get queue(): number {
    return this.#source.queue.queue;
  }

  get offset(): number {
    return this.#source.header.baseOffset + this.#index;
  }

  get key(): string | undefined {
    return this.#keyEnd === this.#keyAt ? undefined : readUtf8(this.#source.bytes, this.#keyAt, this.#keyEnd);
  }

  get tag(): string | undefined {
    return this.#tagEnd === this.#tagAt ? undefined : readUtf8(this.#source.bytes, this.#tagAt, this.#tagEnd);
  }

  /** A view, not a copy: it keeps the whole answer of the broker in memory (some MiB) as long as it is held. */
  get body(): Uint8Array {
    return this.#source.bytes.subarray(this.#bodyAt, this.#bodyEnd);
  }

  /** The records of its batch, for whoever reads properties without decoding all. A view, as the body is. */
  get bytes(): Uint8Array {
    return this.#source.bytes;
  }

  /** Where its properties begin in `bytes`: a count, then names and values (spec, chapter of the record batch). */
  get propertiesAt(): number {
    return this.#bodyEnd;
  }

  get properties(): Readonly<Record<string, string>> {
    this.#properties ??= readProperties(this.#source.bytes, this.#bodyEnd);
    return this.#properties;
  }

  /** When the message came to be, by its producer's clock; milliseconds since 1970. */
  get bornTimeMs(): number {
    return this.#source.header.bornTimeMs + this.#bornDelta;
  }

  /** When the broker stored it, by the broker's clock; milliseconds since 1970. Never decreases in a queue. */
  get storeTimeMs(): number {
    return this.#source.header.storeTimeMs;
  }
}
