import type { PushConsumer, QanatClient } from '@qanat/client';
import type { Session } from '../session.ts';
import { isOffset, type StartPosition, toStartFrom } from '../start-position.ts';
import type { MessageSink } from './message-sink.ts';
import { offsetsOf } from './queue-offsets.ts';
import type { TailPlan } from './tail-plan.ts';
import { watchUntilCommitted } from './until-committed.ts';

const subscriptions = ({ topics, filter = '*' }: TailPlan): Readonly<Record<string, string>> =>
  Object.fromEntries(topics.map((topic) => [topic, filter]));

const startFrom = (from: StartPosition) => (isOffset(from) ? 'first' : toStartFrom(from));

async function broadcastingConsumer(client: QanatClient, session: Session, plan: TailPlan): Promise<PushConsumer> {
  const { from, label } = plan;
  const positions = new Map<string, number>();
  if (isOffset(from)) {
    for (const topic of plan.topics) {
      for (const [queue, offset] of await offsetsOf(client, session, topic, from.offset))
        positions.set(`${topic}/${queue}`, offset);
    }
  }
  return client.broadcastingConsumer({
    topics: subscriptions(plan),
    from: startFrom(from),
    ...(label === undefined ? {} : { label }),
    // An offset is asked for once: nothing is kept for the next time.
    ...(isOffset(from) ? { store: { load: async () => positions, save: async () => {} } } : {}),
  });
}

/** Prints until the sink has enough. What was printed and taken by the reader is acknowledged, and nothing else is. */
async function consume(consumer: PushConsumer, sink: MessageSink): Promise<void> {
  const options = { signal: sink.signal };
  if (!sink.hasCountMax) {
    return consumer.runBatch(async (messages) => {
      for (const message of messages) sink.print(message);
      await sink.flush();
    }, options);
  }
  // One at a time, so that the count is exact.
  return consumer.run(async (message) => {
    if (sink.isDone) throw new Error('enough messages were printed');
    sink.print(message);
    await sink.flush();
  }, options);
}

/** Reads as a member of a group, or alone as a broadcasting consumer, and closes in good order. */
export async function tailMember(client: QanatClient, session: Session, plan: TailPlan, sink: MessageSink): Promise<void> {
  const { group, label } = plan;
  const clustering = plan.mode === 'clustering';
  const consumer = clustering
    ? client.pushConsumer({
        group,
        topics: subscriptions(plan),
        from: startFrom(plan.from),
        ...plan.record,
        ...(label === undefined ? {} : { label }),
      })
    : await broadcastingConsumer(client, session, plan);
  const watching = clustering && plan.untilEnd ? watchUntilCommitted(client, plan, sink) : undefined;
  try {
    await consume(consumer, sink);
  } catch (error) {
    if (!sink.isDone) throw error;
  } finally {
    await consumer.close();
    sink.stop();
    await watching;
  }
}
