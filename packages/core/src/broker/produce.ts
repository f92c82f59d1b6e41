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
import { AckLevel, Feature } from '../wire/gen/registry.ts';
import type { BrokerLimits } from './broker-options.ts';
import type { KeyedStates } from './keyed-state/keyed-states.ts';
import type { CommitLog } from './log/commit-log.ts';
import type { Producers } from './producers.ts';
import type { PendingBatch, SequenceWindow, Verdict } from './sequence-window.ts';
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
  readonly keyedStates: KeyedStates;
  /** Enough replicas are in sync for a message that has to be committed. */
  readonly canCommit: () => boolean;
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
    const { topic: name, queue: number, ack, dedupId } = request.header;
    const batch = request.payload;
    const none = ack === AckLevel.ACK_NONE;
    if (request.oneWay !== none)
      throw new QanatError('INVALID_ARGUMENT', 'a SEND is one-way when its ack level is NONE, and only then');
    if (dedupId !== '') checkDedup(request, none);
    const { topics } = this.#parts;
    const place = topics.needQueue(topics.need(name), number);
    const header = this.#readBatch(batch);
    if (none && header.producerId !== 0)
      throw new QanatError('INVALID_ARGUMENT', 'a SEND with ack level NONE bears no producer id');
    const window = header.producerId === 0 ? undefined : this.#windowOf(request, place, header);
    if (dedupId !== '') this.#sendOnce(request, place, header, window);
    else if (window !== undefined) this.#sendInSequence(request, place, header, window);
    else this.#store(request, place, header.recordCount, undefined, undefined);
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
   * @throws QanatError NOT_ENOUGH_REPLICAS, DISK_FULL, BROKER_BUSY.
   */
  #checkRoom(bytes: number, ack: AckLevel): void {
    const { log, limits, canCommit } = this.#parts;
    if (ack === AckLevel.ACK_COMMITTED && !canCommit()) throw notEnoughReplicas();
    if (log.diskFull) throw new QanatError('DISK_FULL', 'free space is below the reserve');
    if (log.stagedBytes + bytes > limits.stagedBytesMax) {
      throw new QanatError('BROKER_BUSY', `${log.stagedBytes} bytes wait to be stored`, { retryAfterMs: BUSY_RETRY_MS });
    }
  }

  /** @throws QanatError UNKNOWN_PRODUCER, PRODUCER_FENCED. */
  #windowOf(request: Request<'SEND'>, place: TopicQueue, header: BatchHeader): SequenceWindow {
    return this.#parts.producers.holder(request.session, header).window(place.topic.id, place.queue);
  }

  #sendInSequence(request: Request<'SEND'>, place: TopicQueue, header: BatchHeader, window: SequenceWindow): void {
    const verdict = window.judge(header.baseSequence, header.recordCount, header.bodyChecksum);
    if (answerKnown(request, verdict)) return;
    this.#store(request, place, header.recordCount, window, pendingOf(place, header));
  }

  /**
   * A batch with a dedup id. What its producer's window knows is answered from there; otherwise the id decides before the
   * sequence does, so that a repetition is a duplicate whatever became of the sequence (QNT-KST-027).
   */
  #sendOnce(request: Request<'SEND'>, place: TopicQueue, header: BatchHeader, window: SequenceWindow | undefined): void {
    const judged = window === undefined ? NEXT : judge(window, header);
    if (!QanatError.is(judged) && answerKnown(request, judged)) return;
    const pending = window === undefined ? undefined : pendingOf(place, header);
    const counted = QanatError.is(judged) ? undefined : pending;
    const found = this.#parts.keyedStates.dedup(place, request.header.dedupId);
    if (found.kind === 'new') {
      if (QanatError.is(judged)) throw judged;
      return this.#store(request, place, header.recordCount, window, pending);
    }
    if (counted !== undefined) {
      counted.original = 'unknown';
      window?.stage(counted);
    }
    const answer = (baseOffset: number): void => {
      if (counted !== undefined) window?.decided(counted, baseOffset);
      for (const one of [request, ...(counted?.waiting ?? [])]) one.respond({ baseOffset, duplicate: true });
    };
    if (found.kind === 'stored') return answer(found.baseOffset);
    return found.whenDecided((error, baseOffset) => (error === undefined ? answer(baseOffset) : request.fail(error)));
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
    this.#checkRoom(batch.length, request.header.ack);
    const baseOffset = place.nextOffset;
    this.sawStoreTime(host.wallMs());
    const storeTimeMs = this.#storeTimeMs;
    const { dedupId } = request.header;
    const mark = dedupId === '' ? undefined : this.#parts.keyedStates.stageDedup(place, dedupId, baseOffset);
    stampBatch(platform, batch, baseOffset, term.current, storeTimeMs);
    if (pending !== undefined) window?.stage(pending);
    place.nextOffset = baseOffset + count;
    const settle = (error: QanatError | undefined): void => {
      if (error === undefined) request.respond({ baseOffset, storeTimeMs });
      else request.fail(error);
    };
    const at = request.header.ack === AckLevel.ACK_LEADER ? 'stored' : 'committed';
    if (mark === undefined) log.appendBatch(place.topic.id, place.queue, batch, settle, at);
    else log.appendMarkedBatch(mark, place.topic.id, place.queue, batch, settle, at);
  }
}

export const notEnoughReplicas = (): QanatError =>
  new QanatError('NOT_ENOUGH_REPLICAS', 'fewer replicas are in sync than this broker demands');

const NEXT: Verdict = { kind: 'next' };

/** @throws QanatError UNSUPPORTED_FEATURE, INVALID_ARGUMENT. */
function checkDedup(request: Request<'SEND'>, none: boolean): void {
  if (none) throw new QanatError('INVALID_ARGUMENT', 'a SEND with ack level NONE bears no dedup id');
  if (!request.session.features.has(Feature.FEATURE_DEDUP))
    throw new QanatError('UNSUPPORTED_FEATURE', 'a dedup id needs the feature DEDUP, which is not active on this connection');
}

const pendingOf = (place: TopicQueue, { baseSequence, recordCount, bodyChecksum }: BatchHeader): PendingBatch => ({
  baseSequence,
  count: recordCount,
  bodyChecksum,
  baseOffset: place.nextOffset,
  waiting: undefined,
});

/** What the sequence says, or the error that it is: a dedup id may know better. */
function judge(window: SequenceWindow, { baseSequence, recordCount, bodyChecksum }: BatchHeader): Verdict | QanatError {
  try {
    return window.judge(baseSequence, recordCount, bodyChecksum);
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return error;
  }
}

/** Answers a batch that the window knows, or lets it wait for its original. @returns false for one that is to be stored. */
function answerKnown(request: Request<'SEND'>, verdict: Verdict): boolean {
  if (verdict.kind === 'next') return false;
  if (verdict.kind === 'stored') {
    const { baseOffset, storeTimeMs } = verdict;
    request.respond({ baseOffset, storeTimeMs, duplicate: true });
  } else {
    verdict.batch.waiting ??= [];
    verdict.batch.waiting.push(request);
  }
  return true;
}
