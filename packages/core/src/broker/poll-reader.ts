import { codeNumber } from '../connection/request.ts';
import { type ErrorCode, QanatError } from '../errors.ts';
import { BATCH_AT, readBatchHeader } from '../wire/batch.ts';
import { readUint32, readUint53 } from '../wire/bytes.ts';
import { FRAME_LENGTH_MIN } from '../wire/frame.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { batchHasTag } from '../wire/record.ts';
import type { CommitLog } from './log/commit-log.ts';
import type { Poll, PollQueue } from './poll.ts';
import type { TopicQueue } from './topic.ts';
import type { Topics } from './topics.ts';

/** Tags, lengths and numbers of a result beside the topic's name, at most. */
const RESULT_BYTES = 56;
/** What a filtered pull reads at once. */
const SCAN_BYTES = 1024 * 1024;

/** Says why a member may not read a queue, or undefined when it may. */
export type LeaseCheck = (group: string, member: string, topicId: number, queue: number, epoch: number) => ErrorCode | undefined;

/**
 * Collects the answer of a PULL: one queue after the other, until all were visited or the answer is full (spec, chapter of
 * pull).
 */
export class PollReader {
  /** In the batches that were taken into answers so far. */
  messages = 0;
  readonly #log: CommitLog;
  readonly #topics: Topics;
  readonly #leaseError: LeaseCheck;
  readonly #isSlave: () => boolean;

  constructor(log: CommitLog, topics: Topics, leaseError: LeaseCheck, isSlave: () => boolean) {
    this.#log = log;
    this.#topics = topics;
    this.#leaseError = leaseError;
    this.#isSlave = isSlave;
  }

  /** Visits the queues from `start` on; `done` may be called at once. The results are in the poll. Error: STORAGE_FAILED. */
  read(poll: Poll, start: number, done: (error: QanatError | undefined) => void): void {
    poll.begin(start);
    const begun = this.#log.beginReading();
    this.#go(poll, (error) => {
      this.#log.endReading(begun);
      done(error);
    });
  }

  /** Adds the queues whose next offset moved, though nothing of them passed, and those of which a slave knows too little. */
  addProgress(poll: Poll): void {
    for (const queue of poll.queues) {
      if (queue.answered || queue.place === undefined) continue;
      const isAhead = queue.offset > queue.place.highWatermark && this.#isSlave();
      if (!isAhead && queue.offset === queue.from) continue;
      if (!this.#hasRoom(poll, queue)) return;
      if (isAhead) this.#addError(poll, queue, 'NOT_YET');
      else this.#addResult(poll, queue, queue.place, 0);
    }
  }

  #go(poll: Poll, done: (error: QanatError | undefined) => void): void {
    const { queues } = poll;
    while (poll.visited < queues.length && !poll.full) {
      const queue = queues[(poll.start + poll.visited) % queues.length] as PollQueue;
      poll.visited++;
      const place = this.#readable(poll, queue);
      if (place !== undefined && !this.#readQueue(poll, queue, place, done)) return;
    }
    done(undefined);
  }

  /** The queue, when it has something to read; adds its error, when it has one. */
  #readable(poll: Poll, queue: PollQueue): TopicQueue | undefined {
    const { place, topic, offset } = queue;
    if (topic === undefined || topic.removed) return this.#addError(poll, queue, 'TOPIC_NOT_FOUND');
    if (place === undefined) return this.#addError(poll, queue, 'QUEUE_NOT_FOUND');
    if (poll.group !== '') {
      const error = this.#leaseError(poll.group, poll.request.header.member, topic.id, queue.queue, queue.leaseEpoch);
      if (error !== undefined) return this.#addError(poll, queue, error);
    }
    // What lies ahead of a slave may be committed all the same: the poll waits for it (QNT-RPL, reading from a slave).
    if (offset === place.highWatermark || (offset > place.highWatermark && this.#isSlave())) return undefined;
    if (offset > place.highWatermark || offset < this.#topics.oldest(place))
      return this.#addError(poll, queue, 'OFFSET_OUT_OF_RANGE');
    return place;
  }

  /** Bytes that the answer still takes. */
  #budget(poll: Poll, queue: PollQueue): number {
    return Math.min(poll.bytesMax, this.#frameRoom(poll, queue)) - poll.payloadBytes;
  }

  /** @returns false when the bytes come later, and the walk goes on then. */
  #readQueue(poll: Poll, queue: PollQueue, place: TopicQueue, done: (error: QanatError | undefined) => void): boolean {
    const budget = this.#budget(poll, queue);
    if (budget <= 0 || !this.#hasRoom(poll, queue)) {
      poll.full = true;
      return true;
    }
    const bytesMax = queue.filter === undefined ? Math.min(budget, queue.bytesMax) : SCAN_BYTES;
    // The log often has the bytes at hand; then the walk goes on in its own loop, not deeper on the stack.
    let now = true;
    let ended = false;
    this.#log.read(place.topic.id, place.queue, queue.offset, bytesMax, (error, batches) => {
      if (error !== undefined)
        return done(
          new QanatError('STORAGE_FAILED', `queue ${queue.queue} of ${queue.topicName} cannot be read`, { cause: error }),
        );
      if (this.#take(poll, queue, place, batches)) poll.visited--;
      ended = true;
      return now ? undefined : this.#go(poll, done);
    });
    now = false;
    return ended;
  }

  /** Takes what passes and fits. @returns whether the queue is to be read on: its filter let nothing through so far. */
  #take(poll: Poll, queue: PollQueue, place: TopicQueue, batches: readonly Uint8Array[]): boolean {
    const budget = this.#budget(poll, queue);
    const { filter } = queue;
    let bytes = 0;
    for (const batch of batches) {
      if (filter !== undefined && isBeyondScan(poll, batch)) {
        poll.final = true;
        poll.full = true;
        break;
      }
      if (filter === undefined || batchHasTag(batch, readBatchHeader(batch), filter)) {
        const first = poll.payloadBytes === 0 && bytes === 0;
        if (bytes + batch.length > (first ? this.#frameRoom(poll, queue) : budget)) {
          if (first) this.#addError(poll, queue, 'BATCH_TOO_LARGE');
          poll.full = !first;
          break;
        }
        if (bytes > 0 && bytes + batch.length > queue.bytesMax) break;
        poll.parts.push(batch);
        bytes += batch.length;
        this.messages += readUint32(batch, BATCH_AT.recordCount);
      }
      queue.offset = readUint53(batch, BATCH_AT.baseOffset) + readUint32(batch, BATCH_AT.recordCount);
      if (filter !== undefined) poll.scannedBytes += batch.length;
    }
    if (bytes > 0) this.#addResult(poll, queue, place, bytes);
    if (filter === undefined || poll.full || queue.answered || batches.length === 0) return false;
    return queue.offset < place.highWatermark;
  }

  /** What the client's frame holds beside the results. */
  #frameRoom(poll: Poll, queue: PollQueue): number {
    return poll.request.session.frameBytesMax - FRAME_LENGTH_MIN - poll.controlBytes - resultBytes(queue);
  }

  #hasRoom(poll: Poll, queue: PollQueue): boolean {
    return (
      poll.controlBytes + resultBytes(queue) <= LIMITS.CONTROL_HEADER_BYTES_MAX && poll.results.length < LIMITS.LIST_ITEMS_MAX
    );
  }

  #addError(poll: Poll, queue: PollQueue, code: ErrorCode): undefined {
    if (!this.#hasRoom(poll, queue)) {
      poll.full = true;
      return;
    }
    poll.controlBytes += resultBytes(queue);
    queue.answered = true;
    const { topicName: topic, queue: number, place } = queue;
    const highWatermark = place?.highWatermark ?? 0;
    const oldestOffset = place === undefined ? 0 : this.#topics.oldest(place);
    const nextOffset =
      code === 'OFFSET_OUT_OF_RANGE' ? Math.min(Math.max(queue.offset, oldestOffset), highWatermark) : queue.offset;
    poll.results.push({ topic, queue: number, code: codeNumber(code), nextOffset, highWatermark, oldestOffset });
  }

  #addResult(poll: Poll, queue: PollQueue, place: TopicQueue, bytes: number): void {
    poll.controlBytes += resultBytes(queue);
    poll.payloadBytes += bytes;
    queue.answered = true;
    poll.results.push({
      topic: queue.topicName,
      queue: queue.queue,
      nextOffset: queue.offset,
      highWatermark: place.highWatermark,
      oldestOffset: this.#topics.oldest(place),
      bytes,
    });
  }
}

/** The batch would be one too many for an answer with a filter (QNT-PUL-025); the first one never is. */
const isBeyondScan = (poll: Poll, batch: Uint8Array): boolean =>
  poll.scannedBytes + batch.length > LIMITS.FILTERED_READ_BYTES_MAX;

const resultBytes = (queue: PollQueue): number => queue.topicName.length + RESULT_BYTES;
