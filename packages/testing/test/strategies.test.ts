// Goal: whatever the strategy, a group that grows, shrinks and lives through a restart handles every message once, in even
// shares.
import type { Message, PushConsumer } from '@qanat/client';
import { startCluster, type TestCluster } from '@qanat/testing';
import { describe, expect, it } from 'vitest';

const text = (message: Message): string => new TextDecoder().decode(message.body);

class Run {
  readonly sent: string[] = [];
  readonly handled: string[] = [];
  readonly #cluster: TestCluster;
  readonly #strategy: 'averagely' | 'circle' | 'sticky';
  readonly #members = new Map<string, PushConsumer>();

  constructor(cluster: TestCluster, strategy: 'averagely' | 'circle' | 'sticky') {
    this.#cluster = cluster;
    this.#strategy = strategy;
  }

  async join(label: string): Promise<void> {
    const client = await this.#cluster.connect();
    const options = { group: 'g', topics: 'orders', from: 'first', strategy: this.#strategy } as const;
    const consumer = client.pushConsumer({ ...options, label });
    this.#members.set(label, consumer);
    void consumer.run((message) => void this.handled.push(text(message)));
    await this.load(3_000);
  }

  async leave(label: string): Promise<void> {
    await this.#cluster.until((this.#members.get(label) as PushConsumer).close());
    this.#members.delete(label);
    await this.load(3_000);
  }

  async load(ms: number): Promise<void> {
    const client = await this.#cluster.connect();
    const producer = client.producer();
    const sends: Promise<unknown>[] = [];
    for (let at = 0; at < ms; at += 25) {
      const body = String(this.sent.length);
      this.sent.push(body);
      sends.push(producer.send('orders', { body }));
      await this.#cluster.advance(25);
    }
    await this.#cluster.until(Promise.all(sends));
    await this.#cluster.until(client.close());
  }

  /** Queues by member, after everything has come to rest. */
  async shares(): Promise<Record<string, string[]>> {
    await this.#cluster.advance(2_000);
    const client = await this.#cluster.connect();
    const { members, queues, strategy } = await this.#cluster.until(client.admin.describeGroup('g'));
    await this.#cluster.until(client.close());
    expect(strategy).toBe(this.#strategy);
    expect(queues.every(({ member }) => member !== undefined)).toBe(true);
    const counts = members.map((member) => member.queues.length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    return Object.fromEntries(members.map((member) => [member.label, member.queues.map((q) => `${q.broker}/${q.queue}`)]));
  }
}

const moved = (before: Record<string, string[]>, after: Record<string, string[]>): number =>
  Object.entries(before).reduce((sum, [label, queues]) => sum + queues.filter((q) => !after[label]?.includes(q)).length, 0);

describe('the strategies in a whole cluster (chapter of groups)', () => {
  it.each(['averagely', 'circle', 'sticky'] as const)(
    '%s [QNT-GRP-030, QNT-GRP-056, QNT-GRP-057]',
    async (strategy) => {
      const cluster = await startCluster({ time: 'virtual', brokers: 2, seed: 5 });
      const client = await cluster.connect();
      await cluster.until(client.admin.createTopic('orders', { queues: 5 }));
      const run = new Run(cluster, strategy);
      await run.join('c');
      const alone = await run.shares();
      await run.join('b');
      const two = await run.shares();
      await run.join('a');
      const three = await run.shares();
      expect(moved(alone, two)).toBe(5);
      // By the numbers of AVERAGELY the newcomer, who sorts first, gets four queues of one broker; two of the other change hands.
      if (strategy === 'sticky') expect(moved(two, three)).toBe(6);
      if (strategy === 'circle') expect(three.a).toEqual(['broker-a/0', 'broker-a/3', 'broker-b/1', 'broker-b/4']);
      if (strategy === 'averagely') expect(three.a).toEqual(['broker-a/0', 'broker-a/1', 'broker-a/2', 'broker-a/3']);
      const stopping = cluster.stopBroker('broker-b');
      await stopping;
      await cluster.startBroker('broker-b');
      await run.load(3_000);
      expect(await run.shares()).toEqual(three);
      await run.leave('b');
      await run.shares();
      await cluster.advance(5_000);
      expect(run.handled.toSorted()).toEqual(run.sent.toSorted());
      await cluster.stop();
    },
    60_000,
  );
});
