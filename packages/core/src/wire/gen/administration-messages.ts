// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkCount, checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing,
  readEnum, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import {
  type TopicShare,
  type TopicShareInit,
  readTopicShare,
  writeTopicShare,
  type Subscription,
  type SubscriptionInit,
  readSubscription,
  writeSubscription,
} from './messages.ts';
import * as reg from './registry.ts';

export interface TopicAlter {
  readonly topic: string;
  /** not fewer than it has */
  readonly queues: number;
}

export interface TopicAlterInit {
  readonly topic?: string | undefined;
  readonly queues?: number | undefined;
}


function writeTopicAlter(w: ProtobufWriter, v: TopicAlterInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queues) w.uint32(16).uint32(checkUint32(v.queues, 'TopicAlter.queues'));
  return w;
}

function readTopicAlter(r: ProtobufReader, end: number): TopicAlter {
  let topic: string = '';
  let queues: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicAlter.topic'); break;
      case 16: queues = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicAlter.topic');
  return { topic, queues };
}

export const TopicAlter: MessageType<TopicAlter, TopicAlterInit> = /* @__PURE__ */ messageType('TopicAlter', writeTopicAlter, readTopicAlter);

export interface TopicAlterOk {
  readonly queues: number;
}

export interface TopicAlterOkInit {
  readonly queues?: number | undefined;
}


function writeTopicAlterOk(w: ProtobufWriter, v: TopicAlterOkInit): ProtobufWriter {
  if (v.queues) w.uint32(8).uint32(checkUint32(v.queues, 'TopicAlterOk.queues'));
  return w;
}

function readTopicAlterOk(r: ProtobufReader, end: number): TopicAlterOk {
  let queues: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: queues = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { queues };
}

export const TopicAlterOk: MessageType<TopicAlterOk, TopicAlterOkInit> = /* @__PURE__ */ messageType('TopicAlterOk', writeTopicAlterOk, readTopicAlterOk);

export interface TopicRemove {
  readonly topic: string;
}

export interface TopicRemoveInit {
  readonly topic?: string | undefined;
}


function writeTopicRemove(w: ProtobufWriter, v: TopicRemoveInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  return w;
}

function readTopicRemove(r: ProtobufReader, end: number): TopicRemove {
  let topic: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicRemove.topic'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicRemove.topic');
  return { topic };
}

export const TopicRemove: MessageType<TopicRemove, TopicRemoveInit> = /* @__PURE__ */ messageType('TopicRemove', writeTopicRemove, readTopicRemove);

export type TopicRemoveOk = Record<string, never>;

export type TopicRemoveOkInit = Record<string, never>;


function writeTopicRemoveOk(w: ProtobufWriter, _v: TopicRemoveOkInit): ProtobufWriter {
  return w;
}

function readTopicRemoveOk(r: ProtobufReader, end: number): TopicRemoveOk {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const TopicRemoveOk: MessageType<TopicRemoveOk, TopicRemoveOkInit> = /* @__PURE__ */ messageType('TopicRemoveOk', writeTopicRemoveOk, readTopicRemoveOk);

export type TopicList = Record<string, never>;

export type TopicListInit = Record<string, never>;


function writeTopicList(w: ProtobufWriter, _v: TopicListInit): ProtobufWriter {
  return w;
}

function readTopicList(r: ProtobufReader, end: number): TopicList {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const TopicList: MessageType<TopicList, TopicListInit> = /* @__PURE__ */ messageType('TopicList', writeTopicList, readTopicList);

export interface TopicListOk {
  readonly topics: readonly TopicShare[];
}

export interface TopicListOkInit {
  readonly topics?: readonly TopicShareInit[] | undefined;
}


function writeTopicListOk(w: ProtobufWriter, v: TopicListOkInit): ProtobufWriter {
  if (v.topics !== undefined) for (const item of v.topics) writeTopicShare(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readTopicListOk(r: ProtobufReader, end: number): TopicListOk {
  const topics: TopicShare[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(topics.length, reg.LIMITS.LIST_ITEMS_MAX, 'TopicListOk.topics'); topics.push(readTopicShare(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { topics };
}

export const TopicListOk: MessageType<TopicListOk, TopicListOkInit> = /* @__PURE__ */ messageType('TopicListOk', writeTopicListOk, readTopicListOk);

export interface TopicDescribe {
  readonly topic: string;
}

export interface TopicDescribeInit {
  readonly topic?: string | undefined;
}


function writeTopicDescribe(w: ProtobufWriter, v: TopicDescribeInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  return w;
}

function readTopicDescribe(r: ProtobufReader, end: number): TopicDescribe {
  let topic: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'TopicDescribe.topic'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('TopicDescribe.topic');
  return { topic };
}

export const TopicDescribe: MessageType<TopicDescribe, TopicDescribeInit> = /* @__PURE__ */ messageType('TopicDescribe', writeTopicDescribe, readTopicDescribe);

export interface TopicDescribeOk {
  readonly queues: readonly QueueDescription[];
}

export interface TopicDescribeOkInit {
  readonly queues?: readonly QueueDescriptionInit[] | undefined;
}


function writeTopicDescribeOk(w: ProtobufWriter, v: TopicDescribeOkInit): ProtobufWriter {
  if (v.queues !== undefined) for (const item of v.queues) writeQueueDescription(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readTopicDescribeOk(r: ProtobufReader, end: number): TopicDescribeOk {
  const queues: QueueDescription[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'TopicDescribeOk.queues'); queues.push(readQueueDescription(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { queues };
}

export const TopicDescribeOk: MessageType<TopicDescribeOk, TopicDescribeOkInit> = /* @__PURE__ */ messageType('TopicDescribeOk', writeTopicDescribeOk, readTopicDescribeOk);

export interface QueueDescription {
  readonly queue: number;
  readonly oldestOffset: number;
  readonly highWatermark: number;
  /** 0: never */
  readonly lastStoreTimeMs: number;
}

export interface QueueDescriptionInit {
  readonly queue?: number | undefined;
  readonly oldestOffset?: number | undefined;
  readonly highWatermark?: number | undefined;
  readonly lastStoreTimeMs?: number | undefined;
}


function writeQueueDescription(w: ProtobufWriter, v: QueueDescriptionInit): ProtobufWriter {
  if (v.queue) w.uint32(8).uint32(checkUint32(v.queue, 'QueueDescription.queue'));
  if (v.oldestOffset) w.uint32(16).uint64(checkUint64(v.oldestOffset, 'QueueDescription.oldest_offset'));
  if (v.highWatermark) w.uint32(24).uint64(checkUint64(v.highWatermark, 'QueueDescription.high_watermark'));
  if (v.lastStoreTimeMs) w.uint32(32).uint64(checkUint64(v.lastStoreTimeMs, 'QueueDescription.last_store_time_ms'));
  return w;
}

function readQueueDescription(r: ProtobufReader, end: number): QueueDescription {
  let queue: number = 0;
  let oldestOffset: number = 0;
  let highWatermark: number = 0;
  let lastStoreTimeMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: queue = r.uint32(); break;
      case 16: oldestOffset = readUint64(r, 'QueueDescription.oldest_offset'); break;
      case 24: highWatermark = readUint64(r, 'QueueDescription.high_watermark'); break;
      case 32: lastStoreTimeMs = readUint64(r, 'QueueDescription.last_store_time_ms'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { queue, oldestOffset, highWatermark, lastStoreTimeMs };
}

export const QueueDescription: MessageType<QueueDescription, QueueDescriptionInit> = /* @__PURE__ */ messageType('QueueDescription', writeQueueDescription, readQueueDescription);

export type GroupList = Record<string, never>;

export type GroupListInit = Record<string, never>;


function writeGroupList(w: ProtobufWriter, _v: GroupListInit): ProtobufWriter {
  return w;
}

function readGroupList(r: ProtobufReader, end: number): GroupList {
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return {  };
}

export const GroupList: MessageType<GroupList, GroupListInit> = /* @__PURE__ */ messageType('GroupList', writeGroupList, readGroupList);

export interface GroupListOk {
  readonly groups: readonly GroupSummary[];
}

export interface GroupListOkInit {
  readonly groups?: readonly GroupSummaryInit[] | undefined;
}


function writeGroupListOk(w: ProtobufWriter, v: GroupListOkInit): ProtobufWriter {
  if (v.groups !== undefined) for (const item of v.groups) writeGroupSummary(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readGroupListOk(r: ProtobufReader, end: number): GroupListOk {
  const groups: GroupSummary[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(groups.length, reg.LIMITS.LIST_ITEMS_MAX, 'GroupListOk.groups'); groups.push(readGroupSummary(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { groups };
}

export const GroupListOk: MessageType<GroupListOk, GroupListOkInit> = /* @__PURE__ */ messageType('GroupListOk', writeGroupListOk, readGroupListOk);

export interface GroupSummary {
  readonly group: string;
  readonly kind: reg.GroupKind;
  readonly members: number;
  /** messages between the committed offsets and the high watermarks at this broker */
  readonly lag: number;
}

export interface GroupSummaryInit {
  readonly group?: string | undefined;
  readonly kind?: reg.GroupKind | undefined;
  readonly members?: number | undefined;
  readonly lag?: number | undefined;
}


function writeGroupSummary(w: ProtobufWriter, v: GroupSummaryInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.kind) w.uint32(16).uint32(v.kind);
  if (v.members) w.uint32(24).uint32(checkUint32(v.members, 'GroupSummary.members'));
  if (v.lag) w.uint32(32).uint64(checkUint64(v.lag, 'GroupSummary.lag'));
  return w;
}

function readGroupSummary(r: ProtobufReader, end: number): GroupSummary {
  let group: string = '';
  let kind: reg.GroupKind = 0;
  let members: number = 0;
  let lag: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'GroupSummary.group'); break;
      case 16: kind = readEnum(r, reg.GroupKindNames, 'GroupSummary.kind'); break;
      case 24: members = r.uint32(); break;
      case 32: lag = readUint64(r, 'GroupSummary.lag'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('GroupSummary.group');
  return { group, kind, members, lag };
}

export const GroupSummary: MessageType<GroupSummary, GroupSummaryInit> = /* @__PURE__ */ messageType('GroupSummary', writeGroupSummary, readGroupSummary);

export interface GroupDescribe {
  readonly group: string;
}

export interface GroupDescribeInit {
  readonly group?: string | undefined;
}


function writeGroupDescribe(w: ProtobufWriter, v: GroupDescribeInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  return w;
}

function readGroupDescribe(r: ProtobufReader, end: number): GroupDescribe {
  let group: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'GroupDescribe.group'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('GroupDescribe.group');
  return { group };
}

export const GroupDescribe: MessageType<GroupDescribe, GroupDescribeInit> = /* @__PURE__ */ messageType('GroupDescribe', writeGroupDescribe, readGroupDescribe);

export interface GroupDescribeOk {
  readonly kind: reg.GroupKind;
  readonly subscription: Subscription | undefined;
  readonly members: readonly MemberDescription[];
  readonly queues: readonly GroupQueue[];
}

export interface GroupDescribeOkInit {
  readonly kind?: reg.GroupKind | undefined;
  readonly subscription?: SubscriptionInit | undefined;
  readonly members?: readonly MemberDescriptionInit[] | undefined;
  readonly queues?: readonly GroupQueueInit[] | undefined;
}


function writeGroupDescribeOk(w: ProtobufWriter, v: GroupDescribeOkInit): ProtobufWriter {
  if (v.kind) w.uint32(8).uint32(v.kind);
  if (v.subscription !== undefined) writeSubscription(w.uint32(18).fork(), v.subscription).ldelim();
  if (v.members !== undefined) for (const item of v.members) writeMemberDescription(w.uint32(26).fork(), item).ldelim();
  if (v.queues !== undefined) for (const item of v.queues) writeGroupQueue(w.uint32(34).fork(), item).ldelim();
  return w;
}

function readGroupDescribeOk(r: ProtobufReader, end: number): GroupDescribeOk {
  let kind: reg.GroupKind = 0;
  let subscription: Subscription | undefined = undefined;
  const members: MemberDescription[] = [];
  const queues: GroupQueue[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: kind = readEnum(r, reg.GroupKindNames, 'GroupDescribeOk.kind'); break;
      case 18: subscription = readSubscription(r, r.end()); break;
      case 26: checkCount(members.length, reg.LIMITS.LIST_ITEMS_MAX, 'GroupDescribeOk.members'); members.push(readMemberDescription(r, r.end())); break;
      case 34: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'GroupDescribeOk.queues'); queues.push(readGroupQueue(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { kind, subscription, members, queues };
}

export const GroupDescribeOk: MessageType<GroupDescribeOk, GroupDescribeOkInit> = /* @__PURE__ */ messageType('GroupDescribeOk', writeGroupDescribeOk, readGroupDescribeOk);

export interface MemberDescription {
  readonly member: string;
  readonly label: string;
  readonly heardAgoMs: number;
  readonly generation: number;
  readonly idle: boolean;
  readonly address: string;
}

export interface MemberDescriptionInit {
  readonly member?: string | undefined;
  readonly label?: string | undefined;
  readonly heardAgoMs?: number | undefined;
  readonly generation?: number | undefined;
  readonly idle?: boolean | undefined;
  readonly address?: string | undefined;
}


function writeMemberDescription(w: ProtobufWriter, v: MemberDescriptionInit): ProtobufWriter {
  if (v.member !== undefined && v.member.length > 0) w.uint32(10).string(v.member);
  if (v.label !== undefined && v.label.length > 0) w.uint32(18).string(v.label);
  if (v.heardAgoMs) w.uint32(24).uint64(checkUint64(v.heardAgoMs, 'MemberDescription.heard_ago_ms'));
  if (v.generation) w.uint32(32).uint64(checkUint64(v.generation, 'MemberDescription.generation'));
  if (v.idle) w.uint32(40).bool(v.idle);
  if (v.address !== undefined && v.address.length > 0) w.uint32(50).string(v.address);
  return w;
}

function readMemberDescription(r: ProtobufReader, end: number): MemberDescription {
  let member: string = '';
  let label: string = '';
  let heardAgoMs: number = 0;
  let generation: number = 0;
  let idle: boolean = false;
  let address: string = '';
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'MemberDescription.member'); break;
      case 18: label = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'MemberDescription.label'); break;
      case 24: heardAgoMs = readUint64(r, 'MemberDescription.heard_ago_ms'); break;
      case 32: generation = readUint64(r, 'MemberDescription.generation'); break;
      case 40: idle = r.bool(); break;
      case 50: address = readString(r, reg.LIMITS.ADDRESS_BYTES_MAX, 'MemberDescription.address'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (member.length === 0) missing('MemberDescription.member');
  return { member, label, heardAgoMs, generation, idle, address };
}

export const MemberDescription: MessageType<MemberDescription, MemberDescriptionInit> = /* @__PURE__ */ messageType('MemberDescription', writeMemberDescription, readMemberDescription);

export interface GroupQueue {
  readonly topic: string;
  readonly queue: number;
  readonly committed: boolean;
  readonly offset: number;
  readonly highWatermark: number;
  readonly oldestOffset: number;
  /** holder of the lease; empty for none */
  readonly member: string;
  readonly epoch: number;
  readonly state: reg.LeaseState;
}

export interface GroupQueueInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly committed?: boolean | undefined;
  readonly offset?: number | undefined;
  readonly highWatermark?: number | undefined;
  readonly oldestOffset?: number | undefined;
  readonly member?: string | undefined;
  readonly epoch?: number | undefined;
  readonly state?: reg.LeaseState | undefined;
}


function writeGroupQueue(w: ProtobufWriter, v: GroupQueueInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'GroupQueue.queue'));
  if (v.committed) w.uint32(24).bool(v.committed);
  if (v.offset) w.uint32(32).uint64(checkUint64(v.offset, 'GroupQueue.offset'));
  if (v.highWatermark) w.uint32(40).uint64(checkUint64(v.highWatermark, 'GroupQueue.high_watermark'));
  if (v.oldestOffset) w.uint32(48).uint64(checkUint64(v.oldestOffset, 'GroupQueue.oldest_offset'));
  if (v.member !== undefined && v.member.length > 0) w.uint32(58).string(v.member);
  if (v.epoch) w.uint32(64).uint64(checkUint64(v.epoch, 'GroupQueue.epoch'));
  if (v.state) w.uint32(72).uint32(v.state);
  return w;
}

function readGroupQueue(r: ProtobufReader, end: number): GroupQueue {
  let topic: string = '';
  let queue: number = 0;
  let committed: boolean = false;
  let offset: number = 0;
  let highWatermark: number = 0;
  let oldestOffset: number = 0;
  let member: string = '';
  let epoch: number = 0;
  let state: reg.LeaseState = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'GroupQueue.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: committed = r.bool(); break;
      case 32: offset = readUint64(r, 'GroupQueue.offset'); break;
      case 40: highWatermark = readUint64(r, 'GroupQueue.high_watermark'); break;
      case 48: oldestOffset = readUint64(r, 'GroupQueue.oldest_offset'); break;
      case 58: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'GroupQueue.member'); break;
      case 64: epoch = readUint64(r, 'GroupQueue.epoch'); break;
      case 72: state = readEnum(r, reg.LeaseStateNames, 'GroupQueue.state'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('GroupQueue.topic');
  return { topic, queue, committed, offset, highWatermark, oldestOffset, member, epoch, state };
}

export const GroupQueue: MessageType<GroupQueue, GroupQueueInit> = /* @__PURE__ */ messageType('GroupQueue', writeGroupQueue, readGroupQueue);

export interface GroupReset {
  readonly group: string;
  /** empty: every queue of the group at this broker */
  readonly queues: readonly ResetQueue[];
  readonly to: reg.Position;
  /** a time in ms, or an offset */
  readonly toValue: number;
  /** tell what would change, change nothing */
  readonly dryRun: boolean;
}

export interface GroupResetInit {
  readonly group?: string | undefined;
  readonly queues?: readonly ResetQueueInit[] | undefined;
  readonly to?: reg.Position | undefined;
  readonly toValue?: number | undefined;
  readonly dryRun?: boolean | undefined;
}


function writeGroupReset(w: ProtobufWriter, v: GroupResetInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.queues !== undefined) for (const item of v.queues) writeResetQueue(w.uint32(18).fork(), item).ldelim();
  if (v.to) w.uint32(24).uint32(v.to);
  if (v.toValue) w.uint32(32).uint64(checkUint64(v.toValue, 'GroupReset.to_value'));
  if (v.dryRun) w.uint32(40).bool(v.dryRun);
  return w;
}

function readGroupReset(r: ProtobufReader, end: number): GroupReset {
  let group: string = '';
  const queues: ResetQueue[] = [];
  let to: reg.Position = 0;
  let toValue: number = 0;
  let dryRun: boolean = false;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'GroupReset.group'); break;
      case 18: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'GroupReset.queues'); queues.push(readResetQueue(r, r.end())); break;
      case 24: to = readEnum(r, reg.PositionNames, 'GroupReset.to'); break;
      case 32: toValue = readUint64(r, 'GroupReset.to_value'); break;
      case 40: dryRun = r.bool(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('GroupReset.group');
  return { group, queues, to, toValue, dryRun };
}

export const GroupReset: MessageType<GroupReset, GroupResetInit> = /* @__PURE__ */ messageType('GroupReset', writeGroupReset, readGroupReset);

export interface ResetQueue {
  readonly topic: string;
  /** empty: every queue of the topic at this broker */
  readonly queues: readonly number[];
}

export interface ResetQueueInit {
  readonly topic?: string | undefined;
  readonly queues?: readonly number[] | undefined;
}


function writeResetQueue(w: ProtobufWriter, v: ResetQueueInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queues !== undefined && v.queues.length > 0) {
    w.uint32(18).fork();
    for (const item of v.queues) w.uint32(checkUint32(item, 'ResetQueue.queues'));
    w.ldelim();
  }
  return w;
}

function readResetQueue(r: ProtobufReader, end: number): ResetQueue {
  let topic: string = '';
  const queues: number[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'ResetQueue.topic'); break;
      case 18: { const end = r.end(); while (r.pos < end) { checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'ResetQueue.queues'); queues.push(r.uint32()); } } break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('ResetQueue.topic');
  return { topic, queues };
}

export const ResetQueue: MessageType<ResetQueue, ResetQueueInit> = /* @__PURE__ */ messageType('ResetQueue', writeResetQueue, readResetQueue);

export interface GroupResetOk {
  readonly results: readonly ResetResult[];
}

export interface GroupResetOkInit {
  readonly results?: readonly ResetResultInit[] | undefined;
}


function writeGroupResetOk(w: ProtobufWriter, v: GroupResetOkInit): ProtobufWriter {
  if (v.results !== undefined) for (const item of v.results) writeResetResult(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readGroupResetOk(r: ProtobufReader, end: number): GroupResetOk {
  const results: ResetResult[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(results.length, reg.LIMITS.LIST_ITEMS_MAX, 'GroupResetOk.results'); results.push(readResetResult(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { results };
}

export const GroupResetOk: MessageType<GroupResetOk, GroupResetOkInit> = /* @__PURE__ */ messageType('GroupResetOk', writeGroupResetOk, readGroupResetOk);

export interface ResetResult {
  readonly topic: string;
  readonly queue: number;
  readonly code: number;
  readonly hadOffset: boolean;
  readonly fromOffset: number;
  readonly toOffset: number;
}

export interface ResetResultInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly code?: number | undefined;
  readonly hadOffset?: boolean | undefined;
  readonly fromOffset?: number | undefined;
  readonly toOffset?: number | undefined;
}


function writeResetResult(w: ProtobufWriter, v: ResetResultInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'ResetResult.queue'));
  if (v.code) w.uint32(24).uint32(checkUint32(v.code, 'ResetResult.code'));
  if (v.hadOffset) w.uint32(32).bool(v.hadOffset);
  if (v.fromOffset) w.uint32(40).uint64(checkUint64(v.fromOffset, 'ResetResult.from_offset'));
  if (v.toOffset) w.uint32(48).uint64(checkUint64(v.toOffset, 'ResetResult.to_offset'));
  return w;
}

function readResetResult(r: ProtobufReader, end: number): ResetResult {
  let topic: string = '';
  let queue: number = 0;
  let code: number = 0;
  let hadOffset: boolean = false;
  let fromOffset: number = 0;
  let toOffset: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'ResetResult.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: code = r.uint32(); break;
      case 32: hadOffset = r.bool(); break;
      case 40: fromOffset = readUint64(r, 'ResetResult.from_offset'); break;
      case 48: toOffset = readUint64(r, 'ResetResult.to_offset'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('ResetResult.topic');
  return { topic, queue, code, hadOffset, fromOffset, toOffset };
}

export const ResetResult: MessageType<ResetResult, ResetResultInit> = /* @__PURE__ */ messageType('ResetResult', writeResetResult, readResetResult);

/** What a client sends with each frame type, of this part, and how it reads the answer. */
export const ADMINISTRATION_REQUESTS = {
  TOPIC_ALTER: { encode: encoder(writeTopicAlter), decode: decoder('TopicAlterOk', readTopicAlterOk) },
  TOPIC_REMOVE: { encode: encoder(writeTopicRemove), decode: decoder('TopicRemoveOk', readTopicRemoveOk) },
  TOPIC_LIST: { encode: encoder(writeTopicList), decode: decoder('TopicListOk', readTopicListOk) },
  TOPIC_DESCRIBE: { encode: encoder(writeTopicDescribe), decode: decoder('TopicDescribeOk', readTopicDescribeOk) },
  GROUP_LIST: { encode: encoder(writeGroupList), decode: decoder('GroupListOk', readGroupListOk) },
  GROUP_DESCRIBE: { encode: encoder(writeGroupDescribe), decode: decoder('GroupDescribeOk', readGroupDescribeOk) },
  GROUP_RESET: { encode: encoder(writeGroupReset), decode: decoder('GroupResetOk', readGroupResetOk) },
} as const;
