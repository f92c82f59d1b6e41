// Goal: two processes with one replica number end as one, and both say so.
import { describe, expect, it } from 'vitest';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

/** Another host, whose broker is replica 1 as well. */
const TWIN = `${MASTER}-01`;

function worldWithTwins(): ReplicaWorld {
  const world = new ReplicaWorld();
  world.startMaster();
  world.startSlave();
  world.cluster.runUntil(() => world.inSync === 2, 60_000);
  world.cluster.hosts.startBroker(TWIN);
  world.cluster.run(30_000);
  return world;
}

describe('QNT-RPL-095 a replica number that is used twice in manual mode', () => {
  it('is kept by the process that came later; the other one halts and says what to do, as its master does', () => {
    const world = worldWithTwins();
    expect([world.state(TWIN), world.inSync]).toEqual(['slave', 2]);
    expect(world.state(SLAVE)).toBe('halted: another process runs as replica 1 of broker broker-a');
    const told = world.logs.filter(({ event }) => event === 'replication.halted' || event === 'replication.number-taken');
    expect(told).toMatchObject([
      { node: MASTER, fields: { why: expect.stringContaining('two processes run as replica 1') } },
      { node: SLAVE, fields: { code: 'REPLICA_TAKEN', hint: expect.stringContaining('stop the other process') } },
    ]);
  });

  it('has the set put on record a few times and no more', () => {
    const world = worldWithTwins();
    expect(world.events(MASTER).filter((event) => event === 'replication.in-sync-set').length).toBeLessThan(12);
  });

  it('is the later process in the routes, and the one that halted is not promoted whatever loss is accepted', () => {
    const world = worldWithTwins();
    const routes = world.client('ns-1', 7600).request('ROUTE_QUERY', { topics: ['orders'] }).response.header;
    const addresses = routes?.brokers[0]?.slaves.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
    expect(addresses).toEqual([`${TWIN}:7610`]);
    const client = world.client(SLAVE);
    expect(client.request('BROKER_DESCRIBE', {}).response.header).toMatchObject({ haltedBy: 'REPLICA_TAKEN' });
    expect(client.request('PROMOTE', { acceptLoss: true }).error?.code).toBe('REPLICA_BEHIND');
  });
});

it('a second process with the number of the master says that the number may be in use, and the master leads on [QNT-RPL-026]', () => {
  const world = new ReplicaWorld();
  world.startMaster();
  world.cluster.hosts.startBroker(`${MASTER}-0`);
  world.cluster.run(30_000);
  const [told, ...more] = world.logs.filter(({ event }) => event === 'replication.leads-not');
  expect([told?.node, more]).toEqual([`${MASTER}-0`, []]);
  expect(told?.fields).toMatchObject({
    why: expect.stringMatching(/^replica 0 is master on record.*another process runs with its number/),
    hint: expect.stringContaining('a number of its own'),
  });
  expect(world.state(MASTER)).toBe('master');
});
