import { PROPERTY } from '@qanat/mqtt';
import { expect, test, vi } from 'vitest';
import { storedMessage } from '../mapping/stored-message.ts';
import { join } from './joined.ts';
import { StrictBroker } from './strict-broker.ts';

const message = storedMessage('mqtt', { body: 'x', key: 'here/1', properties: { [PROPERTY.QOS]: '2' } });

/** The other broker ends the connection once PUBREL has come, without an answer. Waits until the message is done with. */
async function brokenOffAtPubrel(other: StrictBroker, client: Awaited<ReturnType<typeof join>>['client']): Promise<void> {
  other.answersReleases = false;
  const handled = client.handle([message]);
  await vi.waitFor(() => expect(other.releases).toBe(1));
  other.answersReleases = true;
  other.breakOff();
  await handled;
}

test('[QNT-MQT-125] a server that knows an exchange no more, as it had its PUBREL, has the message: it is not counted as dropped', async () => {
  await using other = new StrictBroker();
  const { client, upstream, told } = await join(await other.start());
  await brokenOffAtPubrel(other, client);
  expect([other.topics(), other.releases]).toEqual([['here/1'], 2]);
  expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 0 });
  expect(told('upstream.dropped')).toEqual([]);
  await upstream.close();
}, 15_000);

test.each([4, 5] as const)(
  '[QNT-MQT-125] a message whose exchange went with the session is sent anew, in version %i',
  async (protocolVersion) => {
    await using other = new StrictBroker(protocolVersion);
    const { client, upstream } = await join(await other.start(), { protocolVersion });
    other.keepsSessions = false;
    await brokenOffAtPubrel(other, client);
    expect(other.published.map(({ topic, dup }) => [topic, dup])).toEqual([
      ['here/1', false],
      ['here/1', false],
    ]);
    expect(other.releases).toBe(2);
    expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 0 });
    await upstream.close();
  },
  15_000,
);

test('[QNT-MQT-125] in a session that is kept, PUBREL alone is sent again', async () => {
  await using other = new StrictBroker(4);
  const { client, upstream } = await join(await other.start(), { protocolVersion: 4 });
  await brokenOffAtPubrel(other, client);
  expect([other.topics(), other.releases]).toEqual([['here/1'], 2]);
  expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 0 });
  await upstream.close();
}, 15_000);

test('[QNT-MQT-125] a server that says of a message sent again that its packet identifier is in use has the message', async () => {
  await using other = new StrictBroker();
  const { client, upstream, told } = await join(await other.start());
  other.answersExactlyOnce = false;
  const handled = client.handle([message]);
  await vi.waitFor(() => expect(other.published).toHaveLength(1));
  other.answersExactlyOnce = true;
  other.breakOff();
  await handled;
  expect(other.published.map(({ dup }) => dup)).toEqual([false, true]);
  expect(upstream.figures()).toMatchObject({ sent: 1, dropped: 0 });
  expect(told('upstream.dropped')).toEqual([]);
  await upstream.close();
}, 15_000);
