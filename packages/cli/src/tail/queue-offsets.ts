import type { QanatClient } from '@qanat/client';
import type { Session } from '../session.ts';

/** `@offset` for each queue of a topic, as near as the queue has it. Keys are `broker/queue`. */
export async function offsetsOf(
  client: QanatClient,
  session: Session,
  topic: string,
  offset: number,
): Promise<ReadonlyMap<string, number>> {
  const { queues } = await client.admin.describeTopic(topic, session.call);
  return new Map(
    queues
      .filter((queue) => !queue.away)
      .map((queue) => [`${queue.broker}/${queue.queue}`, Math.min(Math.max(offset, queue.oldestOffset), queue.highWatermark)]),
  );
}
