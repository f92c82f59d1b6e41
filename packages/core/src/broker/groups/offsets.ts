import { codeNumber } from '../../connection/request.ts';
import type { Request } from '../../connection/server-session.ts';
import { type ErrorCode, QanatError } from '../../errors.ts';
import type { FetchedOffsetInit, QueueCodeInit, QueueOffset } from '../../wire/gen/consuming-messages.ts';
import type { CommittedOffsetInit } from '../../wire/gen/messages.ts';
import { GroupKind, LIMITS } from '../../wire/gen/registry.ts';
import { type HandOver, settleAfter } from './hand-over.ts';
import type { GroupHost } from './host.ts';
import { type LeaseTable, liveLease, type QueueSlot } from './lease-table.ts';

/** What commits need of a group. */
export interface OffsetGroup {
  readonly name: string;
  readonly kind: GroupKind;
  readonly table: LeaseTable;
}

/** What a list of offsets by a client comes to. */
export interface CommitPlan {
  readonly failed: readonly QueueCodeInit[];
  /** What is to be written: those that move an offset. */
  readonly offsets: readonly CommittedOffsetInit[];
  /** Those whose lease was the sender's, in the order given. */
  readonly leased: readonly QueueSlot[];
}

/** What one item of an answer may take beside its topic: tags, lengths, queue, code, flag and offset. */
const ANSWER_ITEM_BYTES = 32;
const ANSWER_HEADER_BYTES = 256;

/**
 * Before a request takes effect: is there room for what is to be said of each of its queues?
 * @param bytesMax what the client takes. @throws QanatError LIMIT_EXCEEDED.
 */
export function checkAnswerFits(queues: readonly { readonly topic: string }[], bytesMax: number): void {
  let bytes = ANSWER_HEADER_BYTES;
  for (const { topic } of queues) bytes += topic.length + ANSWER_ITEM_BYTES;
  if (bytes > Math.min(bytesMax, LIMITS.CONTROL_HEADER_BYTES_MAX)) {
    throw new QanatError(
      'LIMIT_EXCEEDED',
      `an answer for ${queues.length} queues would pass CONTROL_HEADER_BYTES_MAX or the client's frame_bytes_max: name fewer at once`,
    );
  }
}

/** Whether the sender may write the offset of this queue: with its lease, or without any where nobody has one. */
function isFenced(group: OffsetGroup, slot: QueueSlot | undefined, member: string, epoch: number, mustHold: boolean): boolean {
  if (group.kind === GroupKind.FREE && !mustHold) return false;
  if (epoch === 0) return mustHold || slot?.lease !== undefined || slot?.pending !== undefined;
  const lease = liveLease(slot);
  return lease === undefined || lease.epoch !== epoch || lease.member !== member;
}

/**
 * Judges each queue by itself (spec, chapter of offsets): it exists, the lease is the current one, the offset is within what is
 * stored. A lower offset than the committed one is no error and changes nothing, but in a free group, where the last write wins.
 *
 * @param mustHold the sender gives the queues back, so it must hold them.
 */
export function planCommit(
  host: GroupHost,
  group: OffsetGroup,
  member: string,
  entries: readonly QueueOffset[],
  mustHold: boolean,
): CommitPlan {
  const failed: QueueCodeInit[] = [];
  const offsets: CommittedOffsetInit[] = [];
  const leased = new Set<QueueSlot>();
  for (const { topic, queue, offset, leaseEpoch } of entries) {
    const fail = (code: ErrorCode): void => void failed.push({ topic, queue, code: codeNumber(code) });
    const share = host.topic(topic);
    if (share === undefined || queue >= share.queues) {
      fail(share === undefined ? 'TOPIC_NOT_FOUND' : 'QUEUE_NOT_FOUND');
      continue;
    }
    const slot = group.table.find(share.id, queue);
    if (isFenced(group, slot, member, leaseEpoch, mustHold)) {
      fail('LEASE_FENCED');
      continue;
    }
    if (slot !== undefined && leaseEpoch !== 0) leased.add(slot);
    const { oldest, highWatermark } = host.bounds(share.id, queue);
    if (offset < oldest || offset > highWatermark) fail('OFFSET_OUT_OF_RANGE');
    else if (moves(group.kind, slot?.committed, offset)) offsets.push({ topicId: share.id, queue, offset });
  }
  return { failed, offsets, leased: [...leased] };
}

const moves = (kind: GroupKind, committed: number | undefined, offset: number): boolean =>
  committed === undefined || offset > committed || (kind === GroupKind.FREE && offset < committed);

/** Answers OFFSET_COMMIT when what it changes is durable; all its queues are one record. */
export function commit(host: GroupHost, group: OffsetGroup, request: Request<'OFFSET_COMMIT'>, plan: CommitPlan): void {
  const { failed, offsets } = plan;
  if (offsets.length === 0) return request.respond({ results: failed });
  host.appendState({ offsetsCommitted: { group: group.name, offsets } }, (error) => {
    if (error === undefined) request.respond({ results: failed });
    else request.fail(error);
  });
}

/**
 * Writes final offsets and ends leases after them, and answers when all is durable. A final offset that is refused does not keep
 * the queue: its holder has stopped.
 *
 * @param ended more leases to end.
 */
export function giveBack(
  host: GroupHost,
  group: OffsetGroup,
  handOver: HandOver,
  request: Request<'RELEASE'> | Request<'LEAVE'>,
  plan: CommitPlan,
  ended: readonly QueueSlot[] = [],
): void {
  const settled = settleAfter(2, (error) => {
    if (error === undefined) request.respond({ results: plan.failed });
    else request.fail(error);
  });
  if (plan.offsets.length === 0) settled(undefined);
  else host.appendState({ offsetsCommitted: { group: group.name, offsets: plan.offsets } }, settled);
  handOver.end([...new Set([...plan.leased, ...ended])], settled);
}

/** Answers OFFSET_FETCH; a group that nobody knows has no offsets. */
export function fetchOffsets(host: GroupHost, table: LeaseTable | undefined, request: Request<'OFFSET_FETCH'>): void {
  const { queues } = request.header;
  checkAnswerFits(queues, request.session.controlBytesMax);
  const offsets = queues.map(({ topic, queue }): FetchedOffsetInit => {
    const share = host.topic(topic);
    if (share === undefined) return { topic, queue, code: codeNumber('TOPIC_NOT_FOUND') };
    if (queue >= share.queues) return { topic, queue, code: codeNumber('QUEUE_NOT_FOUND') };
    const offset = table?.find(share.id, queue)?.committed;
    return { topic, queue, committed: offset !== undefined, offset };
  });
  request.respond({ offsets });
}
