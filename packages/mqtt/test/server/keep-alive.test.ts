import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { World } from './world.ts';

test('silence of one and a half times the Keep Alive ends the connection, told 0x8D, and its will is published [MQTT-3.1.2-22]', () => {
  const world = new World();
  const device = world.online({ keepalive: 10, will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false } });
  world.pass(14_900);
  expect(device.ended).toBeUndefined();
  world.pass(400);
  expect(device.last('disconnect').reasonCode).toBe(0x8d);
  expect(device.ended).toBe('closed');
  expect(world.cluster.logs.flat().map(({ topic }) => topic)).toEqual(['w']);
});

test('PINGREQ is answered, and keeps the connection [MQTT-3.12.4-1]', () => {
  const world = new World();
  const device = world.online({ keepalive: 10 }, 4);
  for (let i = 0; i < 20; i++) {
    world.pass(14_000);
    device.send({ cmd: 'pingreq' });
  }
  expect(device.all('pingresp')).toHaveLength(20);
  world.pass(15_300);
  expect(device.ended).toBe('closed');
  expect(device.got.at(-1)?.cmd).toBe('pingresp');
});

test('part of a packet is no sign of life', () => {
  const world = new World();
  const device = world.online({ keepalive: 10 });
  for (let i = 0; i < 4; i++) {
    world.pass(4_000);
    device.sendBytes(Uint8Array.of(i === 0 ? 0x30 : 0x7f));
  }
  expect(device.ended).toBe('closed');
});

test('Keep Alive 0 is no deadline, by either version', () => {
  const world = new World();
  const devices = [world.online({ clientId: 'a' }), world.online({ clientId: 'b' }, 4)];
  world.pass(10_000_000);
  expect(devices.map(({ ended }) => ended)).toEqual([undefined, undefined]);
});

test('the longest Keep Alive of the server is told to clients of 5.0 and used; those of 3.1.1 keep theirs [MQTT-3.2.2-21]', () => {
  const world = new World({ limits: { keepAliveMax: 60 } });
  const told = [0, 61, 60].map((keepalive, i) => world.online({ keepalive, clientId: `c${i}` }).last('connack').properties);
  expect(told.map((properties) => properties?.serverKeepAlive)).toEqual([60, 60, undefined]);
  const old = world.online({ keepalive: 0, clientId: 'old' }, 4);
  world.pass(100_000);
  expect(old.ended).toBeUndefined();
  expect(world.server.figures().gauges.connections).toBe(1);
});

test('a socket without a CONNECT ends after connectDeadlineMs, however slowly it sends one', () => {
  const world = new World();
  const device = world.device();
  for (const byte of [0x10, 13, 0, 4]) {
    world.pass(2_000);
    device.sendBytes(Uint8Array.of(byte));
  }
  world.pass(2_300);
  expect(device.ended).toBe('closed');
  expect(device.got).toEqual([]);
});

test('a CONNECT that is not answered in time is refused with 0x88, and the session is given back', () => {
  const world = new World();
  world.gate.slow = true;
  const device = world.device().connect({ clean: false, properties: { sessionExpiryInterval: 60 } });
  world.pass(10_300);
  expect(device.last('connack').reasonCode).toBe(0x88);
  world.gate.open();
  world.run();
  expect(world.cluster.sessions.has('a')).toBe(false);
});

test('a short Keep Alive counts from CONNACK, not from the deadline of CONNECT', () => {
  const world = new World();
  const device = world.online({ keepalive: 1 });
  world.pass(1_800);
  expect(device.ended).toBe('closed');
});

test('a client that we do not read is not silent, one that does not read is', () => {
  const world = new World();
  world.cluster.takesMore = false;
  const held = world.online({ keepalive: 10, clientId: 'held' }).publish('t', 'x');
  const frozen = world.online({ keepalive: 10, clientId: 'frozen' });
  frozen.frozen = true;
  frozen.send({ cmd: 'pingreq' } as Packet);
  expect([held.paused, frozen.paused]).toEqual([true, false]);
  world.pass(60_000);
  expect([held.ended, frozen.ended]).toEqual([undefined, 'aborted']);
  world.server.ready(world.nowMs);
  expect(held.paused).toBe(false);
  world.pass(16_000);
  expect(held.ended).toBe('closed');
});

test('to read is no sign of life: who sends nothing is silent [MQTT-3.1.2-22]', () => {
  const world = new World();
  const device = world.online({ keepalive: 10 }).subscribe('t', 0);
  device.frozen = true;
  world.online({ clientId: 'other' }).publish('t', 'a');
  for (let i = 0; i < 7; i++) {
    world.pass(2_000);
    device.read();
  }
  expect(device.ended).toBeUndefined();
  world.pass(1_300);
  expect(device.ended).toBe('aborted');
});

test('while a client reads its answers slowly its socket is not read: it is not silent for what waits there', () => {
  const world = new World();
  const device = world.online({ keepalive: 10 });
  device.frozen = true;
  while (!device.paused) device.send(...Array.from({ length: 1_000 }, () => ({ cmd: 'pingreq' }) as const));
  world.pass(14_000);
  device.read();
  world.pass(2_000);
  expect([device.ended, device.paused]).toEqual([undefined, false]);
  device.send({ cmd: 'pingreq' });
  world.pass(14_000);
  expect(device.ended).toBeUndefined();
});

test('connections are not ended for the time that the process itself was away', () => {
  const world = new World();
  const device = world.online({ keepalive: 10 });
  world.nowMs = 60_000;
  world.server.tick(world.nowMs);
  expect(device.ended).toBeUndefined();
  device.send({ cmd: 'pingreq' });
  world.pass(12_000);
  expect(device.ended).toBeUndefined();
});
