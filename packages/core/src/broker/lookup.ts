import { codeNumber } from '../connection/request.ts';
import type { Request } from '../connection/server-session.ts';
import { QanatError } from '../errors.ts';
import type { LookedUpOffsetInit, LookupQueue } from '../wire/gen/consuming-messages.ts';
import { LIMITS, Position } from '../wire/gen/registry.ts';
import type { TopicQueue } from './topic.ts';
import type { Topics } from './topics.ts';

/** Tags, lengths and numbers of an answer beside the topic's name, at most. */
const ITEM_BYTES = 32;

/** OFFSET_LOOKUP: the first, the last or an offset by time (spec, chapter of offsets). */
export function lookUpOffsets(topics: Topics, request: Request<'OFFSET_LOOKUP'>): void {
  const { queues } = request.header;
  let bytes = 0;
  for (const { topic, position } of queues) {
    if (position === Position.AT_OFFSET) throw new QanatError('INVALID_ARGUMENT', 'OFFSET_LOOKUP takes FIRST, LAST and AT_TIME');
    bytes += topic.length + ITEM_BYTES;
  }
  if (bytes > LIMITS.CONTROL_HEADER_BYTES_MAX) {
    throw new QanatError('LIMIT_EXCEEDED', 'the answer would be longer than CONTROL_HEADER_BYTES_MAX: ask for fewer queues');
  }
  request.respond({ offsets: queues.map((queue) => lookUp(topics, queue)) });
}

function lookUp(topics: Topics, { topic: name, queue, position, timeMs }: LookupQueue): LookedUpOffsetInit {
  const topic = topics.get(name);
  if (topic === undefined) return { topic: name, queue, code: codeNumber('TOPIC_NOT_FOUND') };
  const place = topic.queues[queue];
  if (place === undefined) return { topic: name, queue, code: codeNumber('QUEUE_NOT_FOUND') };
  return { topic: name, queue, offset: offsetAt(topics, place, position, timeMs) };
}

function offsetAt(topics: Topics, place: TopicQueue, position: Position, timeMs: number): number {
  if (position === Position.LAST) return place.highWatermark;
  return position === Position.FIRST ? topics.oldest(place) : topics.offsetByTime(place, timeMs);
}
