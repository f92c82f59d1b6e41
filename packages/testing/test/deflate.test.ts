// Goal: batches travel deflated from end to end, brokers never look inside, and a batch that lies is told of and passed.
import type { ClientEvent, Message } from '@qanat/client';
import { encodeBatch, LIMITS } from '@qanat/core';
import { startCluster, type TestCluster } from '@qanat/testing';
import { nodePlatform } from '@qanat/transports/node';
import { afterEach, describe, expect, it } from 'vitest';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const text = (message: Message): string => new TextDecoder().decode(message.body);

async function begin() {
  cluster = await startCluster({ time: 'virtual', brokers: 1 });
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('logs', { queues: 1 }));
  return { cluster, client };
}

async function received(on: TestCluster, count: number): Promise<{ got: Message[]; events: ClientEvent[] }> {
  const client = await on.connect();
  const events: ClientEvent[] = [];
  const got: Message[] = [];
  client.onEvent((event) => events.push(event));
  const consumer = client.pushConsumer({ group: 'g', topics: { logs: 'app || db' }, from: 'first' });
  const running = consumer.run((message) => void got.push(message));
  for (let i = 0; i < 200 && got.length < count; i++) await on.advance(50);
  await on.until(consumer.close());
  await running;
  return { got, events };
}

describe('compressed batches (chapter of batches)', () => {
  it('bring every message with its tag, key and properties, filtered as others are [QNT-BAT-018, QNT-BAT-020]', async () => {
    const { cluster, client } = await begin();
    const producer = client.producer({ compress: true });
    const line = 'GET /index.html 200 '.repeat(40);
    const tags = ['app', 'web', 'db'];
    const messages = Array.from({ length: 300 }, (_, i) => ({
      body: `${i} ${line}`,
      tag: tags[i % 3] as string,
      key: `host-${i % 7}`,
      properties: { n: String(i) },
    }));
    await cluster.until(producer.sendBatch('logs', messages, { key: 'all' }));
    const { got, events } = await received(cluster, 200);
    expect(got.map(text)).toEqual(messages.filter(({ tag }) => tag !== 'web').map(({ body }) => body));
    expect(got.map(({ key, properties }) => [key, properties.n])).toEqual(
      messages.filter(({ tag }) => tag !== 'web').map(({ key, properties }) => [key, properties.n]),
    );
    expect(events.filter(({ kind }) => kind === 'undecodable')).toEqual([]);
  });

  it.each([
    ['declares more than a batch may have', LIMITS.BATCH_INFLATED_BYTES_MAX + 1],
    ['inflates to more than it declares', 1_000],
  ])(
    'that are bombs are stored, told of, and passed by their count: one that %s [QNT-BAT-012, QNT-BAT-013, QNT-BAT-020]',
    async (_, declared) => {
      const { cluster, client } = await begin();
      const fields = { bornTimeMs: 5, producerId: 0, producerEpoch: 0, baseSequence: 0 };
      const bomb = encodeBatch(nodePlatform, [{ body: new Uint8Array(2 ** 20), tag: 'app' }], { ...fields, compress: true });
      const view = new DataView(bomb.buffer, bomb.byteOffset);
      view.setUint32(68, declared);
      view.setUint32(32, nodePlatform.crc32(bomb.subarray(36), 0));
      const producer = client.producer();
      await cluster.until(producer.send('logs', { body: 'before', tag: 'app' }));
      await sendRaw(cluster, client, bomb);
      await cluster.until(producer.send('logs', { body: 'behind', tag: 'app' }));
      const { got, events } = await received(cluster, 2);
      expect(got.map(text)).toEqual(['before', 'behind']);
      const queue = { topic: 'logs', broker: 'broker-a', queue: 0 };
      expect(events.filter(({ kind }) => kind === 'undecodable')).toMatchObject([
        { queue, offset: 1, count: 1, error: { code: 'INVALID_BATCH' } },
      ]);
    },
  );
});

/** Sends a batch as it is, as a client of another make would. */
async function sendRaw(on: TestCluster, client: unknown, batch: Uint8Array): Promise<void> {
  const { runner } = client as { runner: { call(run: (engine: unknown) => void): void } };
  const sent = new Promise<void>((resolve, reject) => {
    runner.call((engine) => {
      const { request } = engine as {
        request: (
          broker: string,
          name: 'SEND',
          header: object,
          options: object,
          done: (error: Error | undefined) => void,
        ) => void;
      };
      const options = { timeoutMs: 3_000, payload: [batch] };
      request.call(engine, 'broker-a', 'SEND', { topic: 'logs', queue: 0, ack: 0 }, options, (error) =>
        error === undefined ? resolve() : reject(error),
      );
    });
  });
  await on.until(sent);
}
