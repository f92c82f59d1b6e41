// Goal: what an application sees of the client, against a whole cluster in memory; most of it on virtual time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientEvent, fileOffsetStore, type Message, type QanatClient, QanatError } from '@qanat/client';
import { startCluster, type TestCluster } from '@qanat/testing';
import { afterEach, describe, expect, it } from 'vitest';

const text = (message: Message): string => new TextDecoder().decode(message.body);

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function virtual(): Promise<{ cluster: TestCluster; client: QanatClient }> {
  cluster = await startCluster({ time: 'virtual' });
  return { cluster, client: await cluster.connect() };
}

/** Sends `count` messages whose bodies are their numbers. */
async function fill(on: TestCluster, client: QanatClient, topic: string, count: number): Promise<void> {
  const producer = client.producer();
  await on.until(Promise.all(Array.from({ length: count }, (_, i) => producer.send(topic, { body: String(i) }))));
  await on.until(producer.close());
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i)).sort();

describe('producer', () => {
  it('tells where each message was stored, and keeps the messages of a key in one queue, in order', async () => {
    const { cluster, client } = await virtual();
    await cluster.until(client.admin.createTopic('orders'));
    const producer = client.producer();
    const receipts = await cluster.until(
      Promise.all(Array.from({ length: 20 }, (_, i) => producer.send('orders', { body: `${i}`, key: 'customer-7' }))),
    );
    expect(new Set(receipts.map((r) => `${r.broker}/${r.queue}`)).size).toBe(1);
    expect(receipts.map((r) => r.offset)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(receipts.every((r) => !r.duplicate && r.storeTimeMs > 0)).toBe(true);
  });

  it('sends a batch with one promise', async () => {
    const { cluster, client } = await virtual();
    const producer = client.producer();
    const receipts = await cluster.until(
      producer.sendBatch(
        'orders',
        Array.from({ length: 100 }, (_, i) => ({ body: `${i}` })),
      ),
    );
    expect(receipts).toMatchObject([{ topic: 'orders', baseOffset: 0, count: 100 }]);
  });

  it('waits for room instead of failing when its buffer is full', async () => {
    const { cluster, client } = await virtual();
    const producer = client.producer({ bufferBytes: 10_000 });
    const body = 'x'.repeat(1_000);
    const receipts = await cluster.until(Promise.all(Array.from({ length: 100 }, () => producer.send('orders', { body }))));
    expect(receipts.length).toBe(100);
    await cluster.until(producer.close());
  });

  it('keeps the order of the calls while they wait for room, however small the later ones are', async () => {
    const { cluster, client } = await virtual();
    const producer = client.producer({ bufferBytes: 10_000 });
    const bodies = Array.from({ length: 60 }, (_, i) => 'x'.repeat(i % 3 === 2 ? 1 : 3_000));
    const sent = bodies.map((body) => producer.send('orders', { key: 'one', body }));
    const batch = producer.sendBatch('orders', [{ key: 'one', body: 'last' }]);
    const receipts = await cluster.until(Promise.all(sent));
    expect(receipts.map(({ offset }) => offset)).toEqual(bodies.map((_, i) => i));
    expect(await cluster.until(batch)).toMatchObject([{ baseOffset: bodies.length }]);
    await cluster.until(producer.close());
  });

  it('rejects with a code, an outcome and a hint', async () => {
    cluster = await startCluster({ time: 'virtual', broker: { createsTopics: false } });
    const client = await cluster.connect();
    await cluster.until(client.admin.createTopic('orders'));
    const error = await cluster.until(client.producer().send('order', { body: '' })).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'TOPIC_NOT_FOUND', outcome: 'not-sent', hint: 'Did you mean "orders"?' });
    expect(QanatError.is(error, 'TOPIC_NOT_FOUND')).toBe(true);
  });

  it('gives up waiting when its signal fires', async () => {
    const { cluster, client } = await virtual();
    const stop = new AbortController();
    for (const broker of cluster.brokers) cluster.killBroker(broker);
    const sent = client.producer().send('orders', { body: '' }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(cluster.until(sent)).rejects.toThrow('enough');
  });

  it('says unknown after the deadline when a broker went away with the message', async () => {
    const { cluster, client } = await virtual();
    await cluster.until(client.admin.createTopic('orders', { brokers: ['broker-a'] }));
    const producer = client.producer();
    await cluster.until(producer.send('orders', { body: 'first' }));
    cluster.cut('client-1', 'broker-a');
    const error = await cluster.until(producer.send('orders', { body: 'second' }, { timeoutMs: 5_000 })).catch((e: unknown) => e);
    expect(error).toMatchObject({ outcome: 'unknown' });
    cluster.heal('client-1', 'broker-a');
  });

  it('goes on with the same message after a broker was killed and came back: stored once', async () => {
    const { cluster, client } = await virtual();
    await cluster.until(client.admin.createTopic('orders', { brokers: ['broker-a'] }));
    const producer = client.producer();
    await cluster.until(producer.send('orders', { body: '0' }));
    const sent = Promise.all(Array.from({ length: 50 }, (_, i) => producer.send('orders', { body: `${i + 1}` })));
    cluster.killBroker('broker-a');
    await cluster.advance(1_000);
    await cluster.startBroker('broker-a');
    await cluster.until(sent);
    const { queues } = await cluster.until(client.admin.describeTopic('orders'));
    expect(queues.reduce((sum, q) => sum + q.highWatermark, 0)).toBe(51);
  });
});

describe('push consumer', () => {
  it('gets every message once with run, runBatch and for await', async () => {
    const { cluster, client } = await virtual();
    await fill(cluster, client, 'orders', 200);
    const got: { run: string[]; batch: string[]; iterate: string[] } = { run: [], batch: [], iterate: [] };
    const run = client.pushConsumer({ group: 'run', topics: 'orders', from: 'first' });
    const batch = client.pushConsumer({ group: 'batch', topics: 'orders', from: 'first' });
    const iterate = client.pushConsumer({ group: 'iterate', topics: 'orders', from: 'first' });
    const running = [
      run.run(async (message) => void got.run.push(text(message))),
      batch.runBatch((messages) => void got.batch.push(...messages.map(text))),
      (async () => {
        for await (const message of iterate) {
          got.iterate.push(text(message));
          if (got.iterate.length === 200) break;
        }
      })(),
    ];
    await cluster.advance(3_000);
    await cluster.until(Promise.all([run.close(), batch.close()]));
    await cluster.until(Promise.all(running));
    for (const list of Object.values(got)) expect(list.toSorted()).toEqual(numbers(200));
  });

  it('filters by tags', async () => {
    const { cluster, client } = await virtual();
    const producer = client.producer();
    const tags = ['created', 'paid', undefined, 'cancelled'];
    await cluster.until(
      Promise.all(tags.map((tag) => producer.send('orders', { body: tag ?? 'none', ...(tag === undefined ? {} : { tag }) }))),
    );
    const got: string[] = [];
    const consumer = client.pushConsumer({ group: 'g', topics: { orders: 'created || paid' }, from: 'first' });
    const running = consumer.run((message) => void got.push(text(message)));
    await cluster.advance(2_000);
    await cluster.until(consumer.close());
    await cluster.until(running);
    expect(got.toSorted()).toEqual(['created', 'paid']);
  });

  it('hands a message again after its handler has thrown, and says so', async () => {
    const { cluster, client } = await virtual();
    const events: ClientEvent[] = [];
    client.onEvent((event) => events.push(event));
    await fill(cluster, client, 'orders', 1);
    const attempts: number[] = [];
    const consumer = client.pushConsumer({ group: 'g', topics: 'orders', from: 'first' });
    const running = consumer.run(async (message) => {
      attempts.push(message.attempt);
      if (attempts.length < 3) throw new Error('not yet');
    });
    await cluster.advance(10_000);
    await cluster.until(consumer.close());
    await cluster.until(running);
    expect(attempts).toEqual([1, 2, 3]);
    expect(events.filter(({ kind }) => kind === 'retrying').length).toBe(2);
  });

  it('shares the queues among members, tells a surplus one that it is idle, and goes on where a member stopped', async () => {
    const { cluster, client } = await virtual();
    await cluster.until(client.admin.createTopic('orders', { queues: 1 }));
    const idle: ClientEvent[] = [];
    client.onEvent((event) => {
      if (event.kind === 'idle') idle.push(event);
    });
    const got: string[][] = [[], [], []];
    const members = got.map((list, i) => {
      const consumer = client.pushConsumer({ group: 'g', topics: 'orders', from: 'first', label: `member-${i}` });
      return { consumer, running: consumer.run((message) => void list.push(text(message))) };
    });
    await cluster.advance(5_000);
    expect(idle.length).toBe(1);
    await fill(cluster, client, 'orders', 100);
    await cluster.advance(1_000);
    const first = members[0];
    await cluster.until(first?.consumer.close() ?? Promise.resolve());
    await fill(cluster, client, 'orders', 100);
    await cluster.advance(2_000);
    expect(got.flat().toSorted()).toEqual([...numbers(100), ...numbers(100)].sort());
    await cluster.until(Promise.all(members.map(({ consumer }) => consumer.close())));
    await cluster.until(Promise.all(members.map(({ running }) => running)));
  });

  it('rejects run when the group has another subscription, showing both', async () => {
    const { cluster, client } = await virtual();
    await cluster.until(client.admin.createTopic('orders'));
    const first = client.pushConsumer({ group: 'g', topics: { orders: 'paid' } });
    void first.run(() => {});
    await cluster.advance(1_000);
    const second = client.pushConsumer({ group: 'g', topics: { orders: 'created' } });
    const error = await cluster.until(second.run(() => {})).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'SUBSCRIPTION_CONFLICT' });
    expect((error as Error).message).toMatch(/paid[\s\S]*created|created[\s\S]*paid/);
  });

  it('waits for a topic that does not exist, warns once, and starts when it appears', async () => {
    cluster = await startCluster({ time: 'virtual', broker: { createsTopics: false } });
    const client = await cluster.connect();
    const warnings: ClientEvent[] = [];
    client.onEvent((event) => {
      if (event.kind === 'waiting-for-topic') warnings.push(event);
    });
    const got: string[] = [];
    const consumer = client.pushConsumer({ group: 'g', topics: 'later', from: 'first' });
    const running = consumer.run((message) => void got.push(text(message)));
    await cluster.advance(60_000);
    expect(warnings.length).toBe(1);
    await cluster.until(client.admin.createTopic('later'));
    await fill(cluster, client, 'later', 5);
    await cluster.advance(35_000);
    expect(got.toSorted()).toEqual(numbers(5));
    await cluster.until(consumer.close());
    await cluster.until(running);
  });

  it('goes on after every broker and every NameServer was gone for a while', async () => {
    const { cluster, client } = await virtual();
    await fill(cluster, client, 'orders', 10);
    const got: string[] = [];
    const consumer = client.pushConsumer({ group: 'g', topics: 'orders', from: 'first' });
    const running = consumer.run((message) => void got.push(text(message)));
    await cluster.advance(2_000);
    for (const name of cluster.brokers) cluster.killBroker(name);
    for (const name of cluster.nameServers) cluster.killNameServer(name);
    await cluster.advance(20_000);
    for (const name of ['ns-1', 'ns-2']) cluster.startNameServer(name);
    for (const name of cluster.brokers) await cluster.startBroker(name);
    await cluster.advance(5_000);
    await fill(cluster, client, 'orders', 10);
    await cluster.advance(10_000);
    expect(new Set(got)).toEqual(new Set(numbers(10)));
    expect(got.length).toBeGreaterThanOrEqual(20);
    await cluster.until(consumer.close());
    await cluster.until(running);
  });
});

describe('broadcasting and pull consumers', () => {
  it('gives every message to every broadcasting consumer, and goes on where its store says', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'qanat-positions-'));
    try {
      cluster = await startCluster();
      const client = await cluster.connect();
      await fill(cluster, client, 'news', 20);
      const store = fileOffsetStore(join(directory, 'positions.json'));
      const read = async (count: number): Promise<string[]> => {
        const got: string[] = [];
        const stop = new AbortController();
        const consumer = client.broadcastingConsumer({ topics: 'news', from: 'first', store });
        const handler = (message: Message): void => {
          got.push(text(message));
          if (got.length === count) stop.abort();
        };
        await consumer.run(handler, { signal: stop.signal });
        return got;
      };
      expect((await read(20)).toSorted()).toEqual(numbers(20));
      await fill(cluster, client, 'news', 5);
      expect((await read(5)).toSorted()).toEqual(numbers(5));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('reads to the end without a group, from the first, from a time and from given offsets', async () => {
    const { cluster, client } = await virtual();
    await fill(cluster, client, 'orders', 50);
    const reader = client.pullConsumer();
    const read = (options: Parameters<typeof reader.read>[1]): Promise<string[]> =>
      cluster.until(
        (async () => {
          const got: string[] = [];
          for await (const message of reader.read('orders', { until: 'end', ...options })) got.push(text(message));
          return got.sort();
        })(),
      );
    expect(await read({})).toEqual(numbers(50));
    expect(await read({ from: 'last' })).toEqual([]);
    expect(await read({ from: new Date(Date.UTC(2100, 0, 1)) })).toEqual([]);
    expect((await read({ from: 0 })).length).toBe(50);
  });
});

describe('administration', () => {
  it('describes topics and groups over all brokers, and resets after showing the plan', async () => {
    const { cluster, client } = await virtual();
    expect(await cluster.until(client.admin.createTopic('orders', { queues: 2 }))).toBe('created');
    expect(await cluster.until(client.admin.createTopic('orders', { queues: 2 }))).toBe('existed');
    await cluster.until(client.admin.alterTopic('orders', { queues: 3 }));
    expect((await cluster.until(client.admin.listTopics())).map((t) => [t.topic, t.queues])).toEqual([['orders', 6]]);
    await fill(cluster, client, 'orders', 30);
    const consumer = client.pushConsumer({ group: 'g', topics: 'orders', from: 'first', label: 'm' });
    const running = consumer.run(() => {});
    await cluster.advance(3_000);
    const group = await cluster.until(client.admin.describeGroup('g'));
    expect(group.members).toMatchObject([{ label: 'm', idle: false }]);
    expect(group.members[0]?.queues.length).toBe(6);
    expect(group.queues.reduce((sum, q) => sum + q.lag, 0)).toBe(0);
    await cluster.until(consumer.close());
    await cluster.until(running);
    const plan = await cluster.until(client.admin.resetGroup('g', 'first', { dryRun: true }));
    expect(plan.reduce((sum, step) => sum + (step.from ?? 0) - step.to, 0)).toBe(30);
    const lag = async (): Promise<number | undefined> =>
      (await cluster.until(client.admin.listGroups())).find((g) => g.group === 'g')?.lag;
    expect(await lag()).toBe(0);
    await cluster.until(client.admin.resetGroup('g', 'first'));
    expect(await lag()).toBe(30);
    await cluster.until(client.admin.removeTopic('orders'));
    const gone = await cluster.until(client.admin.describeTopic('orders')).catch((e: unknown) => e);
    expect(gone).toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });
});

describe('closing', () => {
  it('always ends, also when no broker answers any more', async () => {
    const { cluster, client } = await virtual();
    const consumer = client.pushConsumer({ group: 'g', topics: 'orders' });
    const running = consumer.run(() => {});
    const producer = client.producer();
    await cluster.until(producer.send('orders', { body: '' }));
    for (const name of cluster.brokers) cluster.killBroker(name);
    for (const name of cluster.nameServers) cluster.killNameServer(name);
    const unsent = producer.send('orders', { body: '' }, { timeoutMs: 3_000 }).catch((e: QanatError) => e);
    await cluster.until(client.close());
    await cluster.until(running);
    expect(await cluster.until(unsent)).toMatchObject({ name: 'QanatError' });
    expect(() => client.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('rejects connect when nobody is there, with a hint', async () => {
    const { cluster } = await virtual();
    for (const name of cluster.nameServers) cluster.killNameServer(name);
    await expect(cluster.connect({ timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      hint: expect.stringContaining('qanat dev'),
    });
  });
});
