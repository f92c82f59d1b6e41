import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { NEW_SHARE_MS, NEW_SHARES_MAX, SHARES_KEPT_MAX, SHARES_MAX, SHARES_PER_SESSION_MAX } from '../../src/server/limits.ts';
import { NewShares } from '../../src/server/new-shares.ts';
import { type Device, World } from './world.ts';

function member(world: World, clientId: string, qos: 0 | 1 | 2 = 1, more: object = {}, bridge = 0): Device {
  const properties = { sessionExpiryInterval: 600, ...more };
  const device = world.online({ clientId, clean: false, properties }, 5, bridge).subscribe('$share/g/t/#', qos);
  world.run();
  return device;
}

const send = (world: World, count: number, qos: 0 | 1 | 2 = 1): string[] => {
  const first = world.cluster.logs.flat().length;
  const payloads = Array.from({ length: count }, (_, i) => `${first + i}`);
  for (const payload of payloads) world.cluster.send('t/1', payload, { qos });
  world.run();
  return payloads.map((payload) => `t/1=${payload}`);
};

const acknowledge = (world: World, device: Device): void => {
  for (const { messageId } of device.all('publish')) device.ack('puback', messageId as number);
  world.run();
};

test('each message goes to one member, by turns, at the QoS that it was granted [MQTT-4.8.2-3]', () => {
  const world = new World();
  const [one, two, three] = [member(world, 'one'), member(world, 'two', 0), member(world, 'three', 1, { receiveMaximum: 1 })];
  const expected = send(world, 9);
  acknowledge(world, one);
  acknowledge(world, three);
  const all = [one, two, three].flatMap(({ messages }) => messages);
  expect(all.toSorted()).toEqual(expected.toSorted());
  expect([one, two, three].every(({ messages }) => messages.length > 0)).toBe(true);
  expect(two.all('publish').every(({ qos }) => qos === 0)).toBe(true);
});

test('a session gets its own copy beside the shared one (section 4.8.2)', () => {
  const world = new World();
  const device = member(world, 'one').subscribe('t/+', 0);
  world.run();
  send(world, 1);
  expect(device.all('publish').map(({ qos }) => qos)).toEqual([0, 1]);
});

test('the identifier of the shared subscription comes along, RETAIN by Retain As Published', () => {
  const world = new World();
  const device = world.online().subscribe('$share/g/t', 1, { rap: true }, { subscriptionIdentifier: 9 });
  world.run();
  world.cluster.send('t', 'x', { retain: true });
  world.run();
  expect(device.last('publish')).toMatchObject({ retain: true, properties: { subscriptionIdentifier: 9 } });
});

test('what a member did not acknowledge goes to another when its connection ends', () => {
  const world = new World();
  const one = member(world, 'one');
  const expected = send(world, 4);
  const two = member(world, 'two');
  one.drop();
  world.run();
  expect(two.messages).toEqual(expected);
  acknowledge(world, two);
  expect(world.cluster.shareOf({ name: 'g', filter: 't/#' }).settled).toHaveLength(4);
});

test('all members go offline and come back: what came meanwhile is there, nothing acknowledged comes twice', () => {
  const world = new World({ bridges: 2 });
  const one = member(world, 'one');
  const two = member(world, 'two', 1, {}, 1);
  const first = send(world, 6);
  acknowledge(world, one);
  acknowledge(world, two);
  const acknowledged = [...one.messages, ...two.messages];
  one.drop();
  two.drop();
  world.run();
  const second = send(world, 6);
  expect(world.cluster.shareOf({ name: 'g', filter: 't/#' }).bridges).toEqual([]);
  const back = world.online({ clientId: 'two', clean: false, properties: { sessionExpiryInterval: 600 } }, 5, 0);
  expect(back.last('connack').sessionPresent).toBe(true);
  expect(acknowledged.toSorted()).toEqual(first.toSorted());
  expect(back.messages).toEqual(second);
});

test('PUBACK that refuses discards the message: no other member gets it [MQTT-4.8.2-6]', () => {
  const world = new World();
  const one = member(world, 'one');
  send(world, 1);
  one.ack('puback', one.last('publish').messageId as number, 0x80);
  world.run();
  const two = member(world, 'two');
  one.drop();
  world.run();
  expect(two.messages).toEqual([]);
});

test('a message of QoS 2 stays with the session that it was sent to [MQTT-4.8.2-4]', () => {
  const world = new World();
  const one = member(world, 'one', 2);
  send(world, 1, 2);
  const id = one.last('publish').messageId;
  const two = member(world, 'two', 2);
  one.drop();
  world.run();
  expect(two.messages).toEqual([]);
  const again = world.online({ clientId: 'one', clean: false, properties: { sessionExpiryInterval: 600 } });
  expect(again.all('publish').map(({ messageId, dup }) => [messageId, dup])).toEqual([[id, true]]);
});

test('a message of QoS 2 does not move when the session ends after it was sent, and does when it was not [MQTT-4.8.2-5]', () => {
  for (const sent of [true, false]) {
    const world = new World();
    const one = member(world, 'one', 2, { sessionExpiryInterval: 0 });
    const two = member(world, 'two', 2, { receiveMaximum: 1 });
    two.frozen = true;
    two.send({ cmd: 'pingreq' });
    world.cluster.send('t/1', 'x', { qos: 2 });
    while (!world.bridge.calls.some((call) => call.includes('begun'))) world.step();
    if (sent) world.run();
    one.drop();
    two.thaw();
    world.run();
    expect(one.messages.length).toBe(sent ? 1 : 0);
    expect(two.messages).toEqual(sent ? [] : ['t/1=x']);
  }
});

test('messages wait for a member with room, and go back when the last one leaves', () => {
  const world = new World();
  const one = member(world, 'one', 1, { receiveMaximum: 1 });
  const expected = send(world, 3);
  expect(one.messages).toEqual(expected.slice(0, 1));
  acknowledge(world, one);
  expect(one.messages).toEqual(expected.slice(0, 2));
  one.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['$share/g/t/#'] });
  world.run();
  const share = world.cluster.shareOf({ name: 'g', filter: 't/#' });
  expect(share.bridges).toEqual([]);
  const two = member(world, 'two');
  expect(two.messages.at(-1)).toBe(expected[2]);
  // What was begun before UNSUBSCRIBE goes on [MQTT-3.10.4-3].
  acknowledge(world, one);
  expect(one.ended).toBeUndefined();
});

test('a frozen member gets nothing while others read', () => {
  const world = new World();
  const frozen = member(world, 'frozen');
  const reads = member(world, 'reads');
  frozen.frozen = true;
  frozen.send({ cmd: 'pingreq' });
  const expected = send(world, 5);
  expect(reads.messages).toEqual(expected);
});

test('an expired message of a shared subscription is settled, not sent', () => {
  const world = new World();
  const one = member(world, 'one');
  world.pass(5_000);
  world.cluster.send('t/1', 'late', { properties: { expiresAtMs: 1_000 } });
  world.run();
  expect(one.messages).toEqual([]);
  expect(world.cluster.shareOf({ name: 'g', filter: 't/#' }).settled).toHaveLength(1);
});

test('a subscription that is made again with other options is no second member', () => {
  const world = new World();
  const one = member(world, 'one');
  one.subscribe('$share/g/t/#', 0);
  const two = member(world, 'two', 0);
  send(world, 4);
  expect([one.messages.length, two.messages.length]).toEqual([2, 2]);
  expect(one.all('publish').every(({ qos }) => qos === 0)).toBe(true);
});

test('what is given to a bridge without members goes back at once', () => {
  const world = new World();
  const settled: boolean[] = [];
  const message = {
    topic: 't',
    qos: 1,
    retain: false,
    payload: Buffer.alloc(0),
    clientId: undefined,
    properties: undefined,
  } as const;
  const place = { queue: 0, offset: 0, storeTimeMs: 0 };
  world.server.shared({ name: 'g', filter: 't' }, { ...message, ...place }, (done) => void settled.push(done), 0);
  expect(settled).toEqual([false]);
});

const subscribe = (...filters: readonly string[]): Packet =>
  ({ cmd: 'subscribe', messageId: 9, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) }) as Packet;
const names = (count: number, prefix: string): string[] => Array.from({ length: count }, (_, i) => `$share/${prefix}${i}/t`);

test.each([
  [5, 0x97],
  [4, 0x80],
] as const)('MQTT %i: a session has SHARES_PER_SESSION_MAX shared subscriptions, and no more [QNT-MQT-118]', (version, full) => {
  const world = new World();
  const device = world.online({}, version).send(subscribe(...names(SHARES_PER_SESSION_MAX + 1, 'a'), 'not/shared'));
  world.run();
  const granted = Array.from({ length: SHARES_PER_SESSION_MAX }, () => 1);
  expect(device.last('suback').granted).toEqual([...granted, full, 1]);
  expect(world.server.figures().counters.subscriptionsRefused).toBe(1);
  expect(world.log).toContain('subscription-refused');
  // Another one in the place of one that it had; the same again is none more.
  device.send(
    { cmd: 'unsubscribe', messageId: 10, unsubscriptions: ['$share/a0/t'] } as Packet,
    subscribe('$share/b/t', '$share/b/t'),
  );
  world.run();
  expect(device.last('suback').granted).toEqual([1, 1]);
});

test('the sessions of a bridge have SHARES_MAX shared subscriptions together, one of several sessions counts once [QNT-MQT-118]', () => {
  const world = new World();
  for (let i = 0; i < SHARES_MAX / SHARES_PER_SESSION_MAX; i++)
    world.online({ clientId: `d${i}` }).send(subscribe(...names(SHARES_PER_SESSION_MAX, `s${i}-`)));
  const late = world.online({ clientId: 'late' }).send(subscribe('$share/one/more', '$share/s0-0/t'));
  world.run();
  expect(late.last('suback').granted).toEqual([0x97, 1]);
  expect(world.server.figures().gauges).toMatchObject({ shares: SHARES_MAX, sharesLate: 0 });
});

test('a shared subscription beyond the limit, of a session that goes on, gets its messages when another one is left [QNT-MQT-119]', () => {
  const world = new World({ limits: { sharesMax: 1 } });
  const one = member(world, 'one');
  one.drop();
  world.run();
  const two = world.online({ clientId: 'two' }).subscribe('$share/other/t/#');
  world.run();
  const back = world.online({ clientId: 'one', clean: false, properties: { sessionExpiryInterval: 600 } });
  const expected = send(world, 2);
  expect(back.last('connack')).toMatchObject({ sessionPresent: true, reasonCode: 0 });
  expect([back.messages, two.messages]).toEqual([[], expected]);
  expect(world.server.figures().gauges).toMatchObject({ shares: 2, sharesLate: 1 });
  two.drop();
  world.run();
  expect(back.messages).toEqual(expected);
  expect(world.server.figures().gauges).toMatchObject({ shares: 1, sharesLate: 0 });
});

test('a late shared subscription that is left itself was never joined, and makes no room [QNT-MQT-119]', () => {
  const world = new World({ limits: { sharesMax: 1 } });
  const one = member(world, 'one');
  one.drop();
  world.run();
  world.online({ clientId: 'two' }).subscribe('$share/other/t/#');
  world.run();
  world.online({ clientId: 'one', clean: false, properties: { sessionExpiryInterval: 600 } }).drop();
  world.run();
  expect(world.server.figures().gauges).toMatchObject({ shares: 1, sharesLate: 0 });
  const three = world.online({ clientId: 'three' }).subscribe('$share/third/t/#');
  world.run();
  expect(three.last('suback').granted).toEqual([0x97]);
});

test('who thinks up names of shared subscriptions makes NEW_SHARES_MAX at once, then one each NEW_SHARE_MS [QNT-MQT-118]', () => {
  const world = new World();
  const device = world.online();
  let made = 0;
  for (let i = 0; made < NEW_SHARES_MAX; i++) {
    const filters = names(SHARES_PER_SESSION_MAX, `n${i}-`);
    device.send(subscribe(...filters), { cmd: 'unsubscribe', messageId: 10, unsubscriptions: filters } as Packet);
    world.run();
    made += (device.last('suback').granted as number[]).filter((code) => code === 1).length;
  }
  device.send(subscribe('$share/new/t', '$share/n0-0/t'));
  world.run();
  expect(device.last('suback').granted).toEqual([0x97, 1]);
  world.pass(NEW_SHARE_MS);
  device.send(subscribe('$share/new/t', '$share/newer/t'));
  world.run();
  expect(device.last('suback').granted).toEqual([1, 0x97]);
});

test('SHARES_KEPT_MAX shared subscriptions are not new any more; the one that was here longest ago is forgotten', () => {
  const shares = new NewShares();
  for (let i = 0; i <= SHARES_KEPT_MAX; i++) shares.came(`${i}`);
  for (let i = 0; i < NEW_SHARES_MAX; i++) expect(shares.take(`new ${i}`, 0)).toBe(true);
  expect([shares.take('0', 0), shares.take('1', 0)]).toEqual([false, true]);
});
