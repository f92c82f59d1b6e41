import type { Request } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import {
  BatchAttribute,
  type BatchHeader,
  batchFormError,
  bodyChecksumHolds,
  readBatchHeader,
  stampBatch,
} from '../wire/batch.ts';
import { AckLevel } from '../wire/gen/registry.ts';
import type { BrokerLimits } from './broker-options.ts';
import type { CommitLog } from './log/commit-log.ts';
import type { Producers } from './producers.ts';
import type { PendingBatch, SequenceWindow } from './sequence-window.ts';
import type { Term } from './term.ts';
import type { TopicQueue } from './topic.ts';
import type { Topics } from './topics.ts';

/** When a broker that is busy is asked again. */
const BUSY_RETRY_MS = 50;
/** Kinds of batches that a later version has. */
const UNSUPPORTED = BatchAttribute.TRANSACTIONAL | BatchAttribute.CONTROL | BatchAttribute.DELAYED;

export interface ProduceParts {
  readonly host: EngineHost;
  readonly platform: Platform;
  readonly limits: BrokerLimits;
  readonly log: CommitLog;
  readonly term: Term;
  readonly topics: Topics;
  readonly producers: Producers;
}

/** Stores record batches (spec, chapter of produce). */
export class Produce {
  readonly #parts: ProduceParts;
  /** Never decreases in the log. */
  #storeTimeMs = 0;

  constructor(parts: ProduceParts) {
    this.#parts = parts;
  }

  get storeTimeMs(): number {
    return this.#storeTimeMs;
  }

  /** A store time was seen in the log. */
  sawStoreTime(timeMs: number): void {
    if (timeMs > this.#storeTimeMs) this.#storeTimeMs = timeMs;
  }

  /** SEND, in the decode order of the specification: the first of these that holds is the answer. */
  send(request: Request<'SEND'>): void {
    const { topic: name, queue: number, ack } = request.header;
    const batch = request.payload;
    const none = ack === AckLevel.ACK_NONE;
    if (request.oneWay !== none)
      throw new QanatError('INVALID_ARGUMENT', 'a SEND is one-way when its ack level is NONE, and only then');
    const { topics } = this.#parts;
    const place = topics.needQueue(topics.need(name), number);
    const header = this.#readBatch(batch);
    if (none && header.producerId !== 0)
      throw new QanatError('INVALID_ARGUMENT', 'a SEND with ack level NONE bears no producer id');
    if (header.producerId === 0) this.#store(request, place, header.recordCount, undefined, undefined);
    else this.#sendInSequence(request, place, header);
  }

  /** @throws QanatError INVALID_BATCH, BATCH_TOO_LARGE. */
  #readBatch(batch: Uint8Array): BatchHeader {
    const { limits, platform } = this.#parts;
    const form = batchFormError(batch);
    if (form !== undefined) throw new QanatError('INVALID_BATCH', form);
    if (batch.length > limits.batchBytesMax) {
      throw new QanatError('BATCH_TOO_LARGE', `the batch has ${batch.length} bytes, at most ${limits.batchBytesMax} are taken`);
    }
    const header = readBatchHeader(batch);
    if ((header.attributes & UNSUPPORTED) !== 0) throw new QanatError('INVALID_BATCH', 'transactions and delays are not served');
    if (!bodyChecksumHolds(platform, batch)) throw new QanatError('INVALID_BATCH', 'the body checksum does not hold');
    return header;
  }

  /**
   * Comes last: "not stored, there is no room" as the answer to a repeated batch would be a lie where its original is stored.
   * @throws QanatError DISK_FULL, BROKER_BUSY.
   */
  #checkRoom(bytes: number): void {
    const { log, limits } = this.#parts;
    if (log.diskFull) throw new QanatError('DISK_FULL', 'free space is below the reserve');
    if (log.stagedBytes + bytes > limits.stagedBytesMax) {
      throw new QanatError('BROKER_BUSY', `${log.stagedBytes} bytes wait to be stored`, { retryAfterMs: BUSY_RETRY_MS });
    }
  }

  #sendInSequence(request: Request<'SEND'>, place: TopicQueue, header: BatchHeader): void {
    const producer = this.#parts.producers.holder(request.session, header);
    const { baseSequence, recordCount: count, bodyChecksum } = header;
    const window = producer.window(place.topic.id, place.queue);
    const verdict = window.judge(baseSequence, count, bodyChecksum);
    if (verdict.kind === 'stored') {
      const { baseOffset, storeTimeMs } = verdict;
      request.respond({ baseOffset, storeTimeMs, duplicate: true });
    } else if (verdict.kind === 'pending') {
      verdict.batch.waiting ??= [];
      verdict.batch.waiting.push(request);
    } else {
      const pending: PendingBatch = { baseSequence, count, bodyChecksum, baseOffset: place.nextOffset, waiting: undefined };
      this.#store(request, place, count, window, pending);
    }
  }

  #store(
    request: Request<'SEND'>,
    place: TopicQueue,
    count: number,
    window: SequenceWindow | undefined,
    pending: PendingBatch | undefined,
  ): void {
    const { host, platform, log, term } = this.#parts;
    const batch = request.payload;
    this.#checkRoom(batch.length);
    const baseOffset = place.nextOffset;
    this.sawStoreTime(host.wallMs());
    const storeTimeMs = this.#storeTimeMs;
    stampBatch(platform, batch, baseOffset, term.current, storeTimeMs);
    if (pending !== undefined) window?.stage(pending);
    place.nextOffset = baseOffset + count;
    log.appendBatch(place.topic.id, place.queue, batch, (error) => {
      if (error === undefined) request.respond({ baseOffset, storeTimeMs });
      else request.fail(error);
    });
  }
}
