import { LIMITS } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { codes, committed, GroupWorld, leasesOfLog } from './group-world.ts';
import { TestMember } from './test-member.ts';

const ORDERS = { topics: [{ topic: 'orders' }] };
const TOPIC_ID = 1;

function worldOf(queues: number, messages = 100): GroupWorld {
  const world = new GroupWorld();
  world.topic('orders', queues, messages);
  return world;
}

function join(world: GroupWorld, ...ids: string[]): TestMember[] {
  return ids.map((id) => {
    const member = new TestMember(world, id, ORDERS);
    member.beat();
    return member;
  });
}

/** A heartbeat of all every second, releases at once: everything comes to rest. */
function calm(world: GroupWorld, members: readonly TestMember[], seconds = 3): void {
  for (let i = 0; i < seconds; i++) {
    world.pass(1_000);
    for (const member of members) {
      member.beat();
      member.releaseAll();
    }
    world.settle();
  }
}

describe('leases and hand-over (chapter of groups)', () => {
  it('gives the first member of a group all queues at once, and tells it by a push when that is durable [QNT-GRP-020, QNT-GRP-034, QNT-GRP-038]', () => {
    const world = worldOf(2);
    const a = new TestMember(world, 'a', ORDERS);
    const answer = a.heartbeat();
    expect(world.staged.map((record) => Object.entries(record).find(([, value]) => value !== undefined)?.[0])).toEqual([
      'groupChanged',
    ]);
    world.sync();
    expect(answer.ok.assignment).toMatchObject({ members: 1, queues: 2, idle: false, leases: [] });
    expect(a.session.pushed).toEqual([]);
    world.sync();
    expect(a.held).toEqual(['orders/0', 'orders/1']);
    expect(a.session.pushed).toHaveLength(1);
    expect(world.watched).toEqual(new Set(['orders']));
  });

  it('never has two holders: the next lease is staged when the end of the last is durable [QNT-GRP-037, QNT-GRP-038, QNT-GRP-039, QNT-GRP-041]', () => {
    const world = worldOf(2);
    const [a] = join(world, 'a') as [TestMember];
    const [b] = join(world, 'b') as [TestMember];
    expect(b.held).toEqual([]);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.held).toEqual(['orders/0']);
    expect(a.releasing).toEqual(['orders/1']);
    expect(b.held).toEqual([]);
    const old = a.lease('orders', 1).epoch;
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 1, old)).toBeUndefined();

    const released = a.release('orders', 1, 40);
    expect(world.staged).toHaveLength(2);
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 1, old)).toBe('LEASE_FENCED');
    expect(world.ended).toContain('g');
    world.sync(1);
    expect(released.done).toBe(false);
    world.sync(1);
    expect(codes(released)).toEqual([]);
    expect(b.held).toEqual([]);
    expect(world.staged.map((record) => record.leaseGranted)).toMatchObject([{ member: 'b', queue: 1, startOffset: 40 }]);
    world.sync();
    expect(b.held).toEqual(['orders/1']);
    expect(b.lease('orders', 1).epoch).toBeGreaterThan(old);
    expect(committed(world, 'orders', 1)).toBe(40);
    leasesOfLog(world.log);
  });

  it('fences commits, releases and pulls of a dead epoch [QNT-OFS-002, QNT-OFS-006, QNT-GRP-043]', () => {
    const world = worldOf(2);
    const [a] = join(world, 'a') as [TestMember];
    const [b] = join(world, 'b') as [TestMember];
    calm(world, [a, b]);
    const dead = 2 ** 20 + 3;
    for (const member of [a, b]) {
      expect(codes(member.commit('orders', 1, 50, dead))).toEqual(['LEASE_FENCED']);
      expect(codes(member.release('orders', 1, 50, dead))).toEqual(['LEASE_FENCED']);
      expect(world.groups.pullError('g', member.id, TOPIC_ID, 1, dead)).toBe('LEASE_FENCED');
    }
    expect(codes(a.commit('orders', 1, 50, b.lease('orders', 1).epoch))).toEqual(['LEASE_FENCED']);
    expect(world.staged).toEqual([]);
    const both = world.request(a.session, 'OFFSET_COMMIT', {
      group: 'g',
      member: 'a',
      offsets: [
        { topic: 'orders', queue: 1, offset: 50, leaseEpoch: dead },
        { topic: 'orders', queue: 0, offset: 50, leaseEpoch: a.lease('orders', 0).epoch },
      ],
    });
    world.settle();
    expect(both.ok.results).toMatchObject([{ topic: 'orders', queue: 1 }]);
    expect(committed(world, 'orders', 0)).toBe(50);
  });

  it('takes a lease that is not released within RELEASE_MS, and not before [QNT-GRP-037]', () => {
    const world = worldOf(2);
    const [a] = join(world, 'a') as [TestMember];
    const [b] = join(world, 'b') as [TestMember];
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    for (let ms = 0; ms + 1_000 < LIMITS.RELEASE_MS; ms += 1_000) {
      world.pass(1_000);
      a.beat();
      b.beat();
    }
    const { epoch } = a.lease('orders', 1);
    expect(a.releasing).toEqual(['orders/1']);
    a.commit('orders', 1, 30);
    world.pass(1_000);
    expect(b.held).toEqual(['orders/1']);
    expect(b.lease('orders', 1).startOffset).toBe(30);
    expect(a.releasing).toEqual([]);
    expect(codes(a.commit('orders', 1, 60, epoch))).toEqual(['LEASE_FENCED']);
  });

  it('gives the queues of a silent member to the others after its session [QNT-GRP-017]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    calm(world, [a, b]);
    for (let ms = 0; ms < LIMITS.MEMBER_SESSION_MS - 1_000; ms += 1_000) {
      world.pass(1_000);
      b.beat();
      expect(b.held).toEqual(['orders/1']);
    }
    world.pass(1_000);
    expect(leasesOfLog(world.log).size).toBe(1);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(b.held).toEqual(['orders/0', 'orders/1']);
  });

  it('gives the queues of a lost connection away after MEMBER_LOST_MS, unless its member comes back on another [QNT-GRP-017]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    calm(world, [a, b]);
    world.close(a.session);
    world.pass(LIMITS.MEMBER_LOST_MS - 1);
    a.reconnect();
    a.beat();
    world.pass(LIMITS.MEMBER_LOST_MS);
    expect(b.held).toEqual(['orders/1']);
    world.close(a.session);
    world.pass(LIMITS.MEMBER_LOST_MS + LIMITS.REBALANCE_DELAY_MS);
    expect(b.held).toEqual(['orders/0', 'orders/1']);
  });

  it('does not lose a member whose old connection closes after it came back on another', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    const { session } = a;
    a.reconnect();
    a.beat();
    world.close(session);
    world.pass(LIMITS.MEMBER_LOST_MS + 1_000);
    expect(leasesOfLog(world.log).size).toBe(1);
  });

  it('moves deadlines of members by the time that the broker itself was away [QNT-KAL-007]', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    world.nowMs += 60_000;
    world.tick();
    a.beat();
    world.pass(LIMITS.MEMBER_SESSION_MS - 1);
    expect(leasesOfLog(world.log).size).toBe(1);
    expect(a.held).toEqual(['orders/0']);
  });

  it('moves the deadline of a member that was heard since its timer was set as well, by all of that time [QNT-KAL-007]', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    world.pass(LIMITS.MEMBER_SESSION_MS - 100);
    a.beat();
    world.pass(50);
    world.nowMs += 60_000;
    world.tick();
    // A timer was late by 50 ms less than it slept: so much of the sleep is not known.
    world.pass(LIMITS.MEMBER_SESSION_MS - 101);
    expect(leasesOfLog(world.log).size).toBe(1);
    world.pass(2);
    expect(leasesOfLog(world.log).size).toBe(0);
  });

  it('lets a member leave with its final offsets, and gives its queues on [QNT-GRP-041]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    calm(world, [a, b]);
    const left = world.request(a.session, 'LEAVE', {
      group: 'g',
      member: 'a',
      offsets: [{ topic: 'orders', queue: 0, offset: 70, leaseEpoch: a.lease('orders', 0).epoch }],
    });
    expect(left.done).toBe(false);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(codes(left)).toEqual([]);
    expect(b.held).toEqual(['orders/0', 'orders/1']);
    expect(b.lease('orders', 0).startOffset).toBe(70);
    const again = a.leave();
    expect(codes(again)).toEqual([]);
  });

  it('gives a queue back even when its final offset is refused, and says so [QNT-GRP-042]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    const released = a.release('orders', 1, 101);
    world.settle();
    expect(codes(released)).toEqual(['OFFSET_OUT_OF_RANGE']);
    expect(b.held).toEqual(['orders/1']);
    expect(b.lease('orders', 1).startOffset).toBe(0);
  });

  it('keeps leases through a planned restart: nothing moves, no epoch changes, whoever comes back first [QNT-GRP-046, QNT-GRP-047]', () => {
    const world = worldOf(4);
    world.others.set('orders', [{ broker: 'broker-b', queues: 4 }]);
    const members = join(world, 'a', 'b', 'c', 'd');
    calm(world, members);
    expect(members.map((member) => member.held.length)).toEqual([2, 2, 0, 0]);
    const before = leasesOfLog(world.log);
    world.takeSnapshot();
    world.pass(500);
    world.restart();
    for (const member of members) member.reconnect();
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 0, before.get('g:1/0')?.epoch as number)).toBeUndefined();
    for (const member of members) {
      world.pass(2_000);
      member.beat();
      member.beat();
    }
    calm(world, members, 12);
    expect(leasesOfLog(world.log)).toEqual(before);
    expect(members.map((member) => member.held.length)).toEqual([2, 2, 0, 0]);
    expect(members.map((member) => member.assignment?.idle)).toEqual([false, false, false, false]);
  });

  it('gives the queues of members that do not come back after a restart away after a session [QNT-GRP-046]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    calm(world, [a, b]);
    world.restart();
    b.reconnect();
    const old = b.assignment?.generation;
    b.beat();
    expect(b.assignment?.generation).not.toBe(old);
    expect(b.held).toEqual(['orders/1']);
    calm(world, [b], 9);
    expect(b.held).toEqual(['orders/1']);
    calm(world, [b], 2);
    expect(b.held).toEqual(['orders/0', 'orders/1']);
  });

  it('asks a member that it does not know for its subscription, and a restored one too [QNT-GRP-021, QNT-GRP-022]', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    const stranger = new TestMember(world, 'x', ORDERS);
    expect(stranger.heartbeat(false).ok).toMatchObject({ wantSubscription: true, generation: 0, assignment: undefined });
    expect(new TestMember(world, 'x', ORDERS, 'other').heartbeat(false).ok.wantSubscription).toBe(true);
    expect(a.heartbeat(false).ok.wantSubscription).toBe(false);
    a.revision++;
    expect(a.heartbeat(false).ok.wantSubscription).toBe(true);
    expect(a.heartbeat(true).ok.wantSubscription).toBe(false);
    world.restart();
    a.reconnect();
    expect(a.heartbeat(false).ok.wantSubscription).toBe(true);
  });

  it('answers an old generation with the whole assignment, and the present one without [QNT-GRP-018]', () => {
    const world = worldOf(2);
    const [a] = join(world, 'a') as [TestMember];
    expect(a.heartbeat().ok.assignment).toBeUndefined();
    a.assignment = undefined;
    a.session.pushed.length = 0;
    a.reconnect();
    a.beat();
    expect(a.held).toEqual(['orders/0', 'orders/1']);
  });

  it('tells a member that does not read by the answer to its next heartbeat', () => {
    const world = worldOf(2);
    const [a] = join(world, 'a') as [TestMember];
    a.session.blocked = true;
    const pushes = a.session.pushed.length;
    join(world, 'b');
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.session.pushed).toHaveLength(pushes);
    a.beat();
    expect(a.releasing).toEqual(['orders/1']);
  });

  it('tells members without a queue at any broker that they are idle, with the counts [QNT-GRP-035, QNT-GRP-036]', () => {
    const world = worldOf(8);
    const members = join(world, ...'abcdefghi');
    calm(world, members, 8);
    expect(members.map((member) => member.held.length)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect(members.map((member) => member.assignment?.idle)).toEqual([...Array(8).fill(false), true]);
    expect(members.at(-1)?.assignment).toMatchObject({ members: 9, queues: 8 });
    world.others.set('orders', [{ broker: 'broker-b', queues: 1 }]);
    world.groups.topologyChanged('orders');
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    members.at(-1)?.read();
    expect(members.at(-1)?.assignment?.idle).toBe(false);
  });

  it('gives queues that are added, and forgets those of a topic that is removed [QNT-GRP-037, QNT-ADM-006, QNT-ADM-007]', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    world.alter('orders', 3);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.held).toEqual(['orders/0', 'orders/1', 'orders/2']);
    const { epoch } = a.lease('orders', 0);
    a.commit('orders', 0, 5);
    world.removeTopic('orders');
    world.settle();
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 0, epoch)).toBe('LEASE_FENCED');
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    a.beat();
    expect(a.held).toEqual([]);
    expect(world.groups.snapshot()).toMatchObject([{ group: 'g', offsets: [], leases: [] }]);
    world.topic('orders', 2);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.held).toEqual(['orders/0', 'orders/1']);
  });

  it('starts a group when its topic appears', () => {
    const world = new GroupWorld();
    const [a] = join(world, 'a') as [TestMember];
    expect(a.assignment).toMatchObject({ leases: [], queues: 0 });
    world.topic('orders', 2);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.held).toEqual(['orders/0', 'orders/1']);
  });

  it('tries again what a failed write took back, and answers the request with the error [QNT-LOG-004]', () => {
    const world = worldOf(2);
    const [a, b] = join(world, 'a', 'b') as [TestMember, TestMember];
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    const { epoch } = a.lease('orders', 1);
    const generation = a.assignment?.generation as number;
    const released = a.release('orders', 1, 40);
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 1, epoch)).toBe('LEASE_FENCED');
    world.rollBack();
    expect(released.error?.code).toBe('STORAGE_REJECTED');
    expect(committed(world, 'orders', 1)).toBe(0);
    a.read();
    expect(a.assignment?.generation).toBeGreaterThan(generation);
    expect(world.groups.pullError('g', 'a', TOPIC_ID, 1, epoch)).toBeUndefined();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(b.held).toEqual(['orders/1']);

    // The grant itself fails.
    a.leave();
    world.sync();
    world.pass(LIMITS.REBALANCE_DELAY_MS, false);
    expect(world.staged.some((record) => record.leaseGranted?.member === 'b')).toBe(true);
    world.rollBack();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(b.held).toEqual(['orders/0', 'orders/1']);
  });

  it('ends a lease at once that becomes durable after its member has left', () => {
    const world = worldOf(1);
    const a = new TestMember(world, 'a', ORDERS);
    a.heartbeat();
    world.sync();
    a.leave();
    world.settle();
    expect(leasesOfLog(world.log).size).toBe(0);
  });

  it('looks again when the target has changed while a grant was under way', () => {
    const world = worldOf(2);
    const [a, b] = ['a', 'b'].map((id) => new TestMember(world, id, ORDERS)) as [TestMember, TestMember];
    a.heartbeat();
    b.heartbeat();
    world.sync();
    world.pass(LIMITS.REBALANCE_DELAY_MS, false);
    expect(world.staged.filter((record) => record.leaseGranted?.member === 'a')).toHaveLength(2);
    world.settle();
    expect(a.held).toEqual(['orders/0', 'orders/1']);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.releasing).toEqual(['orders/1']);
  });

  it('gives nothing new to a member from before a restart until it is heard [QNT-GRP-048]', () => {
    const world = worldOf(1);
    const [a] = join(world, 'a') as [TestMember];
    world.restart();
    world.alter('orders', 2);
    world.pass(1_000);
    expect(leasesOfLog(world.log).size).toBe(1);
    a.reconnect();
    a.beat();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.held).toEqual(['orders/0', 'orders/1']);
  });
});
