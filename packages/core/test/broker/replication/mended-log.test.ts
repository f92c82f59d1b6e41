import { describe, expect, test } from 'vitest';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

const LONG_MS = 60_000;

/** A master and a slave that has everything. */
function pair(options: ConstructorParameters<typeof ReplicaWorld>[0] = {}, messages = 30): ReplicaWorld {
  const world = new ReplicaWorld(options);
  world.startMaster();
  world.startSlave();
  world.cluster.runUntil(() => world.same, LONG_MS);
  // One by one, so that each says that the one before was on stable storage.
  world.send(messages);
  world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
  return world;
}

/** Every entry is read at a start. */
const UNCOVERED = { broker: { log: { segmentBytes: 32 * 1024, reserveBytes: 0 } } };

const restarts = (world: ReplicaWorld): string[] => world.ends.map(({ node, error }) => `${node} ${error?.code}`);

describe('a slave whose log is damaged', () => {
  test('QNT-RPL-069 cuts the damage off at its start, and copies the rest again', () => {
    const world = pair(UNCOVERED);
    world.cluster.hosts.killBroker(SLAVE);
    world.damageEnd(SLAVE);
    world.startSlave();
    world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
    expect(restarts(world)).toEqual([`${SLAVE} RESTART_REQUIRED`]);
    expect(world.events(SLAVE)).toContain('log.damage.cut');
    expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
    expect(world.mend(SLAVE)).toBe('');
  });

  test('QNT-RPL-069 is of no life before: what it has lost does not count as stored', () => {
    const world = pair({ ...UNCOVERED, replication: { intact: true } });
    const before = world.lives(SLAVE);
    world.cluster.hosts.killBroker(SLAVE);
    world.damageEnd(SLAVE);
    world.startSlave();
    world.cluster.runUntil(() => world.same, LONG_MS);
    expect(before).toHaveLength(1);
    expect(world.mend(SLAVE)).toBe('');
    expect(world.lives(SLAVE)).toHaveLength(1);
    expect(world.lives(SLAVE)).not.toEqual(before);
  });

  test('QNT-RPL-069 does not take rot in its very last entry for a torn write, where it knew that to be committed', () => {
    const world = pair({ ...UNCOVERED, replication: { intact: true } });
    world.cluster.run(5_000);
    const before = world.lives(SLAVE);
    world.cluster.hosts.killBroker(SLAVE);
    world.damageEnd(SLAVE, 1);
    world.startSlave();
    world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
    expect(restarts(world)).toEqual([`${SLAVE} RESTART_REQUIRED`]);
    expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
    expect(world.lives(SLAVE)).toHaveLength(1);
    expect(world.lives(SLAVE)).not.toEqual(before);
  });

  test('QNT-RPL-069 begins anew where nothing is left to start from', () => {
    const world = new ReplicaWorld();
    world.startMaster();
    world.ageMaster();
    world.startSlave();
    world.cluster.runUntil(() => world.same, LONG_MS);
    world.cluster.hosts.killBroker(SLAVE);
    for (const name of world.disk(SLAVE).names.filter((file) => file.startsWith('snap/'))) world.flip(SLAVE, name, 10);
    world.startSlave();
    world.cluster.runUntil(() => world.same, LONG_MS);
    expect(new Set(restarts(world))).toEqual(new Set([`${SLAVE} RESTART_REQUIRED`]));
    const oldest = world.oldestOf(MASTER);
    expect(world.entries(SLAVE, oldest)).toEqual(world.entries(MASTER, oldest));
  });

  test('QNT-RPL-069 copies again what the scrub finds rotten while it runs', () => {
    const world = pair({ broker: { log: { segmentBytes: 32 * 1024, scrubBytesPerSecond: 1_000_000 } } });
    const [segment] = world.segments(SLAVE);
    const before = world.cluster.hosts.brokers.get(SLAVE)?.engine;
    world.flip(SLAVE, segment?.name as string, 5_000);
    world.cluster.runUntil(() => world.ends.length > 0, 10 * LONG_MS);
    expect(restarts(world)).toEqual([`${SLAVE} RESTART_REQUIRED`]);
    expect(before?.figures().ready).toBe(false);
    world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
    expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
  });
});

test('QNT-RPL-070 a master whose log is damaged does not start, and cuts nothing', () => {
  const world = pair(UNCOVERED);
  world.restarts = false;
  world.cluster.hosts.killBroker(MASTER);
  world.damageEnd(MASTER);
  const before = world.entries(MASTER).length;
  world.cluster.hosts.startBroker(MASTER);
  world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
  expect(restarts(world)).toEqual([`${MASTER} CORRUPT_LOG`]);
  expect(world.entries(MASTER)).toHaveLength(before);
  expect(world.mend(MASTER)).toBe('');
});

test('QNT-RPL-070 a master whose last entry has rotted after it was committed does not start without it', () => {
  const world = pair(UNCOVERED);
  world.cluster.run(5_000);
  world.restarts = false;
  world.cluster.hosts.killBroker(MASTER);
  world.damageEnd(MASTER, 1);
  world.cluster.hosts.startBroker(MASTER);
  world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
  expect(restarts(world)).toEqual([`${MASTER} CORRUPT_LOG`]);
  expect(world.ends[0]?.error?.hint).toContain('promote another replica');
});

test('QNT-RPL-070 a replica that does not learn who is master leaves its damaged log as it is', () => {
  const world = pair(UNCOVERED);
  world.restarts = false;
  world.cluster.hosts.killBroker(SLAVE);
  for (const name of world.cluster.hosts.nameServerNames) world.cluster.hosts.killNameServer(name);
  world.damageEnd(SLAVE);
  const before = world.entries(SLAVE).length;
  world.startSlave();
  world.cluster.runUntil(() => world.ends.length > 0, LONG_MS);
  expect(restarts(world)).toEqual([`${SLAVE} CORRUPT_LOG`]);
  expect(world.entries(SLAVE)).toHaveLength(before);
});

test('a slave whose disk is full is dropped from the in-sync set, and is back when there is room', () => {
  const world = pair({ faults: true, replication: { lagMs: 2_000 } });
  const faults = world.cluster.hosts.diskFaults(SLAVE);
  faults.fill(world.disk(SLAVE).usedBytes);
  world.send(20);
  world.cluster.runUntil(() => world.inSync === 1, LONG_MS);
  expect(world.state(SLAVE)).toBe('slave');
  expect(world.same).toBe(false);
  world.send(5);
  faults.empty();
  world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
  expect(restarts(world)).toEqual([]);
  expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
});

test('a slave whose disk is full says so once, after a minute again, and when it is over', () => {
  const world = pair({ faults: true, replication: { lagMs: 2_000 } });
  const faults = world.cluster.hosts.diskFaults(SLAVE);
  const told = (event: string): number => world.events(SLAVE).filter((one) => one === event).length;
  faults.fill(world.disk(SLAVE).usedBytes);
  world.send(20);
  world.cluster.run(30_000);
  expect([told('log.write.failed'), told('log.rolled-back'), told('log.write.works')]).toEqual([1, 1, 0]);
  world.cluster.run(35_000);
  expect([told('log.write.failed'), told('log.rolled-back'), told('log.write.works')]).toEqual([2, 2, 0]);
  const { fields } = world.logs.findLast(({ event }) => event === 'log.write.failed') ?? {};
  expect((fields as { failures: number }).failures).toBeGreaterThan(60);
  faults.empty();
  world.cluster.runUntil(() => world.same, LONG_MS);
  expect([told('log.write.failed'), told('log.write.works')]).toEqual([2, 1]);
});

test('a slave whose disk is slow is dropped from the in-sync set, tells how far it is behind, and is back when it is quick again', () => {
  const world = pair({ faults: true, replication: { lagMs: 2_000 } });
  const faults = world.cluster.hosts.diskFaults(SLAVE);
  faults.slowFactor = 20_000;
  world.send(20);
  world.cluster.runUntil(() => world.inSync === 1, LONG_MS);
  world.send(5);
  expect(world.lagBytes(SLAVE)).toBeGreaterThan(0);
  faults.slowFactor = 1;
  world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
  expect(world.lagBytes(SLAVE)).toBe(0);
  expect(world.entries(SLAVE)).toEqual(world.entries(MASTER));
});
