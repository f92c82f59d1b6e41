import type { QueueId, StateChange, StateScanOptions, StateScanResult, StateValue } from '@qanat/core';
import type { KeyedState, StateChanges } from './client-api.ts';
import type { EngineRunner } from './engine-runner.ts';
import { KEYED_STATE } from './parts.ts';
import type { CallOptions, StateWatchOptions } from './types.ts';

/** Keyed state that is loaded by its first call. */
export class LazyKeyedState implements KeyedState {
  readonly #load: () => Promise<KeyedState>;

  constructor(runner: EngineRunner, topic: string) {
    let state: KeyedState | undefined;
    this.#load = async () => {
      const { EngineKeyedState } = await KEYED_STATE.load();
      state ??= new EngineKeyedState(runner, topic);
      return state;
    };
  }

  async queueOf(text: string, options?: CallOptions): Promise<QueueId> {
    return (await this.#load()).queueOf(text, options);
  }

  async queues(options?: CallOptions): Promise<readonly QueueId[]> {
    return (await this.#load()).queues(options);
  }

  async write(queue: QueueId, changes: readonly StateChange[], options?: CallOptions): Promise<number> {
    return (await this.#load()).write(queue, changes, options);
  }

  async get(queue: QueueId, keys: readonly string[], options?: CallOptions): Promise<readonly (StateValue | undefined)[]> {
    return (await this.#load()).get(queue, keys, options);
  }

  async scan(queue: QueueId, scan: StateScanOptions, options?: CallOptions): Promise<StateScanResult> {
    return (await this.#load()).scan(queue, scan, options);
  }

  async *watch(queue: QueueId, options: StateWatchOptions): AsyncIterableIterator<StateChanges> {
    yield* (await this.#load()).watch(queue, options);
  }
}
