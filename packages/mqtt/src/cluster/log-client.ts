import type { Message, QanatClient, QueueId } from '@qanat/client';

/** One entry of keyed state. */
export interface StateEntry {
  readonly key: string;
  readonly version: number;
  readonly value: Uint8Array;
}

/** A change that a watch tells of; without a value the entry was removed. */
export interface StateChange {
  readonly key: string;
  readonly version: number;
  readonly value: Uint8Array | undefined;
}

/** What is to be written: `undefined` removes. `expectedVersion` 0: there must be none. */
export interface StateWrite {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly expectedVersion?: number;
}

export type StateNews =
  | { readonly kind: 'changes'; readonly entries: readonly StateChange[]; readonly version: number }
  | { readonly kind: 'reset' };

export interface KeyedState {
  queueOf(partition: string): Promise<QueueId>;
  write(queue: QueueId, changes: readonly StateWrite[]): Promise<number>;
  get(
    queue: QueueId,
    keys: readonly string[],
  ): Promise<readonly ({ readonly version: number; readonly value: Uint8Array } | undefined)[]>;
  scan(
    queue: QueueId,
    options: { readonly prefix: string; readonly after?: string; readonly limit?: number },
  ): Promise<{ readonly entries: readonly StateEntry[]; readonly more: boolean; readonly version: number }>;
  watch(queue: QueueId, options: { readonly prefix: string; readonly since: number }): AsyncIterableIterator<StateNews>;
}

export interface Fetched {
  readonly messages: readonly Message[];
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly oldestOffset: number;
}

/** What the bridge asks of a client of the cluster. */
export interface LogClient extends Pick<QanatClient, 'admin' | 'producer' | 'pushConsumer' | 'broadcastingConsumer'> {
  keyedState(topic: string): KeyedState;
  pullConsumer(): {
    fetch(queue: QueueId, offset: number, options: { readonly maxBytes?: number; readonly waitMs?: number }): Promise<Fetched>;
  };
}
