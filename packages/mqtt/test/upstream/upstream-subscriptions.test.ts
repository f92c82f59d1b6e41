import { QanatError } from '@qanat/core';
import { expect, test, vi } from 'vitest';
import { storedMessage } from '../mapping/stored-message.ts';
import { FakeState, type Joined, join } from './joined.ts';
import { StrictBroker } from './strict-broker.ts';

const RECONNECT_PATIENCE = { timeout: 8_000 };

async function joined(other: StrictBroker, url: string, patterns: readonly string[], state: FakeState): Promise<Joined> {
  const connections = other.connections;
  const one = await join(url, { protocolVersion: other.version, patterns, state });
  await vi.waitFor(() => expect(one.upstream.figures().connected).toBe(true));
  expect(other.connections).toBe(connections + 1);
  return one;
}

test('[QNT-MQT-123] in version 5 a bridge that starts again asks anew, without retained messages of what its session has', async () => {
  await using other = new StrictBroker();
  const [url, state] = [await other.start(), new FakeState()];
  for (const patterns of [['a/#'], ['a/#']]) {
    const { upstream } = await joined(other, url, patterns, state);
    await vi.waitFor(() => expect(other.subscribed).toHaveLength(other.connections));
    await upstream.close();
  }
  expect(other.subscribed).toEqual(['a/#', 'a/#']);
  expect(other.retainHandling).toEqual([1, 1]);
});

test('[QNT-MQT-123] in version 3.1.1 a bridge that starts again asks only for what its session does not have', async () => {
  await using other = new StrictBroker(4);
  const [url, state] = [await other.start(), new FakeState()];
  const first = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(state.entries.size).toBe(1));
  await first.upstream.close();
  const second = await joined(other, url, ['a/#', 'b/#'], state);
  await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#', 'b/#']));
  await vi.waitFor(() => expect(state.writes).toBe(2));
  await second.upstream.close();
  const third = await joined(other, url, ['a/#', 'b/#'], state);
  // Behind what it subscribes to.
  await third.client.handle([storedMessage('mqtt', { body: 'x', key: 'here/1' })]);
  await third.upstream.close();
  expect(other.subscribed).toEqual(['a/#', 'b/#']);
});

test.each([4, 5] as const)(
  '[QNT-MQT-123] what is not wanted any more is unsubscribed from once, after the new filters are asked for, in version %i',
  async (version) => {
    await using other = new StrictBroker(version);
    const [url, state] = [await other.start(), new FakeState()];
    const first = await joined(other, url, ['#'], state);
    await vi.waitFor(() => expect(state.writes).toBe(1));
    await first.upstream.close();
    const second = await joined(other, url, ['a/#'], state);
    await vi.waitFor(() => expect(other.unsubscribed).toEqual(['#']));
    expect(other.subscribed).toEqual(['#', 'a/#']);
    await vi.waitFor(() => expect(state.writes).toBe(3));
    await second.upstream.close();
    const third = await joined(other, url, ['a/#'], state);
    await third.client.handle([storedMessage('mqtt', { body: 'x', key: 'here/1' })]);
    await third.upstream.close();
    expect(other.unsubscribed).toEqual(['#']);
  },
);

test('[QNT-MQT-123] what is not answered is not taken for done: the next bridge asks again', async () => {
  await using other = new StrictBroker(4);
  other.answersSubscriptions = false;
  const [url, state] = [await other.start(), new FakeState()];
  const first = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#']));
  await first.upstream.close();
  const second = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#', 'a/#']));
  await second.upstream.close();
  expect(state.entries.size).toBe(0);
});

test('[QNT-MQT-123] a session that was lost while nobody was there is subscribed again by the bridge that starts next', async () => {
  await using other = new StrictBroker(4);
  const [url, state] = [await other.start(), new FakeState()];
  const first = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(state.entries.size).toBe(1));
  await first.upstream.close();
  other.keepsSessions = false;
  other.answersSubscriptions = false;
  const second = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#', 'a/#']));
  // What was remembered is of a session that is gone.
  await vi.waitFor(() => expect(state.entries.size).toBe(0));
  await second.upstream.close();
});

test.each([4, 5] as const)(
  '[QNT-MQT-123] a session that was lost is subscribed again, also where the connection that found it new ended early, in %i',
  async (version) => {
    await using other = new StrictBroker(version);
    const [url, state] = [await other.start(), new FakeState()];
    const { client, upstream, told } = await joined(other, url, ['a/#'], state);
    await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#']));
    other.acknowledging = false;
    const handled = client.handle([storedMessage('mqtt', { body: 'x', key: 'a/1' })]);
    await vi.waitFor(() => expect(other.published).toHaveLength(1));
    other.keepsSessions = false;
    other.breakOff();
    // What is under way is sent before anything is asked for.
    await vi.waitFor(() => expect(other.published).toHaveLength(2), RECONNECT_PATIENCE);
    other.keepsSessions = true;
    other.acknowledging = true;
    other.breakOff();
    await handled;
    await vi.waitFor(() => expect(other.subscribed).toEqual(['a/#', 'a/#']));
    expect(told('upstream.connected')).toHaveLength(2);
    await upstream.close();
  },
  15_000,
);

test('what cannot be remembered is told; what passes is tried again, and what does not is not', async () => {
  await using other = new StrictBroker(4);
  const [url, state] = [await other.start(), new FakeState()];
  state.fails = new QanatError('TIMEOUT', 'nobody is there');
  const { upstream, told } = await joined(other, url, ['a/#'], state);
  await vi.waitFor(() => expect(told('upstream.not-remembered')).toEqual([{ upstream: 'factory', why: 'nobody is there' }]));
  state.fails = new QanatError('FORBIDDEN', 'it may not');
  await vi.waitFor(() => expect(told('upstream.not-remembered')).toHaveLength(2), RECONNECT_PATIENCE);
  state.fails = undefined;
  await upstream.close();
  expect([state.writes, state.entries.size]).toEqual([2, 0]);
});
