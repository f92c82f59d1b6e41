// Goal: a group changes its topics, filters and strategy while it works: its old members stop, nothing is lost, nothing comes
// twice.
// Method: whole clusters on virtual time under load. Old members run, new ones with a higher version join one by one.
import type { Message, PushConsumerOptions, QanatClient, QanatError } from '@qanat/client';
import { startCluster, type TestCluster } from '@qanat/testing';
import { describe, expect, it } from 'vitest';

const OLD = { topics: { orders: 'paid' }, from: 'first' as const };
const NEW = {
  topics: { orders: 'paid', refunds: '*' },
  strategy: 'sticky' as const,
  subscriptionVersion: 1,
  from: 'first' as const,
};

class Deployment {
  readonly sent: string[] = [];
  readonly handled: string[] = [];
  readonly ended: { readonly member: string; readonly error: QanatError | undefined }[] = [];
  readonly #cluster: TestCluster;
  readonly #handlerMs: number;
  readonly #consumers: { close(): Promise<void> }[] = [];

  constructor(cluster: TestCluster, handlerMs: number) {
    this.#cluster = cluster;
    this.#handlerMs = handlerMs;
  }

  async join(label: string, options: Omit<PushConsumerOptions, 'group'>): Promise<void> {
    const client = await this.#cluster.connect();
    const consumer = client.pushConsumer({ group: 'billing', label, concurrency: 3, ...options });
    this.#consumers.push(consumer);
    const handle = async (message: Message): Promise<void> => {
      await this.#pause();
      this.handled.push(new TextDecoder().decode(message.body));
    };
    consumer.run(handle).then(
      () => this.ended.push({ member: label, error: undefined }),
      (error) => this.ended.push({ member: label, error }),
    );
  }

  /** Sends to both topics while virtual time goes by. */
  async load(client: QanatClient, ms: number): Promise<void> {
    const producer = client.producer();
    const sends: Promise<unknown>[] = [];
    for (let at = 0; at < ms; at += 20) {
      for (const topic of ['orders', 'refunds']) {
        const body = `${topic}-${this.sent.length}`;
        this.sent.push(body);
        sends.push(producer.send(topic, { body, tag: 'paid' }));
      }
      await this.#cluster.advance(20);
    }
    await this.#cluster.until(Promise.all(sends));
  }

  async close(): Promise<void> {
    await this.#cluster.until(Promise.all(this.#consumers.map((consumer) => consumer.close())));
  }

  /** A handler takes its time on the virtual clock. */
  #pause(): Promise<void> {
    const untilMs = this.#cluster.nowMs() + this.#handlerMs;
    return new Promise((resolve) => {
      const look = (): void => void (this.#cluster.nowMs() >= untilMs ? resolve() : setImmediate(look));
      look();
    });
  }
}

describe('a rolling deployment with another subscription (chapter of groups)', () => {
  it.each([
    [1, 1, 0],
    [2, 2, 15],
    [3, 3, 40],
  ])(
    'passes: seed %i, %i brokers, handlers of %i ms [QNT-GRP-015, QNT-GRP-027]',
    async (seed, brokers, handlerMs) => {
      const cluster = await startCluster({ time: 'virtual', seed, brokers });
      const client = await cluster.connect();
      for (const topic of ['orders', 'refunds']) await cluster.until(client.admin.createTopic(topic));
      const run = new Deployment(cluster, handlerMs);
      for (const label of ['old-1', 'old-2', 'old-3']) await run.join(label, OLD);
      await run.load(client, 3_000);
      expect(run.ended).toEqual([]);
      for (const label of ['new-1', 'new-2', 'new-3']) {
        await run.join(label, NEW);
        await run.load(client, 4_000);
      }
      expect(run.ended.map(({ member }) => member).sort()).toEqual(['old-1', 'old-2', 'old-3']);
      for (const { error } of run.ended) {
        expect(error?.code).toBe('SUBSCRIPTION_CONFLICT');
        expect(error?.message).toContain('[orders: "paid", refunds: "*"; sticky] (version 1)');
        expect(error?.message).toContain('[orders: "paid"; averagely] (version 0)');
      }
      await cluster.advance(10_000);
      expect(run.handled.toSorted()).toEqual(run.sent.toSorted());
      const { members, strategy, subscriptionVersion } = await cluster.until(client.admin.describeGroup('billing'));
      expect([members.map(({ label }) => label), strategy, subscriptionVersion]).toEqual([
        ['new-1', 'new-2', 'new-3'],
        'sticky',
        1,
      ]);
      // One that was forgotten comes back: it is refused, and nothing moves.
      await run.join('old-4', OLD);
      await cluster.advance(2_000);
      expect(run.ended.at(-1)).toMatchObject({ member: 'old-4', error: { code: 'SUBSCRIPTION_CONFLICT' } });
      await run.close();
      await cluster.stop();
    },
    60_000,
  );
});
