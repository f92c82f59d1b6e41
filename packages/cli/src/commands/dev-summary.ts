import type { QanatClient } from '@qanat/client';
import type { DevCluster } from '@qanat/server';

const CALL_TIMEOUT_MS = 2_000;
const TOPICS_MAX = 500;

/** What the cluster holds. */
export interface Stored {
  readonly topics: number;
  readonly messages: number;
  /** How many were ever stored: the difference of two counts is what came in between. */
  readonly everStored: number;
}

async function countWith(client: QanatClient): Promise<Stored | undefined> {
  const topics = await client.admin.listTopics({ timeoutMs: CALL_TIMEOUT_MS });
  if (topics.length > TOPICS_MAX) return undefined; // Ctrl-C shall not wait for thousands of answers.
  const descriptions = await Promise.all(
    topics.map(({ topic }) => client.admin.describeTopic(topic, { timeoutMs: CALL_TIMEOUT_MS })),
  );
  const queues = descriptions.flatMap((one) => one.queues);
  return {
    topics: topics.length,
    messages: queues.reduce((sum, queue) => sum + queue.highWatermark - queue.oldestOffset, 0),
    everStored: queues.reduce((sum, queue) => sum + queue.highWatermark, 0),
  };
}

/** Asks the cluster what it holds. Undefined when it does not tell in time: a summary has no guesses. */
export async function countStored(cluster: DevCluster): Promise<Stored | undefined> {
  try {
    const { connect } = await import('@qanat/client');
    const addresses = cluster.nameServers.map((node) => node.endpoint);
    const client = await connect(addresses, { label: 'qanat-dev', timeoutMs: CALL_TIMEOUT_MS });
    try {
      return await countWith(client);
    } finally {
      await client.close();
    }
  } catch {
    return undefined;
  }
}
