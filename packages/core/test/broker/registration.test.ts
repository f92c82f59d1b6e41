import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/index.ts';
import { NamingWorld } from './naming-world.ts';

describe('registration at the NameServers', () => {
  it('tells every NameServer of every broker, and of a new topic within a fraction of a second [QNT-REG-001, QNT-REG-006]', () => {
    const world = new NamingWorld();
    world.startBroker('b1');
    world.startBroker('b2');
    world.ask('b1:7610', 'TOPIC_CREATE', { topic: 't', queues: 3 });
    for (const nameServer of ['ns-1', 'ns-2']) expect(world.known(nameServer)).toEqual(['b1 live 1', 'b2 live 0']);
    const [page] = world.ask('ns-2:7600', 'ROUTE_QUERY', { topics: ['t'] });
    expect(page?.routes).toMatchObject([{ topic: 't', code: 0, shares: [{ broker: 'b1', queues: 3 }] }]);
    expect(page?.brokers).toMatchObject([{ broker: 'b1', cluster: 'default', term: 1, endpoints: [{ address: 'b1:7610' }] }]);
    world.ask('b1:7610', 'TOPIC_REMOVE', { topic: 't' });
    expect(world.known('ns-1')).toEqual(['b1 live 0', 'b2 live 0']);
  });

  it('registers thousands of topics, in frames that MORE joins', () => {
    const world = new NamingWorld(1);
    world.startBroker('b1');
    const names = Array.from({ length: 3_000 }, (_, i) => `t${i}-${'x'.repeat(110)}`);
    world.askAll(
      'b1:7610',
      'TOPIC_CREATE',
      names.map((topic) => ({ topic, queues: 1 })),
    );
    expect(world.known('ns-1')).toEqual(['b1 live 3000']);
  });

  it('waits for an endpoint', () => {
    const world = new NamingWorld(1);
    const { engine, driver } = world.startBroker('b1', { endpoints: [] });
    expect(world.known('ns-1')).toEqual([]);
    driver.enter((nowMs) => engine.setEndpoints([{ listener: 'default', scheme: 'mem', address: 'b1:7610' }], nowMs));
    driver.perform();
    world.run(100);
    expect(world.known('ns-1')).toEqual(['b1 live 0']);
  });

  it('stays live by its heartbeats, and registers again at a NameServer that was restarted [QNT-REG-008]', () => {
    const world = new NamingWorld();
    world.startBroker('b1');
    world.run(120_000);
    expect(world.known('ns-1')).toEqual(['b1 live 0']);
    world.killNameServer('ns-1');
    world.run(5_000);
    world.startNameServer('ns-1');
    world.run(3_000);
    expect(world.known('ns-1')).toEqual(['b1 live 0']);
  });

  it('tells once of a NameServer that is away from the start, and once of one that is lost', () => {
    const world = new NamingWorld();
    world.killNameServer('ns-1');
    world.startBroker('b1');
    world.run(60_000);
    world.killNameServer('ns-2');
    world.run(60_000);
    world.startNameServer('ns-1');
    world.run(60_000);
    expect(world.log.filter((line) => /name-server|registered/.test(line))).toEqual([
      'b1 broker.name-server.away ns-1:7600',
      'b1 broker.registered ns-2:7600',
      'b1 broker.name-server.lost ns-2:7600',
      'b1 broker.registered ns-1:7600',
    ]);
  });

  it('is away at once when it stops, soon when it is killed, and live again after its restart [QNT-REG-010]', () => {
    const world = new NamingWorld();
    const one = world.startBroker('b1');
    const two = world.startBroker('b2');
    const disk = world.stopBroker('b1', one);
    expect(one.stopped).toBe(true);
    expect(world.known('ns-1')).toEqual(['b1 away 0', 'b2 live 0']);
    world.killBroker('b2', two);
    world.run(LIMITS.BROKER_LOST_MS + 100);
    expect(world.known('ns-1')).toEqual(['b1 away 0', 'b2 away 0']);
    world.startBroker('b1', {}, disk);
    expect(world.known('ns-1')).toEqual(['b1 live 0', 'b2 away 0']);
  });

  it('comes back after a cut network [QNT-REG-001]', () => {
    const world = new NamingWorld();
    world.startBroker('b1');
    world.network.cut('b1', 'ns-1');
    world.run(20_000);
    expect(world.known('ns-1')).toEqual(['b1 away 0']);
    expect(world.known('ns-2')).toEqual(['b1 live 0']);
    world.network.heal('b1', 'ns-1');
    world.run(10_000);
    expect(world.known('ns-1')).toEqual(['b1 live 0']);
  });

  it('ends a broker at its start when every NameServer says that its name is in use, and no later [QNT-REG-011]', () => {
    const world = new NamingWorld();
    const first = world.startBroker('b1');
    const twin = world.startBroker('other-host', { name: 'b1' });
    expect(twin.fatal?.code).toBe('NAME_IN_USE');
    expect(first.fatal).toBeUndefined();
  });

  it('goes on when only one NameServer says so [QNT-REG-011]', () => {
    const world = new NamingWorld();
    world.network.cut('b1', 'ns-2');
    world.startBroker('b1');
    const twin = world.startBroker('other-host', { name: 'b1' });
    world.run(10_000);
    expect(twin.fatal).toBeUndefined();
    expect(world.known('ns-2')).toEqual(['b1 live 0']);
  });
});
