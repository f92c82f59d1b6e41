import type { Subscription } from '../../wire/gen/messages.ts';
import { Position } from '../../wire/gen/registry.ts';
import type { GroupHost } from './host.ts';
import type { Member } from './members.ts';

/**
 * Where a group begins in a queue without an offset (spec, chapter of offsets). LAST is the first message stored since the member
 * joined its group, so that nothing is skipped while the queue is being discovered.
 */
export function firstOffset(host: GroupHost, record: Subscription, member: Member, topicId: number, queue: number): number {
  switch (record.from) {
    case Position.LAST: {
      const joinedAgoMs = host.engine.nowMs() - member.joinedMs;
      return host.offsetByTime(topicId, queue, Math.max(0, Math.floor(host.engine.wallMs() - joinedAgoMs)));
    }
    case Position.AT_TIME:
      return host.offsetByTime(topicId, queue, record.fromTimeMs);
    default:
      return host.bounds(topicId, queue).oldest;
  }
}
