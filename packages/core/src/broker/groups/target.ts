import { allocateAveragely } from '../../model/allocate-averagely.ts';
import { allocateByCircle } from '../../model/allocate-circle.ts';
import { allocateSticky } from '../../model/allocate-sticky.ts';
import { compareTexts } from '../../model/text-order.ts';
import { Strategy } from '../../wire/gen/registry.ts';
import type { TopicShareOf } from './host.ts';

export interface TopicTarget {
  /** The owner of each queue of this broker, by queue number; empty where nobody is alive. */
  readonly owners: readonly string[];
  /** Queues of the topic over all brokers. Members from this index on get none of them. */
  readonly queues: number;
}

/** How a topic is divided, and who holds a queue of this broker now: only STICKY looks at that. */
export interface Division {
  readonly strategy: Strategy;
  holder(queue: number): string | undefined;
}

const AVERAGELY: Division = { strategy: Strategy.AVERAGELY, holder: () => undefined };

/**
 * Who shall hold the queues of one topic at one broker: the queues of all brokers, sorted by broker, then number, are divided
 * among the sorted members, and the broker takes its own rows (spec, chapter of groups). Every broker that sees the same members
 * and queues finds the same, but for what each broker's own leases say to STICKY.
 *
 * @param members ids, sorted by label, then id.
 * @param shares sorted by broker; a stale share of this broker itself is put right by `ownQueues`.
 * @param ownQueues of the topic at this broker; 0 where it has none.
 * @param division default: AVERAGELY.
 */
export function topicTarget(
  members: readonly string[],
  shares: readonly TopicShareOf[],
  broker: string,
  ownQueues: number,
  division: Division = AVERAGELY,
): TopicTarget {
  let queues = ownQueues;
  let before = 0;
  for (const share of shares) {
    if (share.broker === broker) continue;
    queues += share.queues;
    if (compareTexts(share.broker, broker) < 0) before += share.queues;
  }
  if (division.strategy === Strategy.CIRCLE) return { owners: circleRows(members, before, ownQueues), queues };
  const averagely = averageRows(members, queues, before, ownQueues);
  if (division.strategy !== Strategy.STICKY) return { owners: averagely, queues };
  return { owners: allocateSticky(averagely, members, division.holder), queues };
}

/** The rows `before` … `before + ownQueues - 1` of `queues`, divided averagely. */
function averageRows(members: readonly string[], queues: number, before: number, ownQueues: number): string[] {
  const owners: string[] = [];
  for (let index = 0; index < members.length; index++) {
    const { start, count } = allocateAveragely(queues, members.length, index);
    const from = Math.max(start, before);
    const end = Math.min(start + count, before + ownQueues);
    for (let queue = from; queue < end; queue++) owners[queue - before] = members[index] as string;
  }
  return owners;
}

function circleRows(members: readonly string[], before: number, ownQueues: number): string[] {
  const owners: string[] = [];
  if (members.length === 0) return owners;
  for (let queue = 0; queue < ownQueues; queue++)
    owners.push(members[allocateByCircle(before + queue, members.length)] as string);
  return owners;
}
