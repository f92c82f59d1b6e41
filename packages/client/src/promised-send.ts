import { type QanatError, type RecordInit, SingleCall, type Stored } from '@qanat/core';
import type { Receipt, SendOptions } from './types.ts';

/** What a call tells its producer. */
export interface SendOwner {
  /** The call has ended; its promise is told next. */
  settled(): void;
  /** The buffer is full: the call waits for room. */
  full(call: PromisedSend): void;
}

/** One `send` as a promise: beside the promise itself all that is made for a message. */
export class PromisedSend extends SingleCall {
  readonly topic: string;
  readonly record: RecordInit;
  readonly options: SendOptions;
  readonly #owner: SendOwner;
  readonly #resolve: (receipt: Receipt) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    owner: SendOwner,
    topic: string,
    record: RecordInit,
    options: SendOptions,
    resolve: (receipt: Receipt) => void,
    reject: (error: unknown) => void,
  ) {
    super();
    this.topic = topic;
    this.record = record;
    this.options = options;
    this.#owner = owner;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  protected onStored({ topic, broker, queue, answer }: Stored, offset: number | undefined): void {
    this.#owner.settled();
    const storeTimeMs = answer?.storeTimeMs ?? 0;
    this.#resolve({ topic, broker, queue, offset, storeTimeMs, duplicate: answer?.duplicate ?? false });
  }

  protected onFailed(error: QanatError): void {
    if (error.code === 'QUEUE_FULL') {
      this.settled = false;
      return this.#owner.full(this);
    }
    this.#owner.settled();
    this.#reject(error);
  }
}
