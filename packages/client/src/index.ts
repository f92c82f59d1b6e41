export { type ClientEvent, Message, type Outcome, QanatError, type QueueId } from '@qanat/core';
export type * from './admin-types.ts';
export type { ClientGround } from './client.ts';
export type * from './client-api.ts';
export { connect } from './connect.ts';
export { connectWith } from './connect-with.ts';
export { fileOffsetStore } from './file-offset-store.ts';
export type * from './types.ts';
