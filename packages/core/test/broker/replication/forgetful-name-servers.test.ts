// Goal: who forgot the directory of a NameServer is told so by the brokers that need its records.
import { describe, expect, it } from 'vitest';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

const told = (world: ReplicaWorld, node: string, event: string): unknown[] =>
  world.logs.filter((one) => one.node === node && one.event === event).map(({ fields }) => fields);

const WAITS = { for: 'a NameServer that keeps records', hint: 'start a NameServer with --data DIR' };

describe('brokers whose NameServers keep no records', () => {
  it.each([MASTER, SLAVE])('say once that they wait for one that does, and how it is started: %s', (node) => {
    const world = new ReplicaWorld({ nameServer: { keepsRecords: false } });
    world.cluster.hosts.startNameServer('ns-1');
    world.cluster.hosts.startBroker(node);
    world.cluster.run(10_000);
    expect(told(world, node, 'replication.waits').at(-1)).toEqual(WAITS);
    expect(told(world, node, 'replication.waits').filter((fields) => (fields as typeof WAITS).for === WAITS.for)).toHaveLength(1);
  });

  it('are masters as soon as one does', () => {
    const options = { keepsRecords: false };
    const world = new ReplicaWorld({ nameServer: options });
    const { hosts } = world.cluster;
    hosts.startNameServer('ns-1');
    hosts.startBroker(MASTER);
    world.cluster.run(5_000);
    expect(world.state(MASTER)).toBe('rising (a NameServer that keeps records)');
    hosts.killNameServer('ns-1');
    options.keepsRecords = true;
    hosts.startNameServer('ns-1');
    world.cluster.runUntil(() => world.state(MASTER) === 'master', 60_000);
  });
});

it('a broker warns of a NameServer that was started without its directory beside one that keeps records, once', () => {
  const options = { keepsRecords: true };
  const world = new ReplicaWorld({ nameServers: 2, nameServer: options });
  const { hosts } = world.cluster;
  world.startMaster();
  expect(told(world, MASTER, 'replication.records-not-kept')).toEqual([]);
  hosts.killBroker(MASTER);
  hosts.killNameServer('ns-2');
  options.keepsRecords = false;
  hosts.startNameServer('ns-2');
  hosts.startBroker(MASTER);
  world.cluster.runUntil(() => world.state(MASTER) === 'master', 60_000);
  world.cluster.run(10_000);
  expect(told(world, MASTER, 'replication.records-not-kept')).toEqual([
    { by: 'ns-2:7600', hint: expect.stringContaining('every NameServer with --data') },
  ]);
});
