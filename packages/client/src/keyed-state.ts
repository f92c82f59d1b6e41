import {
  KeyedStateClient,
  type QanatError,
  type QueueId,
  type StateChange,
  type StateChangesResult,
  type StateDone,
  type StateScanOptions,
  type StateScanResult,
  type StateValue,
} from '@qanat/core';
import { orAborted } from './abort.ts';
import type { KeyedState, StateChanges } from './client-api.ts';
import type { EngineRunner } from './engine-runner.ts';
import type { CallOptions, StateWatchOptions } from './types.ts';

const CALL_MS = 10_000;
/** How long one question for changes waits at the broker. */
const WAIT_MS = 15_000;

type Call<Result> = (state: KeyedStateClient, timeoutMs: number, done: StateDone<Result>) => void;

/** Keyed state as promises. */
export class EngineKeyedState implements KeyedState {
  readonly #runner: EngineRunner;
  readonly #topic: string;
  #engine: KeyedStateClient | undefined;

  constructor(runner: EngineRunner, topic: string) {
    this.#runner = runner;
    this.#topic = topic;
  }

  queueOf(text: string, options?: CallOptions): Promise<QueueId> {
    return this.#call(options, (state, timeoutMs, done) => state.queueOf(text, timeoutMs, done));
  }

  queues(options?: CallOptions): Promise<readonly QueueId[]> {
    return this.#call(options, (state, timeoutMs, done) => state.queues(timeoutMs, done));
  }

  write(queue: QueueId, changes: readonly StateChange[], options?: CallOptions): Promise<number> {
    return this.#call(options, (state, timeoutMs, done) => state.write(queue, changes, timeoutMs, done));
  }

  get(queue: QueueId, keys: readonly string[], options?: CallOptions): Promise<readonly (StateValue | undefined)[]> {
    return this.#call(options, (state, timeoutMs, done) => state.get(queue, keys, timeoutMs, done));
  }

  scan(queue: QueueId, scan: StateScanOptions, options?: CallOptions): Promise<StateScanResult> {
    return this.#call(options, (state, timeoutMs, done) => state.scan(queue, scan, timeoutMs, done));
  }

  async *watch(queue: QueueId, { prefix, since, signal }: StateWatchOptions): AsyncIterableIterator<StateChanges> {
    const options = { timeoutMs: Number.POSITIVE_INFINITY, ...(signal === undefined ? {} : { signal }) };
    for (let from = since; ; ) {
      const asked = { prefix, since: from, waitMs: WAIT_MS };
      const found = await this.#call<StateChangesResult>(options, (state, timeoutMs, done) =>
        state.changes(queue, asked, timeoutMs, done),
      );
      if (found.kind === 'reset' || found.entries.length > 0) yield found;
      if (found.kind === 'reset') return;
      from = found.version;
    }
  }

  #call<Result>({ signal, timeoutMs = CALL_MS }: CallOptions = {}, run: Call<Result>): Promise<Result> {
    return orAborted(this.#answer(timeoutMs, signal, run), signal);
  }

  #answer<Result>(timeoutMs: number, signal: AbortSignal | undefined, run: Call<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#runner.call((client) => {
        const done = (error: QanatError | undefined, result: Result): void =>
          error === undefined ? resolve(result) : reject(error);
        this.#engine ??= new KeyedStateClient(client, this.#topic);
        run(this.#engine, timeoutMs, done);
      });
    });
  }
}
