import { describe, expect, it } from 'vitest';
import type { TopicRoute } from '../../src/client/host.ts';
import { Random } from '../../src/random.ts';
import { FakeNameServer } from './fake-name-server.ts';
import { World } from './world.ts';

const random = new Random(5);

function setup(count: number, options: { seed?: number; attemptMs?: number } = {}): { world: World; servers: FakeNameServer[] } {
  const addresses = Array.from({ length: count }, (_, i) => `ns${i}:7600`);
  const world = new World({ nameServers: addresses, ...options });
  const servers = addresses.map((address) => world.add(new FakeNameServer(address, random)));
  for (const server of servers) {
    server.broker('a', 'a:7610');
    server.topics.set('orders', { a: 4 });
  }
  return { world, servers };
}

function watch(world: World, topic: string): TopicRoute[] {
  const seen: TopicRoute[] = [];
  world.call((client) => client.watchRoute(topic, (route) => seen.push(route)));
  return seen;
}

const ORDERS = { topic: 'orders', found: true, shares: [{ broker: 'a', queues: 4, away: false }] };

describe('the link to the NameServers', () => {
  it('starts at a random one', () => {
    const first = new Set<string>();
    for (let seed = 1; seed < 40; seed++) {
      const { world } = setup(3, { seed });
      world.call(() => {});
      first.add(world.dialled[0] as string);
    }
    expect(first.size).toBe(3);
  });

  it('takes the next one when one refuses connections, and tells of the outage once when none answers [QNT-CON-027, QNT-RTE-015]', () => {
    const { world, servers } = setup(2);
    for (const server of servers) server.state = 'down';
    const seen = watch(world, 'orders');
    world.run(10_000);
    expect(seen).toEqual([]);
    expect(world.events.filter(({ kind }) => kind === 'error').length).toBe(1);
    expect(world.dialled.length).toBeGreaterThan(6);
    expect(world.dialled.length).toBeLessThan(40);
    (servers[1] as FakeNameServer).state = 'up';
    world.run(3_100);
    expect(seen).toEqual([ORDERS]);
  });

  it('leaves one that accepts the connection and never answers, like a dead one [QNT-CON-012, QNT-CON-027]', () => {
    for (const seed of [1, 2, 3, 4]) {
      const { world, servers } = setup(2, { seed });
      (servers[0] as FakeNameServer).state = 'hung';
      const seen = watch(world, 'orders');
      world.run(3_100);
      expect(seen).toEqual([ORDERS]);
    }
  });

  it('leaves one that hangs after its greeting when a question is not answered within one attempt [QNT-CON-027, QNT-RTE-015]', () => {
    const { world, servers } = setup(2);
    watch(world, 'orders');
    world.run(100);
    const used = servers.find((server) => world.connections(server) === 1) as FakeNameServer;
    used.state = 'hung';
    const seen = watch(world, 'other');
    world.run(6_200);
    expect(seen).toEqual([{ topic: 'other', found: false, shares: [] }]);
    expect(world.connections(servers.find((server) => server !== used) as FakeNameServer)).toBe(1);
  });

  it('moves on when one says GOAWAY, and watches everything at the next one [QNT-CON-020, QNT-CON-021, QNT-RTE-016]', () => {
    const { world, servers } = setup(2);
    const seen = watch(world, 'orders');
    world.run(100);
    const used = servers.find((server) => world.connections(server) === 1) as FakeNameServer;
    const other = servers.find((server) => server !== used) as FakeNameServer;
    used.goAway();
    world.run(100);
    expect(other.asked).toEqual(['orders']);
    other.topics.set('orders', { a: 8 });
    other.push('orders');
    world.run(10);
    expect(seen.at(-1)?.shares).toEqual([{ broker: 'a', queues: 8, away: false }]);
  });
});

describe('the routes', () => {
  it('are asked for in one query, and each watcher hears of a change [QNT-RTE-016]', () => {
    const { world, servers } = setup(1);
    const [server] = servers as [FakeNameServer];
    const seen = watch(world, 'orders');
    const again = watch(world, 'orders');
    watch(world, 'other');
    world.run(100);
    expect(server.queries).toBe(1);
    server.broker('a', 'a:7610', { away: true });
    server.push('orders');
    world.run(10);
    expect(seen).toEqual([ORDERS, { topic: 'orders', found: true, shares: [{ broker: 'a', queues: 4, away: true }] }]);
    expect(again).toEqual(seen);
    expect(watch(world, 'orders')).toEqual([seen.at(-1)]);
  });

  it('are asked for again at each poll, many topics in few queries [QNT-RTE-017]', () => {
    const { world, servers } = setup(1);
    for (let i = 0; i < 600; i++) watch(world, `t${i}`);
    world.run(100);
    const [server] = servers as [FakeNameServer];
    expect(server.queries).toBe(3);
    world.run(34_000);
    expect(server.queries).toBe(6);
  });

  it('stay in force while no NameServer answers', () => {
    const { world, servers } = setup(2);
    const seen = watch(world, 'orders');
    world.run(100);
    for (const server of servers) {
      server.state = 'down';
      world.cut(server);
    }
    world.run(120_000);
    expect(seen).toEqual([ORDERS]);
    expect(watch(world, 'orders')).toEqual([ORDERS]);
  });

  it('say that a topic is missing only when every NameServer that answers says so [QNT-RTE-018]', () => {
    const { world, servers } = setup(3);
    world.call(() => {});
    world.run(10);
    const [one, two, three] = [...servers].sort((a, b) => world.connections(b) - world.connections(a)) as [
      FakeNameServer,
      FakeNameServer,
      FakeNameServer,
    ];
    one.topics.clear();
    two.topics.clear();
    const seen = watch(world, 'orders');
    world.run(100);
    expect(seen).toEqual([ORDERS]);
    three.topics.clear();
    one.push('orders');
    world.run(100);
    expect(seen.at(-1)).toEqual({ topic: 'orders', found: false, shares: [] });
    expect(world.connections(two) + world.connections(three)).toBe(0);
  });

  it('do not wait for a NameServer that hangs longer than one attempt before a topic is missing', () => {
    const { world, servers } = setup(2);
    world.call(() => {});
    world.run(10);
    const [one, two] = [...servers].sort((a, b) => world.connections(b) - world.connections(a)) as [
      FakeNameServer,
      FakeNameServer,
    ];
    one.topics.clear();
    two.state = 'hung';
    const seen = watch(world, 'orders');
    world.run(3_100);
    expect(seen).toEqual([{ topic: 'orders', found: false, shares: [] }]);
  });

  it('do not wait again for a NameServer that has just let a question time out, and ask it again after ten seconds [QNT-RTE-018]', () => {
    const { world, servers } = setup(2);
    world.call(() => {});
    world.run(10);
    const [one, two] = [...servers].sort((a, b) => world.connections(b) - world.connections(a)) as [
      FakeNameServer,
      FakeNameServer,
    ];
    one.topics.clear();
    two.state = 'hung';
    watch(world, 'first');
    world.run(3_100);
    const second = watch(world, 'orders');
    world.run(100);
    expect(second).toEqual([{ topic: 'orders', found: false, shares: [] }]);
    two.state = 'up';
    world.run(10_000);
    one.push('orders');
    world.run(100);
    expect(second.at(-1)).toEqual(ORDERS);
  });

  it('are asked for again while a NameServer is not ready [QNT-RTE-018]', () => {
    const { world, servers } = setup(1);
    const [server] = servers as [FakeNameServer];
    server.ready = false;
    server.topics.clear();
    const seen = watch(world, 'orders');
    world.run(2_000);
    expect(seen).toEqual([]);
    server.topics.set('orders', { a: 4 });
    world.run(400);
    expect(seen).toEqual([ORDERS]);
  });

  it('keep the share of a broker that a NameServer which has just started does not know yet', () => {
    const { world, servers } = setup(1);
    const [server] = servers as [FakeNameServer];
    server.broker('b', 'b:7610');
    server.topics.set('orders', { a: 4, b: 4 });
    const seen = watch(world, 'orders');
    world.run(100);
    server.topics.set('orders', { a: 4 });
    world.cut(server);
    world.run(4_000);
    expect(seen.length).toBe(1);
    world.run(1_500);
    expect(seen.at(-1)).toEqual(ORDERS);
  });

  it('are refreshed at most once a second [QNT-RTE-024]', () => {
    const { world, servers } = setup(1);
    watch(world, 'orders');
    world.run(100);
    const before = (servers[0] as FakeNameServer).queries;
    for (let i = 0; i < 500; i++) {
      world.call((client) => client.refreshRoute('orders'));
      world.run(10);
    }
    expect((servers[0] as FakeNameServer).queries - before).toBeLessThanOrEqual(5);
    expect((servers[0] as FakeNameServer).queries - before).toBeGreaterThanOrEqual(4);
  });
});
