import { setTimeout as sleep } from 'node:timers/promises';
import type { QanatClient } from '@qanat/client';
import type { MessageSink } from './message-sink.ts';
import type { TailPlan } from './tail-plan.ts';

const POLL_MS = 500;
const CALL_TIMEOUT_MS = 3_000;

/** Where each queue ended when the reading began; keys are `topic/broker/queue`. Empty queues have no entry. */
async function endsOf(client: QanatClient, plan: TailPlan): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  for (const topic of plan.topics) {
    const { queues } = await client.admin.describeTopic(topic, { timeoutMs: CALL_TIMEOUT_MS });
    for (const { broker, queue, highWatermark } of queues)
      if (highWatermark > 0) ends.set(`${topic}/${broker}/${queue}`, highWatermark);
  }
  return ends;
}

/**
 * Stops the sink when the group, all its members together, has committed what was stored at the start. Asking may fail for a
 * while: then it asks again. Resolves when the sink is done.
 */
export async function watchUntilCommitted(client: QanatClient, plan: TailPlan, sink: MessageSink): Promise<void> {
  let ends: Map<string, number> | undefined;
  while (!sink.isDone) {
    try {
      ends ??= await endsOf(client, plan);
      const { queues } = await client.admin.describeGroup(plan.group, { timeoutMs: CALL_TIMEOUT_MS });
      for (const { topic, broker, queue, committed } of queues) {
        const name = `${topic}/${broker}/${queue}`;
        if (committed !== undefined && committed >= (ends.get(name) ?? 0)) ends.delete(name);
      }
      if (ends.size === 0) return sink.stop();
    } catch {
      // The group may be new to the brokers, or a broker away.
    }
    await sleep(POLL_MS, undefined, { signal: sink.signal }).catch(() => {});
  }
}
