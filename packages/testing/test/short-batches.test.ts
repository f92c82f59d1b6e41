// Goal: a producer goes by what each broker says that it takes, and nobody has to know of it.
import type { Message } from '@qanat/client';
import { startCluster, type TestCluster } from '@qanat/testing';
import { afterEach, expect, it } from 'vitest';

const BATCH_BYTES_MAX = 65_536;

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function withShortBatches() {
  cluster = await startCluster({ time: 'virtual', brokers: 1, broker: { limits: { batchBytesMax: BATCH_BYTES_MAX } } });
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('orders', { queues: 1 }));
  return { cluster, client };
}

async function readAll(on: TestCluster, client: Awaited<ReturnType<TestCluster['connect']>>): Promise<string[]> {
  const bodies: string[] = [];
  const reading = async (): Promise<void> => {
    for await (const message of client.pullConsumer().read('orders', { until: 'end' })) bodies.push(text(message));
  };
  await on.until(reading());
  return bodies;
}

const text = (message: Message): string => new TextDecoder().decode(message.body).trimEnd();
const bodies = (count: number, bytes: number): string[] => Array.from({ length: count }, (_, i) => `${i}`.padEnd(bytes));

it('single sends that gathered are cut into batches that the broker takes, in order, each acknowledged [QNT-LIM-005]', async () => {
  const { cluster, client } = await withShortBatches();
  const producer = client.producer({ lingerMs: 5 });
  const sent = bodies(400, 1_000);
  const receipts = await cluster.until(Promise.all(sent.map((body) => producer.send('orders', { body }))));
  expect(receipts.map(({ offset }) => offset)).toEqual(sent.map((_, i) => i));
  expect(await readAll(cluster, client)).toEqual(sent.map((body) => body.trimEnd()));
});

it.each([
  ['without keys', {}],
  ['with keys', { key: 'customer-7', tag: 'paid' }],
])('a sendBatch is, %s, and tells of each stored batch once [QNT-LIM-005]', async (_, more) => {
  const { cluster, client } = await withShortBatches();
  const sent = bodies(300, 1_000);
  const receipts = await cluster.until(
    client.producer().sendBatch(
      'orders',
      sent.map((body) => ({ body, ...more })),
    ),
  );
  expect(receipts.length).toBeGreaterThan(4);
  expect(receipts.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  expect(await readAll(cluster, client)).toEqual(sent.map((body) => body.trimEnd()));
});

it('a message that alone is too long is refused by itself, not with those beside it [QNT-LIM-005]', async () => {
  const { cluster, client } = await withShortBatches();
  const producer = client.producer({ lingerMs: 5 });
  const sizes = [10, BATCH_BYTES_MAX + 1, 10, BATCH_BYTES_MAX - 200, 10];
  const sends = sizes.map((bytes, i) => producer.send('orders', { body: `${i}`.padEnd(bytes) }));
  const outcomes = await cluster.until(Promise.allSettled(sends));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'BATCH_TOO_LARGE', outcome: 'not-sent' });
  expect(await readAll(cluster, client)).toEqual(['0', '2', '3', '4']);
});
