// Generated from spec/v1/proto by scripts/generate. Do not edit.
import {
  checkCount, checkEnd, checkUint32, checkUint64, decoder, encoder, type MessageType, messageType, missing,
  readEnum, readString, readUint64,
} from '../protobuf.ts';
import type { ProtobufReader } from '../protobuf-reader.ts';
import type { ProtobufWriter } from '../protobuf-writer.ts';
import {
  type Subscription,
  type SubscriptionInit,
  readSubscription,
  writeSubscription,
  type Assignment,
  type AssignmentInit,
  readAssignment,
  writeAssignment,
} from './messages.ts';
import * as reg from './registry.ts';

export interface Pull {
  /** empty: no group, no lease */
  readonly group: string;
  readonly member: string;
  /** a waiting PULL with the same number on this connection is answered at once */
  readonly poll: number;
  /** 0: answer at once */
  readonly waitMs: number;
  /** of all batches together; 0: PULL_BYTES_MAX */
  readonly maxBytes: number;
  readonly topics: readonly PullTopic[];
}

export interface PullInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly poll?: number | undefined;
  readonly waitMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly topics?: readonly PullTopicInit[] | undefined;
}


function writePull(w: ProtobufWriter, v: PullInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.poll) w.uint32(24).uint32(checkUint32(v.poll, 'Pull.poll'));
  if (v.waitMs) w.uint32(32).uint32(checkUint32(v.waitMs, 'Pull.wait_ms'));
  if (v.maxBytes) w.uint32(40).uint32(checkUint32(v.maxBytes, 'Pull.max_bytes'));
  if (v.topics !== undefined) for (const item of v.topics) writePullTopic(w.uint32(50).fork(), item).ldelim();
  return w;
}

function readPull(r: ProtobufReader, end: number): Pull {
  let group: string = '';
  let member: string = '';
  let poll: number = 0;
  let waitMs: number = 0;
  let maxBytes: number = 0;
  const topics: PullTopic[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'Pull.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Pull.member'); break;
      case 24: poll = r.uint32(); break;
      case 32: waitMs = r.uint32(); break;
      case 40: maxBytes = r.uint32(); break;
      case 50: checkCount(topics.length, reg.LIMITS.LIST_ITEMS_MAX, 'Pull.topics'); topics.push(readPullTopic(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topics.length === 0) missing('Pull.topics');
  return { group, member, poll, waitMs, maxBytes, topics };
}

export const Pull: MessageType<Pull, PullInit> = /* @__PURE__ */ messageType('Pull', writePull, readPull);

export interface PullTopic {
  readonly topic: string;
  /** empty or "*": everything */
  readonly filter: string;
  readonly queues: readonly PullQueue[];
}

export interface PullTopicInit {
  readonly topic?: string | undefined;
  readonly filter?: string | undefined;
  readonly queues?: readonly PullQueueInit[] | undefined;
}


function writePullTopic(w: ProtobufWriter, v: PullTopicInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.filter !== undefined && v.filter.length > 0) w.uint32(18).string(v.filter);
  if (v.queues !== undefined) for (const item of v.queues) writePullQueue(w.uint32(26).fork(), item).ldelim();
  return w;
}

function readPullTopic(r: ProtobufReader, end: number): PullTopic {
  let topic: string = '';
  let filter: string = '';
  const queues: PullQueue[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'PullTopic.topic'); break;
      case 18: filter = readString(r, reg.LIMITS.FILTER_BYTES_MAX, 'PullTopic.filter'); break;
      case 26: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'PullTopic.queues'); queues.push(readPullQueue(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('PullTopic.topic');
  if (queues.length === 0) missing('PullTopic.queues');
  return { topic, filter, queues };
}

export const PullTopic: MessageType<PullTopic, PullTopicInit> = /* @__PURE__ */ messageType('PullTopic', writePullTopic, readPullTopic);

export interface PullQueue {
  readonly queue: number;
  /** of the next message wanted */
  readonly offset: number;
  /** of the member's lease; 0 without a group or in a free group */
  readonly leaseEpoch: number;
  /** 0: no limit of its own */
  readonly maxBytes: number;
}

export interface PullQueueInit {
  readonly queue?: number | undefined;
  readonly offset?: number | undefined;
  readonly leaseEpoch?: number | undefined;
  readonly maxBytes?: number | undefined;
}


function writePullQueue(w: ProtobufWriter, v: PullQueueInit): ProtobufWriter {
  if (v.queue) w.uint32(8).uint32(checkUint32(v.queue, 'PullQueue.queue'));
  if (v.offset) w.uint32(16).uint64(checkUint64(v.offset, 'PullQueue.offset'));
  if (v.leaseEpoch) w.uint32(24).uint64(checkUint64(v.leaseEpoch, 'PullQueue.lease_epoch'));
  if (v.maxBytes) w.uint32(32).uint32(checkUint32(v.maxBytes, 'PullQueue.max_bytes'));
  return w;
}

function readPullQueue(r: ProtobufReader, end: number): PullQueue {
  let queue: number = 0;
  let offset: number = 0;
  let leaseEpoch: number = 0;
  let maxBytes: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: queue = r.uint32(); break;
      case 16: offset = readUint64(r, 'PullQueue.offset'); break;
      case 24: leaseEpoch = readUint64(r, 'PullQueue.lease_epoch'); break;
      case 32: maxBytes = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { queue, offset, leaseEpoch, maxBytes };
}

export const PullQueue: MessageType<PullQueue, PullQueueInit> = /* @__PURE__ */ messageType('PullQueue', writePullQueue, readPullQueue);

export interface PullOk {
  /** of the queues that have something to say */
  readonly results: readonly PullResult[];
}

export interface PullOkInit {
  readonly results?: readonly PullResultInit[] | undefined;
}


function writePullOk(w: ProtobufWriter, v: PullOkInit): ProtobufWriter {
  if (v.results !== undefined) for (const item of v.results) writePullResult(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readPullOk(r: ProtobufReader, end: number): PullOk {
  const results: PullResult[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(results.length, reg.LIMITS.LIST_ITEMS_MAX, 'PullOk.results'); results.push(readPullResult(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { results };
}

export const PullOk: MessageType<PullOk, PullOkInit> = /* @__PURE__ */ messageType('PullOk', writePullOk, readPullOk);

export interface PullResult {
  readonly topic: string;
  readonly queue: number;
  /** OK, TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, OFFSET_OUT_OF_RANGE, LEASE_FENCED, UNKNOWN_MEMBER */
  readonly code: number;
  /** where to pull next */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly oldestOffset: number;
  /** of this queue's batches in the payload */
  readonly bytes: number;
}

export interface PullResultInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly code?: number | undefined;
  readonly nextOffset?: number | undefined;
  readonly highWatermark?: number | undefined;
  readonly oldestOffset?: number | undefined;
  readonly bytes?: number | undefined;
}


function writePullResult(w: ProtobufWriter, v: PullResultInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'PullResult.queue'));
  if (v.code) w.uint32(24).uint32(checkUint32(v.code, 'PullResult.code'));
  if (v.nextOffset) w.uint32(32).uint64(checkUint64(v.nextOffset, 'PullResult.next_offset'));
  if (v.highWatermark) w.uint32(40).uint64(checkUint64(v.highWatermark, 'PullResult.high_watermark'));
  if (v.oldestOffset) w.uint32(48).uint64(checkUint64(v.oldestOffset, 'PullResult.oldest_offset'));
  if (v.bytes) w.uint32(56).uint32(checkUint32(v.bytes, 'PullResult.bytes'));
  return w;
}

function readPullResult(r: ProtobufReader, end: number): PullResult {
  let topic: string = '';
  let queue: number = 0;
  let code: number = 0;
  let nextOffset: number = 0;
  let highWatermark: number = 0;
  let oldestOffset: number = 0;
  let bytes: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'PullResult.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: code = r.uint32(); break;
      case 32: nextOffset = readUint64(r, 'PullResult.next_offset'); break;
      case 40: highWatermark = readUint64(r, 'PullResult.high_watermark'); break;
      case 48: oldestOffset = readUint64(r, 'PullResult.oldest_offset'); break;
      case 56: bytes = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('PullResult.topic');
  return { topic, queue, code, nextOffset, highWatermark, oldestOffset, bytes };
}

export const PullResult: MessageType<PullResult, PullResultInit> = /* @__PURE__ */ messageType('PullResult', writePullResult, readPullResult);

export interface OffsetCommit {
  readonly group: string;
  readonly member: string;
  readonly offsets: readonly QueueOffset[];
  /** of a group that does not exist yet */
  readonly kind: reg.GroupKind;
}

export interface OffsetCommitInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly offsets?: readonly QueueOffsetInit[] | undefined;
  readonly kind?: reg.GroupKind | undefined;
}


function writeOffsetCommit(w: ProtobufWriter, v: OffsetCommitInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.offsets !== undefined) for (const item of v.offsets) writeQueueOffset(w.uint32(26).fork(), item).ldelim();
  if (v.kind) w.uint32(32).uint32(v.kind);
  return w;
}

function readOffsetCommit(r: ProtobufReader, end: number): OffsetCommit {
  let group: string = '';
  let member: string = '';
  const offsets: QueueOffset[] = [];
  let kind: reg.GroupKind = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'OffsetCommit.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'OffsetCommit.member'); break;
      case 26: checkCount(offsets.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetCommit.offsets'); offsets.push(readQueueOffset(r, r.end())); break;
      case 32: kind = readEnum(r, reg.GroupKindNames, 'OffsetCommit.kind'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('OffsetCommit.group');
  if (offsets.length === 0) missing('OffsetCommit.offsets');
  return { group, member, offsets, kind };
}

export const OffsetCommit: MessageType<OffsetCommit, OffsetCommitInit> = /* @__PURE__ */ messageType('OffsetCommit', writeOffsetCommit, readOffsetCommit);

export interface QueueOffset {
  readonly topic: string;
  readonly queue: number;
  /** of the next message to consume */
  readonly offset: number;
  readonly leaseEpoch: number;
}

export interface QueueOffsetInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly offset?: number | undefined;
  readonly leaseEpoch?: number | undefined;
}


function writeQueueOffset(w: ProtobufWriter, v: QueueOffsetInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'QueueOffset.queue'));
  if (v.offset) w.uint32(24).uint64(checkUint64(v.offset, 'QueueOffset.offset'));
  if (v.leaseEpoch) w.uint32(32).uint64(checkUint64(v.leaseEpoch, 'QueueOffset.lease_epoch'));
  return w;
}

function readQueueOffset(r: ProtobufReader, end: number): QueueOffset {
  let topic: string = '';
  let queue: number = 0;
  let offset: number = 0;
  let leaseEpoch: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'QueueOffset.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: offset = readUint64(r, 'QueueOffset.offset'); break;
      case 32: leaseEpoch = readUint64(r, 'QueueOffset.lease_epoch'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('QueueOffset.topic');
  return { topic, queue, offset, leaseEpoch };
}

export const QueueOffset: MessageType<QueueOffset, QueueOffsetInit> = /* @__PURE__ */ messageType('QueueOffset', writeQueueOffset, readQueueOffset);

export interface OffsetCommitOk {
  /** only those that failed */
  readonly results: readonly QueueCode[];
}

export interface OffsetCommitOkInit {
  readonly results?: readonly QueueCodeInit[] | undefined;
}


function writeOffsetCommitOk(w: ProtobufWriter, v: OffsetCommitOkInit): ProtobufWriter {
  if (v.results !== undefined) for (const item of v.results) writeQueueCode(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readOffsetCommitOk(r: ProtobufReader, end: number): OffsetCommitOk {
  const results: QueueCode[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(results.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetCommitOk.results'); results.push(readQueueCode(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { results };
}

export const OffsetCommitOk: MessageType<OffsetCommitOk, OffsetCommitOkInit> = /* @__PURE__ */ messageType('OffsetCommitOk', writeOffsetCommitOk, readOffsetCommitOk);

export interface QueueCode {
  readonly topic: string;
  readonly queue: number;
  readonly code: number;
}

export interface QueueCodeInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly code?: number | undefined;
}


function writeQueueCode(w: ProtobufWriter, v: QueueCodeInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'QueueCode.queue'));
  if (v.code) w.uint32(24).uint32(checkUint32(v.code, 'QueueCode.code'));
  return w;
}

function readQueueCode(r: ProtobufReader, end: number): QueueCode {
  let topic: string = '';
  let queue: number = 0;
  let code: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'QueueCode.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: code = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('QueueCode.topic');
  return { topic, queue, code };
}

export const QueueCode: MessageType<QueueCode, QueueCodeInit> = /* @__PURE__ */ messageType('QueueCode', writeQueueCode, readQueueCode);

export interface OffsetFetch {
  readonly group: string;
  readonly queues: readonly QueueRef[];
}

export interface OffsetFetchInit {
  readonly group?: string | undefined;
  readonly queues?: readonly QueueRefInit[] | undefined;
}


function writeOffsetFetch(w: ProtobufWriter, v: OffsetFetchInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.queues !== undefined) for (const item of v.queues) writeQueueRef(w.uint32(18).fork(), item).ldelim();
  return w;
}

function readOffsetFetch(r: ProtobufReader, end: number): OffsetFetch {
  let group: string = '';
  const queues: QueueRef[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'OffsetFetch.group'); break;
      case 18: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetFetch.queues'); queues.push(readQueueRef(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('OffsetFetch.group');
  if (queues.length === 0) missing('OffsetFetch.queues');
  return { group, queues };
}

export const OffsetFetch: MessageType<OffsetFetch, OffsetFetchInit> = /* @__PURE__ */ messageType('OffsetFetch', writeOffsetFetch, readOffsetFetch);

export interface QueueRef {
  readonly topic: string;
  readonly queue: number;
}

export interface QueueRefInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
}


function writeQueueRef(w: ProtobufWriter, v: QueueRefInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'QueueRef.queue'));
  return w;
}

function readQueueRef(r: ProtobufReader, end: number): QueueRef {
  let topic: string = '';
  let queue: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'QueueRef.topic'); break;
      case 16: queue = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('QueueRef.topic');
  return { topic, queue };
}

export const QueueRef: MessageType<QueueRef, QueueRefInit> = /* @__PURE__ */ messageType('QueueRef', writeQueueRef, readQueueRef);

export interface OffsetFetchOk {
  /** in the order asked for */
  readonly offsets: readonly FetchedOffset[];
}

export interface OffsetFetchOkInit {
  readonly offsets?: readonly FetchedOffsetInit[] | undefined;
}


function writeOffsetFetchOk(w: ProtobufWriter, v: OffsetFetchOkInit): ProtobufWriter {
  if (v.offsets !== undefined) for (const item of v.offsets) writeFetchedOffset(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readOffsetFetchOk(r: ProtobufReader, end: number): OffsetFetchOk {
  const offsets: FetchedOffset[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(offsets.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetFetchOk.offsets'); offsets.push(readFetchedOffset(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { offsets };
}

export const OffsetFetchOk: MessageType<OffsetFetchOk, OffsetFetchOkInit> = /* @__PURE__ */ messageType('OffsetFetchOk', writeOffsetFetchOk, readOffsetFetchOk);

export interface FetchedOffset {
  readonly topic: string;
  readonly queue: number;
  readonly code: number;
  /** false: the group has no offset here */
  readonly committed: boolean;
  readonly offset: number;
}

export interface FetchedOffsetInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly code?: number | undefined;
  readonly committed?: boolean | undefined;
  readonly offset?: number | undefined;
}


function writeFetchedOffset(w: ProtobufWriter, v: FetchedOffsetInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'FetchedOffset.queue'));
  if (v.code) w.uint32(24).uint32(checkUint32(v.code, 'FetchedOffset.code'));
  if (v.committed) w.uint32(32).bool(v.committed);
  if (v.offset) w.uint32(40).uint64(checkUint64(v.offset, 'FetchedOffset.offset'));
  return w;
}

function readFetchedOffset(r: ProtobufReader, end: number): FetchedOffset {
  let topic: string = '';
  let queue: number = 0;
  let code: number = 0;
  let committed: boolean = false;
  let offset: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'FetchedOffset.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: code = r.uint32(); break;
      case 32: committed = r.bool(); break;
      case 40: offset = readUint64(r, 'FetchedOffset.offset'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('FetchedOffset.topic');
  return { topic, queue, code, committed, offset };
}

export const FetchedOffset: MessageType<FetchedOffset, FetchedOffsetInit> = /* @__PURE__ */ messageType('FetchedOffset', writeFetchedOffset, readFetchedOffset);

export interface OffsetLookup {
  readonly queues: readonly LookupQueue[];
}

export interface OffsetLookupInit {
  readonly queues?: readonly LookupQueueInit[] | undefined;
}


function writeOffsetLookup(w: ProtobufWriter, v: OffsetLookupInit): ProtobufWriter {
  if (v.queues !== undefined) for (const item of v.queues) writeLookupQueue(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readOffsetLookup(r: ProtobufReader, end: number): OffsetLookup {
  const queues: LookupQueue[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(queues.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetLookup.queues'); queues.push(readLookupQueue(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (queues.length === 0) missing('OffsetLookup.queues');
  return { queues };
}

export const OffsetLookup: MessageType<OffsetLookup, OffsetLookupInit> = /* @__PURE__ */ messageType('OffsetLookup', writeOffsetLookup, readOffsetLookup);

export interface LookupQueue {
  readonly topic: string;
  readonly queue: number;
  /** FIRST, LAST or AT_TIME */
  readonly position: reg.Position;
  readonly timeMs: number;
}

export interface LookupQueueInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly position?: reg.Position | undefined;
  readonly timeMs?: number | undefined;
}


function writeLookupQueue(w: ProtobufWriter, v: LookupQueueInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'LookupQueue.queue'));
  if (v.position) w.uint32(24).uint32(v.position);
  if (v.timeMs) w.uint32(32).uint64(checkUint64(v.timeMs, 'LookupQueue.time_ms'));
  return w;
}

function readLookupQueue(r: ProtobufReader, end: number): LookupQueue {
  let topic: string = '';
  let queue: number = 0;
  let position: reg.Position = 0;
  let timeMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'LookupQueue.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: position = readEnum(r, reg.PositionNames, 'LookupQueue.position'); break;
      case 32: timeMs = readUint64(r, 'LookupQueue.time_ms'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('LookupQueue.topic');
  return { topic, queue, position, timeMs };
}

export const LookupQueue: MessageType<LookupQueue, LookupQueueInit> = /* @__PURE__ */ messageType('LookupQueue', writeLookupQueue, readLookupQueue);

export interface OffsetLookupOk {
  /** in the order asked for */
  readonly offsets: readonly LookedUpOffset[];
}

export interface OffsetLookupOkInit {
  readonly offsets?: readonly LookedUpOffsetInit[] | undefined;
}


function writeOffsetLookupOk(w: ProtobufWriter, v: OffsetLookupOkInit): ProtobufWriter {
  if (v.offsets !== undefined) for (const item of v.offsets) writeLookedUpOffset(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readOffsetLookupOk(r: ProtobufReader, end: number): OffsetLookupOk {
  const offsets: LookedUpOffset[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(offsets.length, reg.LIMITS.LIST_ITEMS_MAX, 'OffsetLookupOk.offsets'); offsets.push(readLookedUpOffset(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { offsets };
}

export const OffsetLookupOk: MessageType<OffsetLookupOk, OffsetLookupOkInit> = /* @__PURE__ */ messageType('OffsetLookupOk', writeOffsetLookupOk, readOffsetLookupOk);

export interface LookedUpOffset {
  readonly topic: string;
  readonly queue: number;
  readonly code: number;
  /** AT_TIME beyond the newest message: the high watermark */
  readonly offset: number;
}

export interface LookedUpOffsetInit {
  readonly topic?: string | undefined;
  readonly queue?: number | undefined;
  readonly code?: number | undefined;
  readonly offset?: number | undefined;
}


function writeLookedUpOffset(w: ProtobufWriter, v: LookedUpOffsetInit): ProtobufWriter {
  if (v.topic !== undefined && v.topic.length > 0) w.uint32(10).string(v.topic);
  if (v.queue) w.uint32(16).uint32(checkUint32(v.queue, 'LookedUpOffset.queue'));
  if (v.code) w.uint32(24).uint32(checkUint32(v.code, 'LookedUpOffset.code'));
  if (v.offset) w.uint32(32).uint64(checkUint64(v.offset, 'LookedUpOffset.offset'));
  return w;
}

function readLookedUpOffset(r: ProtobufReader, end: number): LookedUpOffset {
  let topic: string = '';
  let queue: number = 0;
  let code: number = 0;
  let offset: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: topic = readString(r, reg.LIMITS.TOPIC_NAME_BYTES_MAX, 'LookedUpOffset.topic'); break;
      case 16: queue = r.uint32(); break;
      case 24: code = r.uint32(); break;
      case 32: offset = readUint64(r, 'LookedUpOffset.offset'); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (topic.length === 0) missing('LookedUpOffset.topic');
  return { topic, queue, code, offset };
}

export const LookedUpOffset: MessageType<LookedUpOffset, LookedUpOffsetInit> = /* @__PURE__ */ messageType('LookedUpOffset', writeLookedUpOffset, readLookedUpOffset);

export interface ClientHeartbeat {
  readonly group: string;
  /** the instance id, drawn at random */
  readonly member: string;
  /** members sort by label, then by id */
  readonly label: string;
  /** of the assignment that the member holds; 0 for none */
  readonly generation: number;
  /** of the subscription's text, chosen by the member */
  readonly revision: number;
  /** when it is new, or was asked for */
  readonly subscription: Subscription | undefined;
  /** how long ago the member joined its group */
  readonly joinedAgoMs: number;
  /** silence after which it is gone; 0: MEMBER_SESSION_MS */
  readonly sessionMs: number;
}

export interface ClientHeartbeatInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly label?: string | undefined;
  readonly generation?: number | undefined;
  readonly revision?: number | undefined;
  readonly subscription?: SubscriptionInit | undefined;
  readonly joinedAgoMs?: number | undefined;
  readonly sessionMs?: number | undefined;
}


function writeClientHeartbeat(w: ProtobufWriter, v: ClientHeartbeatInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.label !== undefined && v.label.length > 0) w.uint32(26).string(v.label);
  if (v.generation) w.uint32(32).uint64(checkUint64(v.generation, 'ClientHeartbeat.generation'));
  if (v.revision) w.uint32(40).uint32(checkUint32(v.revision, 'ClientHeartbeat.revision'));
  if (v.subscription !== undefined) writeSubscription(w.uint32(50).fork(), v.subscription).ldelim();
  if (v.joinedAgoMs) w.uint32(56).uint64(checkUint64(v.joinedAgoMs, 'ClientHeartbeat.joined_ago_ms'));
  if (v.sessionMs) w.uint32(64).uint32(checkUint32(v.sessionMs, 'ClientHeartbeat.session_ms'));
  return w;
}

function readClientHeartbeat(r: ProtobufReader, end: number): ClientHeartbeat {
  let group: string = '';
  let member: string = '';
  let label: string = '';
  let generation: number = 0;
  let revision: number = 0;
  let subscription: Subscription | undefined = undefined;
  let joinedAgoMs: number = 0;
  let sessionMs: number = 0;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'ClientHeartbeat.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'ClientHeartbeat.member'); break;
      case 26: label = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'ClientHeartbeat.label'); break;
      case 32: generation = readUint64(r, 'ClientHeartbeat.generation'); break;
      case 40: revision = r.uint32(); break;
      case 50: subscription = readSubscription(r, r.end()); break;
      case 56: joinedAgoMs = readUint64(r, 'ClientHeartbeat.joined_ago_ms'); break;
      case 64: sessionMs = r.uint32(); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('ClientHeartbeat.group');
  if (member.length === 0) missing('ClientHeartbeat.member');
  return { group, member, label, generation, revision, subscription, joinedAgoMs, sessionMs };
}

export const ClientHeartbeat: MessageType<ClientHeartbeat, ClientHeartbeatInit> = /* @__PURE__ */ messageType('ClientHeartbeat', writeClientHeartbeat, readClientHeartbeat);

export interface ClientHeartbeatOk {
  /** the current one */
  readonly generation: number;
  /** send the whole subscription */
  readonly wantSubscription: boolean;
  readonly heartbeatMs: number;
  readonly sessionMs: number;
  /** when the member's generation is not the current one */
  readonly assignment: Assignment | undefined;
}

export interface ClientHeartbeatOkInit {
  readonly generation?: number | undefined;
  readonly wantSubscription?: boolean | undefined;
  readonly heartbeatMs?: number | undefined;
  readonly sessionMs?: number | undefined;
  readonly assignment?: AssignmentInit | undefined;
}


function writeClientHeartbeatOk(w: ProtobufWriter, v: ClientHeartbeatOkInit): ProtobufWriter {
  if (v.generation) w.uint32(8).uint64(checkUint64(v.generation, 'ClientHeartbeatOk.generation'));
  if (v.wantSubscription) w.uint32(16).bool(v.wantSubscription);
  if (v.heartbeatMs) w.uint32(24).uint32(checkUint32(v.heartbeatMs, 'ClientHeartbeatOk.heartbeat_ms'));
  if (v.sessionMs) w.uint32(32).uint32(checkUint32(v.sessionMs, 'ClientHeartbeatOk.session_ms'));
  if (v.assignment !== undefined) writeAssignment(w.uint32(42).fork(), v.assignment).ldelim();
  return w;
}

function readClientHeartbeatOk(r: ProtobufReader, end: number): ClientHeartbeatOk {
  let generation: number = 0;
  let wantSubscription: boolean = false;
  let heartbeatMs: number = 0;
  let sessionMs: number = 0;
  let assignment: Assignment | undefined = undefined;
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 8: generation = readUint64(r, 'ClientHeartbeatOk.generation'); break;
      case 16: wantSubscription = r.bool(); break;
      case 24: heartbeatMs = r.uint32(); break;
      case 32: sessionMs = r.uint32(); break;
      case 42: assignment = readAssignment(r, r.end()); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { generation, wantSubscription, heartbeatMs, sessionMs, assignment };
}

export const ClientHeartbeatOk: MessageType<ClientHeartbeatOk, ClientHeartbeatOkInit> = /* @__PURE__ */ messageType('ClientHeartbeatOk', writeClientHeartbeatOk, readClientHeartbeatOk);

export interface Release {
  readonly group: string;
  readonly member: string;
  /** the final offsets */
  readonly offsets: readonly QueueOffset[];
}

export interface ReleaseInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly offsets?: readonly QueueOffsetInit[] | undefined;
}


function writeRelease(w: ProtobufWriter, v: ReleaseInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.offsets !== undefined) for (const item of v.offsets) writeQueueOffset(w.uint32(26).fork(), item).ldelim();
  return w;
}

function readRelease(r: ProtobufReader, end: number): Release {
  let group: string = '';
  let member: string = '';
  const offsets: QueueOffset[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'Release.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Release.member'); break;
      case 26: checkCount(offsets.length, reg.LIMITS.LIST_ITEMS_MAX, 'Release.offsets'); offsets.push(readQueueOffset(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('Release.group');
  if (member.length === 0) missing('Release.member');
  if (offsets.length === 0) missing('Release.offsets');
  return { group, member, offsets };
}

export const Release: MessageType<Release, ReleaseInit> = /* @__PURE__ */ messageType('Release', writeRelease, readRelease);

export interface ReleaseOk {
  /** only those that failed */
  readonly results: readonly QueueCode[];
}

export interface ReleaseOkInit {
  readonly results?: readonly QueueCodeInit[] | undefined;
}


function writeReleaseOk(w: ProtobufWriter, v: ReleaseOkInit): ProtobufWriter {
  if (v.results !== undefined) for (const item of v.results) writeQueueCode(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readReleaseOk(r: ProtobufReader, end: number): ReleaseOk {
  const results: QueueCode[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(results.length, reg.LIMITS.LIST_ITEMS_MAX, 'ReleaseOk.results'); results.push(readQueueCode(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { results };
}

export const ReleaseOk: MessageType<ReleaseOk, ReleaseOkInit> = /* @__PURE__ */ messageType('ReleaseOk', writeReleaseOk, readReleaseOk);

export interface Leave {
  readonly group: string;
  readonly member: string;
  /** final offsets of what the member still held */
  readonly offsets: readonly QueueOffset[];
}

export interface LeaveInit {
  readonly group?: string | undefined;
  readonly member?: string | undefined;
  readonly offsets?: readonly QueueOffsetInit[] | undefined;
}


function writeLeave(w: ProtobufWriter, v: LeaveInit): ProtobufWriter {
  if (v.group !== undefined && v.group.length > 0) w.uint32(10).string(v.group);
  if (v.member !== undefined && v.member.length > 0) w.uint32(18).string(v.member);
  if (v.offsets !== undefined) for (const item of v.offsets) writeQueueOffset(w.uint32(26).fork(), item).ldelim();
  return w;
}

function readLeave(r: ProtobufReader, end: number): Leave {
  let group: string = '';
  let member: string = '';
  const offsets: QueueOffset[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: group = readString(r, reg.LIMITS.GROUP_NAME_BYTES_MAX, 'Leave.group'); break;
      case 18: member = readString(r, reg.LIMITS.LABEL_BYTES_MAX, 'Leave.member'); break;
      case 26: checkCount(offsets.length, reg.LIMITS.LIST_ITEMS_MAX, 'Leave.offsets'); offsets.push(readQueueOffset(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  if (group.length === 0) missing('Leave.group');
  if (member.length === 0) missing('Leave.member');
  return { group, member, offsets };
}

export const Leave: MessageType<Leave, LeaveInit> = /* @__PURE__ */ messageType('Leave', writeLeave, readLeave);

export interface LeaveOk {
  readonly results: readonly QueueCode[];
}

export interface LeaveOkInit {
  readonly results?: readonly QueueCodeInit[] | undefined;
}


function writeLeaveOk(w: ProtobufWriter, v: LeaveOkInit): ProtobufWriter {
  if (v.results !== undefined) for (const item of v.results) writeQueueCode(w.uint32(10).fork(), item).ldelim();
  return w;
}

function readLeaveOk(r: ProtobufReader, end: number): LeaveOk {
  const results: QueueCode[] = [];
  while (r.pos < end) {
    const tag = r.uint32();
    switch (tag) {
      case 10: checkCount(results.length, reg.LIMITS.LIST_ITEMS_MAX, 'LeaveOk.results'); results.push(readQueueCode(r, r.end())); break;
      default: r.skip(tag);
    }
  }
  checkEnd(r, end);
  return { results };
}

export const LeaveOk: MessageType<LeaveOk, LeaveOkInit> = /* @__PURE__ */ messageType('LeaveOk', writeLeaveOk, readLeaveOk);

/** What a client sends with each frame type, of this part, and how it reads the answer. */
export const CONSUMING_REQUESTS = {
  PULL: { encode: encoder(writePull), decode: decoder('PullOk', readPullOk) },
  OFFSET_COMMIT: { encode: encoder(writeOffsetCommit), decode: decoder('OffsetCommitOk', readOffsetCommitOk) },
  OFFSET_FETCH: { encode: encoder(writeOffsetFetch), decode: decoder('OffsetFetchOk', readOffsetFetchOk) },
  OFFSET_LOOKUP: { encode: encoder(writeOffsetLookup), decode: decoder('OffsetLookupOk', readOffsetLookupOk) },
  CLIENT_HEARTBEAT: { encode: encoder(writeClientHeartbeat), decode: decoder('ClientHeartbeatOk', readClientHeartbeatOk) },
  RELEASE: { encode: encoder(writeRelease), decode: decoder('ReleaseOk', readReleaseOk) },
  LEAVE: { encode: encoder(writeLeave), decode: decoder('LeaveOk', readLeaveOk) },
} as const;
