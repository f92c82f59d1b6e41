import { expect, test } from 'vitest';
import { startWorld, subscription } from './bridges.ts';

const ALICE = { principal: 'alice' };
const BOB = { principal: 'bob' };

test.each([false, true])(
  'a session that is offline is refused to another principal at every bridge, clean start %s, and stays [QNT-MQT-100]',
  async (cleanStart) => {
    await using world = await startWorld();
    const one = await world.bridge('one');
    const two = await world.bridge('two');
    await one.offline('dev1', ['d/alice/#'], ALICE);
    await one.publish('d/alice/secret', 'waits');
    await world.cluster.advance(1_000);
    for (const bridge of [one, two]) expect(await bridge.claim('dev1', { ...BOB, cleanStart })).toBe('not-authorized');
    const { backlog, sessionPresent } = await two.claimed('dev1', ALICE);
    expect(sessionPresent).toBe(true);
    expect(await two.read(backlog.places)).toEqual(['waits']);
  },
);

test.each([0, 86_400])(
  'a session that is online, with an expiry of %i s, is refused to another principal and not ended [QNT-MQT-100]',
  async (expiryInterval) => {
    await using world = await startWorld();
    const one = await world.bridge('one');
    const two = await world.bridge('two');
    await one.session('dev1', ['d/alice/#'], { ...ALICE, expiryInterval });
    // Another bridge may not have been told of it yet.
    for (const bridge of [two, one]) expect(await bridge.claim('dev1', BOB)).toBe('not-authorized');
    await world.cluster.advance(1_000);
    expect(await two.claim('dev1', BOB)).toBe('not-authorized');
    expect(one.lost).toEqual([]);
    expect(one.logged).toEqual([]);
  },
);

test('a session that has expired, or that nobody in particular began, is free for every principal [QNT-MQT-100]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const epoch = await one.session('brief', ['a'], { ...ALICE, expiryInterval: 2 });
  one.suspend('brief', epoch, undefined, 2);
  await one.offline('open', ['a'], { principal: 'anonymous' });
  expect(await one.claim('brief', BOB)).toBe('not-authorized');
  await world.cluster.advance(3_000);
  expect(await one.claimed('brief', BOB)).toMatchObject({ sessionPresent: false, subscriptions: [] });
  expect(await one.claimed('open', BOB)).toMatchObject({ sessionPresent: true });
  expect(await one.claim('open', ALICE)).toBe('not-authorized');
});

test('a session of a bridge that died is free for others when it has expired, not before [QNT-MQT-100]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.session('dev1', ['a'], { ...ALICE, expiryInterval: 0 });
  await world.cluster.advance(1_000);
  await one.kill();
  expect(await two.claim('dev1', BOB)).toBe('not-authorized');
  await world.cluster.advance(12_000);
  expect(await two.claimed('dev1', BOB)).toMatchObject({ sessionPresent: false });
});

test('subscriptions that may not be had any more are gone with the next claim, and stay so [QNT-MQT-101]', async () => {
  await using world = await startWorld();
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  await one.offline('dev1', ['secret/#', subscription('open')], ALICE);
  const asked: string[] = [];
  const maySubscribe = (filter: string): boolean => asked.push(filter) > 0 && filter === 'open';
  const { epoch, subscriptions } = await two.claimed('dev1', { ...ALICE, maySubscribe });
  expect(asked).toEqual(['secret/#', 'open']);
  expect(subscriptions).toEqual([subscription('open')]);
  two.suspend('dev1', epoch);
  await one.publish('secret/a', 'of which it must not know');
  await one.publish('open', 'open');
  await world.cluster.advance(500);
  const again = await one.claimed('dev1', ALICE);
  expect(again.subscriptions).toEqual([subscription('open')]);
  expect(await one.read(again.backlog.places)).toEqual(['open']);
});
