import type { MessageInit } from '@qanat/client';
import { QanatError, utf8 } from '@qanat/core';
import { PROPERTY } from '@qanat/mqtt';
import { expect, test, vi } from 'vitest';
import { storedMessage } from '../mapping/stored-message.ts';
import { join } from './joined.ts';
import { OtherServer } from './other-server.ts';

const publication = (topic: string) =>
  ({ topic, qos: 1, retain: false, payload: utf8('x'), clientId: 'there', properties: undefined }) as const;

test('[QNT-MQT-013] [QNT-MQT-030] what comes from a server says so, and is not sent back there', async () => {
  await using other = new OtherServer();
  const { client, upstream } = await join(await other.start());
  await vi.waitFor(() => expect(other.cluster.sessionOf('joined')?.subscriptions).toHaveLength(1));
  other.cluster.store(publication('there/1'));
  other.cluster.run();
  await vi.waitFor(() => expect(client.sent).toHaveLength(1));
  const fetched = client.sent[0]?.message as MessageInit;
  client.sent[0]?.stored();
  expect(fetched.properties?.[PROPERTY.FROM]).toBe('factory');
  const own = storedMessage('mqtt', { body: 'y', key: 'here/1' });
  await client.handle([storedMessage('mqtt', fetched), own]);
  expect(other.cluster.log.map(({ topic }) => topic)).toEqual(['there/1', 'here/1']);
  await upstream.close();
});

test('[QNT-MQT-031] it is acknowledged there once it is stored here, and comes again otherwise', async () => {
  await using other = new OtherServer();
  const url = await other.start();
  const first = await join(url);
  await vi.waitFor(() => expect(other.cluster.sessionOf('joined')?.subscriptions).toHaveLength(1));
  other.cluster.store(publication('there/1'));
  other.cluster.run();
  await vi.waitFor(() => expect(first.client.sent).toHaveLength(1));
  await first.upstream.close();
  const second = await join(url);
  await vi.waitFor(() => expect(second.client.sent).toHaveLength(1));
  second.client.sent[0]?.stored();
  await vi.waitFor(() => expect(second.upstream.figures().received).toBe(1));
  await second.upstream.close();
  const third = await join(url);
  await vi.waitFor(() => expect(third.upstream.figures().connected).toBe(true));
  other.cluster.store(publication('there/2'));
  other.cluster.run();
  await vi.waitFor(() => expect(third.client.sent.map(({ message }) => message.key)).toEqual(['there/2']));
  third.client.sent[0]?.stored();
  await third.upstream.close();
});

test('[QNT-MQT-031] what can never be stored here is acknowledged there, counted and told, and what follows comes', async () => {
  await using other = new OtherServer();
  const { client, upstream, logged, told } = await join(await other.start(), { rules: [{ match: 'there/#', topic: 'mqtt' }] });
  await vi.waitFor(() => expect(other.cluster.sessionOf('joined')?.subscriptions).toHaveLength(1));
  for (const topic of ['nowhere/1', 'there/large', 'there/away']) other.cluster.store(publication(topic));
  other.cluster.run();
  await vi.waitFor(() => expect(client.sent).toHaveLength(1));
  client.sent[0]?.failed(new QanatError('BATCH_TOO_LARGE', 'too large'));
  await vi.waitFor(() => expect(client.sent).toHaveLength(2));
  expect(client.sent[1]?.message.key).toBe('there/away');
  client.sent[1]?.failed(new QanatError('TIMEOUT', 'nobody is there'));
  await vi.waitFor(() => expect(logged.at(-1)?.event).toBe('upstream.not-stored'));
  expect(told('upstream.dropped')).toEqual([
    { upstream: 'factory', topic: 'nowhere/1', why: 'no rule maps its topic here' },
    { upstream: 'factory', topic: 'there/large', why: 'too large' },
  ]);
  expect(upstream.figures()).toMatchObject({ received: 0, dropped: 2 });
  await upstream.close();
});

test('[QNT-MQT-103] what the other server refuses is dropped, counted and told, and the rest of its batch goes on', async () => {
  await using other = new OtherServer();
  other.cluster.outcome = ({ topic }) => (topic === 'here/refused' ? 'not-authorized' : 'success');
  const { client, upstream, told } = await join(await other.start());
  await vi.waitFor(() => expect(other.cluster.sessionOf('joined')?.subscriptions).toHaveLength(1));
  const batch = [1, 2].flatMap((qos) =>
    ['here/1', 'here/refused', 'here/2'].map((key) =>
      storedMessage('mqtt', { body: `${qos}`, key, properties: { [PROPERTY.QOS]: `${qos}` } }),
    ),
  );
  await client.handle(batch);
  expect(other.cluster.log.map(({ topic, qos }) => `${topic} ${qos}`)).toEqual(['here/1 1', 'here/2 1', 'here/1 2', 'here/2 2']);
  expect(upstream.figures()).toMatchObject({ sent: 4, dropped: 2 });
  expect(told('upstream.dropped')).toEqual([
    { upstream: 'factory', topic: 'here/refused', why: 'Publish error: Not authorized' },
  ]);
  await upstream.close();
});
