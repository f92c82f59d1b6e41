import type { Subscription } from '../../wire/gen/messages.ts';
import type { GroupHost } from './host.ts';
import type { LeaseTable } from './lease-table.ts';

export interface GroupQueueRef {
  readonly topic: string;
  readonly topicId: number;
  readonly queue: number;
}

/** Every queue of this broker that the group subscribes to or has an offset of, sorted by topic, then number. */
export function groupQueues(host: GroupHost, record: Subscription, table: LeaseTable): GroupQueueRef[] {
  const topics = new Map<string, number>();
  for (const { topic } of record.topics) {
    const known = host.topic(topic);
    if (known !== undefined) topics.set(topic, known.id);
  }
  for (const { topicId } of table.all()) {
    const topic = host.topicName(topicId);
    if (topic !== undefined) topics.set(topic, topicId);
  }
  const queues: GroupQueueRef[] = [];
  for (const topic of [...topics.keys()].sort()) {
    const topicId = topics.get(topic) as number;
    const count = host.topic(topic)?.queues ?? 0;
    for (let queue = 0; queue < count; queue++) queues.push({ topic, topicId, queue });
  }
  return queues;
}
