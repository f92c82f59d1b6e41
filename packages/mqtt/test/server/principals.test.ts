import { expect, test } from 'vitest';
import { World } from './world.ts';

const KEPT = { clean: false, properties: { sessionExpiryInterval: 600 } };
const ALICE = { ...KEPT, username: 'alice', password: Buffer.from('pw') };
const BOB = { ...KEPT, username: 'bob', password: Buffer.from('pw') };

test.each([
  { version: 5, code: 0x87 },
  { version: 4, code: 0x05 },
] as const)(
  'a client id that is connected as another user is refused with $code in version $version, also to a clean start [QNT-MQT-100]',
  ({ version, code }) => {
    for (const bridge of [0, 1]) {
      const world = new World({ bridges: 2 });
      const alice = world.online(ALICE, version);
      for (const clean of [false, true]) {
        const bob = world.online({ ...BOB, clean }, version, bridge);
        expect(bob.last('connack')).toMatchObject(version === 5 ? { reasonCode: code } : { returnCode: code });
        expect(bob.ended).toBe('closed');
      }
      expect(alice.ended).toBeUndefined();
      expect(world.log).toContain('connect-refused');
    }
  },
);

test('a connection that waits for its session is not ended by another user who wants it [QNT-MQT-100]', () => {
  const world = new World();
  const racing = [ALICE, BOB, ALICE, BOB, ALICE].map((who) => world.device().connect(who));
  world.run();
  expect(racing.map(({ ended }) => ended)).toEqual(['closed', 'closed', 'closed', 'closed', undefined]);
  expect(racing.map(({ got }) => got.length)).toEqual([0, 0, 0, 1, 1]);
  expect(racing[3]?.last('connack').reasonCode).toBe(0x87);
  expect(racing[4]?.last('connack').reasonCode).toBe(0);
});

test.each([1, 2] as const)(
  'what waits or was begun with QoS %i does not come once the right to it is withdrawn, and what is left does [QNT-MQT-101]',
  (qos) => {
    const world = new World();
    const first = world.online({ ...ALICE, properties: { sessionExpiryInterval: 600, receiveMaximum: 2 } });
    for (const filter of ['secret', 'open', '$share/g/shared']) first.subscribe(filter, qos);
    world.run();
    for (const topic of ['secret', 'open', 'secret', 'open']) world.cluster.send(topic, 'x', { qos });
    world.run();
    first.drop();
    world.run();
    for (const topic of ['secret', 'shared']) world.gate.forbidden.add(topic);
    const again = world.online(ALICE);
    world.run();
    for (const topic of ['secret', 'shared', 'open']) world.cluster.send(topic, 'y', { qos });
    world.run();
    expect(again.messages.filter((message) => !message.startsWith('open='))).toEqual([]);
    expect(again.messages).toEqual(expect.arrayContaining(['open=x', 'open=y']));
    expect(world.cluster.sessions.get('a')?.subscriptions.map(({ filter }) => filter)).toEqual(['open']);
    expect(world.log).toContain('subscription-dropped');
  },
);
