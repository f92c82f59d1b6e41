import { describe, expect, test } from 'vitest';
import { decodeSnapshotFile } from '../../../src/broker/log/snapshot-store.ts';
import { portablePlatform } from '../../../src/index.ts';
import { writeUint32At } from '../../../src/wire/bytes.ts';
import { Snapshot } from '../../../src/wire/gen/messages.ts';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

const LONG_MS = 60_000;

/** A master whose log has lost its beginning. */
function agedWorld(options: ConstructorParameters<typeof ReplicaWorld>[0] = {}): ReplicaWorld {
  const world = new ReplicaWorld(options);
  world.startMaster();
  world.ageMaster();
  return world;
}

/** The slave ends with the log of its master, from the same oldest entry on. */
function expectCopy(world: ReplicaWorld): void {
  world.cluster.runUntil(() => world.same, LONG_MS);
  expect(world.oldestOf(SLAVE)).toBeGreaterThan(0);
  const oldest = Math.max(world.oldestOf(SLAVE), world.oldestOf(MASTER));
  expect(world.entries(SLAVE, oldest)).toEqual(world.entries(MASTER, oldest));
  expect(world.entries(SLAVE).length).toBeGreaterThan(20);
}

const restarts = (world: ReplicaWorld): string[] => world.ends.map(({ node, error }) => `${node} ${error?.code}`);

describe('an empty slave of a master whose log has lost its beginning', () => {
  test('QNT-RPL-065 takes a snapshot and the whole retained log, and serves old offsets', () => {
    const world = agedWorld();
    world.startSlave();
    expectCopy(world);
    expect(restarts(world)).toEqual([`${SLAVE} RESTART_REQUIRED`]);
    expect(world.oldestOf(SLAVE)).toBe(world.oldestOf(MASTER));
    expect(world.pullOldest(SLAVE)).toEqual(world.pullOldest(MASTER));
    expect(world.pullOldest(SLAVE)?.length).toBeGreaterThan(20);
  });

  test('QNT-RPL-066 QNT-RPL-067 serves nothing, has stored nothing and is not promoted before it has come to its snapshot', () => {
    const world = agedWorld({ replication: { lagMs: 2_000 } });
    world.startSlave();
    world.cluster.runUntil(() => world.state(SLAVE) === 'joining', LONG_MS);
    const { engine } = world.cluster.hosts.brokers.get(SLAVE) ?? {};
    expect(engine?.figures().replication).toMatchObject({ stored: 0 });
    world.cluster.hosts.pause(MASTER);
    expect(world.pullOldest(SLAVE)).toBe('NOT_READY');
    expect(world.client(SLAVE).request('PROMOTE', { acceptLoss: true }).error?.code).toBe('NOT_READY');
    expect(world.state(SLAVE)).toBe('joining');
    world.cluster.hosts.goOn(MASTER);
    expectCopy(world);
  });

  test('QNT-RPL-065 can be promoted then, and goes on with the log', () => {
    const world = agedWorld();
    world.startSlave();
    expectCopy(world);
    world.send(10);
    world.cluster.runUntil(() => world.same && world.inSync === 2, LONG_MS);
    const messages = world.pullOldest(MASTER);
    world.cluster.hosts.killBroker(MASTER);
    expect(world.client(SLAVE).request('PROMOTE', {}).error).toBeUndefined();
    world.cluster.runUntil(() => world.state(SLAVE) === 'master', LONG_MS);
    expect(world.pullOldest(SLAVE)).toEqual(messages);
    world.send(3, SLAVE);
    expect(world.pullOldest(SLAVE)?.at(-4)).toBe(messages?.at(-1));
  });

  test.each(['killed', 'without power'])('QNT-RPL-068 goes on or begins again when it is %s at any step', (how) => {
    let steps = 0;
    const count = { input: () => void steps++, output: () => {} };
    const world = agedWorld({ faults: true, observe: (node) => (node === SLAVE ? count : undefined) });
    const { cluster } = world;
    world.restarts = false;
    const seen: string[] = [];
    // Each step from each of what the disk can say, until the slave has everything.
    for (let last = 1; ; last++) {
      steps = 0;
      world.startSlave();
      cluster.clock.runUntil(() => steps >= last || !cluster.hosts.runs(SLAVE) || world.same, cluster.clock.nowMs() + 5_000);
      if (world.same) break;
      if (cluster.hosts.runs(SLAVE) && how === 'killed') cluster.hosts.killBroker(SLAVE);
      else if (cluster.hosts.runs(SLAVE)) cluster.hosts.cutPower(SLAVE);
      if (seen.at(-1) !== world.mend(SLAVE)) last = 0;
      seen.push(world.mend(SLAVE));
    }
    expect([...new Set(seen)]).toEqual(['', 'anew', 'joins']);
    expect(seen.length).toBeGreaterThan(50);
    for (const end of restarts(world)) expect(end).toBe(`${SLAVE} RESTART_REQUIRED`);
    expectCopy(world);
    expect(world.pullOldest(SLAVE)).toEqual(world.pullOldest(MASTER));
  });
});

test('QNT-RPL-071 a log that comes to its snapshot with another chain is begun anew, and nothing of it is served', () => {
  const world = agedWorld();
  const { cluster } = world;
  world.startSlave();
  cluster.runUntil(() => world.mend(SLAVE) === 'joins', LONG_MS);
  cluster.hosts.killBroker(SLAVE);
  const name = world.disk(SLAVE).names.find((file) => file.startsWith('snap/')) as string;
  const file = world.disk(SLAVE).file(name);
  const snapshot = decodeSnapshotFile(portablePlatform, file?.read(0, file.size) as Uint8Array) as Snapshot;
  const body = Snapshot.encode({ ...snapshot, chain: snapshot.chain + 1 });
  const bytes = new Uint8Array(4 + body.length);
  writeUint32At(bytes, 0, portablePlatform.crc32(body, 0));
  bytes.set(body, 4);
  world.disk(SLAVE).replace(name, bytes, () => {});
  cluster.run(10);
  world.startSlave();
  const states = new Set<string | undefined>();
  cluster.runUntil(() => states.add(world.state(SLAVE)) && world.mend(SLAVE) === 'anew', LONG_MS);
  expect(states).not.toContain('slave');
  expectCopy(world);
});

describe('a slave that was away', () => {
  test('QNT-RPL-065 begins anew where the oldest entry of its master is behind its end', () => {
    const world = new ReplicaWorld();
    world.startMaster();
    world.startSlave();
    world.send(5);
    world.cluster.runUntil(() => world.same, LONG_MS);
    world.cluster.hosts.killBroker(SLAVE);
    world.ageMaster();
    world.startSlave();
    expectCopy(world);
    expect(restarts(world)).toEqual([`${SLAVE} RESTART_REQUIRED`]);
  });

  test('goes on where it was as long as its master has what follows', () => {
    const world = new ReplicaWorld();
    world.startMaster();
    world.startSlave();
    world.send(5);
    world.cluster.runUntil(() => world.same, LONG_MS);
    world.cluster.hosts.killBroker(SLAVE);
    world.send(20);
    world.startSlave();
    world.cluster.runUntil(() => world.same, LONG_MS);
    expect(restarts(world)).toEqual([]);
    expect(world.oldestOf(SLAVE)).toBe(0);
  });
});
