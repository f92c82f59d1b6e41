import { TopicRules } from '@qanat/mqtt';
import { startCluster } from '@qanat/testing';
import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { Link, Node } from './nodes.ts';

const CONNECT: Packet = {
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 5,
  clientId: 'device',
  clean: false,
  keepalive: 0,
  properties: { sessionExpiryInterval: 86_400 },
};
const SUBSCRIBE: Packet = {
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic: 'state/#', qos: 1, nl: false, rap: false, rh: 0 }],
};

const publishes = (link: Link): Packet[] => link.inbox.filter(({ cmd }) => cmd === 'publish');

test('a retained message of QoS 1 comes again when the bridge dies at once after SUBSCRIBE, with DUP and its packet id [MQTT-4.4.0-1]', async () => {
  await using cluster = await startCluster({ time: 'virtual', brokers: 2 });
  const [one, two] = [
    await new Node('one', await cluster.connect(), cluster, 1).start(new TopicRules()),
    await new Node('two', await cluster.connect(), cluster, 2).start(new TopicRules()),
  ];
  const first = new Link(one, cluster);
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 5) {
      await cluster.advance(5);
      one.turn();
      two.turn();
    }
  };
  first.send(CONNECT);
  await pass(2_500);
  first.send({ cmd: 'publish', topic: 'state/1', payload: 'on', qos: 1, messageId: 1, retain: true, dup: false });
  // What came before a checkpoint is not looked for in the log.
  await pass(2_500);
  first.send(SUBSCRIBE);
  await pass(100);
  const [sent] = publishes(first);
  expect(sent).toMatchObject({ topic: 'state/1', qos: 1, retain: true, dup: false });
  one.kill();
  const second = new Link(two, cluster);
  second.send(CONNECT);
  await pass(2_000);
  expect(publishes(second)).toMatchObject([
    { topic: 'state/1', dup: true, messageId: (sent as { messageId: number }).messageId },
  ]);
});
