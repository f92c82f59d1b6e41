import { compareTexts } from '../../model/text-order.ts';
import type { AssignmentInit, LeaseInit } from '../../wire/gen/messages.ts';
import type { GroupHost } from './host.ts';
import { type LeaseTable, liveLease } from './lease-table.ts';
import type { Member } from './members.ts';

/** Leases in one frame: with the longest topic names they still fit in a control header. */
const LEASES_PER_PAGE = 400;

export interface GroupCounts {
  readonly group: string;
  readonly members: number;
  readonly queues: number;
}

const byQueue = (a: LeaseInit, b: LeaseInit): number =>
  compareTexts(a.topic as string, b.topic as string) || (a.queue as number) - (b.queue as number);

/** Everything that a member holds or has to release, in pages that repeat all but the leases; at least one. */
export function assignmentPages(host: GroupHost, counts: GroupCounts, member: Member, table: LeaseTable): AssignmentInit[] {
  const leases: LeaseInit[] = [];
  for (const slot of table.ofMember(member.id)) {
    const lease = liveLease(slot);
    const topic = host.topicName(slot.topicId);
    if (lease === undefined || topic === undefined) continue;
    leases.push({ topic, queue: slot.queue, epoch: lease.epoch, startOffset: lease.startOffset, state: lease.state });
  }
  leases.sort(byQueue);
  return pagesOf(leases, LEASES_PER_PAGE).map((page) => ({
    ...counts,
    member: member.id,
    generation: member.generation,
    idle: member.idle,
    leases: page,
  }));
}

/** Cuts a list; an empty one has one empty page. */
export function pagesOf<T>(items: readonly T[], perPage: number): T[][] {
  const pages: T[][] = [items.slice(0, perPage)];
  for (let at = perPage; at < items.length; at += perPage) pages.push(items.slice(at, at + perPage));
  return pages;
}
