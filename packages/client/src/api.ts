// What this package has on every platform.
export {
  type BrokerGroup,
  type BrokerInfo,
  type ClientEvent,
  type FetchResult,
  type GroupDescription,
  type GroupMember,
  type GroupOverview,
  type GroupQueueStatus,
  Message,
  type Outcome,
  QanatError,
  type QueueId,
  type QueueStatus,
  type ReplicaDetails,
  type ReplicaInfo,
  type ReplicaStatus,
  type ResetStep,
  type StateChange,
  type StateChanged,
  type StateScanEntry,
  type StateScanOptions,
  type StateScanResult,
  type StateValue,
  type TopicDescription,
  type TopicSummary,
} from '@qanat/core';
export type * from './client-api.ts';
export type { ClientGround } from './client-ground.ts';
export { connectWith } from './connect-with.ts';
export { loadParts } from './parts.ts';
export type * from './types.ts';
