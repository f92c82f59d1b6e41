import { allocateAveragely } from '../../model/allocate-averagely.ts';
import { compareTexts } from '../../model/text-order.ts';
import type { TopicShareOf } from './host.ts';

export interface TopicTarget {
  /** The owner of each queue of this broker, by queue number; empty where nobody is alive. */
  readonly owners: readonly string[];
  /** Queues of the topic over all brokers. Members from this index on get none of them. */
  readonly queues: number;
}

/**
 * Who shall hold the queues of one topic at one broker: the queues of all brokers, sorted by broker, then number, are divided
 * averagely among the sorted members, and the broker takes its own rows (spec, chapter of groups). Every broker that sees the
 * same members and queues finds the same.
 *
 * @param members ids, sorted by label, then id.
 * @param shares sorted by broker; a stale share of this broker itself is put right by `ownQueues`.
 * @param ownQueues of the topic at this broker; 0 where it has none.
 */
export function topicTarget(
  members: readonly string[],
  shares: readonly TopicShareOf[],
  broker: string,
  ownQueues: number,
): TopicTarget {
  let queues = ownQueues;
  let before = 0;
  for (const share of shares) {
    if (share.broker === broker) continue;
    queues += share.queues;
    if (compareTexts(share.broker, broker) < 0) before += share.queues;
  }
  const owners: string[] = [];
  for (let index = 0; index < members.length; index++) {
    const { start, count } = allocateAveragely(queues, members.length, index);
    const from = Math.max(start, before);
    const end = Math.min(start + count, before + ownQueues);
    for (let queue = from; queue < end; queue++) owners[queue - before] = members[index] as string;
  }
  return { owners, queues };
}
