// Goal: whole brokers keep what they have acknowledged through deaths, cuts and switches, and serve no more than they may.
import { describe, expect, it } from 'vitest';
import { AckLevel, ReplicaRole } from '../../src/index.ts';
import { LAG_MS, MASTER, ReplicaWorld, SECOND_SLAVE, SLAVE } from './replica-world.ts';

const { ACK_LEADER } = AckLevel;

describe('a group with a slave', () => {
  it('keeps a committed SEND waiting until the slave has it [QNT-RPL-010]', () => {
    const world = new ReplicaWorld();
    expect(world.sent('a')).toBe('ok');
    expect([world.read(MASTER), world.read(SLAVE)]).toEqual(['0:a', '0:a']);
    world.hosts.network.cut(MASTER, SLAVE);
    const waits = world.send('b');
    expect(world.sent('c', MASTER, ACK_LEADER)).toBe('ok');
    world.cluster.run(LAG_MS / 2);
    expect([waits.answer, world.read(MASTER)]).toEqual([undefined, '0:a']);
    world.hosts.network.heal(MASTER, SLAVE);
    world.cluster.run(100);
    expect(waits.answer?.error).toBeUndefined();
    expect([world.read(MASTER), world.inSync()]).toEqual(['0:a 1:b 2:c', [0, 1]]);
  });

  it('goes on without a slave that is dead once that is on record [QNT-RPL-013]', () => {
    const world = new ReplicaWorld();
    world.kill(SLAVE);
    const waits = world.send('a');
    world.cluster.run(LAG_MS - 500);
    expect([waits.answer, world.inSync()]).toEqual([undefined, [0, 1]]);
    world.cluster.run(1_000);
    expect([waits.answer?.error, world.inSync()]).toEqual([undefined, [0]]);
    world.start(SLAVE);
    world.settle(MASTER, [0, 1]);
    expect(world.read(SLAVE)).toBe('0:a');
  });

  it('holds back while nobody takes the record without the dead slave [QNT-RPL-013]', () => {
    const world = new ReplicaWorld();
    world.kill(SLAVE);
    world.hosts.network.cut(MASTER, 'ns-1');
    const waits = world.send('a');
    world.cluster.run(10 * LAG_MS);
    expect(waits.answer).toBeUndefined();
    world.hosts.network.heal(MASTER, 'ns-1');
    world.cluster.run(10_000);
    expect([waits.answer?.error, world.inSync()]).toEqual([undefined, [0]]);
  });

  it('with min_in_sync 2 refuses what it could not commit before it appends it [QNT-RPL-011]', () => {
    const world = new ReplicaWorld({ minInSync: 2 });
    expect(world.sent('a')).toBe('ok');
    world.kill(SLAVE);
    const waits = world.send('b');
    world.cluster.run(LAG_MS + 500);
    const { logEnd } = world.describe(MASTER);
    expect(world.sent('c')).toBe('NOT_ENOUGH_REPLICAS');
    expect([world.describe(MASTER).logEnd, waits.answer, world.inSync()]).toEqual([logEnd, undefined, [0]]);
    expect([world.sent('d', MASTER, ACK_LEADER), world.read(MASTER)]).toEqual(['ok', '0:a']);
    world.start(SLAVE);
    world.settle(MASTER, [0, 1]);
    expect([waits.answer?.error, world.read(MASTER)]).toEqual([undefined, '0:a 1:b 2:d']);
  });
});

describe('a slave', () => {
  it('copies on where its log ends after a write that failed, though what precedes is not committed [QNT-RPL-018]', () => {
    const world = new ReplicaWorld({ slaves: 2, faults: true });
    world.hosts.network.cut(MASTER, SECOND_SLAVE);
    const waits = [world.send('a')];
    world.cluster.run(100);
    const disk = world.hosts.diskFaults(SLAVE);
    disk.fill(world.hosts.disk(SLAVE)?.usedBytes ?? 0);
    waits.push(world.send('b'));
    world.cluster.run(100);
    disk.empty();
    world.cluster.run(LAG_MS / 2);
    const { committed, stored } = world.describe(MASTER);
    expect(world.describe(SLAVE)).toMatchObject({ committed, stored });
    expect([stored > committed, waits.map(({ answer }) => answer)]).toEqual([true, [undefined, undefined]]);
    world.hosts.network.heal(MASTER, SECOND_SLAVE);
    world.cluster.run(5_000);
    expect(world.read(SLAVE)).toBe('0:a 1:b');
  });

  it('knows the dedup id of a batch that it could not write at first, though it had the mark before it [QNT-KST-023]', () => {
    // The two stand in one segment at the master; at the slave the batch begins the next one.
    const world = new ReplicaWorld({ faults: true, segmentBytes: 8_192 });
    expect(world.sent('a'.repeat(3_000))).toBe('ok');
    world.hosts.diskFaults(SLAVE).fail('create', 1);
    expect(world.sendOnce('b'.repeat(6_000), 'd')).toBe(1);
    expect(world.logs.filter((line) => line.startsWith(`${SLAVE} warn log.rolled-back`))).toHaveLength(1);
    world.cluster.run(2_000);
    world.kill(MASTER);
    expect(world.promote(SLAVE)).toBe('ok');
    world.settle(SLAVE, [1]);
    expect(world.sendOnce('b'.repeat(6_000), 'd', SLAVE)).toBe(1);
  });

  it('finds its master again when that comes back in a higher term, however rare heartbeats are', () => {
    const world = new ReplicaWorld({ heartbeatMs: 30_000 });
    const { term } = world.describe(MASTER);
    world.cluster.restartBroker(MASTER);
    world.cluster.run(2_000);
    expect(world.describe(MASTER)).toMatchObject({ state: 'master', term: term + 1 });
    expect([world.sent('a'), world.read(SLAVE)]).toEqual(['ok', '0:a']);
  });
});

describe('a slave whose master is dead', () => {
  it('serves what is committed under the leases that it knows, and nothing that only a master may', () => {
    const world = new ReplicaWorld();
    const epoch = world.join(MASTER, 'm');
    world.sent('a');
    world.cluster.run(1_500);
    world.kill(MASTER);
    expect(world.pull(SLAVE, 'm', epoch, 0)).toBe('0:a');
    expect(world.pull(SLAVE, 'm', epoch, 7)).toBe('NOT_YET');
    expect(world.pull(SLAVE, 'n', epoch, 0)).toBe('LEASE_FENCED');
    expect(world.sent('b', SLAVE)).toBe('NOT_MASTER');
    const offsets = [{ topic: 't', offset: 1, leaseEpoch: epoch }];
    expect(world.code(SLAVE, 'OFFSET_COMMIT', { group: 'g', member: 'm', offsets })).toBe('NOT_MASTER');
    expect(world.code(SLAVE, 'TOPIC_CREATE', { topic: 'u' })).toBe('NOT_MASTER');
    expect(world.code(SLAVE, 'INIT_PRODUCER', {})).toBe('NOT_MASTER');
    expect(world.role(SLAVE)).toBe('slave');
  });

  it('becomes master when it is in sync, with a record above the one before [QNT-RPL-025]', () => {
    const world = new ReplicaWorld({ slaves: 2 });
    world.sent('a');
    const before = world.record();
    world.kill(MASTER);
    expect(world.promote(SLAVE)).toBe('ok');
    const { term = 0, version = 0 } = before ?? {};
    expect(world.record()).toMatchObject({ term: term + 1, version: version + 1, master: 1 });
    expect(world.inSync()).toEqual([1, 2]);
    world.settle(SLAVE, [1, 2]);
    expect([world.sent('b', SLAVE), world.read(SLAVE), world.read(SECOND_SLAVE)]).toEqual(['ok', '0:a 1:b', '0:a 1:b']);
  });

  it('does not become master when others have committed without it, unless the loss is accepted [QNT-RPL-026]', () => {
    const world = new ReplicaWorld();
    world.kill(SLAVE);
    expect(world.sent('a')).toBe('ok');
    world.kill(MASTER);
    world.start(SLAVE);
    world.cluster.run(1_000);
    expect([world.promote(SLAVE), world.role(SLAVE)]).toEqual(['REPLICA_BEHIND', 'slave']);
    expect(world.promote(SLAVE, true)).toBe('ok');
    world.settle(SLAVE, [1]);
    expect([world.sent('b', SLAVE), world.read(SLAVE)]).toEqual(['ok', '0:b']);
  });

  it('becomes master in a life after the one on record, if nothing of its log was lost [QNT-RPL-026]', () => {
    for (const [flush, promoted] of [
      ['sync', 'ok'],
      ['async', 'REPLICA_BEHIND'],
    ] as const) {
      // biome-ignore format: pairs
      const world = new ReplicaWorld({ flush });
      world.sent('a');
      for (const node of [MASTER, SLAVE]) world.hosts.cutPower(node);
      world.start(SLAVE);
      world.cluster.run(1_000);
      expect(world.promote(SLAVE), flush).toBe(promoted);
    }
  });

  it('does not become master while one NameServer, which may know better, does not answer [QNT-RPL-040]', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    world.kill(MASTER);
    world.hosts.network.cut(SLAVE, 'ns-2');
    expect([world.promote(SLAVE), world.role(SLAVE)]).toEqual(['REPLICA_BEHIND', 'slave']);
    world.hosts.network.heal(SLAVE, 'ns-2');
    world.cluster.run(5_000);
    expect(world.promote(SLAVE)).toBe('ok');
  });

  it('is not master before all NameServers have its record [QNT-RPL-025, QNT-RPL-040]', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    world.kill(MASTER);
    const client = world.on(SLAVE);
    const promotion = client.ask('PROMOTE', {});
    world.cluster.run(0.5);
    world.hosts.network.cutOneWay(SLAVE, 'ns-1');
    world.cluster.run(2_000);
    expect([promotion.answer, world.record('ns-2')?.master, world.record('ns-1')?.master]).toEqual([undefined, 1, 0]);
    expect([world.sent('a', SLAVE), world.role(SLAVE)]).toEqual(['NOT_READY', 'slave']);
    world.hosts.network.heal(SLAVE, 'ns-1');
    world.cluster.run(10_000);
    expect([promotion.answer?.error, world.record('ns-1')?.master, world.sent('a', SLAVE)]).toEqual([undefined, 1, 'ok']);
  });
});

describe('a slave that is promoted', () => {
  it('copies nothing from before it reads the record until it is refused [QNT-RPL-027]', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    world.hosts.network.cut(SLAVE, 'ns-2');
    const promotion = world.ask(SLAVE, 'PROMOTE', {});
    world.sent('a', MASTER, ACK_LEADER);
    const { stored } = world.describe(MASTER);
    world.cluster.run(1_000);
    expect([promotion.answer, world.describe(SLAVE).stored < stored]).toEqual([undefined, true]);
    world.cluster.run(4_000);
    expect([promotion.answer?.error?.code, world.describe(SLAVE).stored]).toEqual([
      'REPLICA_BEHIND',
      world.describe(MASTER).stored,
    ]);
  });

  it('takes over from a master that lives on behind a cut, which then gives up what it had not committed', () => {
    const world = new ReplicaWorld();
    expect(world.sent('a')).toBe('ok');
    world.hosts.network.cut(MASTER, SLAVE);
    const waits = world.send('b');
    expect(world.sent('c', MASTER, ACK_LEADER)).toBe('ok');
    expect(world.promote(SLAVE)).toBe('ok');
    world.settle(SLAVE, [1]);
    expect(world.sent('d', SLAVE)).toBe('ok');
    world.cluster.runUntil(() => waits.answer !== undefined, 30_000);
    expect(waits.answer?.error).toMatchObject({ code: 'MASTER_CHANGED', outcome: 'unknown' });
    world.hosts.network.heal(MASTER, SLAVE);
    world.settle(SLAVE, [0, 1]);
    expect([world.role(MASTER), world.read(MASTER), world.read(SLAVE)]).toEqual(['slave', '0:a 1:d', '0:a 1:d']);
    expect(world.sent('e', SLAVE)).toBe('ok');
  });

  it('is followed by the old master, which cuts its uncommitted tail when it comes back', () => {
    const world = new ReplicaWorld();
    world.sent('a');
    world.hosts.network.cut(MASTER, SLAVE);
    const waits = world.send('lost');
    world.cluster.run(100);
    world.kill(MASTER);
    world.hosts.network.heal(MASTER, SLAVE);
    world.cluster.run(100);
    expect(waits.answer?.error?.outcome).toBe('unknown');
    expect(world.promote(SLAVE)).toBe('ok');
    world.settle(SLAVE, [1]);
    expect(world.sent('b', SLAVE)).toBe('ok');
    world.start(MASTER);
    world.settle(SLAVE, [0, 1]);
    expect([world.role(MASTER), world.read(MASTER), world.read(SLAVE)]).toEqual(['slave', '0:a 1:b', '0:a 1:b']);
  });

  it('takes over as planned after DEMOTE, and nothing is lost', () => {
    const world = new ReplicaWorld();
    const sends = Array.from({ length: 40 }, (_, i) => world.send(`m${i}`));
    expect(world.code(MASTER, 'DEMOTE', {})).toBe('ok');
    expect(world.sent('refused')).toBe('NOT_MASTER');
    expect(world.promote(SLAVE)).toBe('ok');
    world.settle(SLAVE, [0, 1]);
    world.cluster.run(100);
    const kept = world
      .read(SLAVE)
      .split(' ')
      .map((text) => text.split(':')[1]);
    const acked = sends.flatMap(({ answer }, i) => (answer?.error === undefined ? [`m${i}`] : []));
    expect(sends.every(({ answer }) => answer !== undefined)).toBe(true);
    expect(kept).toEqual(expect.arrayContaining(acked));
    expect(world.read(MASTER)).toBe(world.read(SLAVE));
    expect(world.code(SLAVE, 'DEMOTE', {})).toBe('ok');
    expect(world.promote(MASTER)).toBe('ok');
    world.settle(MASTER, [0, 1]);
    expect(world.sent('back')).toBe('ok');
  });
});

describe('a group that starts again', () => {
  it('has its master back in a new term when that alone was away, and nothing is lost', () => {
    const world = new ReplicaWorld();
    world.sent('a');
    const term = world.record()?.term ?? 0;
    world.hosts.cutPower(MASTER);
    world.start(MASTER);
    world.settle(MASTER, [0, 1]);
    expect(world.record()).toMatchObject({ term: term + 1, master: 0 });
    expect([world.sent('b'), world.read(MASTER), world.read(SLAVE)]).toEqual(['ok', '0:a 1:b', '0:a 1:b']);
  });

  it('has the same master when all of it was away, the NameServers too', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    world.sent('a');
    for (const node of [MASTER, SLAVE]) world.hosts.cutPower(node);
    for (const node of ['ns-1', 'ns-2']) world.hosts.cutPowerOfNameServer(node);
    for (const node of [SLAVE, MASTER]) world.start(node);
    world.cluster.run(2_000);
    for (const node of ['ns-1', 'ns-2']) world.hosts.startNameServer(node);
    world.settle(MASTER, [0, 1]);
    expect([world.sent('b'), world.read(SLAVE)]).toEqual(['ok', '0:a 1:b']);
  });

  it('says which NameServer its master waits for before it leads again', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    world.kill(MASTER);
    world.hosts.killNameServer('ns-2');
    world.start(MASTER);
    world.cluster.run(5_000);
    expect(world.describe(MASTER).state).toBe('undecided (NameServer ns-2:7600 to tell what is on record)');
    const waits = world.logs.filter((line) => line.startsWith(`${MASTER} info replication.waits`));
    expect(waits.at(-1)).toContain('NameServer ns-2:7600');
    world.hosts.startNameServer('ns-2');
    world.settle(MASTER, [0, 1]);
  });

  it('has no master when all of it lost power with flush async: each says so, and an operator accepts the loss [QNT-RPL-026]', () => {
    const world = new ReplicaWorld({ flush: 'async' });
    world.sent('a');
    world.cluster.run(1_000);
    expect([world.describe(MASTER).inSync, world.describe(SLAVE).inSync]).toEqual([false, true]);
    for (const node of [MASTER, SLAVE]) world.hosts.cutPower(node);
    for (const node of [MASTER, SLAVE]) world.start(node);
    world.cluster.run(10_000);
    const states = [MASTER, SLAVE].map((node) => world.describe(node));
    expect(states).toMatchObject([
      { role: ReplicaRole.SLAVE, inSync: false },
      { role: ReplicaRole.SLAVE, inSync: false },
    ]);
    const told = world.logs.filter((line) => line.includes('replication.leads-not'));
    expect(told).toEqual([expect.stringMatching(/^broker-a warn .*may have lost.*qanat cluster status/)]);
    expect([world.promote(MASTER), world.promote(SLAVE)]).toEqual(['REPLICA_BEHIND', 'REPLICA_BEHIND']);
    expect(world.promote(MASTER, true)).toBe('ok');
    world.settle(MASTER, [0, 1]);
    expect([world.sent('b'), world.read(SLAVE)]).toEqual(['ok', '0:a 1:b']);
  });
});

describe('NameServers of which none has heard everything', () => {
  it('do not make a master of one that has read an old record, nor then of who is in sync by it [QNT-RPL-040]', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    const { network } = world.hosts;
    network.cut(MASTER, 'ns-2');
    world.kill(SLAVE);
    world.cluster.run(LAG_MS + 5_000);
    expect([world.sent('a'), world.record('ns-1')?.inSync.length, world.record('ns-2')?.inSync.length]).toEqual(['ok', 1, 2]);
    world.kill(MASTER);
    network.heal(MASTER, 'ns-2');
    network.cut(MASTER, 'ns-1');
    network.cut(MASTER, SLAVE);
    for (const node of [MASTER, SLAVE]) world.start(node);
    world.cluster.run(5_000);
    expect([world.promote(SLAVE), world.describe(MASTER).state]).toEqual(['REPLICA_BEHIND', expect.stringMatching(/undecided/)]);
    network.heal(MASTER, 'ns-1');
    network.heal(MASTER, SLAVE);
    world.settle(MASTER, [0, 1]);
    expect([world.read(MASTER), world.read(SLAVE)]).toEqual(['0:a', '0:a']);
  });

  it('do not make a master of one whose promotion was not finished, when the master has gone on [QNT-RPL-040]', () => {
    const world = new ReplicaWorld({ nameServers: 2 });
    const { network } = world.hosts;
    network.cut(MASTER, 'ns-1');
    network.cut(MASTER, SLAVE);
    world.on(SLAVE).ask('PROMOTE', {});
    world.cluster.run(0.5);
    network.cutOneWay(SLAVE, 'ns-2');
    world.cluster.run(LAG_MS + 5_000);
    expect([world.record('ns-1')?.master, world.record('ns-2')?.master, world.sent('a')]).toEqual([1, 0, 'ok']);
    world.kill(SLAVE);
    network.heal(SLAVE, 'ns-2');
    world.start(SLAVE);
    world.cluster.run(5_000);
    expect([world.role(SLAVE), world.promote(SLAVE), world.role(MASTER)]).toEqual(['slave', 'REPLICA_BEHIND', 'master']);
    expect([world.sent('b'), world.read(MASTER)]).toEqual(['ok', '0:a 1:b']);
  });
});
