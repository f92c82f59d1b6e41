import {
  type BatchReceipt as EngineBatchReceipt,
  type ProducerOptions as EngineOptions,
  Producer as EngineSide,
  QanatError,
} from '@qanat/core';
import { orAborted } from './abort.ts';
import type { Producer } from './client-api.ts';
import type { EngineRunner } from './engine-runner.ts';
import { toRecord } from './message-init.ts';
import { PromisedSend, type SendOwner } from './promised-send.ts';
import type {
  BatchReceipt,
  CloseOptions,
  MessageInit,
  ProducerOptions,
  Receipt,
  SendBatchOptions,
  SendOptions,
} from './types.ts';

const NO_OPTIONS: SendOptions = {};

/** A producer of the engine as promises. A send waits while the buffer is full. */
export class EngineProducer implements Producer {
  readonly #runner: EngineRunner;
  readonly #engine: EngineSide;
  readonly #onClosed: () => void;
  readonly #owner: SendOwner;
  #waitingForRoom: (() => void)[] = [];
  #pending = 0;
  #whenIdle: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(runner: EngineRunner, options: ProducerOptions, onClosed: () => void) {
    this.#runner = runner;
    this.#onClosed = onClosed;
    const engineOptions: EngineOptions = { ...options, onWritable: () => this.#roomCame() };
    this.#engine = runner.call((engine) => new EngineSide(engine, engineOptions));
    this.#owner = {
      settled: () => this.#settled(),
      full: (call) => this.#wait(() => this.#engine.enqueue(call.topic, call.record, call.options, call)),
    };
  }

  send(topic: string, message: MessageInit, options: SendOptions = NO_OPTIONS): Promise<Receipt> {
    const sent = new Promise<Receipt>((resolve, reject) => {
      options.signal?.throwIfAborted();
      this.#runner.enter();
      const call = new PromisedSend(this.#owner, topic, toRecord(message), options, resolve, reject);
      this.#pending++;
      if (this.#waitingForRoom.length > 0) this.#owner.full(call);
      else this.#engine.enqueue(topic, call.record, options, call);
    });
    return options.signal === undefined ? sent : orAborted(sent, options.signal);
  }

  sendBatch(topic: string, messages: readonly MessageInit[], options: SendBatchOptions = {}): Promise<readonly BatchReceipt[]> {
    const sent = new Promise<readonly BatchReceipt[]>((resolve, reject) => {
      options.signal?.throwIfAborted();
      const records = messages.some(({ body }) => typeof body === 'string')
        ? messages.map(toRecord)
        : (messages as Parameters<EngineSide['sendBatch']>[1]);
      const attempt = (): void => {
        this.#engine.sendBatch(topic, records, options, (error, receipts) => {
          if (error !== undefined && error.code === 'QUEUE_FULL') return this.#wait(attempt);
          this.#settled();
          if (error !== undefined) return reject(error);
          resolve(receipts.map(batchReceipt));
        });
      };
      this.#runner.enter();
      this.#pending++;
      if (this.#waitingForRoom.length > 0) this.#wait(attempt);
      else attempt();
    });
    return options.signal === undefined ? sent : orAborted(sent, options.signal);
  }

  flush(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  close({ drain = true }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(drain);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(drain: boolean): Promise<void> {
    if (drain) await this.flush();
    await new Promise<void>((resolve) => {
      try {
        this.#runner.call(() => {
          if (!drain)
            this.#engine.clientClosed(
              new QanatError('CLOSED', 'the producer was closed without waiting', { outcome: 'not-sent' }),
            );
          this.#engine.close(resolve);
        });
      } catch (error) {
        if (!QanatError.is(error, 'CLOSED')) throw error;
        resolve(); // the client ended before
      }
    });
    this.#roomCame();
    this.#onClosed();
  }

  /** In the order of the calls; the first one that is refused again holds up those behind it. */
  #roomCame(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    let tried = 0;
    while (tried < waiting.length && this.#waitingForRoom.length === 0) waiting[tried++]?.();
    this.#waitingForRoom = this.#waitingForRoom.concat(waiting.slice(tried));
  }

  #wait(attempt: () => void): void {
    this.#waitingForRoom.push(attempt);
  }

  #settled(): void {
    this.#pending--;
    if (this.#pending === 0) for (const idle of this.#whenIdle.splice(0)) idle();
  }
}

const batchReceipt = ({ topic, broker, queue, baseOffset, count, storeTimeMs, duplicate }: EngineBatchReceipt): BatchReceipt => ({
  topic,
  broker,
  queue,
  baseOffset,
  count,
  storeTimeMs,
  duplicate,
});
