import {
  type Consumer,
  type Delivery,
  type ConsumerOptions as EngineOptions,
  type Message,
  QanatError,
  type QueuePosition,
} from '@qanat/core';
import type { BatchHandler, MessageHandler, PushConsumer } from './client-api.ts';
import type { EngineRunner } from './engine-runner.ts';
import { CONSUMERS } from './parts.ts';
import type { CloseOptions, RunOptions } from './types.ts';

const BATCH_RECORDS = 512;

/** What a consumer needs beside its options. */
export interface ConsumerOwner {
  readonly runner: EngineRunner;
  nextConsumerId(): number;
  consumerEnded(consumer: EngineConsumer): void;
}

/** What hands deliveries on, one at a time or several at once. */
type Take = (delivery: Delivery) => void;

/**
 * One consumer of the engine as promises: run with a handler, or iterated over. The engine's side of it is loaded when it begins:
 * until then it can be paused and closed as afterwards.
 */
export class EngineConsumer implements PushConsumer {
  readonly memberId: string;
  readonly #owner: ConsumerOwner;
  readonly #options: EngineOptions;
  #engine: Consumer | undefined;
  #closing: Promise<void> | undefined;
  #end: (error: unknown) => void = () => {};
  /** Resolves when the consumer has ended, with what ended it. */
  readonly ended: Promise<unknown>;
  #taken = false;
  #paused = false;

  constructor(owner: ConsumerOwner, options: EngineOptions, memberId: string) {
    this.#owner = owner;
    this.#options = options;
    this.memberId = memberId;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** How far it is, for broadcasting. */
  positions(): readonly QueuePosition[] {
    return this.#engine?.positions() ?? this.#options.offsets ?? [];
  }

  run(handler: MessageHandler, options: RunOptions = {}): Promise<void> {
    const { runner } = this.#owner;
    return this.#run((delivery) => handle(runner, delivery, () => handler(delivery.message)), this.#options, options);
  }

  runBatch(handler: BatchHandler, options: RunOptions & { readonly recordsMax?: number } = {}): Promise<void> {
    const { runner } = this.#owner;
    const batch = { recordsMax: options.recordsMax ?? BATCH_RECORDS };
    return this.#run(
      (delivery) => handle(runner, delivery, () => handler(delivery.messages)),
      { ...this.#options, batch },
      options,
    );
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Message> {
    const waiting: Delivery[] = [];
    let wake: () => void = () => {};
    this.begin((delivery) => {
      waiting.push(delivery);
      wake();
    }, this.#options);
    let failure: unknown;
    let over = false;
    void this.ended.then((error) => {
      failure = error;
      over = true;
      wake();
    });
    try {
      for (;;) {
        const delivery = waiting[0];
        if (delivery !== undefined) {
          yield delivery.message;
          waiting.shift();
          this.#done(delivery);
        } else if (over) break;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      // Whoever breaks off is not at work on them any more: to wait for their end would take the whole release time.
      for (const delivery of waiting) finish(this.#owner.runner, delivery, brokenOff());
      await this.close();
    }
    if (failure !== undefined) throw failure;
  }

  pause(): void {
    this.#paused = true;
    this.#owner.runner.call(() => this.#engine?.pause());
  }

  resume(): void {
    this.#paused = false;
    this.#owner.runner.call(() => this.#engine?.resume());
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Begins to consume. Once. */
  begin(take: Take, options: EngineOptions): void {
    if (this.#taken) throw new QanatError('BAD_CONFIG', 'a consumer is run once', { hint: 'make another consumer' });
    this.#taken = true;
    CONSUMERS.load()
      .then(({ Consumer }) => this.#start(Consumer, take, options))
      .catch((error: unknown) => this.#onEnd(error));
  }

  #start(EngineSide: typeof Consumer, take: Take, options: EngineOptions): void {
    if (this.#closing !== undefined) return;
    const handler = { onDelivery: take, onEvent: () => {}, onEnd: (error?: QanatError) => this.#onEnd(error) };
    const { runner } = this.#owner;
    this.#engine = runner.call((engine) => {
      const consumer = new EngineSide(engine, this.#owner.nextConsumerId(), { ...options, instanceId: this.memberId }, handler);
      engine.attach(consumer);
      if (this.#paused) consumer.pause();
      return consumer;
    });
  }

  async #run(take: Take, engineOptions: EngineOptions, { signal }: RunOptions): Promise<void> {
    this.begin(take, engineOptions);
    const onAbort = (): void => void this.close();
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const error = await this.ended;
    signal?.removeEventListener('abort', onAbort);
    if (error !== undefined) throw error;
  }

  #done(delivery: Delivery): void {
    finish(this.#owner.runner, delivery, undefined);
  }

  #onEnd(error: unknown): void {
    this.#owner.consumerEnded(this);
    this.#end(error);
  }

  async #close(options: CloseOptions): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) {
      this.#taken = true;
      return this.#onEnd(undefined);
    }
    await new Promise<void>((resolve) => {
      try {
        this.#owner.runner.call(() => engine.close(options, resolve));
      } catch (error) {
        if (!QanatError.is(error, 'CLOSED')) throw error;
        resolve(); // the client ended before
      }
    });
  }
}

/** Tells the engine that a delivery has ended; after the client's end nobody wants to know. */
function finish(runner: EngineRunner, delivery: Delivery, error: unknown): void {
  try {
    runner.call(() => delivery.done(error));
  } catch (failure) {
    if (!QanatError.is(failure, 'CLOSED')) throw failure;
  }
}

const brokenOff = (): QanatError => new QanatError('CLOSED', 'the application reads no further');
const failed = (error: unknown): unknown => error ?? new QanatError('INTERNAL', 'the handler failed without an error');

/** Calls a handler; a synchronous one costs no promise. */
function handle(runner: EngineRunner, delivery: Delivery, call: () => void | Promise<void>): void {
  let result: void | Promise<void>;
  try {
    result = call();
  } catch (error) {
    return queueMicrotask(() => finish(runner, delivery, failed(error)));
  }
  if (result === undefined) return queueMicrotask(() => finish(runner, delivery, undefined));
  result.then(
    () => finish(runner, delivery, undefined),
    (error) => finish(runner, delivery, failed(error)),
  );
}
