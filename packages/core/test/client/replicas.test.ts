import { describe, expect, it } from 'vitest';
import { QanatError } from '../../src/errors.ts';
import { Cluster } from './cluster.ts';
import type { FakeBroker } from './fake-broker.ts';

/** Broker `a` with one slave, and with `brokers` 2 also a broker `b`. */
function group(brokers = 1): { readonly cluster: Cluster; readonly slave: FakeBroker } {
  const cluster = new Cluster({ brokers });
  return { cluster, slave: cluster.addSlave('a', 1) };
}

/** For messages that name broker `a`. */
const toA = { queue: { broker: 'a', queue: 0 } };

describe('a broker group whose master is another (spec, chapter of replication)', () => {
  it('is sent to at its new master at once, however open the connection to the old one is [QNT-RPL-081]', () => {
    const { cluster, slave } = group();
    const { world, a } = cluster;
    const first = cluster.send('1', {}, toA);
    world.until(() => first.done === 1);
    slave.copy(a);
    cluster.promote(slave);
    world.run(20);
    expect(world.connections(a)).toBe(0);
    const second = cluster.send('2', {}, toA);
    world.run(20);
    expect([second.error, second.receipt?.baseOffset]).toEqual([undefined, 1]);
    expect(slave.log('orders', 0)).toEqual(['1', '2']);
  });

  it('gets what was under way again, in the same queue under the same sequence: nothing is stored twice [QNT-RPL-087]', () => {
    const { cluster, slave } = group();
    const { world, a } = cluster;
    world.run(100);
    a.meddle = (send) => {
      a.store(send, true);
      return true;
    };
    const sent = cluster.send('1', {}, toA);
    world.run(50);
    slave.copy(a);
    cluster.promote(slave);
    world.until(() => sent.done === 1, 5_000);
    expect(sent.receipt).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(slave.sends).toEqual(['orders/0@0+1']);
    expect(slave.log('orders', 0)).toEqual(['1']);
  });

  it('that settles a message with MASTER_CHANGED has it sent again, to the new master [QNT-RPL-087]', () => {
    const { cluster, slave } = group();
    const { world, a } = cluster;
    world.run(2_000);
    const { queries } = cluster.nameServer;
    a.meddle = (send) => {
      send.fail(new QanatError('MASTER_CHANGED', 'replica 1 is master'));
      return true;
    };
    const sent = cluster.send('1', {}, toA);
    world.run(1_500);
    expect(sent.done).toBe(0);
    expect(cluster.nameServer.queries).toBeGreaterThan(queries);
    slave.copy(a);
    cluster.promote(slave);
    world.until(() => sent.done === 1, 5_000);
    expect(slave.log('orders', 0)).toEqual(['1']);
  });

  it('says NOT_MASTER until the route tells of the new one; other messages go to other brokers [QNT-RPL-087]', () => {
    const { cluster, slave } = group(2);
    const { world, a, b } = cluster;
    world.run(100);
    a.meddle = (send) => {
      send.fail(new QanatError('NOT_MASTER', 'a slave'));
      return true;
    };
    const bound = cluster.send('bound', {}, toA);
    const free = cluster.sendAll(['x', 'y', 'z']);
    world.until(() => free.every(({ done }) => done === 1), 2_000);
    expect(b.log('orders', 0)).toHaveLength(3);
    expect(bound.done).toBe(0);
    slave.copy(a);
    cluster.promote(slave, false);
    world.until(() => bound.done === 1, 5_000);
    expect(slave.log('orders', 0)).toEqual(['bound']);
  });

  it('is not taken back to a lower term by a NameServer that is behind [QNT-RPL-083]', () => {
    const { cluster, slave } = group();
    const { world, a, nameServer } = cluster;
    const old = { ...nameServer.brokers.get('a'), term: 0 };
    cluster.promote(slave);
    cluster.send('1', {}, toA);
    world.run(100);
    nameServer.brokers.set('a', old);
    world.call(() => nameServer.push('orders'));
    world.cut(slave);
    world.run(1_000);
    expect([world.connections(a), world.connections(slave)]).toEqual([0, 1]);
  });

  it('keeps a working connection to a master that stays, whatever the route says of slaves and terms', () => {
    const { cluster } = group();
    const { world, nameServer } = cluster;
    const first = cluster.send('1', {}, toA);
    world.until(() => first.done === 1);
    nameServer.brokers.set('a', { ...nameServer.brokers.get('a'), term: 9, slaves: [] });
    world.call(() => nameServer.push('orders'));
    world.run(1_000);
    expect(world.events.filter(({ kind }) => kind === 'disconnected')).toEqual([]);
  });
});

describe('a slave', () => {
  it('is not used where a master is wanted, whatever the route says [QNT-RPL-082]', () => {
    const { cluster } = group();
    const { world, a } = cluster;
    a.slave = true;
    const sent = cluster.send('1', {}, { ...toA, timeoutMs: 1_000 });
    world.until(() => sent.done === 1, 3_000);
    expect(sent.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    expect(sent.error?.message).toContain('qanat://a:7610 is broker a, a slave');
    expect([a.sends, a.inits]).toEqual([[], 0]);
  });
});

describe('a master with too few replicas in sync', () => {
  it('is tried again; what nothing binds to it goes to other brokers', () => {
    const { cluster } = group(2);
    const { world, a, b } = cluster;
    world.run(100);
    a.meddle = (send) => {
      send.fail(new QanatError('NOT_ENOUGH_REPLICAS', 'one of two'));
      return true;
    };
    const bound = cluster.send('bound', {}, toA);
    const free = cluster.sendAll(['x', 'y', 'z']);
    world.until(() => free.every(({ done }) => done === 1), 2_000);
    expect(b.log('orders', 0)).toHaveLength(3);
    a.meddle = undefined;
    world.until(() => bound.done === 1, 5_000);
    expect(bound.error).toBeUndefined();
  });
});
