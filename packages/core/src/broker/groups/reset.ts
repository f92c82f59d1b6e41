import { codeNumber } from '../../connection/request.ts';
import type { Request } from '../../connection/server-session.ts';
import { type ErrorCode, QanatError } from '../../errors.ts';
import type { GroupReset, ResetResultInit } from '../../wire/gen/administration-messages.ts';
import { LIMITS, Position } from '../../wire/gen/registry.ts';
import { pagesOf } from './assignment.ts';
import type { Group } from './group.ts';
import { type GroupQueueRef, groupQueues } from './group-queues.ts';
import type { GroupHost } from './host.ts';

const RESULTS_PER_PAGE = 400;

interface ResetPlan {
  readonly results: readonly ResetResultInit[];
  readonly moves: readonly { readonly topicId: number; readonly queue: number; readonly offset: number }[];
}

/** Answers GROUP_RESET (spec, chapter of offsets): a dry run with the plan, a real one with the same when it is durable. */
export function resetGroup(host: GroupHost, group: Group, request: Request<'GROUP_RESET'>): void {
  const { results, moves } = plan(host, group, request.header);
  const pages = pagesOf(results, RESULTS_PER_PAGE).map((page) => ({ results: page }));
  if (pages.length > LIMITS.MORE_FRAMES_MAX)
    throw new QanatError('LIMIT_EXCEEDED', 'the plan would pass MORE_FRAMES_MAX: name fewer queues at once');
  if (request.header.dryRun || moves.length === 0) return request.respondInPages(pages);
  const items = moves.map(({ topicId, queue, offset }) => ({ slot: group.table.slot(topicId, queue), offset }));
  group.handOver.reset(items, (error) => {
    if (error === undefined) request.respondInPages(pages);
    else request.fail(error);
  });
}

function plan(host: GroupHost, group: Group, header: GroupReset): ResetPlan {
  const results: ResetResultInit[] = [];
  const moves: { topicId: number; queue: number; offset: number }[] = [];
  const seen = new Set<string>();
  for (const ref of chosen(host, group, header)) {
    const { topic, queue } = ref;
    if ('code' in ref) {
      results.push({ topic, queue, code: codeNumber(ref.code) });
      continue;
    }
    const key = `${ref.topicId}/${queue}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const committed = group.table.find(ref.topicId, queue)?.committed;
    const had = { topic, queue, hadOffset: committed !== undefined, fromOffset: committed };
    const offset = offsetOf(host, header, ref);
    if (offset === undefined) results.push({ ...had, code: codeNumber('OFFSET_OUT_OF_RANGE') });
    else {
      results.push({ ...had, toOffset: offset });
      moves.push({ topicId: ref.topicId, queue, offset });
    }
  }
  return { results, moves };
}

type Missing = { readonly topic: string; readonly queue: number; readonly code: ErrorCode };

function* chosen(host: GroupHost, group: Group, header: GroupReset): Generator<GroupQueueRef | Missing> {
  if (header.queues.length === 0) return yield* groupQueues(host, group.record, group.table);
  const whole = new Set<string>();
  for (const { topic, queues } of header.queues) {
    const known = host.topic(topic);
    if (known === undefined) yield { topic, queue: queues[0] ?? 0, code: 'TOPIC_NOT_FOUND' };
    else if (queues.length > 0) {
      for (const queue of queues)
        yield queue < known.queues ? { topic, topicId: known.id, queue } : { topic, queue, code: 'QUEUE_NOT_FOUND' };
    } else if (!whole.has(topic)) {
      whole.add(topic);
      for (let queue = 0; queue < known.queues; queue++) yield { topic, topicId: known.id, queue };
    }
  }
}

/** Where the queue shall stand; undefined for an offset outside of what is stored. */
function offsetOf(host: GroupHost, { to, toValue }: GroupReset, { topicId, queue }: GroupQueueRef): number | undefined {
  const { oldest, highWatermark } = host.bounds(topicId, queue);
  switch (to) {
    case Position.FIRST:
      return oldest;
    case Position.LAST:
      return highWatermark;
    case Position.AT_TIME:
      return host.offsetByTime(topicId, queue, toValue);
    case Position.AT_OFFSET:
      return toValue < oldest || toValue > highWatermark ? undefined : toValue;
  }
}
