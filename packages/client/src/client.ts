import { Client, type ClientEvent, type ClientOptions, QanatError, Random } from '@qanat/core';
import { BroadcastingConsumer } from './broadcasting-consumer.ts';
import type { Admin, KeyedState, Producer, PullConsumer, PushConsumer, QanatClient } from './client-api.ts';
import type { ClientGround } from './client-ground.ts';
import { commonOptions } from './consumer-options.ts';
import { EngineRunner } from './engine-runner.ts';
import { EventStream } from './event-stream.ts';
import { lazyAdmin } from './lazy-admin.ts';
import { LazyKeyedState } from './lazy-keyed-state.ts';
import { EngineProducer } from './producer.ts';
import { GrouplessReader } from './pull-consumer.ts';
import { type ConsumerOwner, EngineConsumer } from './push-consumer.ts';
import type { BroadcastingConsumerOptions, CloseOptions, ConnectOptions, ProducerOptions, PushConsumerOptions } from './types.ts';

/** Name and version that servers are told. */
const SOFTWARE = 'qanat-ts/0.1.0';

/** The engine of a client as promises. */
export class EngineClient implements QanatClient, ConsumerOwner {
  readonly admin: Admin;
  readonly runner: EngineRunner;
  readonly #random: Random;
  readonly #consumers = new Set<{ close(options?: CloseOptions): Promise<void> }>();
  readonly #producers = new Set<Producer>();
  readonly #listeners = new Set<(event: ClientEvent) => void>();
  readonly #streams = new Set<EventStream<ClientEvent>>();
  readonly #ended: Promise<QanatError | undefined>;
  readonly ready: Promise<void>;
  #consumerIds = 0;
  #closing: Promise<void> | undefined;

  constructor(ground: ClientGround, options: ConnectOptions, login: ClientOptions['login']) {
    this.#random = new Random(ground.seed);
    const label = options.label ?? `client-${String(this.#random.below(1_000_000)).padStart(6, '0')}`;
    const engine = new Client({
      platform: ground.platform,
      random: new Random(this.#random.uint32()),
      nameServers: ground.nameServers,
      schemes: ground.transports.flatMap(({ schemes }) => schemes),
      label,
      software: SOFTWARE,
      ...(login === undefined ? {} : { login }),
      ...(options.listener === undefined ? {} : { listener: options.listener }),
      ...(options.attemptMs === undefined ? {} : { attemptMs: options.attemptMs }),
      onEvent: (event) => this.#onEvent(event),
    });
    let ready: () => void = () => {};
    let ended: (error: QanatError | undefined) => void = () => {};
    this.ready = new Promise((resolve) => {
      ready = resolve;
    });
    this.#ended = new Promise((resolve) => {
      ended = resolve;
    });
    this.runner = new EngineRunner(engine, ground, {
      ready: () => ready(),
      ended: (error) => {
        ended(error);
        ground.onEnded?.();
      },
    });
    this.admin = lazyAdmin(this.runner);
  }

  producer(options: ProducerOptions = {}): Producer {
    const producer: EngineProducer = new EngineProducer(this.runner, options, () => this.#producers.delete(producer));
    this.#producers.add(producer);
    return producer;
  }

  pushConsumer(options: PushConsumerOptions): PushConsumer {
    const { group, sessionMs, releaseMs, strategy, subscriptionVersion, commitMs } = options;
    const { deadLetterTopic, maxAttempts, retryMs } = options;
    const engineOptions = {
      mode: 'clustering' as const,
      group,
      ...commonOptions(options),
      ...(sessionMs === undefined ? {} : { sessionMs }),
      ...(releaseMs === undefined ? {} : { releaseMs }),
      ...(strategy === undefined ? {} : { strategy }),
      ...(subscriptionVersion === undefined ? {} : { subscriptionVersion }),
      ...(deadLetterTopic === undefined ? {} : { deadLetterTopic }),
      ...(maxAttempts === undefined ? {} : { maxAttempts }),
      ...(retryMs === undefined ? {} : { retryMs }),
      ...(commitMs === undefined ? {} : { commitMs }),
    };
    return this.#keep(new EngineConsumer(this, engineOptions, this.#random.id()));
  }

  broadcastingConsumer(options: BroadcastingConsumerOptions): PushConsumer {
    return this.#keep(new BroadcastingConsumer(this, options, this.#random.id()));
  }

  pullConsumer(): PullConsumer {
    return new GrouplessReader(this, () => this.#random.id());
  }

  keyedState(topic: string): KeyedState {
    return new LazyKeyedState(this.runner, topic);
  }

  events(): AsyncIterableIterator<ClientEvent> {
    const stream: EventStream<ClientEvent> = new EventStream(() => this.#streams.delete(stream));
    this.#streams.add(stream);
    return stream;
  }

  onEvent(listener: (event: ClientEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  nextConsumerId(): number {
    return ++this.#consumerIds;
  }

  consumerEnded(consumer: EngineConsumer): void {
    this.#consumers.delete(consumer);
  }

  #keep<C extends { close(options?: CloseOptions): Promise<void> }>(consumer: C): C {
    this.#consumers.add(consumer);
    return consumer;
  }

  async #close(options: CloseOptions): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close(options)));
    await Promise.all([...this.#producers].map((producer) => producer.close(options)));
    try {
      this.runner.call((engine) => engine.close());
    } catch (error) {
      if (!QanatError.is(error, 'CLOSED')) throw error; // it had ended by itself
    }
    await this.#ended;
    for (const stream of this.#streams) stream.end();
  }

  #onEvent(event: ClientEvent): void {
    for (const stream of this.#streams) stream.push(event);
    for (const listener of this.#listeners) queueMicrotask(() => listener(event));
  }
}
