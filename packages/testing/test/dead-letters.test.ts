// Goal: a message that cannot be handled ends in the dead-letter topic, whatever happens to brokers and members on the way.
import type { ClientEvent, Message } from '@qanat/client';
import { startCluster } from '@qanat/testing';
import { expect, it } from 'vitest';

const text = (message: Message): string => new TextDecoder().decode(message.body);
const OPTIONS = { group: 'billing', topics: 'orders', from: 'first', deadLetterTopic: 'orders-dead', maxAttempts: 3 } as const;

it('what fails goes to the dead-letter topic, although its broker dies meanwhile, and the rest is handled once [QNT-OFS-022, QNT-OFS-023, QNT-RGY-007]', async () => {
  const cluster = await startCluster({ time: 'virtual', brokers: 2 });
  const client = await cluster.connect();
  // The dead letters are on one broker, the messages on the other: it is gone when they are first to be sent.
  await cluster.until(client.admin.createTopic('orders', { brokers: ['broker-a'] }));
  await cluster.until(client.admin.createTopic('orders-dead', { brokers: ['broker-b'] }));
  const producer = client.producer();
  const bodies = Array.from({ length: 40 }, (_, i) => (i % 10 === 3 ? `bad ${i}` : `good ${i}`));
  await cluster.until(Promise.all(bodies.map((body) => producer.send('orders', { body, key: body }))));
  cluster.killBroker('broker-b');
  const events: ClientEvent[] = [];
  client.onEvent((event) => events.push(event));
  const handled: string[] = [];
  const consumer = client.pushConsumer({ ...OPTIONS, retryMs: { first: 100, max: 2_000 } });
  const running = consumer.run(async (message) => {
    if (text(message).startsWith('bad')) throw new Error('cannot be handled');
    handled.push(text(message));
  });
  await cluster.advance(20_000);
  expect(events.some((event) => event.kind === 'error' && event.error.message.includes('dead-letter topic orders-dead'))).toBe(
    true,
  );
  expect(events.some((event) => event.kind === 'dead-letter')).toBe(false);
  await cluster.startBroker('broker-b');
  await cluster.advance(20_000);
  expect(handled.toSorted()).toEqual(bodies.filter((body) => body.startsWith('good')).toSorted());
  expect(events.filter((event) => event.kind === 'dead-letter')).toHaveLength(4);
  const { queues } = await cluster.until(client.admin.describeGroup('billing'));
  expect(queues.reduce((sum, queue) => sum + queue.lag, 0)).toBe(0);
  await cluster.until(consumer.close());
  await running;

  const letters: Message[] = [];
  const reading = (async () => {
    for await (const letter of client.pullConsumer().read('orders-dead', { until: 'end' })) letters.push(letter);
  })();
  await cluster.until(reading);
  expect(letters.map(text).toSorted()).toEqual(['bad 13', 'bad 23', 'bad 3', 'bad 33']);
  for (const letter of letters) {
    expect(letter.key).toBe(text(letter));
    expect(letter.properties['qnt.attempt']).toBe('3');
    expect(letter.properties['qnt.origin']).toMatch(/^orders\/broker-a\/[0-3]\/\d+$/);
  }
  await cluster.stop();
}, 60_000);
