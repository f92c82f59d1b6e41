export * from './codec/packet.ts';
export { FilterTree } from './filters/filter-tree.ts';
export { isShared, isTopicFilter, isTopicName, matches, mayMeet, parseShare, type ShareName } from './filters/topic-filter.ts';
export * from './ports.ts';
