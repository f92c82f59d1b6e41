import { setTimeout as sleep } from 'node:timers/promises';
import type { TopicSummary } from '@qanat/client';
import type { Session } from './session.ts';

const POLL_MS = 20;
const SETTLE_MS = 3_000;

/**
 * Brokers tell the NameServers of a change a moment after they made it. Waits until every NameServer that can be reached says
 * so too, so that the next command sees what this one did whichever it asks; not for long, since the change itself is done.
 */
export async function settle(session: Session, topic: string, isDone: (row: TopicSummary | undefined) => boolean): Promise<void> {
  const { connect } = await import('@qanat/client');
  const untilMs = performance.now() + SETTLE_MS;
  const { signal } = session;
  const settleAt = async (nameServer: string): Promise<void> => {
    const client = await connect(nameServer, { signal, timeoutMs: SETTLE_MS });
    try {
      while (performance.now() < untilMs) {
        const topics = await client.admin.listTopics({ signal, timeoutMs: SETTLE_MS });
        if (isDone(topics.find((row) => row.topic === topic))) return;
        await sleep(POLL_MS, undefined, { signal });
      }
    } finally {
      await client.close();
    }
  };
  const addresses = session.settings.nameServers.replace(/^qanat:\/\//, '').split(',');
  // One that is down tells nobody anything.
  await Promise.allSettled(addresses.map((address) => settleAt(address.trim())));
}
