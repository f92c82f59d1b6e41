import type { Message } from '@qanat/core';
import { PROPERTY } from '@qanat/mqtt';
import type { Packet } from 'mqtt-packet';
import { expect, test, vi } from 'vitest';
import { storedMessage } from '../mapping/stored-message.ts';
import { join } from './joined.ts';
import { bytesOf, StrictBroker } from './strict-broker.ts';

const RECONNECT_PATIENCE = { timeout: 8_000 };

const message = (key: string, body = 'x', properties: Readonly<Record<string, string>> = {}): Message =>
  storedMessage('mqtt', { body, key, properties });

const everyProperty = (user: string): Readonly<Record<string, string>> => ({
  [PROPERTY.FORMAT]: '1',
  [PROPERTY.CONTENT_TYPE]: 'text/plain',
  [PROPERTY.RESPONSE_TOPIC]: 'answers/here',
  [PROPERTY.CORRELATION]: Buffer.from([1, 2, 3]).toString('base64'),
  [PROPERTY.EXPIRES]: String(Date.now() + 3_600_000),
  [PROPERTY.USER]: JSON.stringify([
    ['a', user],
    ['b', 'ü'],
    ['a', '2'],
  ]),
});

test.each([0, 1, 2])(
  '[QNT-MQT-105] a packet of QoS %i beyond the Maximum Packet Size of the other server is dropped, and the rest goes on',
  async (qos) => {
    await using other = new StrictBroker();
    other.takes = { maximumPacketSize: 300 };
    const { client, upstream, told } = await join(await other.start());
    await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
    const properties = { [PROPERTY.QOS]: String(qos) };
    await client.handle([
      message('here/1', 'x', properties),
      message('here/large', 'x'.repeat(300), properties),
      message('here/2', 'x', properties),
    ]);
    await vi.waitFor(() => expect(other.topics()).toEqual(['here/1', 'here/2']));
    expect([other.violations, other.connections]).toEqual([[], 1]);
    expect(upstream.figures()).toMatchObject({ sent: 2, dropped: 1 });
    expect(told('upstream.dropped')).toEqual([
      { upstream: 'factory', topic: 'here/large', why: 'its packet has more than the 300 bytes that the other broker takes' },
    ]);
    await upstream.close();
  },
);

test('[QNT-MQT-105] a packet of exactly the Maximum Packet Size is sent, with every property, and one of a byte more is not', async () => {
  await using other = new StrictBroker();
  const { client, upstream } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  await client.handle([message('here/1', 'body', everyProperty('1'))]);
  other.takes = { maximumPacketSize: bytesOf(other.published[0] as Packet) };
  other.breakOff();
  await vi.waitFor(() => expect(other.connections).toBe(2), RECONNECT_PATIENCE);
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  await client.handle([message('here/2', 'body', everyProperty('1')), message('here/3', 'body', everyProperty('22'))]);
  expect(other.topics()).toEqual(['here/1', 'here/2']);
  expect(other.violations).toEqual([]);
  await upstream.close();
});

test('[QNT-MQT-105] the limit is that of the connection: what was under way when it shrank is dropped, and what follows goes on', async () => {
  await using other = new StrictBroker();
  other.acknowledging = false;
  const { client, upstream, told } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const handled = client.handle([message('here/1'), message('here/large', 'x'.repeat(300)), message('here/2')]);
  await vi.waitFor(() => expect(other.published).toHaveLength(3));
  other.acknowledging = true;
  other.takes = { maximumPacketSize: 200 };
  other.published.length = 0;
  other.breakOff();
  await handled;
  expect(other.topics()).toEqual(['here/1', 'here/2']);
  expect([other.violations, other.connections]).toEqual([[], 2]);
  expect(upstream.figures()).toMatchObject({ sent: 2, dropped: 1 });
  expect(told('upstream.dropped')).toHaveLength(1);
  await upstream.close();
}, 15_000);

test('[QNT-MQT-105] what is read before there is a connection waits for it, and is measured by its limit', async () => {
  await using other = new StrictBroker();
  other.takes = { maximumPacketSize: 200, maximumQoS: 0 };
  const { client, upstream } = await join(await other.start());
  await client.handle([message('here/1'), message('here/large', 'x'.repeat(300)), message('here/2')]);
  await vi.waitFor(() => expect(other.topics()).toEqual(['here/1', 'here/2']));
  expect(other.violations).toEqual([]);
  expect(upstream.figures()).toMatchObject({ sent: 2, dropped: 1 });
  await upstream.close();
});

test.each([4, 5] as const)(
  '[QNT-MQT-105] a topic that MQTT cannot say there is dropped, and what follows goes on in version %i',
  async (protocolVersion) => {
    await using other = new StrictBroker(protocolVersion);
    const remotePrefix = 'p'.repeat(65_500);
    const { client, upstream, told } = await join(await other.start(), { protocolVersion, remotePrefix });
    await client.handle([message('k'.repeat(36)), message('k'.repeat(35)), message('here')]);
    expect(other.published.map(({ topic }) => topic.length)).toEqual([65_535, 65_504]);
    expect([other.violations, other.connections]).toEqual([[], 1]);
    expect(upstream.figures()).toMatchObject({ sent: 2, dropped: 1 });
    expect(told('upstream.dropped')[0]).toMatchObject({ why: 'its topic there is none that MQTT can say' });
    await upstream.close();
  },
);

test('[QNT-MQT-105] a topic of which the prefixes leave nothing is dropped, and what follows goes on', async () => {
  await using other = new StrictBroker();
  const { client, upstream } = await join(await other.start(), { localPrefix: 'here/' });
  await client.handle([message('here/'), message('here'), message('here/1')]);
  expect(other.topics()).toEqual(['1']);
  expect(other.violations).toEqual([]);
  expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 2 });
  await upstream.close();
});

test('[QNT-MQT-106] Retain Available 0 and Maximum QoS: it is sent without RETAIN, with that QoS, and told', async () => {
  await using other = new StrictBroker();
  other.takes = { retainAvailable: false, maximumQoS: 1 };
  const { client, upstream, told } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const retained = { [PROPERTY.RETAIN]: '1', [PROPERTY.QOS]: '2' };
  await client.handle([message('here/1', 'x', retained), message('here/2', 'x', { [PROPERTY.QOS]: '0' })]);
  await vi.waitFor(() => expect(other.published).toHaveLength(2));
  expect(other.published.map(({ topic, qos, retain }) => [topic, qos, retain])).toEqual([
    ['here/1', 1, false],
    ['here/2', 0, false],
  ]);
  expect([other.violations, other.connections]).toEqual([[], 1]);
  expect(told('upstream.limited')).toEqual([{ upstream: 'factory', qosMax: 1, retain: false }]);
  await upstream.close();
});

test('[QNT-MQT-106] a Maximum QoS that shrank holds for what was under way: it comes back to be sent anew', async () => {
  await using other = new StrictBroker();
  other.acknowledging = false;
  const { client, upstream } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const batch = [message('here/1', 'x', { [PROPERTY.QOS]: '2' })];
  const handled = client.handle(batch);
  await vi.waitFor(() => expect(other.published).toHaveLength(1));
  other.acknowledging = true;
  other.takes = { maximumQoS: 0 };
  other.breakOff();
  await expect(handled).rejects.toThrow();
  await client.handle(batch);
  await vi.waitFor(() => expect(other.published.map(({ qos }) => qos)).toEqual([2, 0]));
  expect(other.violations).toEqual([]);
  await upstream.close();
}, 15_000);

test('[QNT-MQT-105] a subscription that the other server does not take is told, and messages go there nevertheless', async () => {
  await using other = new StrictBroker();
  other.takes = { wildcardSubscriptionAvailable: false };
  const { client, upstream, told } = await join(await other.start());
  await client.handle([message('here/1')]);
  expect(other.topics()).toEqual(['here/1']);
  expect([other.subscribed, other.violations, other.connections]).toEqual([[], [], 1]);
  expect(told('upstream.refused')).toEqual([{ upstream: 'factory', filter: '#', why: 'the other broker takes no wildcards' }]);
  await upstream.close();
});

test.each([true, false])('it subscribes again where the session is lost, and only there (session kept: %s)', async (kept) => {
  await using other = new StrictBroker();
  other.keepsSessions = kept;
  const { upstream, told } = await join(await other.start());
  await vi.waitFor(() => expect(other.subscribed).toEqual(['#']));
  other.breakOff();
  await vi.waitFor(() => expect(told('upstream.connected')).toHaveLength(2), RECONNECT_PATIENCE);
  if (!kept) await vi.waitFor(() => expect(other.subscribed).toEqual(['#', '#']));
  await upstream.close();
  expect(other.subscribed).toEqual(kept ? ['#'] : ['#', '#']);
});

test('a user property whose name JavaScript has for itself is left out, and holds nothing up when it is sent again', async () => {
  await using other = new StrictBroker();
  other.acknowledging = false;
  const { client, upstream } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const user = JSON.stringify([['__proto__', 'x']]);
  const handled = client.handle([message('here/1', 'x', { [PROPERTY.USER]: user }), message('here/2')]);
  await vi.waitFor(() => expect(other.published).toHaveLength(2));
  other.acknowledging = true;
  other.published.length = 0;
  other.breakOff();
  await handled;
  expect(other.published.map(({ topic, dup }) => [topic, dup])).toEqual([
    ['here/1', true],
    ['here/2', true],
  ]);
  await upstream.close();
}, 15_000);

test('a message that expires later than MQTT can say is sent with the longest interval', async () => {
  await using other = new StrictBroker();
  const { client, upstream } = await join(await other.start());
  await client.handle([message('here/1', 'x', { [PROPERTY.EXPIRES]: String(Number.MAX_SAFE_INTEGER) })]);
  expect(other.published[0]?.properties?.messageExpiryInterval).toBe(0xffff_ffff);
  expect(other.connections).toBe(1);
  await upstream.close();
});

test('no more is under way than the Receive Maximum of the other server, where several acknowledgements come at once', async () => {
  await using other = new StrictBroker();
  other.takes = { receiveMaximum: 4 };
  other.acknowledgesAtOnce = 4;
  const { client, upstream } = await join(await other.start());
  await client.handle(Array.from({ length: 40 }, (_, i) => message(`here/${i}`)));
  expect([other.violations, other.connections]).toEqual([[], 1]);
  expect(other.published).toHaveLength(40);
  await upstream.close();
});

test('what waits for a connection fails when the upstream is closed, so that it is read again', async () => {
  const other = new StrictBroker();
  const url = await other.start();
  await other[Symbol.asyncDispose]();
  const { client, upstream } = await join(url);
  const handled = client.handle([message('here/1'), message('here/2')]);
  const failure = expect(handled).rejects.toMatchObject({ code: 'CLOSED' });
  await upstream.close();
  await failure;
  expect(upstream.figures()).toMatchObject({ sent: 0, dropped: 0 });
});
