import { expect, test } from 'vitest';
import { World } from './world.ts';

const KEPT = { clean: false, properties: { sessionExpiryInterval: 600 } };

test.each([0, 1])(
  'a client id that connects again ends the connection before, told 0x8E, on bridge %i [MQTT-3.1.4-3]',
  (bridge) => {
    const world = new World({ bridges: 2 });
    const first = world.online(KEPT);
    first.subscribe('t');
    world.run();
    const second = world.online(KEPT, 5, bridge);
    expect(first.last('disconnect').reasonCode).toBe(0x8e);
    expect(first.ended).toBe('closed');
    expect(second.last('connack').sessionPresent).toBe(true);
    world.cluster.send('t', 'x');
    world.run();
    expect(second.messages).toEqual(['t=x']);
    expect(first.messages).toEqual([]);
  },
);

test('a client of 3.1.1 is closed without a word (3.1.1 [MQTT-3.1.1:3.1.4-2])', () => {
  const world = new World();
  const first = world.online({ clean: false }, 4);
  world.online({ clean: false }, 4);
  expect(first.got.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(first.ended).toBe('closed');
});

test('what the connection before did not acknowledge comes again, with its packet id and DUP [MQTT-4.4.0-1] [MQTT-3.3.1-1]', () => {
  for (const bridge of [0, 1]) {
    const world = new World({ bridges: 2 });
    const first = world.online(KEPT);
    first.subscribe('t');
    world.run();
    world.cluster.send('t', 'x');
    world.run();
    const again = world.online(KEPT, 5, bridge);
    expect(again.last('publish')).toMatchObject({ dup: true, messageId: first.last('publish').messageId, topic: 't' });
  }
});

test('a login that fails takes nothing over', () => {
  const world = new World();
  const first = world.online(KEPT);
  world.gate.answer = 'bad-credentials';
  world.online(KEPT);
  expect(first.ended).toBeUndefined();
});

test('of several that connect while the session is being claimed the last one has it, and nothing is lost', () => {
  const world = new World();
  world.online(KEPT).subscribe('t').drop();
  world.run();
  world.cluster.send('t', 'x');
  world.run();
  const racing = [1, 2, 3].map(() => world.device().connect(KEPT));
  world.run();
  expect(racing.map(({ ended }) => ended)).toEqual(['closed', 'closed', undefined]);
  expect(racing.map(({ messages }) => messages)).toEqual([[], [], ['t=x']]);
  expect(racing.map(({ got }) => got.length)).toEqual([0, 0, 2]);
});

test('a socket that breaks while its session is being claimed leaves the session as it was', () => {
  const world = new World();
  world.online(KEPT).subscribe('t').drop();
  world.run();
  world.cluster.send('t', 'x');
  world.run();
  world.device().connect(KEPT).drop();
  world.run();
  expect(world.cluster.sessions.get('a')?.owner).toBeUndefined();
  expect(world.online(KEPT).messages).toEqual(['t=x']);
});

test('a session that another bridge took is not suspended again by the socket that ends', () => {
  const world = new World({ bridges: 2 });
  const first = world.online(KEPT);
  world.online(KEPT, 5, 1);
  first.drop();
  world.run();
  expect(world.bridge.calls.filter((call) => call === 'suspend a')).toHaveLength(1);
  expect(world.cluster.sessions.get('a')?.owner).toBe(world.bridges[1]);
});

test('a session that others have set offline, since the bridge stood still: 0x89, not 0x8E, and it may come again [QNT-MQT-111]', () => {
  const world = new World();
  const device = world.online(KEPT);
  world.server.setOffline('a', world.cluster.sessions.get('a')?.epoch ?? 0, world.nowMs);
  expect(device.last('disconnect').reasonCode).toBe(0x89);
  expect(device.ended).toBe('closed');
  expect(world.server.figures().counters.sessionsTakenOver).toBe(0);
  expect(world.online(KEPT).last('connack').sessionPresent).toBe(true);
});

test('a take-over of an older epoch ends nobody', () => {
  const world = new World();
  const device = world.online(KEPT);
  world.server.takenOver('a', 0, world.nowMs);
  world.server.takenOver('b', 1, world.nowMs);
  world.server.setOffline('a', 0, world.nowMs);
  world.server.setOffline('b', 1, world.nowMs);
  expect(device.ended).toBeUndefined();
});

test('clean start discards the session before, also one that is online [MQTT-3.1.2-4] [MQTT-3.2.2-2]', () => {
  const world = new World();
  world.online(KEPT).subscribe('t');
  world.run();
  const second = world.online({ ...KEPT, clean: true });
  expect(second.last('connack').sessionPresent).toBe(false);
  world.cluster.send('t', 'x');
  world.run();
  expect(second.messages).toEqual([]);
});

test('a session without subscriptions is there as well [MQTT-3.2.2-3] [MQTT-3.1.2-5]', () => {
  const world = new World();
  world.online(KEPT).drop();
  world.run();
  expect(world.online(KEPT).last('connack').sessionPresent).toBe(true);
});
