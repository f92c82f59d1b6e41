import { QanatError } from '../../errors.ts';
import type { SendOk } from '../../wire/gen/messages.ts';
import type { BatchReceipt, SendBatchDone, SendDone } from './producer-options.ts';

/** What SEND_OK says instead of an offset that it does not remember. */
const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;

/** Where a batch was stored. */
export interface Stored {
  readonly topic: string;
  readonly broker: string;
  readonly queue: number;
  readonly count: number;
  /** Undefined with ack `none`. */
  readonly answer: SendOk | undefined;
}

/** What waits for a message, or for a batch, to be settled. */
export interface PendingCall {
  readonly dueMs: number;
  settled: boolean;
  /** @param index of the call's first message in the batch. */
  stored(stored: Stored, index: number): void;
  failed(error: QanatError): void;
}

function offsetAt(answer: SendOk | undefined, index: number): number | undefined {
  return answer === undefined || answer.baseOffset === UNKNOWN_OFFSET ? undefined : answer.baseOffset + index;
}

/** One `send`: the only object that is made for each message. What its owner does with the outcome is its own. */
export abstract class SingleCall implements PendingCall {
  dueMs = 0;
  settled = false;

  stored(stored: Stored, index: number): void {
    if (this.settled) return;
    this.settled = true;
    this.onStored(stored, offsetAt(stored.answer, index));
  }

  failed(error: QanatError): void {
    if (this.settled) return;
    this.settled = true;
    this.onFailed(error);
  }

  /** @param offset of the message; undefined for ack `none` and for a duplicate that the broker no longer remembers. */
  protected abstract onStored(stored: Stored, offset: number | undefined): void;
  protected abstract onFailed(error: QanatError): void;
}

/** A `send` whose outcome goes to a function. */
export class CallbackCall extends SingleCall {
  readonly #done: SendDone;

  constructor(done: SendDone) {
    super();
    this.#done = done;
  }

  protected onStored({ topic, broker, queue, answer }: Stored, baseOffset: number | undefined): void {
    this.#done(undefined, {
      topic,
      broker,
      queue,
      baseOffset,
      storeTimeMs: answer?.storeTimeMs ?? 0,
      duplicate: answer?.duplicate ?? false,
    });
  }

  protected onFailed(error: QanatError): void {
    this.#done(error, undefined);
  }
}

/** One `sendBatch`: settled when all the batches that it was cut into are. */
export class GroupCall {
  readonly dueMs: number;
  readonly #done: SendBatchDone;
  readonly #receipts: BatchReceipt[] = [];
  #error: QanatError | undefined;
  #open = 0;

  constructor(done: SendBatchDone, dueMs: number) {
    this.#done = done;
    this.dueMs = dueMs;
  }

  /** Holds the call open while it is being cut. */
  hold(): void {
    this.#open++;
  }

  release(): void {
    if (--this.#open > 0) return;
    this.#done(this.#verdict(), this.#receipts);
  }

  stored(receipt: BatchReceipt): void {
    this.#receipts.push(receipt);
    this.release();
  }

  failed(error: QanatError): void {
    if (this.#error === undefined || (error.outcome === 'unknown' && this.#error.outcome !== 'unknown')) this.#error = error;
    this.release();
  }

  /** Of a call of which a part was stored nobody may say that it has no effect. */
  #verdict(): QanatError | undefined {
    const error = this.#error;
    if (error === undefined || error.outcome === 'unknown' || this.#receipts.length === 0) return error;
    return new QanatError(error.code, `a part of the batch was stored, another one failed: ${error.message}`, {
      outcome: 'unknown',
      cause: error,
    });
  }
}

/** One of the batches that a `sendBatch` was cut into. */
export class GroupPart implements PendingCall {
  readonly group: GroupCall;
  settled = false;

  constructor(group: GroupCall) {
    this.group = group;
    group.hold();
  }

  get dueMs(): number {
    return this.group.dueMs;
  }

  stored({ topic, broker, queue, count, answer }: Stored): void {
    if (this.settled) return;
    this.settled = true;
    const baseOffset = offsetAt(answer, 0);
    this.group.stored({
      topic,
      broker,
      queue,
      baseOffset,
      storeTimeMs: answer?.storeTimeMs ?? 0,
      duplicate: answer?.duplicate ?? false,
      count,
    });
  }

  failed(error: QanatError): void {
    if (this.settled) return;
    this.settled = true;
    this.group.failed(error);
  }

  /** Other parts stand in its place. */
  cut(): void {
    if (this.settled) return;
    this.settled = true;
    this.group.release();
  }
}
