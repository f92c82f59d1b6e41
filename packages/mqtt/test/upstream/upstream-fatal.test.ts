import type { Message } from '@qanat/core';
import { PROPERTY, REASON, UPSTREAM_TRIES_MAX } from '@qanat/mqtt';
import { describe, expect, test, vi } from 'vitest';
import { FatalPublish } from '../../src/upstream/fatal-publish.ts';
import { storedMessage } from '../mapping/stored-message.ts';
import { join } from './joined.ts';
import { StrictBroker } from './strict-broker.ts';

const RECONNECT_PATIENCE = { timeout: 8_000 };

const message = (key: string, body: string, qos: number): Message =>
  storedMessage('mqtt', { body, key, properties: { [PROPERTY.QOS]: String(qos) } });

describe('what a connection that ends is held against', () => {
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });

  /** A connection on which these are sent, and some acknowledged. @returns what is to be given up. */
  function connection(fatal: FatalPublish, sent: readonly number[], acknowledged: readonly number[] = []): number | undefined {
    fatal.accepted();
    for (const packetId of sent) fatal.sent(packetId);
    for (const packetId of acknowledged) fatal.acknowledged(packetId);
    return fatal.ended();
  }

  test('[QNT-MQT-124] the publish that was the first without an acknowledgement each time, in so many in a row', () => {
    const fatal = new FatalPublish();
    const found = [connection(fatal, [1, 2, 3], [1]), connection(fatal, [2]), connection(fatal, [2])];
    expect(found).toEqual([undefined, undefined, 2]);
    expect(found).toHaveLength(UPSTREAM_TRIES_MAX);
  });

  test('[QNT-MQT-124] one before it, whose acknowledgement was lost, is not given up for it', () => {
    const fatal = new FatalPublish();
    const found = [connection(fatal, [1, 2]), ...Array.from({ length: 3 }, () => connection(fatal, [1, 2], [1]))];
    expect(found).toEqual([undefined, undefined, undefined, 2]);
  });

  test.each<[string, (fatal: FatalPublish) => void]>([
    ['found nobody', (fatal) => void fatal.ended()],
    ['ended before anything was sent', (fatal) => void connection(fatal, [])],
    ['had all acknowledged', (fatal) => void connection(fatal, [1], [1])],
    [
      'failed on this side',
      (fatal) => {
        fatal.accepted();
        fatal.sent(1);
        fatal.failed(new Error('Keepalive timeout'));
        fatal.ended();
      },
    ],
    [
      "ended with a reason of the server's own",
      (fatal) => {
        fatal.accepted();
        fatal.sent(1);
        fatal.told(REASON.SERVER_SHUTTING_DOWN);
        fatal.ended();
      },
    ],
  ])('[QNT-MQT-124] a connection between that %s begins the count anew', (_what, between) => {
    const fatal = new FatalPublish();
    for (let i = 1; i < UPSTREAM_TRIES_MAX; i++) expect(connection(fatal, [1])).toBeUndefined();
    between(fatal);
    for (let i = 1; i < UPSTREAM_TRIES_MAX; i++) expect(connection(fatal, [1])).toBeUndefined();
    expect(connection(fatal, [1])).toBe(1);
  });

  test('[QNT-MQT-124] it counts where the socket was reset, and where the reason is about a packet', () => {
    const fatal = new FatalPublish();
    for (let i = 1; i < UPSTREAM_TRIES_MAX; i++) expect(connection(fatal, [1])).toBeUndefined();
    fatal.accepted();
    fatal.sent(1);
    fatal.told(REASON.PACKET_TOO_LARGE);
    fatal.failed(reset);
    expect(fatal.ended()).toBe(1);
  });
});

test.each([1, 2])(
  '[QNT-MQT-124] a message of QoS %i that ends every connection of 3.1.1 is dropped and told, and no other one is',
  async (qos) => {
    await using other = new StrictBroker(4);
    // A server of 3.1.1 cannot say it.
    other.takes = { maximumPacketSize: 300 };
    const { client, upstream, told } = await join(await other.start(), { protocolVersion: 4 });
    await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
    await client.handle([message('here/1', 'x', qos), message('here/large', 'x'.repeat(300), qos), message('here/2', 'x', qos)]);
    // The first one ends before what came with it is acknowledged.
    expect(other.violations).toHaveLength(1 + UPSTREAM_TRIES_MAX);
    expect(new Set(other.topics())).toEqual(new Set(['here/1', 'here/2']));
    expect(upstream.figures()).toMatchObject({ sent: 2, dropped: 1 });
    expect(told('upstream.dropped')).toEqual([
      { upstream: 'factory', topic: 'here/large', why: 'the other broker ended 3 connections in a row at its sending' },
    ]);
    await upstream.close();
  },
  15_000,
);

test('[QNT-MQT-124] a server that is away between its connections costs no message, however often it ends them', async () => {
  await using other = new StrictBroker(4);
  other.acknowledging = false;
  const { client, upstream } = await join(await other.start(), { protocolVersion: 4 });
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const handled = client.handle([message('here/1', 'x', 1)]);
  for (let end = 1; end <= UPSTREAM_TRIES_MAX; end++) {
    await vi.waitFor(() => expect(other.published).toHaveLength(end), RECONNECT_PATIENCE);
    other.away = true;
    other.breakOff();
    await vi.waitFor(() => expect(other.turnedAway).toBe(end), RECONNECT_PATIENCE);
    other.away = false;
  }
  other.acknowledging = true;
  await handled;
  expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 0 });
  await upstream.close();
}, 30_000);

test('what is under way fails when the upstream is closed, so that it is read again', async () => {
  await using other = new StrictBroker();
  other.acknowledging = false;
  const { client, upstream } = await join(await other.start());
  await vi.waitFor(() => expect(upstream.figures().connected).toBe(true));
  const failure = expect(client.handle([message('here/1', 'x', 1)])).rejects.toMatchObject({ code: 'CLOSED' });
  await vi.waitFor(() => expect(other.published).toHaveLength(1));
  await upstream.close();
  await failure;
  expect(upstream.figures()).toMatchObject({ sent: 0, dropped: 0 });
});
