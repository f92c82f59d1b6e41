import { compareTexts } from '../../model/text-order.ts';
import type { GroupDescribeOk } from '../../wire/gen/administration-messages.ts';
import type { Subscription } from '../../wire/gen/messages.ts';
import { GroupKind, Strategy, StrategyNames } from '../../wire/gen/registry.ts';
import type { StrategyName } from '../consumer/options.ts';
import type { QueueId } from '../host.ts';
import type { GroupDescription, GroupMember, GroupQueueStatus } from './admin-types.ts';

export const kindName = (kind: number): GroupDescription['kind'] =>
  kind === GroupKind.ASSIGNED ? 'assigned' : kind === GroupKind.FREE ? 'free' : 'shared';

const strategyName = (strategy: Strategy): StrategyName => (StrategyNames[strategy] ?? 'averagely').toLowerCase() as StrategyName;

export const compareQueues = (a: QueueId, b: QueueId): number =>
  compareTexts(a.topic, b.topic) || compareTexts(a.broker, b.broker) || a.queue - b.queue;

/** What one broker says of a group, in one or more frames. */
export interface GroupPart {
  readonly broker: string;
  readonly pages: readonly GroupDescribeOk[];
}

/** Joins what the brokers say of a group: a member's queues are those that it holds at all of them. */
export function describeGroup(group: string, parts: readonly GroupPart[], missingBrokers: readonly string[]): GroupDescription {
  const queues = parts.flatMap(({ broker, pages }) =>
    pages.flatMap((page) => page.queues.map((queue) => groupQueue(broker, queue))),
  );
  queues.sort(compareQueues);
  const pages = parts.flatMap((part) => part.pages);
  const record = newestRecord(pages);
  return {
    group,
    kind: kindName(pages[0]?.kind ?? 0),
    topics: Object.fromEntries((record?.topics ?? []).map(({ topic, filter }) => [topic, filter === '' ? '*' : filter])),
    strategy: strategyName(record?.strategy ?? Strategy.AVERAGELY),
    subscriptionVersion: record?.version ?? 0,
    members: groupMembers(pages, queues),
    queues,
    missingBrokers,
  };
}

/** While a new version spreads, brokers differ. */
function newestRecord(pages: readonly GroupDescribeOk[]): Subscription | undefined {
  let newest: Subscription | undefined;
  for (const { subscription } of pages)
    if (subscription !== undefined && (newest === undefined || subscription.version > newest.version)) newest = subscription;
  return newest;
}

function groupQueue(broker: string, queue: GroupDescribeOk['queues'][number]): GroupQueueStatus {
  const committed = queue.committed ? queue.offset : undefined;
  return {
    topic: queue.topic,
    broker,
    queue: queue.queue,
    committed,
    highWatermark: queue.highWatermark,
    oldestOffset: queue.oldestOffset,
    lag: Math.max(0, queue.highWatermark - Math.max(committed ?? 0, queue.oldestOffset)),
    member: queue.member === '' ? undefined : queue.member,
  };
}

function groupMembers(pages: readonly GroupDescribeOk[], queues: readonly GroupQueueStatus[]): GroupMember[] {
  const members = new Map<string, GroupMember>();
  for (const { member: id, label, address } of pages.flatMap((page) => page.members)) {
    const held = queues.filter(({ member }) => member === id).map(({ topic, broker, queue }) => ({ topic, broker, queue }));
    members.set(id, { id, label, address, queues: held, idle: held.length === 0 });
  }
  return [...members.values()].sort((a, b) => compareTexts(a.label, b.label) || compareTexts(a.id, b.id));
}
