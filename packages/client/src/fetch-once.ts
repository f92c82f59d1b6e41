import { type FetchResult, fetchQueue, type QueueId } from '@qanat/core';
import { orAborted } from './abort.ts';
import type { EngineRunner } from './engine-runner.ts';
import type { FetchOptions } from './types.ts';

const FETCH_MS = 10_000;

/** One PULL of one queue as a promise. */
export function fetchOnce(runner: EngineRunner, queue: QueueId, offset: number, options: FetchOptions): Promise<FetchResult> {
  const { signal, timeoutMs = FETCH_MS } = options;
  const fetched = new Promise<FetchResult>((resolve, reject) => {
    signal?.throwIfAborted();
    runner.call((engine) =>
      fetchQueue(engine, queue, offset, options, timeoutMs, (error, result) =>
        result === undefined ? reject(error) : resolve(result),
      ),
    );
  });
  return orAborted(fetched, signal);
}
