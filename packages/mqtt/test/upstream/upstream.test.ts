import type { MessageInit, QanatClient } from '@qanat/client';
import { type Message, utf8 } from '@qanat/core';
import { DEFAULT_RULES, PROPERTY, Upstream } from '@qanat/mqtt';
import { expect, test, vi } from 'vitest';
import { storedMessage } from '../mapping/stored-message.ts';
import { OtherServer } from './other-server.ts';

/** A client whose sends settle when the test says so, and whose consumer hands out what the test gives. */
class FakeClient {
  readonly sent: { readonly message: MessageInit; readonly stored: () => void }[] = [];
  handle: (messages: readonly Message[]) => Promise<void> = async () => {};
  readonly #ended = withResolvers();

  asClient(): QanatClient {
    const producer = {
      send: (_topic: string, message: MessageInit) =>
        new Promise<void>((stored) => this.sent.push({ message, stored: () => stored() })),
      close: async () => {},
    };
    const consumer = {
      runBatch: (handle: (messages: readonly Message[]) => Promise<void>) => {
        this.handle = handle;
        return this.#ended.promise;
      },
      close: async () => this.#ended.resolve(),
    };
    return { producer: () => producer, pushConsumer: () => consumer } as unknown as QanatClient;
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function join(url: string) {
  const client = new FakeClient();
  const topic = { pattern: '#', direction: 'both', qos: 2, localPrefix: '', remotePrefix: '' } as const;
  const upstream = await Upstream.start({
    url,
    clientId: 'joined',
    name: 'factory',
    topics: [topic],
    client: client.asClient(),
    rules: DEFAULT_RULES,
    ack: 'committed',
    log: () => {},
  });
  return { client, upstream };
}

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
