import type { PullOptions, QanatClient } from '@qanat/client';
import type { Session } from '../session.ts';
import { isOffset, toStartFrom } from '../start-position.ts';
import { explainUnknownTopic, isUnknownTopic } from '../unknown-name.ts';
import type { MessageSink } from './message-sink.ts';
import { offsetsOf } from './queue-offsets.ts';
import type { TailPlan } from './tail-plan.ts';

/** A burst is given to the reader in pieces of this many messages. */
const FLUSH_MESSAGES = 512;

async function readTopic(client: QanatClient, session: Session, topic: string, plan: TailPlan, sink: MessageSink): Promise<void> {
  const { from } = plan;
  const options: PullOptions = {
    signal: sink.signal,
    from: isOffset(from) ? await offsetsOf(client, session, topic, from.offset) : toStartFrom(from),
    ...(plan.untilEnd ? { until: 'end' } : {}),
    ...(plan.filter === undefined ? {} : { filter: plan.filter }),
  };
  let unflushed = 0;
  for await (const message of client.pullConsumer().read(topic, options)) {
    if (sink.isDone) return;
    sink.print(message);
    if (++unflushed < FLUSH_MESSAGES) continue;
    unflushed = 0;
    await sink.flush();
  }
}

/** Fails where a topic does not exist, unless it shall be waited for. */
async function checkTopics(client: QanatClient, session: Session, plan: TailPlan): Promise<void> {
  for (const topic of plan.topics) {
    await client.admin.describeTopic(topic, session.call).catch(async (error: unknown) => {
      if (isUnknownTopic(error) && !plan.waitsForTopic) await explainUnknownTopic(client, topic, error);
      // A broker may be away: reading goes on with the others, and says what is wrong.
      session.signal.throwIfAborted();
    });
  }
}

/** Reads every queue without a group: nobody else is disturbed, and no position is kept. */
export async function tailGroupless(client: QanatClient, session: Session, plan: TailPlan, sink: MessageSink): Promise<void> {
  await checkTopics(client, session, plan);
  try {
    await Promise.all(plan.topics.map((topic) => readTopic(client, session, topic, plan, sink)));
  } catch (error) {
    if (!sink.isDone) throw error;
  }
}
