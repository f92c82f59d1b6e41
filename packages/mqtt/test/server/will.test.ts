import type { IConnectPacket } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { World } from './world.ts';

const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true } as const;
const withDelay = (seconds: number, expiry: number): Partial<IConnectPacket> => ({
  clean: false,
  will: { ...will, properties: { willDelayInterval: seconds, contentType: 'text/plain' } },
  properties: { sessionExpiryInterval: expiry },
});
const published = (world: World) => world.cluster.logs.flat().map(({ topic }) => topic);

test('DISCONNECT with reason 0 forgets the will, any other end publishes it [MQTT-3.1.2-10] [MQTT-3.14.4-3] [MQTT-3.1.2-8]', () => {
  for (const [reasonCode, expected] of [
    [0, []],
    [4, ['w']],
    [0x80, ['w']],
  ] as const) {
    const world = new World();
    const device = world.online({ will });
    device.send({ cmd: 'disconnect', reasonCode });
    world.run();
    expect(published(world)).toEqual(expected);
    expect(device.ended).toBe('closed');
  }
});

test('a DISCONNECT of 3.1.1 forgets the will (3.1.1 [MQTT-3.1.1:3.14.4-3])', () => {
  const world = new World();
  world.online({ will }, 4).send({ cmd: 'disconnect' });
  world.run();
  expect(published(world)).toEqual([]);
});

test.each(['drop', 'protocol error', 'take-over'])('a %s publishes the will', (how) => {
  const world = new World();
  const device = world.online({ will });
  if (how === 'drop') device.drop();
  else if (how === 'protocol error') device.connect();
  else world.online();
  world.run();
  expect(published(world)).toEqual(['w']);
});

test('a delayed will waits in the cluster, and is cancelled when the session goes on [MQTT-3.1.3-9]', () => {
  const world = new World();
  world.online(withDelay(30, 600)).drop();
  world.run();
  expect(world.cluster.delayedWills.get('a')).toMatchObject({ topic: 'w', properties: { willDelayInterval: 30 } });
  world.online(withDelay(30, 600));
  expect([world.cluster.delayedWills.size, published(world)]).toEqual([0, []]);
});

test('a session that ends with its connection does not delay its will [MQTT-3.1.2-8]', () => {
  const world = new World();
  world.online(withDelay(30, 0)).drop();
  world.run();
  expect(published(world)).toEqual(['w']);
});

test('the bytes of the will are its own: what came is used again', () => {
  const world = new World();
  const device = world.device();
  const send = device.sendBytes.bind(device);
  device.sendBytes = (bytes) => {
    const result = send(bytes);
    bytes.fill(0);
    return result;
  };
  device.connect({ will });
  world.run();
  device.drop();
  world.run();
  expect(Buffer.from(world.cluster.logs.flat()[0]?.payload ?? []).toString()).toBe('gone');
});

test('DISCONNECT changes the session expiry, but not from 0 [MQTT-3.14.2-2] (section 3.14.2.2.2)', () => {
  const world = new World();
  world.online({ properties: { sessionExpiryInterval: 60 } }).send({
    cmd: 'disconnect',
    reasonCode: 0,
    properties: { sessionExpiryInterval: 0 },
  });
  world.run();
  expect(world.cluster.sessions.has('a')).toBe(false);
  const device = world.online();
  device.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } });
  expect(device.last('disconnect').reasonCode).toBe(0x82);
});

test.each([
  ['that no rule maps', 'nowhere', 0x90],
  ['of the server', '$SYS/broker', 0x90],
  ['that is a share', '$share/g/t', 0x90],
  ['that is forbidden', 'forbidden', 0x87],
] as const)('a will to a topic %s is refused with CONNECT, as a publish is [QNT-MQT-104]', (_what, topic, code) => {
  const world = new World();
  world.cluster.unmapped.add('nowhere');
  world.gate.forbidden.add('forbidden');
  const device = world.online({ will: { ...will, topic } });
  expect(device.last('connack').reasonCode).toBe(code);
  expect(device.ended).toBe('closed');
  const old = world.online({ will: { ...will, topic } }, 4);
  // 3.1.1 has a word for one of them.
  expect(old.got.map((packet) => (packet as { returnCode?: number }).returnCode)).toEqual(code === 0x87 ? [5] : []);
  expect(old.ended).toBe('closed');
  expect(world.cluster.sessions.size).toBe(0);
});
