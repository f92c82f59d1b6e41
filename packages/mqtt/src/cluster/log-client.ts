import type { KeyedState, QanatClient, StateChange } from '@qanat/client';

/** What the bridge asks of a client of the cluster. */
export type LogClient = Pick<
  QanatClient,
  'admin' | 'onEvent' | 'producer' | 'pushConsumer' | 'broadcastingConsumer' | 'pullConsumer' | 'keyedState'
>;

export type { KeyedState };
/** What is to be written: without a value the entry is removed. */
export type StateWrite = StateChange;
