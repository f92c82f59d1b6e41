import { TopicRules } from '@qanat/mqtt';
import { startCluster, type TestCluster } from '@qanat/testing';
import { expect, test } from 'vitest';
import { ChaosPublisher, ChaosSubscriber } from './chaos-devices.ts';
import { Node } from './nodes.ts';

const FILTER = '$share/workers/jobs/#';
const MESSAGES = 10;

async function startNode(cluster: TestCluster, name: string, seed: number): Promise<Node> {
  return new Node(name, await cluster.connect(), cluster, seed).start(new TopicRules());
}

/** Two bridges with a member each of a shared subscription of QoS 2, and a publisher at the second. */
class Workers {
  readonly nodes: Node[];
  readonly one: ChaosSubscriber;
  readonly two: ChaosSubscriber;
  readonly publisher: ChaosPublisher;
  readonly #cluster: TestCluster;

  static async start(cluster: TestCluster): Promise<Workers> {
    const workers = new Workers(cluster, [await startNode(cluster, 'one', 1), await startNode(cluster, 'two', 2)]);
    const [one, two] = workers.nodes as [Node, Node];
    workers.one.connect(one);
    await workers.pass(3_000);
    workers.two.connect(two);
    workers.publisher.connect(two);
    await workers.pass(6_000);
    return workers;
  }

  private constructor(cluster: TestCluster, nodes: Node[]) {
    this.#cluster = cluster;
    this.nodes = nodes;
    this.one = new ChaosSubscriber('worker-1', cluster, FILTER, 2);
    this.two = new ChaosSubscriber('worker-2', cluster, FILTER, 2);
    this.publisher = new ChaosPublisher('publisher', cluster);
  }

  /** @param packets that each worker handles of what comes. */
  async pass(ms: number, packets = Number.POSITIVE_INFINITY): Promise<void> {
    const left = new Map([this.one, this.two].map((worker) => [worker, packets]));
    for (let at = 0; at < ms; at++) {
      await this.#cluster.advance(1);
      for (const node of this.nodes) node.turn();
      this.publisher.work(100);
      for (const [worker, rest] of left) {
        const count = Math.min(rest, worker.link?.inbox.length ?? 0);
        worker.work(count);
        left.set(worker, rest - count);
      }
    }
  }

  publish(): void {
    for (let i = 0; i < MESSAGES; i++) this.publisher.publish(`jobs/line-${i * 37}`, `${i}`, 2);
  }

  /** Each payload, as often as a worker got it. */
  received(): string[] {
    const all = [this.one, this.two].flatMap(({ received }) => [...received].flatMap(([payload, n]) => Array(n).fill(payload)));
    return all.sort((a, b) => Number(a) - Number(b));
  }
}

const EACH_ONCE = Array.from({ length: MESSAGES }, (_, i) => `${i}`);

/** `packets` that each worker handles in `afterMs`, then its bridge dies. */
const DEATHS = [
  ...[2, 4, 6, 7, 8, 9, 10, 14, 20, 1_400].map((afterMs) => ({ afterMs, packets: 1_000 })),
  ...[0, 1, 4, 9].map((packets) => ({ afterMs: 300, packets })),
];

test.each(DEATHS)(
  'QoS 2 of a shared subscription comes to one session once, when its bridge dies $afterMs ms after PUBLISH, $packets packets later [MQTT-4.3.3-10] [MQTT-4.8.2-5]',
  async ({ afterMs, packets }) => {
    await using cluster = await startCluster({ time: 'virtual', brokers: 2, seed: afterMs * 100 + packets });
    const workers = await Workers.start(cluster);
    workers.publish();
    await workers.pass(afterMs, packets);
    workers.nodes.shift()?.kill();
    // The group's queues go to the other one before the session comes back.
    await workers.pass(2_000);
    workers.one.connect(workers.nodes[0] as Node);
    await workers.pass(3_000);
    expect(workers.received()).toEqual(EACH_ONCE);
    if (afterMs > 100 && packets > 0) expect(workers.one.received.size).toBeGreaterThan(1);
  },
);

test('QoS 2 of a shared subscription comes once, when both bridges die and one comes back', async () => {
  await using cluster = await startCluster({ time: 'virtual', brokers: 2 });
  const workers = await Workers.start(cluster);
  workers.publish();
  await workers.pass(100);
  expect(workers.received()).toEqual(EACH_ONCE);
  for (const node of workers.nodes.splice(0)) node.kill();
  const three = await startNode(cluster, 'three', 3);
  workers.nodes.push(three);
  workers.two.connect(three);
  workers.publisher.connect(three);
  await workers.pass(6_000);
  expect(workers.received()).toEqual(EACH_ONCE);
});
