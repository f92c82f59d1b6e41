export * from './broker/broker.ts';
export * from './broker/broker-options.ts';
export * from './broker/figures.ts';
export { DEFAULT_GROUP_OPTIONS, type GroupOptions } from './broker/groups/group-env.ts';
export { Groups } from './broker/groups/groups.ts';
export * from './broker/groups/host.ts';
export * from './broker/groups/target.ts';
export { CommitLog, type CommitLogOptions, type LogEntry, type LogHost, type LogObserver } from './broker/log/commit-log.ts';
export * from './broker/log/log-tools.ts';
export * from './client/admin/admin.ts';
export type * from './client/admin/admin-types.ts';
export * from './client/admin/cluster-overview.ts';
export type { ResetTarget } from './client/admin/group-reset.ts';
export * from './client/admin/offsets-admin.ts';
export * from './client/client.ts';
export * from './client/consumer/consumer.ts';
export type { Delivery } from './client/consumer/delivery.ts';
export { Message } from './client/consumer/message.ts';
export type {
  ConsumerHandler,
  ConsumerOptions,
  ConsumerSettings,
  QueuePosition,
  StartPosition,
  StrategyName,
  TopicSubscription,
} from './client/consumer/options.ts';
export { didYouMean } from './client/did-you-mean.ts';
export * from './client/host.ts';
export { SingleCall, type Stored } from './client/producer/pending-call.ts';
export * from './client/producer/producer.ts';
export type * from './client/producer/producer-options.ts';
export * from './clock.ts';
export * from './connection/client-session.ts';
export * from './connection/request.ts';
export * from './connection/server-codecs.ts';
export * from './connection/server-session.ts';
export * from './connection/server-session-options.ts';
export * from './connection/server-sessions.ts';
export * from './connection/session-budget.ts';
export * from './connection/traffic.ts';
export * from './context.ts';
export * from './driver/driver.ts';
export * from './engine.ts';
export * from './errors.ts';
export * from './heap.ts';
export * from './host-port.ts';
export * from './in-process/index.ts';
export * from './model/allocate-averagely.ts';
export * from './model/allocate-circle.ts';
export * from './model/allocate-sticky.ts';
export * from './model/filter.ts';
export * from './model/names.ts';
export * from './model/queue-by-key.ts';
export * from './model/text-order.ts';
export * from './name-server/name-server.ts';
export * from './name-server-list.ts';
export * from './platform.ts';
export * from './portable-crc32.ts';
export * from './random.ts';
export * from './scheme.ts';
export * from './storage.ts';
export * from './storage-request.ts';
export * from './stored-name.ts';
export * from './timers.ts';
export * from './transport.ts';
export * from './wire/batch.ts';
export * from './wire/begun-frames.ts';
export * from './wire/bytes.ts';
export * from './wire/frame.ts';
export * from './wire/frame-buffers.ts';
export * from './wire/frame-splitter.ts';
export * from './wire/gen/messages.ts';
export * from './wire/gen/registry.ts';
export * from './wire/preface.ts';
export * from './wire/properties.ts';
export * from './wire/record.ts';
