import type { FetchResult, Message, QueueId, QueuePosition } from '@qanat/core';
import type { PullConsumer } from './client-api.ts';
import { startPosition } from './consumer-options.ts';
import { CONSUMERS } from './parts.ts';
import { type ConsumerOwner, EngineConsumer } from './push-consumer.ts';
import type { FetchOptions, PullOptions } from './types.ts';

function parseOffsets(topic: string, offsets: ReadonlyMap<string, number>): QueuePosition[] {
  return [...offsets].map(([key, offset]) => {
    const slash = key.lastIndexOf('/');
    return { queue: { topic, broker: key.slice(0, slash), queue: Number(key.slice(slash + 1)) }, offset };
  });
}

/** Reads without a group: no lease, no offset at a broker. */
export class GrouplessReader implements PullConsumer {
  readonly #owner: ConsumerOwner;
  readonly #newMemberId: () => string;

  constructor(owner: ConsumerOwner, newMemberId: () => string) {
    this.#owner = owner;
    this.#newMemberId = newMemberId;
  }

  async fetch(queue: QueueId, offset: number, options: FetchOptions = {}): Promise<FetchResult> {
    const { fetchOnce } = await CONSUMERS.load();
    return fetchOnce(this.#owner.runner, queue, offset, options);
  }

  async *read(topic: string, options: PullOptions = {}): AsyncIterableIterator<Message> {
    const { from = 'first', filter, until, prefetchBytes, signal } = options;
    const offsets = from instanceof Map ? parseOffsets(topic, from) : undefined;
    const position = from instanceof Map ? undefined : startPosition(from as Exclude<typeof from, ReadonlyMap<string, number>>);
    const consumer = new EngineConsumer(
      this.#owner,
      {
        mode: 'groupless',
        subscriptions: [filter === undefined ? { topic } : { topic, filter }],
        ...(position === undefined ? {} : { from: position }),
        ...(offsets === undefined ? {} : { offsets }),
        ...(until === 'end' ? { untilEnd: true } : {}),
        ...(prefetchBytes === undefined ? {} : { prefetchBytes }),
      },
      this.#newMemberId(),
    );
    const onAbort = (): void => void consumer.close({ drain: false });
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      yield* consumer;
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await consumer.close({ drain: false });
    }
  }
}
