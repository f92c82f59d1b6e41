// Goal: `break` ends a consumer at once, and what was in the application's hands counts as not handled.
import { startCluster, type TestCluster } from '@qanat/testing';
import { expect, it } from 'vitest';

/** Well below the 30 s that a consumer gives to handlers that are at work. */
const SOON_MS = 1_000;

async function withMessages(count: number): Promise<TestCluster> {
  const cluster = await startCluster({ time: 'virtual' });
  const client = await cluster.connect();
  const producer = client.producer();
  for (let i = 0; i < count; i++) await cluster.until(producer.send('things', { body: String(i), key: 'one' }));
  await cluster.until(producer.close());
  return cluster;
}

it('ends a reading at once when the application breaks off', async () => {
  const cluster = await withMessages(1);
  const client = await cluster.connect();
  const before = cluster.nowMs();
  const read = async (): Promise<number> => {
    for await (const { offset } of client.pullConsumer().read('things')) return offset;
    return -1;
  };
  expect(await cluster.until(read())).toBe(0);
  expect(cluster.nowMs() - before).toBeLessThan(SOON_MS);
  await cluster.stop();
});

it('leaves a group at once when the application breaks off, and the message that it had in hands comes again', async () => {
  const cluster = await withMessages(3);
  const client = await cluster.connect();
  const take = async (until: number): Promise<string[]> => {
    const bodies: string[] = [];
    for await (const { body } of client.pushConsumer({ group: 'takers', topics: 'things', from: 'first' })) {
      bodies.push(new TextDecoder().decode(body));
      if (bodies.length === until) break;
    }
    return bodies;
  };
  const before = cluster.nowMs();
  expect(await cluster.until(take(2))).toEqual(['0', '1']);
  expect(await cluster.until(take(2))).toEqual(['1', '2']);
  expect(cluster.nowMs() - before).toBeLessThan(10 * SOON_MS);
  await cluster.stop();
});
