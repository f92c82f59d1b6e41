export {
  type BrokerInfo,
  type ClientEvent,
  type GroupDescription,
  type GroupMember,
  type GroupOverview,
  type GroupQueueStatus,
  Message,
  type Outcome,
  QanatError,
  type QueueId,
  type QueueStatus,
  type ResetStep,
  type TopicDescription,
  type TopicSummary,
} from '@qanat/core';
export type * from './client-api.ts';
export type { ClientGround } from './client-ground.ts';
export { connect } from './connect.ts';
export { connectWith } from './connect-with.ts';
export { fileOffsetStore } from './file-offset-store.ts';
export type * from './types.ts';
