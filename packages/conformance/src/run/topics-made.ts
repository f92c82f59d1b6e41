import { CONTROL_HEADERS, decodeFrame, Flag, FrameType } from '@qanat/core';
import type { HistoryEvent } from '../history/event.ts';

/** Where a frame has its type. */
const TYPE_AT = 4;

const isTopicCreate = (bytes: Uint8Array): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint16(TYPE_AT) === FrameType.TOPIC_CREATE;

/** Topics that a server made for the kit in a history: those that were there before are not its to remove. */
export function topicsMade(events: readonly HistoryEvent[]): readonly string[] {
  const asked = new Map<string, string>();
  const made: string[] = [];
  const { request, response } = CONTROL_HEADERS.TOPIC_CREATE;
  for (const event of events) {
    if (event.kind !== 'frame' || !isTopicCreate(event.bytes)) continue;
    try {
      const { correlation, flags, control } = decodeFrame(event.bytes);
      const key = `${event.connection} ${correlation}`;
      if (event.from === 'kit') asked.set(key, request.decode(control).topic);
      else if ((flags & Flag.ERROR) === 0 && !response.decode(control).existed) made.push(asked.get(key) ?? '');
    } catch {
      // A frame that is wrong on purpose made nothing that can be named.
    }
  }
  return made.filter((topic) => topic !== '');
}
