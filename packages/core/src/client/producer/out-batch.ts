import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import { BATCH_AT, BATCH_BODY_AT, BATCH_HEADER_BYTES } from '../../wire/batch.ts';
import { writeUint16At, writeUint32At, writeUint53At } from '../../wire/bytes.ts';
import type { AckLevel } from '../../wire/gen/registry.ts';
import type { RecordInit } from '../../wire/record.ts';
import { GroupPart, type PendingCall } from './pending-call.ts';
import { cutRecords } from './placing.ts';

/** Which queues a batch may go to: any of its topic, the one of its keys, or one that the caller chose. */
export type Target = 'any' | 'keyed' | 'pinned';

/** Who numbers the batches of a broker. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly epoch: number;
}

/** A batch from its first message until it is settled. Once it was encoded its messages are never cut anew. */
export class OutBatch {
  readonly ack: AckLevel;
  readonly target: Target;
  /** The key that a `sendBatch` chose for all of its messages. */
  readonly key: string | undefined;
  readonly createdMs: number;
  /** Undefined once encoded. */
  records: RecordInit[] | readonly RecordInit[] | undefined;
  bytes: Uint8Array | undefined;
  /** Holds `bytes`, and nobody else has it once the only attempt was acknowledged; undefined where that may not be so. */
  memory: Uint8Array | undefined;
  /** One for each message, or one for all. */
  calls: PendingCall[];
  count: number;
  /** What it takes of the producer's buffer: an upper bound of its length. */
  bufferedBytes: number;
  /** Takes no more messages. */
  sealed: boolean;
  baseSequence = 0;
  /** Number of the last attempt at its broker; they count up. */
  attempt = 0;
  /** A batch before it in its queue was sent again behind its last attempt. */
  overtaken = false;
  inFlight = false;
  /** An attempt ended without an answer that decides. */
  mayBeStored = false;
  /** Why the last attempt failed. */
  lastError: QanatError | undefined;
  /** The first deadline among its calls. */
  firstDueMs = Number.POSITIVE_INFINITY;
  /** Of its only message; empty for none. */
  dedupId = '';

  constructor(
    ack: AckLevel,
    target: Target,
    nowMs: number,
    records: RecordInit[] | readonly RecordInit[],
    sealed: boolean,
    key?: string,
  ) {
    this.ack = ack;
    this.target = target;
    this.createdMs = nowMs;
    this.records = records;
    this.calls = [];
    this.count = records.length;
    this.bufferedBytes = 0;
    this.sealed = sealed;
    this.key = key;
  }

  /** Adds one message to a batch that is not sealed. */
  push(record: RecordInit, bytes: number, call: PendingCall): void {
    (this.records as RecordInit[]).push(record);
    this.calls.push(call);
    this.count++;
    this.bufferedBytes += bytes;
    if (call.dueMs < this.firstDueMs) this.firstDueMs = call.dueMs;
  }

  /** The calls are over: nobody waits for the batch any more. */
  get abandoned(): boolean {
    return this.calls.every((call) => call.settled);
  }

  fail(error: QanatError): void {
    for (const call of this.calls) call.failed(error);
  }

  /**
   * Fails the calls whose time is up. Messages of theirs that were not encoded are dropped; those that were stay, and may yet be
   * stored with the rest of the batch.
   */
  expire(nowMs: number, error: QanatError): void {
    const stays = this.records === undefined && this.calls.some((call) => !call.settled && call.dueMs > nowMs);
    const why = stays && error.outcome !== 'unknown' ? asUnknown(error) : error;
    for (const call of this.calls) if (call.dueMs <= nowMs) call.failed(why);
    if (this.records !== undefined && this.calls.length === this.count) this.#dropSettled(this.records);
    this.firstDueMs = Number.POSITIVE_INFINITY;
    for (const call of this.calls) if (!call.settled && call.dueMs < this.firstDueMs) this.firstDueMs = call.dueMs;
  }

  #dropSettled(records: readonly RecordInit[]): void {
    const calls = this.calls;
    this.records = records.filter((_, i) => !(calls[i] as PendingCall).settled);
    this.calls = calls.filter((call) => !call.settled);
    this.count = this.calls.length;
  }

  /**
   * Cuts a batch that was not encoded yet into batches of at most `bytesMax` bytes, in order, where no message alone has more.
   */
  cut(bytesMax: number): readonly OutBatch[] {
    const parts = cutRecords(this.records ?? [], bytesMax - BATCH_HEADER_BYTES);
    if (parts.length === 1) return [this];
    const whole = this.calls[0];
    let from = 0;
    let left = this.bufferedBytes;
    const batches = parts.map(({ records, bytes }, i) => {
      const batch = new OutBatch(this.ack, this.target, this.createdMs, records, true, this.key);
      // What messages left behind that were dropped meanwhile goes with the last part.
      batch.bufferedBytes = i === parts.length - 1 ? left : bytes;
      batch.calls = whole instanceof GroupPart ? [new GroupPart(whole.group)] : this.calls.slice(from, from + records.length);
      batch.firstDueMs = this.firstDueMs;
      batch.lastError = this.lastError;
      from += records.length;
      left -= bytes;
      return batch;
    });
    if (whole instanceof GroupPart) whole.cut();
    return batches;
  }

  /** Gives the encoded batch other numbers, in a copy: the old bytes may still be on their way out. */
  number(platform: Platform, identity: ProducerIdentity, baseSequence: number): void {
    this.baseSequence = baseSequence;
    if (this.bytes === undefined) return;
    const bytes = this.bytes.slice();
    writeUint16At(bytes, BATCH_AT.producerEpoch, identity.epoch);
    writeUint32At(bytes, BATCH_AT.baseSequence, baseSequence);
    writeUint53At(bytes, BATCH_AT.producerId, identity.producerId);
    writeUint32At(bytes, BATCH_AT.bodyChecksum, platform.crc32(bytes.subarray(BATCH_BODY_AT), 0));
    this.bytes = bytes;
  }
}

/** The same error for a call whose message may be stored nevertheless. */
export function asUnknown(error: QanatError): QanatError {
  return new QanatError(error.code, error.message, { cause: error, outcome: 'unknown' });
}
