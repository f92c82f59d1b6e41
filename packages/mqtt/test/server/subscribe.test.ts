import type { Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import type { Publication, Standing } from '../../src/ports.ts';
import { FILTER_LEVELS_MAX, RETAINED_PLACES_MAX } from '../../src/server/limits.ts';
import { World } from './world.ts';

const retained = (topic: string, qos: 0 | 1 | 2): Publication => ({
  topic,
  qos,
  retain: true,
  payload: Buffer.from('x'),
  clientId: undefined,
  properties: undefined,
});

const subscribe = (messageId: number, ...filters: readonly string[]): Packet =>
  ({
    cmd: 'subscribe',
    messageId,
    subscriptions: filters.map((topic) => ({ topic, qos: 1, nl: false, rap: false, rh: 0 })),
  }) as Packet;

test('SUBACK says one code for each filter, in their order [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6]', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  for (const [version, failure] of [
    [5, 0x87],
    [4, 0x80],
  ] as const) {
    const device = world.online({ clientId: `v${version}` }, version).send(subscribe(9, 'a', 'no', 'b/#'));
    expect(device.all('suback')).toEqual([]);
    world.run();
    expect(device.last('suback')).toMatchObject({ messageId: 9, granted: [1, failure, 1] });
  }
});

test('a shared subscription is asked of the gate by its filter', () => {
  const world = new World();
  world.gate.forbidden.add('no');
  const device = world.online().send(subscribe(1, '$share/g/no'));
  world.run();
  expect(device.last('suback').granted).toEqual([0x87]);
});

test('more than subscriptionsPerSessionMax filters are refused with 0x97, a known one is replaced [MQTT-3.8.4-3]', () => {
  const world = new World({ limits: { subscriptionsPerSessionMax: 2 } });
  const device = world.online().send(subscribe(1, 'a', 'b', 'c'), subscribe(2, 'a'));
  world.run();
  expect(device.all('suback').map(({ granted }) => granted)).toEqual([[1, 1, 0x97], [1]]);
});

test.each([
  [5, 0x97],
  [4, 0x80],
] as const)('MQTT %i: a subscription that the cluster does not keep any more is refused [QNT-MQT-120]', (version, full) => {
  const world = new World();
  world.bridge.filterBytesMax = 7;
  const kept = version === 5 ? { properties: { sessionExpiryInterval: 60 } } : { clean: false };
  const device = world
    .online({ clientId: 'kept', ...kept }, version)
    .send(subscribe(1, 'short', '\u20ac'.repeat(5), 'a', 'short'));
  world.run();
  expect(device.last('suback').granted).toEqual([1, full, 1, 1]);
  device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['short'] } as Packet, subscribe(3, 'b'));
  world.run();
  expect(device.last('suback').granted).toEqual([1]);
  // Those of a session that ends with its connection are written nowhere.
  const fleeting = world.online({ clientId: 'fleeting' }, version).send(subscribe(1, 'much longer than thirty bytes are'));
  world.run();
  expect(fleeting.last('suback').granted).toEqual([1]);
});

test('filters of more than FILTER_LEVELS_MAX levels together are refused with 0x97, until others are given up', () => {
  const world = new World();
  const levels = 125;
  const filters = Array.from({ length: FILTER_LEVELS_MAX / levels }, (_, i) => `${i}${'/+'.repeat(levels - 1)}`);
  const device = world.online().send(subscribe(1, ...filters), subscribe(2, 'x', filters[0] as string));
  device.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: [filters[1] as string] }, subscribe(4, 'x'));
  world.run();
  expect(device.all('suback').map(({ granted }) => granted)).toEqual([filters.map(() => 1), [0x97, 1], [1]]);
});

test('a subscription that is replaced has the new options, and misses nothing meanwhile [MQTT-3.8.4-3] [MQTT-3.8.4-4]', () => {
  const world = new World();
  const device = world.online().subscribe('t', 1, {}, { subscriptionIdentifier: 1 });
  world.run();
  world.cluster.send('t', 'one');
  device.subscribe('t', 0, {}, { subscriptionIdentifier: 2 });
  world.cluster.send('t', 'two');
  world.run();
  expect(device.messages).toEqual(['t=one', 't=two']);
  expect(device.last('publish')).toMatchObject({ qos: 0, properties: { subscriptionIdentifier: 2 } });
});

test('UNSUBACK says one code for each filter, and nothing in 3.1.1 [MQTT-3.10.4-4] [MQTT-3.11.3-1] [MQTT-3.11.3-2]', () => {
  const world = new World();
  for (const version of [5, 4] as const) {
    const device = world.online({ clientId: `v${version}` }, version).send(subscribe(1, 'a', 'b'));
    device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a', 'x'] });
    world.run();
    expect(device.last('unsuback').messageId).toBe(2);
    if (version === 5) expect(device.last('unsuback').granted).toEqual([0, 0x11]);
    world.cluster.send('a', 'x');
    world.run();
    expect(device.messages).toEqual([]);
  }
});

test('what was begun goes on after UNSUBSCRIBE, and across a reconnect [MQTT-3.10.4-2] [MQTT-3.10.4-3]', () => {
  const world = new World();
  const kept = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const device = world.online(kept).subscribe('t', 2);
  world.run();
  world.cluster.send('t', 'one', { qos: 1 });
  world.cluster.send('t', 'two', { qos: 2 });
  world.run();
  device.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['t'] });
  world.run();
  device.drop();
  world.run();
  const again = world.online(kept);
  expect(again.messages.sort()).toEqual(['t=one', 't=two']);
  expect(again.all('publish').every(({ dup }) => dup)).toBe(true);
});

test('a session that cannot be written fails the subscription, which does not hold', () => {
  const world = new World();
  const device = world.online().subscribe('t', 1, {}, { subscriptionIdentifier: 1 }).subscribe('v', 1);
  world.run();
  world.cluster.records = false;
  device.send(subscribe(5, 't', 'u'), { cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['v'] });
  world.run();
  expect(device.last('suback').granted).toEqual([0x80, 0x80]);
  expect(device.last('unsuback').granted).toEqual([0x80]);
  for (const topic of ['t', 'u', 'v']) world.cluster.send(topic, 'x');
  world.run();
  expect(device.messages.sort()).toEqual(['t=x', 'v=x']);
  expect(device.all('publish').find(({ topic }) => topic === 't')?.properties?.subscriptionIdentifier).toBe(1);
});

test('a wildcard in front selects no topic of $ [MQTT-4.7.2-1]', () => {
  const world = new World();
  const device = world.online().send(subscribe(1, '#', '+/a'));
  world.run();
  world.cluster.send('$x/a', 'hidden');
  world.cluster.send('x/a', 'shown');
  world.run();
  expect(device.messages).toEqual(['x/a=shown']);
});

test('subscriptions come and go while messages arrive: the receivers are those of now', () => {
  const world = new World();
  const [one, two] = [world.online({ clientId: 'one' }), world.online({ clientId: 'two' })];
  const say = (payload: string) => {
    world.cluster.send('t', payload);
    world.run();
  };
  say('nobody');
  one.subscribe('t', 0);
  say('one');
  two.subscribe('+', 0);
  say('both');
  one.drop();
  say('two');
  expect([one.messages, two.messages]).toEqual([
    ['t=one', 't=both'],
    ['t=both', 't=two'],
  ]);
});

test('retained messages follow SUBACK by Retain Handling [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.3.1-8]', () => {
  for (const [rh, counts] of [
    [0, [1, 2]],
    [1, [1, 1]],
    [2, [0, 0]],
  ] as const) {
    const world = new World();
    world.cluster.send('t/a', 'state', { retain: true });
    world.run();
    const device = world.online();
    for (const count of counts) {
      device.subscribe('t/+', 1, { rh }, { subscriptionIdentifier: 3 });
      world.run();
      expect(device.messages).toHaveLength(count);
    }
    if (rh === 2) continue;
    expect(device.got.map(({ cmd }) => cmd).slice(0, 3)).toEqual(['connack', 'suback', 'publish']);
    expect(device.last('publish')).toMatchObject({ retain: true, qos: 1, properties: { subscriptionIdentifier: 3 } });
  }
});

test('retained messages by the client itself are not sent where No Local says so, and none for a shared subscription', () => {
  const world = new World();
  world.cluster.send('t', 'mine', { retain: true, clientId: 'a' });
  world.run();
  const device = world.online().subscribe('t', 1, { nl: true }).subscribe('$share/g/t', 1);
  world.run();
  expect(device.messages).toEqual([]);
  device.subscribe('t', 1);
  world.run();
  expect(device.messages).toEqual(['t=mine']);
});

test('an expired retained message is not sent', () => {
  const world = new World();
  world.cluster.send('t', 'old', { retain: true, properties: { expiresAtMs: 1_000 } });
  world.run().pass(1_000);
  const device = world.online().subscribe('t', 1);
  world.run();
  expect(device.messages).toEqual([]);
});

test.each([0, 1, 2] as const)(
  '10,000 retained messages of QoS %i go through a window of 10, none is lost, none comes twice',
  (qos) => {
    const world = new World();
    for (let i = 0; i < 10_000; i++) world.cluster.send(`s/${i}`, `${i}`, { retain: true, qos });
    world.run();
    const device = world.online({ properties: { receiveMaximum: 10 } }).subscribe('s/#', 2);
    let most = 0;
    for (let seen = 0; ; ) {
      world.run();
      const fresh = device.got.slice(seen);
      seen = device.got.length;
      if (fresh.length === 0) break;
      most = Math.max(most, fresh.filter(({ cmd }) => cmd === 'publish').length);
      for (const packet of fresh) {
        const id = packet.messageId as number;
        if (packet.cmd === 'publish' && packet.qos === 1) device.ack('puback', id);
        else if (packet.cmd === 'publish' && packet.qos === 2) device.ack('pubrec', id);
        else if (packet.cmd === 'pubrel') device.ack('pubcomp', id);
      }
    }
    expect(new Set(device.messages).size).toBe(10_000);
    expect(device.messages).toHaveLength(10_000);
    if (qos > 0) expect(most).toBeLessThanOrEqual(10);
  },
);

test('10,000 retained messages of QoS 0 wait for a socket that is full', () => {
  const world = new World();
  for (let i = 0; i < 10_000; i++) world.cluster.send(`s/${i}`, 'x'.repeat(100), { retain: true, qos: 0 });
  world.run();
  const device = world.online();
  device.frozen = true;
  device.subscribe('s/#', 0);
  let most = 0;
  for (let i = 0; i < 100 && device.messages.length < 10_000; i++) {
    world.run();
    const before = device.bytes;
    device.read();
    most = Math.max(most, device.bytes - before);
  }
  expect(new Set(device.messages).size).toBe(10_000);
  expect(most).toBeLessThan(200_000);
});

test('a retained message that is replaced while it waits does not come after the new one', () => {
  const world = new World();
  for (const topic of ['s/1', 's/2']) world.cluster.send(topic, 'old', { retain: true });
  world.run();
  const device = world.online({ properties: { receiveMaximum: 1 } }).subscribe('s/+', 1);
  world.run();
  world.cluster.send('s/2', 'new', { retain: true, qos: 0 });
  world.run();
  device.ack('puback', device.all('publish')[0]?.messageId as number);
  world.run();
  expect(device.messages).toEqual(['s/1=old', 's/2=new']);
});

test('the record of a session knows of the retained messages that follow SUBACK, of RETAINED_PLACES_MAX at most', () => {
  const world = new World();
  const saved: Standing[] = [];
  const [bridge] = world.bridges;
  if (bridge === undefined) throw new Error('no bridge');
  const { subscribed } = bridge;
  bridge.subscribed = (clientId, epoch, standing, done) => {
    saved.push(standing);
    subscribed.call(bridge, clientId, epoch, standing, done);
  };
  for (const [topic, qos] of [
    ['a/0', 0],
    ['a/1', 1],
    ['a/2', 2],
  ] as const)
    world.cluster.append(retained(topic, qos));
  const lasting = { clean: false, properties: { sessionExpiryInterval: 600 } };
  world.online({ clientId: 'lasting', ...lasting }).send(subscribe(1, 'a/+'));
  world.online({ clientId: 'fleeting' }).send(subscribe(1, 'a/+'));
  world.run();
  expect(saved.map(({ backlog }) => backlog.places.length)).toEqual([2, 0]);
  for (let i = 0; i <= RETAINED_PLACES_MAX; i++) world.cluster.append(retained(`a/b/${i}`, 1));
  world.online({ clientId: 'many', ...lasting }).send(subscribe(1, 'a/b/#'));
  world.run();
  expect(saved.at(-1)?.backlog.places).toHaveLength(RETAINED_PLACES_MAX);
});
