// Goal: every engine that ships, meeting in one process: an hour of a cluster's life in seconds, and the same seed is the same
// hour.
// Method: two NameServers, two brokers, three producers and three consumers on virtual time; members come and go, brokers
// restart.
import { Client, Consumer, type ConsumerHandler, type Delivery, Producer, type QanatError } from '@qanat/core';
import { Trace, VirtualCluster, VirtualNode } from '@qanat/simulator';
import { nodePlatform } from '@qanat/transports/node';
import { describe, expect, it } from 'vitest';

const HOUR_MS = 3_600_000;
const SEND_EVERY_MS = 500;
const TOPIC = 'orders';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Outcome {
  readonly trace: string;
  readonly lines: number;
  readonly acked: readonly string[];
  readonly received: readonly string[];
  readonly failures: readonly string[];
}

/** One member of the group that writes down what it is given. */
function startConsumer(node: VirtualNode<Client>, id: number, received: string[]): Consumer {
  return node.call((client, nowMs) => {
    client.enter(nowMs);
    const handler: ConsumerHandler = {
      onDelivery: (delivery: Delivery) => {
        received.push(decoder.decode(delivery.message.body));
        delivery.done();
      },
      onEvent: () => {},
      onEnd: () => {},
    };
    const consumer = new Consumer(
      client,
      id,
      { mode: 'clustering', group: 'g', subscriptions: [{ topic: TOPIC }], from: 'first' },
      handler,
    );
    client.attach(consumer);
    return consumer;
  });
}

function anHour(seed: number, forMs: number): Outcome {
  const trace = new Trace(1_000);
  const cluster = new VirtualCluster({ platform: nodePlatform, seed, trace });
  cluster.start();
  const acked: string[] = [];
  const received: string[] = [];
  const failures: string[] = [];
  const newClient = (name: string): VirtualNode<Client> => {
    const { hosts, clock } = cluster;
    const client = new Client({
      platform: nodePlatform,
      random: hosts.newRandom(),
      nameServers: hosts.nameServerAddresses,
      schemes: ['mem'],
      label: name,
    });
    const node = new VirtualNode(client, { name, clock, transport: hosts.network.transport(name), trace });
    node.start();
    return node;
  };

  for (let i = 0; i < 3; i++) {
    const node = newClient(`producer-${i}`);
    const producer = node.call((client, nowMs) => {
      client.enter(nowMs);
      return new Producer(client);
    });
    let sent = 0;
    const send = (): void => {
      const text = `${i}/${sent++}`;
      node.call((client, nowMs) => {
        client.enter(nowMs);
        const record = { body: encoder.encode(text), key: `key-${sent % 7}`, tag: sent % 2 === 0 ? 'even' : 'odd' };
        producer.send(TOPIC, record, {}, (error: QanatError | undefined) => {
          if (error === undefined) acked.push(text);
          else failures.push(`${text}: ${error.code} ${error.outcome}`);
        });
      });
      if (cluster.clock.nowMs() < forMs) cluster.clock.at(cluster.clock.nowMs() + SEND_EVERY_MS, send);
    };
    cluster.clock.at(cluster.clock.nowMs() + 1_000 + i, send);
  }

  const members = [0, 1, 2].map((i) => newClient(`consumer-${i}`));
  const consumers = members.map((node) => startConsumer(node, 1, received));
  let joined = 1;
  // One member after the other leaves and comes back; a broker restarts as planned now and then.
  for (let atMs = 60_000, turn = 0; atMs < forMs; atMs += 60_000, turn++) {
    cluster.clock.run(atMs);
    const at = turn % members.length;
    if (turn % 5 === 4) cluster.restartBroker(cluster.hosts.brokerNames[turn % 2] as string);
    else if (turn % 2 === 0)
      members[at]?.call((client, nowMs) => {
        client.enter(nowMs);
        consumers[at]?.close({ drain: true }, () => {});
      });
    else {
      const empty = (turn - 1) % members.length;
      consumers[empty] = startConsumer(members[empty] as VirtualNode<Client>, ++joined, received);
    }
  }
  cluster.clock.run(forMs);
  cluster.run(30_000);
  return { trace: trace.hash(), lines: trace.count, acked, received, failures };
}

describe('the whole cluster on virtual time', () => {
  it('delivers every acknowledged message exactly once in an hour of joins, leaves and planned restarts', () => {
    const { acked, received, failures } = anHour(1, HOUR_MS);
    expect(failures).toEqual([]);
    expect(acked.length).toBeGreaterThan(21_000);
    expect(received.toSorted()).toEqual(acked.toSorted());
  }, 120_000);

  it('does the same for the same seed, and something else for another', () => {
    const one = anHour(7, HOUR_MS / 12);
    const again = anHour(7, HOUR_MS / 12);
    expect(one.lines).toBeGreaterThan(10_000);
    expect(again.trace).toBe(one.trace);
    expect(anHour(8, HOUR_MS / 12).trace).not.toBe(one.trace);
  }, 120_000);
});
