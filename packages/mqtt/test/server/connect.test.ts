import { generate, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { World } from './world.ts';

test('CONNACK is the first packet, and says what the client cannot know [MQTT-3.2.0-1]', () => {
  const device = new World().online({ clean: true });
  expect(device.got.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(device.last('connack')).toMatchObject({
    reasonCode: 0,
    sessionPresent: false,
    properties: { receiveMaximum: 100, maximumPacketSize: 1_048_576, topicAliasMaximum: 16 },
  });
});

test('the first packet has to be CONNECT, else the socket is closed without a word [MQTT-3.1.0-1] [MQTT-3.14.0-1]', () => {
  const device = new World().device().send({ cmd: 'pingreq' });
  expect(device.ended).toBe('closed');
  expect(device.got).toEqual([]);
});

test('a second CONNECT is a protocol error [MQTT-3.1.0-2]', () => {
  const device = new World().online();
  device.connect();
  expect(device.last('disconnect').reasonCode).toBe(0x82);
  expect(device.ended).toBe('closed');
});

test('an unknown protocol level is answered in the nearest version [MQTT-3.1.2-2]', () => {
  const world = new World();
  const connect = (level: number) => Buffer.from([0x10, 13, 0, 4, 77, 81, 84, 84, level, 2, 0, 0, 0, 1, 97]);
  const old = world.device(4).sendBytes(connect(3));
  expect(old.last('connack').returnCode).toBe(1);
  expect(old.ended).toBe('closed');
  expect(world.device(5).sendBytes(connect(6)).last('connack').reasonCode).toBe(0x84);
});

test('a client without id gets one that nobody has [MQTT-3.1.3-6] [MQTT-3.2.2-16]', () => {
  const world = new World();
  const ids = [1, 2].map(() => world.online({ clientId: '' }).last('connack').properties?.assignedClientIdentifier);
  expect(ids[0]).toMatch(/^auto-\w+$/);
  expect(ids[1]).toMatch(/^auto-\w+$/);
  expect(ids[0]).not.toBe(ids[1]);
});

test('a client of 3.1.1 without id may not ask for a session that stays (3.1.1 [MQTT-3.1.1:3.1.3-8])', () => {
  const world = new World();
  const device = world.device(4).sendBytes(Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 0, 0, 0]));
  expect(device.last('connack').returnCode).toBe(2);
  expect(world.online({ clientId: '', clean: true }, 4).last('connack').returnCode).toBe(0);
});

test('a client id longer than CLIENT_ID_BYTES_MAX is refused [MQTT-3.1.3-8]', () => {
  const world = new World();
  expect(world.online({ clientId: 'é'.repeat(64) }).last('connack').reasonCode).toBe(0);
  expect(world.online({ clientId: 'é'.repeat(65) }).last('connack').reasonCode).toBe(0x85);
});

test.each([
  ['bad-credentials', 0x86, 4],
  ['not-authorized', 0x87, 5],
  ['unavailable', 0x88, 3],
] as const)('a gate that says %s refuses CONNECT, then the socket is closed [MQTT-3.2.2-7] [MQTT-3.1.4-2]', (answer, v5, v4) => {
  const world = new World();
  world.gate.answer = answer;
  const device = world.online();
  expect(device.last('connack').reasonCode).toBe(v5);
  expect(device.ended).toBe('closed');
  expect(world.online({}, 4).last('connack').returnCode).toBe(v4);
});

test('operators are told once who was refused, and why, of each user', () => {
  const world = new World();
  world.gate.answer = 'bad-credentials';
  world.gate.why = 'the password is not that of the user';
  for (const username of ['ann', 'bob', 'ann']) world.online({ username, password: Buffer.from('pw') });
  expect(world.log).toEqual(['connect-refused', 'connect-refused']);
  const { why } = world.gate;
  expect(world.logged).toMatchObject(['ann', 'bob'].map((user) => ({ user, why, reason: 'BAD_USER_NAME_OR_PASSWORD' })));
});

test('nothing behind a CONNECT that is refused is looked at [MQTT-3.1.4-6]', () => {
  const world = new World();
  world.gate.answer = 'not-authorized';
  const connect: Packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'a', clean: true, keepalive: 0 };
  const publish: Packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false };
  const device = world.device().send(connect, publish);
  world.run();
  expect(device.got.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(world.cluster.logs.flat()).toEqual([]);
});

test('what follows CONNECT at once is handled once CONNACK is written, whatever the pieces that it came in [MQTT-3.1.4-5]', () => {
  const connect: Packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: 'a', clean: true, keepalive: 0 };
  const publish: Packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, messageId: 1, dup: false, retain: false };
  const all = Buffer.concat([connect, publish].map((packet) => generate(packet, { protocolVersion: 5 } as never)));
  for (let cut = 1; cut < all.length; cut++) {
    const world = new World();
    world.gate.slow = true;
    const device = world.device().sendBytes(all.subarray(0, cut)).sendBytes(all.subarray(cut));
    expect(device.paused).toBe(true);
    world.gate.open();
    world.run();
    expect(device.got.map(({ cmd }) => cmd)).toEqual(['connack', 'puback']);
    expect(device.paused).toBe(false);
  }
});

test('a packet that comes byte by byte is one packet', () => {
  const world = new World();
  const device = world.online();
  const publish: Packet = {
    cmd: 'publish',
    topic: 't',
    payload: 'x'.repeat(300),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  };
  for (const byte of generate(publish, { protocolVersion: 5 } as never)) device.sendBytes(Uint8Array.of(byte));
  world.run();
  expect(world.cluster.logs.flat()[0]?.payload.length).toBe(300);
});

test('what waits behind an unanswered CONNECT is bounded', () => {
  const world = new World({ limits: { packetBytesMax: 1_000 } });
  world.gate.slow = true;
  const device = world.device().connect();
  for (let i = 0; i < 3; i++) device.sendBytes(new Uint8Array(900));
  expect(device.ended).toBe('closed');
});

test('an authentication method is refused, and an AUTH without one is a protocol error [MQTT-4.12.0-1] [MQTT-4.12.0-6]', () => {
  const world = new World();
  const device = world.online({ properties: { authenticationMethod: 'SCRAM' } });
  expect(device.last('connack').reasonCode).toBe(0x8c);
  const other = world.online().send({ cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'x' } } as Packet);
  expect(other.last('disconnect').reasonCode).toBe(0x82);
});

test('a will that its user may not publish refuses CONNECT', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  const device = world.online({ will: { topic: 'no', payload: Buffer.from('w'), qos: 1, retain: false } });
  expect(device.last('connack').reasonCode).toBe(0x87);
});

test.each([
  ['unavailable', 0x88, 3],
  ['not-authorized', 0x87, 5],
  ['quota-exceeded', 0x97, 3],
] as const)('a session that the cluster does not give (%s) refuses CONNECT [QNT-MQT-120]', (refusal, reason, code) => {
  const world = new World();
  world.cluster.refusals.push(refusal, refusal);
  expect(world.online().last('connack').reasonCode).toBe(reason);
  expect(world.online({ clientId: 'b' }, 4).last('connack').returnCode).toBe(code);
});

test('the session expiry is cut to the limit, and CONNACK says so', () => {
  const world = new World({ limits: { sessionExpiryMax: 60 } });
  const device = world.online({ clean: false, properties: { sessionExpiryInterval: 3_600 } });
  expect(device.last('connack').properties?.sessionExpiryInterval).toBe(60);
  expect(world.cluster.sessions.get('a')?.expiryInterval).toBe(60);
  expect(world.online({ properties: { sessionExpiryInterval: 60 } }).last('connack').properties).not.toHaveProperty(
    'sessionExpiryInterval',
  );
});

test('a session of 3.1.1 that stays, stays as long as sessions do; one with clean session ends with its connection', () => {
  const world = new World();
  world.online({ clean: false, clientId: 'stays' }, 4);
  expect(world.cluster.sessions.get('stays')?.expiryInterval).toBe(604_800);
  world.online({ clean: true, clientId: 'ends' }, 4).drop();
  world.run();
  expect(world.cluster.sessions.has('ends')).toBe(false);
});

test('CONNECT larger than CONNECT_BYTES_MAX is cut off with its header, later packets by the other limit [MQTT-3.2.2-15]', () => {
  const world = new World({ limits: { connectBytesMax: 100, packetBytesMax: 1_000 } });
  expect(world.device().sendBytes(Uint8Array.of(0x10, 100)).ended).toBe('closed');
  const device = world.online();
  device.sendBytes(Uint8Array.of(0x30, 0xe6, 0x07));
  expect(device.last('disconnect').reasonCode).toBe(0x95);
});

test('a client that takes no packet as long as CONNACK is sent none [MQTT-3.1.2-24]', () => {
  const world = new World();
  const device = world.online({ properties: { maximumPacketSize: 4 } });
  expect(device.got).toEqual([]);
  expect(device.ended).toBe('closed');
});

test('sockets beyond CONNECTIONS_MAX and CONNECTIONS_PER_ADDRESS_MAX are aborted, until one has gone', () => {
  for (const limits of [{ connectionsMax: 2 }, { connectionsPerAddressMax: 2 }]) {
    const world = new World({ limits });
    const first = world.online({ clientId: 'a' });
    world.online({ clientId: 'b' });
    expect(world.device().ended).toBe('aborted');
    first.drop();
    expect(world.device().ended).toBeUndefined();
  }
});

test('stop says DISCONNECT 0x8B, and CONNECT is refused from then on', () => {
  const world = new World();
  const device = world.online({ clean: false, properties: { sessionExpiryInterval: 60 } });
  const silent = world.device();
  world.server.stop(world.nowMs);
  world.run();
  expect(device.last('disconnect').reasonCode).toBe(0x8b);
  expect([device.ended, silent.ended]).toEqual(['closed', 'closed']);
  expect(world.cluster.sessions.get('a')?.owner).toBeUndefined();
  expect(world.online().last('connack').reasonCode).toBe(0x88);
  expect(world.online({}, 4).last('connack').returnCode).toBe(3);
});

test('a session that is claimed while the server stops is given back', () => {
  const world = new World();
  const device = world.device().connect({ clean: false, properties: { sessionExpiryInterval: 60 } });
  world.server.stop(world.nowMs);
  world.run();
  expect(device.last('connack').reasonCode).toBe(0x88);
  expect(world.cluster.sessions.get('a')?.owner).toBeUndefined();
});

test('an administrative action ends connections with DISCONNECT 0x98, and their wills are published [MQTT-3.1.2-8]', () => {
  const world = new World();
  const will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
  const device = world.online({ clientId: 'five', will });
  const older = world.online({ clientId: 'four' }, 4);
  world.gate.slow = true;
  const connecting = world.device().connect({ clientId: 'connecting' });
  world.server.disconnectWhere(({ address }) => address !== '10.0.0.1:4000', world.nowMs);
  world.run();
  expect(device.ended).toBeUndefined();
  world.server.disconnectWhere(({ address }) => address === '10.0.0.1:4000', world.nowMs);
  world.run();
  expect(device.last('disconnect').reasonCode).toBe(0x98);
  expect(connecting.last('connack').reasonCode).toBe(0x87);
  expect([device, older, connecting].map(({ ended }) => ended)).toEqual(['closed', 'closed', 'closed']);
  expect(older.got.map(({ cmd }) => cmd)).toEqual(['connack']);
  expect(world.cluster.logs.flat().map(({ topic }) => topic)).toEqual(['w']);
});

test.each([{ packetBytesMax: 99_999_999_999 }, { keepAliveMax: 100_000 }])(
  'limits that CONNACK cannot say refuse the CONNECT, and the session is given back without its will: %o',
  (limits) => {
    const world = new World({ limits });
    const device = world.device().connect({
      clean: false,
      properties: { sessionExpiryInterval: 60 },
      will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    world.run();
    expect(device.last('connack').reasonCode).toBe(0x83);
    expect(device.ended).toBe('closed');
    expect(world.bridge.calls.filter((call) => call === 'suspend a')).toHaveLength(1);
    expect(world.cluster.logs.flat()).toEqual([]);
    const old = world.online({ clientId: 'old' }, 4);
    expect(old.last('connack').returnCode).toBe(0);
  },
);
