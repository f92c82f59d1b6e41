import type { Message, QueuePosition } from '@qanat/core';
import type { BatchHandler, MessageHandler, PushConsumer } from './client-api.ts';
import { commonOptions } from './consumer-options.ts';
import { type ConsumerOwner, EngineConsumer } from './push-consumer.ts';
import type { BroadcastingConsumerOptions, CloseOptions, OffsetStore, RunOptions } from './types.ts';

const SAVE_MS = 1_000;

const positionKey = ({ queue: { topic, broker, queue }, offset }: QueuePosition): readonly [string, number] => [
  `${topic}/${broker}/${queue}`,
  offset,
];

function parsePositions(positions: ReadonlyMap<string, number>): QueuePosition[] {
  return [...positions].map(([key, offset]) => {
    const [topic = '', broker = '', queue = ''] = key.split('/');
    return { queue: { topic, broker, queue: Number(queue) }, offset };
  });
}

/** A consumer that gets everything and keeps its positions in the application's own store, if it has one. */
export class BroadcastingConsumer implements PushConsumer {
  readonly memberId: string;
  readonly #owner: ConsumerOwner;
  readonly #options: BroadcastingConsumerOptions;
  #consumer: EngineConsumer | undefined;
  #closed = false;

  constructor(owner: ConsumerOwner, options: BroadcastingConsumerOptions, memberId: string) {
    this.#owner = owner;
    this.#options = options;
    this.memberId = memberId;
  }

  async run(handler: MessageHandler, options: RunOptions = {}): Promise<void> {
    await this.#keeping(options, (consumer) => consumer.run(handler, options));
  }

  async runBatch(handler: BatchHandler, options: RunOptions & { readonly recordsMax?: number } = {}): Promise<void> {
    await this.#keeping(options, (consumer) => consumer.runBatch(handler, options));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    const consumer = await this.#open();
    const stopSaving = this.#saveRegularly(consumer);
    try {
      yield* consumer;
    } finally {
      await stopSaving();
    }
  }

  pause(): void {
    this.#consumer?.pause();
  }

  resume(): void {
    this.#consumer?.resume();
  }

  async close(options?: CloseOptions): Promise<void> {
    this.#closed = true;
    await this.#consumer?.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<EngineConsumer> {
    const stored = await this.#options.store?.load();
    const offsets = stored === undefined || stored.size === 0 ? {} : { offsets: parsePositions(stored) };
    const consumer = new EngineConsumer(
      this.#owner,
      { mode: 'broadcasting', ...commonOptions(this.#options), ...offsets },
      this.memberId,
    );
    this.#consumer = consumer;
    if (this.#closed) await consumer.close();
    return consumer;
  }

  async #keeping(options: RunOptions, run: (consumer: EngineConsumer) => Promise<void>): Promise<void> {
    const consumer = await this.#open();
    if (options.signal?.aborted === true) this.#closed = true;
    if (this.#closed) return;
    const stopSaving = this.#saveRegularly(consumer);
    try {
      await run(consumer);
    } finally {
      await stopSaving();
    }
  }

  /** Saves the positions every second and at the end. @returns what ends it. */
  #saveRegularly(consumer: EngineConsumer): () => Promise<void> {
    const { store } = this.#options;
    if (store === undefined) return async () => {};
    let saving = Promise.resolve();
    const save = (store: OffsetStore): Promise<void> => store.save(new Map(consumer.positions().map(positionKey)));
    const timer = setInterval(() => {
      saving = saving.then(() => save(store));
      saving.catch(() => {}); // reported by the last one, at the end
    }, SAVE_MS);
    return async () => {
      clearInterval(timer);
      await saving.catch(() => {});
      await save(store);
    };
  }
}
