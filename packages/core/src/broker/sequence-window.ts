import type { Request } from '../connection/server-session.ts';
import { QanatError } from '../errors.ts';
import type { ProducerBatch, ProducerBatchInit } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/** A batch that is staged and not yet in the log for ever. */
export interface PendingBatch {
  readonly baseSequence: number;
  readonly count: number;
  readonly bodyChecksum: number;
  readonly baseOffset: number;
  /** Duplicates that wait for their original. */
  waiting: Request<'SEND'>[] | undefined;
  /** Nothing of it comes into the log: its number counts as used once it is known where its original is (QNT-KST-028). */
  original?: 'unknown' | { readonly baseOffset: number };
}

/** What a batch is, by its sequence. */
export type Verdict =
  | { readonly kind: 'next' }
  /** It is stored. The offset is UNKNOWN_OFFSET where it is no longer remembered. */
  | { readonly kind: 'stored'; readonly baseOffset: number; readonly storeTimeMs: number }
  | { readonly kind: 'pending'; readonly batch: PendingBatch };

/** The offset of a duplicate that is older than what is remembered (spec, chapter of produce). */
export const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;

const NEXT: Verdict = { kind: 'next' };
const REMEMBERED = LIMITS.PRODUCER_BATCHES_REMEMBERED;
const HIGH = 0x1_0000_0000;

/** Columns of a remembered batch: 28 bytes each, since a broker may remember millions. */
const STRIDE = 7;
const SEQUENCE = 0;
const COUNT = 1;
const CHECKSUM = 2;
const OFFSET = 3;
const TIME = 5;

/** How far `a` lies behind `b`, modulo 2^32 (RFC 1982); negative: before it. */
const distance = (a: number, b: number): number => (a - b) | 0;

/** What one producer has sent to one queue: its next sequence number and its newest batches (spec, chapter of produce). */
export class SequenceWindow {
  /** Behind all that is in the log. */
  #next = 0;
  /** Behind all that is staged. */
  #stagedNext = 0;
  #ring = new Uint32Array(STRIDE);
  #first = 0;
  #count = 0;
  #pending: PendingBatch[] = [];

  get busy(): boolean {
    return this.#pending.length > 0;
  }

  /** @throws QanatError SEQUENCE_GAP, SEQUENCE_CONFLICT. */
  judge(baseSequence: number, count: number, bodyChecksum: number): Verdict {
    const ahead = distance(baseSequence, this.#stagedNext);
    if (ahead === 0) return NEXT;
    if (ahead > 0) {
      throw new QanatError('SEQUENCE_GAP', `sequence ${baseSequence} came where ${this.#stagedNext} is next`, {
        expectedSequence: this.#stagedNext,
      });
    }
    for (const batch of this.#pending) {
      if (batch.baseSequence !== baseSequence || batch.count !== count || batch.bodyChecksum !== bodyChecksum) continue;
      if (typeof batch.original !== 'object') return { kind: 'pending', batch };
      return { kind: 'stored', baseOffset: batch.original.baseOffset, storeTimeMs: 0 };
    }
    return this.#judgeStored(baseSequence, count, bodyChecksum);
  }

  stage(batch: PendingBatch): void {
    this.#pending.push(batch);
    this.#stagedNext = (batch.baseSequence + batch.count) >>> 0;
  }

  /** The batch is in the log for ever. @returns it, where it was staged in this life. */
  committed(
    baseSequence: number,
    count: number,
    bodyChecksum: number,
    baseOffset: number,
    storeTimeMs: number,
  ): PendingBatch | undefined {
    this.#remember(baseSequence, count, bodyChecksum, baseOffset, storeTimeMs);
    this.#next = (baseSequence + count) >>> 0;
    const pending = this.#pending.shift();
    this.#useDecided();
    if (this.#pending.length === 0) this.#stagedNext = this.#next;
    return pending;
  }

  /** The original of a staged batch that comes not into the log is there. */
  decided(batch: PendingBatch, baseOffset: number): void {
    batch.original = { baseOffset };
    this.#useDecided();
  }

  /** Numbers are used in their order: those behind a batch on its way wait for it. */
  #useDecided(): void {
    for (;;) {
      const batch = this.#pending[0];
      if (batch?.original === undefined || batch.original === 'unknown') return;
      const { baseSequence, count, bodyChecksum, original } = batch;
      this.#remember(baseSequence, count, bodyChecksum, original.baseOffset, 0);
      this.#next = (baseSequence + count) >>> 0;
      this.#pending.shift();
    }
  }

  /** What was staged is cut off the log. @returns it. */
  rolledBack(): readonly PendingBatch[] {
    const cut = this.#pending;
    this.#pending = [];
    this.#stagedNext = this.#next;
    return cut;
  }

  get nextSequence(): number {
    return this.#next;
  }

  batches(): ProducerBatchInit[] {
    return Array.from({ length: this.#count }, (_, i) => {
      const at = this.#at(i);
      return {
        baseSequence: this.#ring[at + SEQUENCE] as number,
        count: this.#ring[at + COUNT] as number,
        bodyChecksum: this.#ring[at + CHECKSUM] as number,
        baseOffset: this.#long(at + OFFSET),
        storeTimeMs: this.#long(at + TIME),
      };
    });
  }

  restore(nextSequence: number, batches: readonly ProducerBatch[]): void {
    for (const b of batches) this.#remember(b.baseSequence, b.count, b.bodyChecksum, b.baseOffset, b.storeTimeMs);
    this.#next = nextSequence;
    this.#stagedNext = nextSequence;
  }

  #judgeStored(baseSequence: number, count: number, bodyChecksum: number): Verdict {
    const ring = this.#ring;
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = this.#at(i);
      if (ring[at + SEQUENCE] !== baseSequence) continue;
      if (ring[at + COUNT] !== count || ring[at + CHECKSUM] !== bodyChecksum) break;
      return { kind: 'stored', baseOffset: this.#long(at + OFFSET), storeTimeMs: this.#long(at + TIME) };
    }
    // Only a full window says that there were older batches.
    const oldest = ring[this.#at(0) + SEQUENCE] as number;
    if (this.#count === REMEMBERED && distance(baseSequence + count, oldest) <= 0)
      return { kind: 'stored', baseOffset: UNKNOWN_OFFSET, storeTimeMs: 0 };
    throw new QanatError('SEQUENCE_CONFLICT', `the sequence numbers from ${baseSequence} on were used for another batch`);
  }

  #at(item: number): number {
    return ((this.#first + item) % (this.#ring.length / STRIDE)) * STRIDE;
  }

  #long(at: number): number {
    return (this.#ring[at] as number) * HIGH + (this.#ring[at + 1] as number);
  }

  #remember(baseSequence: number, count: number, bodyChecksum: number, baseOffset: number, storeTimeMs: number): void {
    const capacity = this.#ring.length / STRIDE;
    if (this.#count === REMEMBERED) {
      this.#first = (this.#first + 1) % capacity;
      this.#count--;
    } else if (this.#count === capacity) this.#grow();
    const at = this.#at(this.#count++);
    const ring = this.#ring;
    ring[at + SEQUENCE] = baseSequence;
    ring[at + COUNT] = count;
    ring[at + CHECKSUM] = bodyChecksum;
    ring[at + OFFSET] = Math.floor(baseOffset / HIGH);
    ring[at + OFFSET + 1] = baseOffset >>> 0;
    ring[at + TIME] = Math.floor(storeTimeMs / HIGH);
    ring[at + TIME + 1] = storeTimeMs >>> 0;
  }

  /** Only while nothing was dropped yet: the oldest stands first. */
  #grow(): void {
    const grown = new Uint32Array(Math.min(REMEMBERED * STRIDE, this.#ring.length * 2));
    grown.set(this.#ring);
    this.#ring = grown;
  }
}
