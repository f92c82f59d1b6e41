import { type ConsumerOptions, fetchQueue, QanatError } from '@qanat/core';
import { describe, expect, test } from 'vitest';
import type { FakeBroker } from './fake-broker.ts';
import { range, World } from './world.ts';

interface Group {
  readonly world: World;
  readonly master: FakeBroker;
  readonly slave: FakeBroker;
  readonly consumer: ReturnType<World['consumer']>;
}

/** Broker b1, its slave b1/1 with the same log and leases, and a member that holds queue 0 and has read 0 to 2. */
function group(options: Partial<ConsumerOptions> = {}): Group {
  const world = new World();
  world.host.tell('b1', { slaves: ['b1/1'] });
  world.host.tell('b1/1');
  const slave = slaveOf(world);
  for (const broker of [world.broker(), slave]) broker.fill('t', 0, 3);
  const { consumer, broker: master } = world.joined(options);
  slave.leases = master.leases;
  world.host.advance(100);
  return { world, master, slave, consumer };
}

function slaveOf(world: World, peer = 'b1/1'): FakeBroker {
  const slave = world.broker(peer);
  slave.slave = true;
  return slave;
}

/** The master is killed: its connection breaks, and the next attempt to connect is refused. */
function kill({ world: { host } }: Group): void {
  host.disconnect('b1');
  host.refused.set('b1', new QanatError('CONNECTION_FAILED', 'b1:1: connection refused'));
}

function comeBack({ world: { host } }: Group): void {
  host.refused.delete('b1');
  host.connect('b1');
}

/** The slave that is held is connected. */
function connectSlave({ world: { host } }: Group): void {
  host.advance(300);
  expect(host.held.get('b1/1')).toBe(1);
  host.connect('b1/1');
  host.advance(20);
}

describe('a consumer whose master does not answer (spec, chapter of replication)', () => {
  test('reads on at a slave as the same member, under the same leases, from where it was [QNT-RPL-080]', () => {
    const all = group();
    const { world, slave } = all;
    slave.fill('t', 0, 2);
    kill(all);
    connectSlave(all);
    expect(world.offsets(0)).toEqual(range(0, 5));
    expect(world.host.requests('PULL', 'b1/1')[0]?.header).toMatchObject({ member: 'm1', group: 'g' });
    expect(world.of('revoked')).toEqual([]);
  });

  test('says that it does, and why; and when it is back [QNT-RPL-080]', () => {
    const all = group();
    kill(all);
    connectSlave(all);
    const seen = (): unknown => all.world.of('reading').map(({ from, peer, message }) => [from, peer, message]);
    expect(seen()).toEqual([['slave', 'b1/1', 'b1:1: connection refused']]);
    comeBack(all);
    all.world.host.advance(20);
    expect(seen()).toEqual([
      ['slave', 'b1/1', 'b1:1: connection refused'],
      ['master', 'b1', 'the master is there'],
    ]);
    expect(all.world.host.held.get('b1/1')).toBe(0);
  });

  test('waits for one attempt to connect, and stays where that succeeds', () => {
    const all = group();
    all.world.host.disconnect('b1');
    all.world.host.advance(200);
    all.world.host.connect('b1');
    all.world.host.advance(5_000);
    expect(all.world.host.held.get('b1/1')).toBeUndefined();
    expect(all.world.of('reading')).toEqual([]);
  });

  test('keeps its commits until there is a master, which gets the highest; nothing comes twice [QNT-RPL-085]', () => {
    const all = group();
    const { world, master, slave } = all;
    kill(all);
    const before = world.host.requests('OFFSET_COMMIT').length;
    slave.fill('t', 0, 4);
    connectSlave(all);
    world.host.advance(8_000);
    expect(world.host.requests('OFFSET_COMMIT')).toHaveLength(before);
    master.fill('t', 0, 6);
    comeBack(all);
    world.host.advance(3_000);
    expect(world.offsets(0)).toEqual(range(0, 9));
    expect(master.committed.get('t/0')).toBe(9);
    expect(world.of('revoked')).toEqual([]);
  });

  test('holds its session by the heartbeats that the slave answers, as long as it takes', () => {
    const all = group();
    kill(all);
    connectSlave(all);
    all.world.host.advance(60_000);
    all.slave.fill('t', 0, 1);
    all.world.host.advance(20);
    expect(all.world.offsets(0)).toEqual(range(0, 4));
    expect(all.world.of('error')).toEqual([]);
  });

  test('asks again for what the slave does not know yet, and resets no position for it [QNT-RPL-084]', () => {
    const all = group();
    const { world, master, slave } = all;
    master.fill('t', 0, 4);
    world.host.advance(20);
    kill(all);
    connectSlave(all);
    world.host.advance(3_000);
    expect(world.offsets(0)).toEqual(range(0, 7));
    slave.fill('t', 0, 6);
    world.host.advance(1_000);
    expect(world.offsets(0)).toEqual(range(0, 9));
    expect(world.of('error')).toEqual([]);
  });

  test('keeps a queue whose lease the slave does not know yet [QNT-RPL-084]', () => {
    const all = group();
    const { world, slave } = all;
    slave.leases = [];
    slave.fill('t', 0, 1);
    kill(all);
    connectSlave(all);
    world.host.advance(2_000);
    expect(world.offsets(0)).toEqual(range(0, 3));
    slave.leases = all.master.leases;
    world.host.advance(1_000);
    expect(world.offsets(0)).toEqual(range(0, 4));
    expect(world.of('revoked')).toEqual([]);
  });

  test('stays where it is when the slave has lost what it wants next: a master may have it [QNT-RPL-084]', () => {
    const all = group();
    const { world, master, slave } = all;
    slave.fill('t', 0, 5);
    slave.queue('t', 0).oldest = 6;
    kill(all);
    connectSlave(all);
    world.host.advance(3_000);
    expect(world.offsets(0)).toEqual(range(0, 3));
    expect(world.of('error').map(({ error }) => error.code)).toEqual(['OFFSET_OUT_OF_RANGE']);
    master.fill('t', 0, 5);
    comeBack(all);
    world.host.advance(2_000);
    expect(world.offsets(0)).toEqual(range(0, 8));
  });

  test('closes in time although nobody takes its leave', () => {
    const all = group();
    kill(all);
    connectSlave(all);
    let closed = false;
    all.consumer.close({}, () => {
      closed = true;
    });
    all.world.host.advance(3_100);
    expect(closed).toBe(true);
    expect(all.world.host.held.get('b1/1')).toBe(0);
  });

  test('gives a master up that the routes mark away and that does not answer, however open its connection seems', () => {
    const all = group();
    const { world, master } = all;
    all.slave.fill('t', 0, 2);
    master.silent = true;
    world.host.tell('b1', { slaves: ['b1/1'], away: true });
    world.host.route('t', [{ broker: 'b1', queues: 1, away: true }]);
    world.host.advance(1_100);
    expect(world.host.suspected).toEqual(['b1']);
    connectSlave(all);
    expect(world.offsets(0)).toEqual(range(0, 5));
  });

  test('goes to the next slave where one cannot be reached', () => {
    const all = group();
    const { world } = all;
    const other = world.broker('b1/2');
    other.slave = true;
    other.fill('t', 0, 5);
    other.leases = all.master.leases;
    world.host.tell('b1', { slaves: ['b1/1', 'b1/2'] });
    world.host.tell('b1/2');
    world.host.refused.set('b1/1', new QanatError('CONNECTION_FAILED', 'refused'));
    kill(all);
    world.host.advance(600);
    world.host.connect('b1/2');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 5));
  });

  test('that has no group reads on at a slave too, and begins there where it starts so [QNT-RPL-080]', () => {
    const world = new World();
    world.host.tell('b1', { slaves: ['b1/1'], away: true });
    world.host.tell('b1/1');
    const slave = slaveOf(world);
    slave.fill('t', 0, 3);
    world.host.route('t', [{ broker: 'b1', queues: 1, away: true }]);
    world.consumer({ mode: 'groupless', from: 'first' });
    world.host.advance(300);
    world.host.connect('b1/1');
    world.host.advance(20);
    expect(world.offsets(0)).toEqual(range(0, 3));
  });
});

describe('a fetch of one queue', () => {
  test('is answered by a slave while the master is gone [QNT-RPL-080]', () => {
    const world = new World();
    const { host } = world;
    host.tell('b1', { slaves: ['b1/1'] });
    host.tell('b1/1');
    host.refused.set('b1', new QanatError('CONNECTION_FAILED', 'refused'));
    slaveOf(world).fill('t', 0, 3);
    host.connect('b1/1');
    let offsets: readonly number[] | undefined;
    fetchQueue(host, { topic: 't', broker: 'b1', queue: 0 }, 1, {}, 5_000, (_, result) => {
      offsets = result?.messages.map(({ offset }) => offset);
    });
    host.advance(20);
    expect(offsets).toEqual([1, 2]);
  });
});

describe('a consumer that reads from slaves on purpose', () => {
  test('pulls the slave, while the master keeps its leases and takes its commits [QNT-RPL-086]', () => {
    const all = group({ readFrom: 'slave' });
    const { world, master, slave } = all;
    connectSlave(all);
    const before = world.host.requests('PULL', 'b1').length;
    slave.fill('t', 0, 2);
    world.host.advance(1_500);
    expect(world.offsets(0)).toEqual(range(0, 5));
    expect(world.host.requests('PULL', 'b1')).toHaveLength(before);
    expect(world.host.requests('CLIENT_HEARTBEAT', 'b1/1')).toEqual([]);
    expect(master.committed.get('t/0')).toBe(5);
    expect(world.of('reading').map(({ peer, message }) => [peer, message])).toEqual([['b1/1', 'as asked for']]);
  });

  test('reads at a slave of its zone and at no other, and at a master that stands there [QNT-RPL-086]', () => {
    const all = group({ readFrom: { zone: 'east' } });
    const { world, slave } = all;
    world.host.tell('b1', { slaves: ['b1/1', 'b1/2'], zone: 'west' });
    world.host.tell('b1/1', { zone: 'north' });
    world.host.tell('b1/2', { zone: 'east' });
    slaveOf(world, 'b1/2').fill('t', 0, 3);
    world.host.advance(300);
    world.host.connect('b1/1');
    world.host.connect('b1/2');
    slave.fill('t', 0, 3);
    world.host.advance(1_500);
    expect(world.host.requests('PULL', 'b1/1')).toEqual([]);
    expect(world.of('reading').map(({ peer }) => peer)).toEqual(['b1/2']);
    world.host.tell('b1', { slaves: ['b1/1', 'b1/2'], zone: 'east' });
    world.host.disconnect('b1/2');
    world.host.advance(1_500);
    expect(world.of('reading').map(({ peer }) => peer)).toEqual(['b1/2', 'b1']);
  });

  test('of a zone reads at any slave while the master does not answer [QNT-RPL-080]', () => {
    const all = group({ readFrom: { zone: 'moon' } });
    const { world } = all;
    expect(world.of('reading')).toEqual([]);
    world.host.refused.set('b1', new QanatError('CONNECTION_FAILED', 'refused'));
    world.host.disconnect('b1');
    world.host.advance(300);
    world.host.connect('b1/1');
    world.host.advance(20);
    expect(world.of('reading').map(({ peer }) => peer)).toEqual(['b1/1']);
  });

  test('reads at the master where there is no slave, and when the slave is gone [QNT-RPL-086]', () => {
    const all = group({ readFrom: 'slave' });
    const { world, master } = all;
    expect(world.offsets(0)).toEqual(range(0, 3));
    connectSlave(all);
    world.host.disconnect('b1/1');
    master.fill('t', 0, 2);
    world.host.advance(200);
    expect(world.offsets(0)).toEqual(range(0, 5));
  });
});
