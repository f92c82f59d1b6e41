import type { Request } from '../../connection/server-session.ts';
import { compareTexts } from '../../model/text-order.ts';
import type {
  GroupDescribeOkInit,
  GroupQueueInit,
  GroupSummaryInit,
  MemberDescriptionInit,
} from '../../wire/gen/administration-messages.ts';
import { pagesOf } from './assignment.ts';
import type { Group } from './group.ts';
import { groupQueues } from './group-queues.ts';
import type { GroupHost } from './host.ts';
import { byLabel } from './members.ts';
import { storedRecord } from './subscription.ts';

/** Items in one frame: with the longest names they still fit in a control header. */
const GROUPS_PER_PAGE = 400;
const MEMBERS_PER_PAGE = 75;
const QUEUES_PER_PAGE = 140;

/** Messages that are still there and not committed, over the queues with a committed offset. */
export function lagOf(host: GroupHost, group: Group): number {
  let lag = 0;
  for (const { topicId, queue, committed } of group.table.all()) {
    if (committed === undefined || host.topicName(topicId) === undefined) continue;
    const { oldest, highWatermark } = host.bounds(topicId, queue);
    // What retention dropped before the group came to it is no longer there to be handled.
    lag += Math.max(0, highWatermark - Math.max(committed, oldest));
  }
  return lag;
}

const summary = (host: GroupHost, group: Group): GroupSummaryInit => ({
  group: group.name,
  kind: group.kind,
  members: group.members.size,
  lag: lagOf(host, group),
});

/** Answers GROUP_LIST, sorted by name. */
export function listGroups(host: GroupHost, groups: Iterable<Group>, request: Request<'GROUP_LIST'>): void {
  const sorted = [...groups].sort((a, b) => compareTexts(a.name, b.name));
  const summaries = sorted.map((group) => summary(host, group));
  request.respondInPages(pagesOf(summaries, GROUPS_PER_PAGE).map((page) => ({ groups: page })));
}

function describeMembers(host: GroupHost, group: Group): MemberDescriptionInit[] {
  return [...group.members.all()].sort(byLabel).map(({ id, label, silence, generation, idle, session }) => ({
    member: id,
    label,
    heardAgoMs: Math.max(0, Math.floor(host.engine.nowMs() - silence.sinceMs)),
    generation,
    idle,
    address: session?.remote,
  }));
}

function describeQueues(host: GroupHost, group: Group): GroupQueueInit[] {
  return groupQueues(host, group.record, group.table).map(({ topic, topicId, queue }) => {
    const slot = group.table.find(topicId, queue);
    const { oldest, highWatermark } = host.bounds(topicId, queue);
    return {
      topic,
      queue,
      committed: slot?.committed !== undefined,
      offset: slot?.committed,
      highWatermark,
      oldestOffset: oldest,
      member: slot?.lease?.member,
      epoch: slot?.lease?.epoch,
      state: slot?.lease?.state,
    };
  });
}

/** Answers GROUP_DESCRIBE: the record on the first page, then members, then queues; small ones share the first page. */
export function describeGroup(host: GroupHost, group: Group, request: Request<'GROUP_DESCRIBE'>): void {
  const { kind, subscription } = storedRecord(group.record);
  const members = describeMembers(host, group);
  const queues = describeQueues(host, group);
  if ((subscription?.topics.length ?? 0) <= 8 && members.length <= 16 && queues.length <= 64) {
    return request.respond({ kind, subscription, members, queues });
  }
  const pages: GroupDescribeOkInit[] = [{ kind, subscription }];
  for (const page of pagesOf(members, MEMBERS_PER_PAGE)) if (page.length > 0) pages.push({ kind, members: page });
  for (const page of pagesOf(queues, QUEUES_PER_PAGE)) if (page.length > 0) pages.push({ kind, queues: page });
  request.respondInPages(pages);
}
