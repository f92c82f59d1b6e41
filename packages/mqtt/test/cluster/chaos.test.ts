import type { QanatClient } from '@qanat/client';
import { Random } from '@qanat/core';
import { TopicRules } from '@qanat/mqtt';
import { startCluster, type TestCluster } from '@qanat/testing';
import { expect, test } from 'vitest';
import { ChaosPublisher, ChaosSubscriber } from './chaos-devices.ts';
import { Node } from './nodes.ts';

const TOPICS = ['fleet/1/state', 'fleet/2/state', 'fleet/3/alarm'];
const NODES = 3;
const STEPS = 250;

/** Bridges, brokers and connections die at random, while devices publish and receive. */
class Chaos {
  readonly nodes: Node[] = [];
  readonly subscribers: ChaosSubscriber[];
  readonly publishers: ChaosPublisher[];
  readonly #cluster: TestCluster;
  readonly #random: Random;
  readonly #rules = new TopicRules();
  #started = 0;
  #sent = 0;
  #brokerDown: { readonly name: string; readonly untilStep: number } | undefined;

  constructor(cluster: TestCluster, seed: number) {
    this.#cluster = cluster;
    this.#random = new Random(seed);
    this.subscribers = [
      new ChaosSubscriber('sub-exact-1', cluster, 'fleet/1/state', 1),
      new ChaosSubscriber('sub-exact-2', cluster, 'fleet/2/state', 2),
      new ChaosSubscriber('sub-wild-1', cluster, 'fleet/+/state', 1),
      new ChaosSubscriber('sub-wild-2', cluster, 'fleet/#', 2),
    ];
    this.publishers = ['pub-1', 'pub-2'].map((clientId) => new ChaosPublisher(clientId, cluster));
  }

  async begin(): Promise<void> {
    while (this.nodes.length < NODES) await this.#startNode();
    for (const subscriber of this.subscribers) subscriber.connect(this.#node());
    await this.#pass(200, 100);
    expect(this.subscribers.every(({ subscribed }) => subscribed)).toBe(true);
  }

  async step(step: number): Promise<void> {
    await this.#harm(step);
    for (const device of [...this.subscribers, ...this.publishers]) {
      if (device.alive) {
        if (this.#random.below(40) === 0) device.drop();
      } else if (this.#random.below(6) === 0) device.connect(this.#node());
    }
    for (const publisher of this.publishers) {
      for (let i = this.#random.below(4); i > 0; i--) {
        const topic = TOPICS[this.#random.below(TOPICS.length)] as string;
        publisher.publish(topic, `${publisher.clientId}-${++this.#sent}`, this.#random.below(2) === 0 ? 1 : 2);
      }
    }
    await this.#pass(1 + this.#random.below(120), 1 + this.#random.below(12));
  }

  /** Everything comes back, and gets what it has missed. */
  async end(): Promise<void> {
    if (this.#brokerDown !== undefined) await this.#cluster.startBroker(this.#brokerDown.name);
    for (let round = 0; round < 60; round++) {
      for (const device of [...this.subscribers, ...this.publishers]) if (!device.alive) device.connect(this.#node());
      await this.#pass(500, 1_000);
    }
    expect(this.publishers.every(({ idle }) => idle)).toBe(true);
  }

  async #harm(step: number): Promise<void> {
    if (this.#brokerDown !== undefined) {
      if (step < this.#brokerDown.untilStep) return;
      await this.#cluster.startBroker(this.#brokerDown.name);
      this.#brokerDown = undefined;
    } else if (this.#random.below(60) === 0) {
      const name = this.#cluster.brokers[this.#random.below(this.#cluster.brokers.length)] as string;
      this.#cluster.killBroker(name);
      this.#brokerDown = { name, untilStep: step + 1 + this.#random.below(10) };
    } else if (this.#random.below(30) === 0) {
      const [gone] = this.nodes.splice(this.#random.below(this.nodes.length), 1);
      gone?.kill();
      await this.#startNode();
    }
  }

  async #startNode(): Promise<void> {
    const number = ++this.#started;
    const node = new Node(`node-${number}`, await this.#cluster.connect(), this.#cluster, number);
    this.nodes.push(await node.start(this.#rules));
  }

  #node(): Node {
    return this.nodes[this.#random.below(this.nodes.length)] as Node;
  }

  async #pass(ms: number, packets: number): Promise<void> {
    for (let at = 0; at < ms; at += 5) {
      await this.#cluster.advance(5);
      for (const node of this.nodes) node.turn();
      for (const device of [...this.subscribers, ...this.publishers]) device.work(packets);
    }
  }
}

async function storedPayloads(client: QanatClient): Promise<string[]> {
  const payloads: string[] = [];
  for await (const { body } of client.pullConsumer().read('mqtt', { until: 'end' }))
    payloads.push(new TextDecoder().decode(body));
  return payloads;
}

const seeds = (process.env.CHAOS_SEEDS ?? '1,2,3').split(',').map(Number);

test.each(seeds)(
  'bridges, brokers and connections die: QoS 1 at least once, QoS 2 exactly once [MQTT-4.3.2-1] [MQTT-4.3.3-1] (seed %i)',
  async (seed) => {
    await using cluster = await startCluster({ time: 'virtual', brokers: 2, seed });
    const chaos = new Chaos(cluster, seed);
    await chaos.begin();
    for (let step = 0; step < STEPS; step++) await chaos.step(step);
    await chaos.end();
    const acknowledged = chaos.publishers.flatMap((publisher) => publisher.acknowledged);
    expect(acknowledged.length).toBeGreaterThan(50);
    const faults: string[] = [];
    const stored = await cluster.until(storedPayloads(await cluster.connect()));
    for (const { payload, qos } of acknowledged) {
      const times = stored.filter((other) => other === payload).length;
      if (times === 0 || (times > 1 && qos === 2)) faults.push(`${payload} (QoS ${qos}) is stored ${times} times`);
    }
    const check = (subscriber: ChaosSubscriber, selects: (topic: string) => boolean, once: boolean): void => {
      for (const { payload, topic, qos } of acknowledged.filter((sent) => selects(sent.topic))) {
        const times = subscriber.received.get(payload) ?? 0;
        if (times === 0) faults.push(`${subscriber.clientId} never got ${payload} (${topic}, QoS ${qos})`);
        if (times > 1 && once && qos === 2) faults.push(`${subscriber.clientId} got ${payload} ${times} times`);
      }
    };
    const [exact1, exact2, wild1, wild2] = chaos.subscribers as [
      ChaosSubscriber,
      ChaosSubscriber,
      ChaosSubscriber,
      ChaosSubscriber,
    ];
    check(exact1, (topic) => topic === 'fleet/1/state', false);
    check(exact2, (topic) => topic === 'fleet/2/state', true);
    check(wild1, (topic) => topic.endsWith('/state'), false);
    check(wild2, () => true, true);
    expect(faults).toEqual([]);
  },
  60_000,
);
