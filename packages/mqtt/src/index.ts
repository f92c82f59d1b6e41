export * from './codec/packet.ts';
export { FilterTree } from './filters/filter-tree.ts';
export { isShared, isTopicFilter, isTopicName, matches, mayMeet, parseShare, type ShareName } from './filters/topic-filter.ts';
export * from './ports.ts';
export type { Figures, Gauges } from './server/figures.ts';
export { DEFAULT_LIMITS, type MqttLimits } from './server/limits.ts';
export * from './server/mqtt-server.ts';
