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
import type {
  BatchReceipt,
  CloseOptions,
  MessageInit,
  ProducerOptions,
  Receipt,
  SendBatchOptions,
  SendOptions,
} from './types.ts';

/** A producer of the engine as promises. A send waits while the buffer is full. */
export class EngineProducer implements Producer {
  readonly #runner: EngineRunner;
  readonly #engine: EngineSide;
  readonly #onClosed: () => void;
  #waitingForRoom: (() => void)[] = [];
  #pending = 0;
  #whenIdle: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(runner: EngineRunner, options: ProducerOptions, onClosed: () => void) {
    this.#runner = runner;
    this.#onClosed = onClosed;
    const engineOptions: EngineOptions = { ...options, onWritable: () => this.#roomCame() };
    this.#engine = runner.call((engine) => new EngineSide(engine, engineOptions));
  }

  send(topic: string, message: MessageInit, options: SendOptions = {}): Promise<Receipt> {
    const sent = new Promise<Receipt>((resolve, reject) => {
      options.signal?.throwIfAborted();
      const record = toRecord(message);
      const attempt = (): void => {
        this.#engine.send(topic, record, options, (error, receipt) => {
          if (error !== undefined && error.code === 'QUEUE_FULL') return void this.#waitingForRoom.push(again);
          this.#settled();
          if (error !== undefined || receipt === undefined) return reject(error);
          const { broker, queue, baseOffset, storeTimeMs, duplicate } = receipt;
          resolve({ topic, broker, queue, offset: baseOffset, storeTimeMs, duplicate });
        });
      };
      const again = (): void => this.#runner.call(attempt);
      this.#pending++;
      this.#runner.call(attempt);
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
          if (error !== undefined && error.code === 'QUEUE_FULL') return void this.#waitingForRoom.push(again);
          this.#settled();
          if (error !== undefined) return reject(error);
          resolve(receipts.map(batchReceipt));
        });
      };
      const again = (): void => this.#runner.call(attempt);
      this.#pending++;
      this.#runner.call(attempt);
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

  #roomCame(): void {
    for (const again of this.#waitingForRoom.splice(0)) again();
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
