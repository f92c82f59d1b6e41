import type { Platform } from '../../platform.ts';
import type { OutBatch, ProducerIdentity } from './out-batch.ts';

/** Sequence numbers count records modulo 2^32 and compare as in RFC 1982 (spec, chapter of idempotent sends). */
export const sequenceAdd = (sequence: number, count: number): number => (sequence + count) >>> 0;
export const sequenceBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** One queue as a producer sees it: what waits for it, what was sent to it, and the numbers of both. */
export class QueueLane {
  readonly topic: string;
  readonly broker: string;
  readonly queue: number;
  /** Of the queue, for the choice by key. */
  readonly hash: number;
  /** Batches of this queue alone that have no number yet. */
  drafts: OutBatch[] = [];
  /** Numbered batches in order, on the way or waiting to be sent again. */
  sent: OutBatch[] = [];
  inFlight = 0;
  nextSequence = 0;
  /** The broker has nothing from this number on. What is on its way comes back first, then the batches are numbered anew. */
  gapFrom: number | undefined;
  /** What was sent is not sent again before. */
  againAtMs = 0;

  constructor(topic: string, broker: string, queue: number, hash: number) {
    this.topic = topic;
    this.broker = broker;
    this.queue = queue;
    this.hash = hash;
  }

  get idle(): boolean {
    return this.drafts.length === 0 && this.sent.length === this.inFlight;
  }

  /** Whether something that was sent must be sent again before anything new. */
  get stalled(): boolean {
    return this.gapFrom !== undefined || this.sent.length > this.inFlight;
  }

  /** The first batch that has to be sent again. */
  nextAgain(): OutBatch | undefined {
    return this.sent.length === this.inFlight ? undefined : this.sent.find((batch) => !batch.inFlight);
  }

  /** The batch is being sent, for the first time or again. */
  started(batch: OutBatch): void {
    batch.inFlight = true;
    batch.overtaken = false;
    this.inFlight++;
    for (const other of this.sent) {
      if (other.inFlight && sequenceBefore(batch.baseSequence, other.baseSequence)) other.overtaken = true;
    }
  }

  /** Gives the batch the next numbers. */
  take(batch: OutBatch, platform: Platform, identity: ProducerIdentity): void {
    batch.number(platform, identity, this.nextSequence);
    this.nextSequence = sequenceAdd(this.nextSequence, batch.count);
    this.sent.push(batch);
  }

  /** The broker has the batch. */
  stored(batch: OutBatch): void {
    this.#drop(batch);
  }

  /** The batch is given up or goes elsewhere. Numbers that nobody saw are used again when they are the last ones. */
  remove(batch: OutBatch): void {
    this.#drop(batch);
    const last = sequenceAdd(batch.baseSequence, batch.count) === this.nextSequence;
    if (last && !batch.mayBeStored) this.nextSequence = batch.baseSequence;
  }

  #drop(batch: OutBatch): void {
    const at = this.sent.indexOf(batch);
    if (at === 0) this.sent.shift();
    else if (at > 0) this.sent.splice(at, 1);
  }

  /**
   * SEQUENCE_GAP: the broker has nothing of the batch, and expects `expected`. That may hold no longer when a batch before it was
   * sent again behind this attempt: then the batch is just tried again.
   */
  gap(batch: OutBatch, expected: number): void {
    // Were an earlier attempt stored, the broker would call this one a duplicate.
    batch.mayBeStored = false;
    if (!batch.overtaken) this.gapFrom = expected;
  }

  /**
   * After SEQUENCE_GAP: nothing at or after `gapFrom` is stored, so those batches take the numbers from there on. Those before it
   * keep theirs: they are stored, and the broker will say so. Call it when nothing is on its way.
   */
  renumber(platform: Platform, identity: ProducerIdentity): void {
    let next = this.gapFrom as number;
    this.gapFrom = undefined;
    for (const batch of this.sent) {
      if (sequenceBefore(batch.baseSequence, next)) continue;
      if (batch.baseSequence !== next) batch.number(platform, identity, next);
      next = sequenceAdd(next, batch.count);
    }
    this.nextSequence = next;
  }

  /** The producer id is lost. @returns batches whose outcome nobody can learn any more; the others become drafts again. */
  forgetNumbers(): readonly OutBatch[] {
    const lost = this.sent.filter((batch) => batch.mayBeStored);
    const again = this.sent.filter((batch) => !batch.mayBeStored);
    this.drafts = [...again, ...this.drafts];
    this.sent = [];
    this.nextSequence = 0;
    this.gapFrom = undefined;
    return lost;
  }
}
