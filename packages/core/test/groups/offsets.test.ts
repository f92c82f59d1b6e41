import { GroupKind, LIMITS, Position } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { type Answer, codes, committed, FakeSession, GroupWorld } from './group-world.ts';
import { TestMember } from './test-member.ts';

const ORDERS = { topics: [{ topic: 'orders' }] };
const tool = new FakeSession('tool');

function commitAs(
  world: GroupWorld,
  topic: string,
  queue: number,
  offset: number,
  kind: GroupKind = GroupKind.ASSIGNED,
): Answer<'OFFSET_COMMIT'> {
  return world.request(tool, 'OFFSET_COMMIT', { group: 'g', kind, offsets: [{ topic, queue, offset }] });
}

function worldWithMember(): { world: GroupWorld; a: TestMember } {
  const world = new GroupWorld();
  world.topic('orders', 2, 100);
  const a = new TestMember(world, 'a', ORDERS);
  a.beat();
  return { world, a };
}

describe('committed offsets (chapter of offsets)', () => {
  it('are answered when they are durable, all queues of a request in one record [QNT-OFS-001]', () => {
    const { world, a } = worldWithMember();
    const answer = world.request(a.session, 'OFFSET_COMMIT', {
      group: 'g',
      member: 'a',
      offsets: [0, 1].map((queue) => ({
        topic: 'orders',
        queue,
        offset: 10 + queue,
        leaseEpoch: a.lease('orders', queue).epoch,
      })),
    });
    expect(answer.done).toBe(false);
    expect(world.staged).toHaveLength(1);
    expect(committed(world, 'orders', 1)).toBe(0);
    world.sync();
    expect(codes(answer)).toEqual([]);
    expect([committed(world, 'orders', 0), committed(world, 'orders', 1)]).toEqual([10, 11]);
  });

  it('never move backwards: a lower one is accepted and changes nothing, in the log neither [QNT-OFS-003]', () => {
    const { world, a } = worldWithMember();
    a.commit('orders', 0, 50);
    world.settle();
    expect(codes(a.commit('orders', 0, 40))).toEqual([]);
    expect(world.staged).toEqual([]);
    // Two under way at once: the lower one comes behind the higher one in the log.
    a.commit('orders', 0, 70);
    a.commit('orders', 0, 60);
    world.settle();
    expect(committed(world, 'orders', 0)).toBe(70);
    world.restart();
    expect(committed(world, 'orders', 0)).toBe(70);
  });

  it('are refused outside of what is stored, per queue [QNT-OFS-002, QNT-OFS-005, QNT-OFS-012]', () => {
    const { world, a } = worldWithMember();
    world.topics.get('orders')?.oldest.fill(20);
    expect(codes(a.commit('orders', 0, 101))).toEqual(['OFFSET_OUT_OF_RANGE']);
    expect(codes(a.commit('orders', 0, 19))).toEqual(['OFFSET_OUT_OF_RANGE']);
    expect(codes(a.commit('orders', 2, 30, 1))).toEqual(['QUEUE_NOT_FOUND']);
    expect(codes(a.commit('none', 0, 30, 1))).toEqual(['TOPIC_NOT_FOUND']);
    const good = a.commit('orders', 0, 100);
    world.settle();
    expect(codes(good)).toEqual([]);
  });

  it('fail with the error of the log', () => {
    const { world, a } = worldWithMember();
    const answer = a.commit('orders', 0, 50);
    world.rollBack();
    expect(answer.error?.code).toBe('STORAGE_REJECTED');
    expect(committed(world, 'orders', 0)).toBe(0);
  });

  it('may be written without a lease only where nobody has one [QNT-OFS-006]', () => {
    const { world, a } = worldWithMember();
    expect(codes(commitAs(world, 'orders', 0, 50))).toEqual(['LEASE_FENCED']);
    a.leave();
    world.settle();
    const answer = commitAs(world, 'orders', 0, 50);
    world.settle();
    expect(codes(answer)).toEqual([]);
    const b = new TestMember(world, 'b', ORDERS);
    b.beat();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(b.lease('orders', 0).startOffset).toBe(50);
  });

  it('of a tool make the group, and its first member fills the record [QNT-OFS-007]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 100);
    expect(codes(commitAs(world, 'none', 0, 1))).toEqual(['TOPIC_NOT_FOUND']);
    expect(world.groups.snapshot()).toEqual([]);
    const answers = [commitAs(world, 'orders', 0, 30), commitAs(world, 'orders', 0, 20)];
    world.settle();
    expect(answers.map(codes)).toEqual([[], []]);
    const a = new TestMember(world, 'a', ORDERS);
    a.beat();
    expect(a.lease('orders', 0).startOffset).toBe(30);
    expect(world.groups.snapshot()[0]?.subscription?.topics).toHaveLength(1);
  });

  it('of a free group need no lease, and the last write wins [QNT-OFS-004, QNT-OFS-007, QNT-OFS-008, QNT-GRP-025, QNT-GRP-049]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 100);
    for (const offset of [50, 20]) {
      const answer = commitAs(world, 'orders', 0, offset, GroupKind.FREE);
      world.settle();
      expect(codes(answer)).toEqual([]);
    }
    expect(committed(world, 'orders', 0)).toBe(20);
    world.restart();
    expect(committed(world, 'orders', 0)).toBe(20);
    expect(world.groups.pullError('g', '', 1, 0, 0)).toBeUndefined();
    const a = new TestMember(world, 'a', ORDERS);
    expect(a.heartbeat().error?.code).toBe('GROUP_KIND_CONFLICT');
    const free = new TestMember(world, 'f', { ...ORDERS, kind: GroupKind.FREE });
    free.beat();
    world.pass(1_000);
    expect(free.assignment).toMatchObject({ leases: [] });
    const { world: assigned } = worldWithMember();
    expect(commitAs(assigned, 'orders', 0, 1, GroupKind.FREE).error?.code).toBe('GROUP_KIND_CONFLICT');
    expect(commitAs(assigned, 'orders', 0, 1, GroupKind.SHARED).error?.code).toBe('GROUP_KIND_CONFLICT');
  });

  it('are fetched in the order asked for; what nobody knows has none [QNT-OFS-009, QNT-OFS-012, QNT-OFS-013]', () => {
    const { world, a } = worldWithMember();
    a.commit('orders', 1, 50);
    world.settle();
    const refs = [
      { topic: 'orders', queue: 1 },
      { topic: 'none', queue: 0 },
      { topic: 'orders', queue: 9 },
      { topic: 'orders', queue: 0 },
    ];
    const fetched = world.request(tool, 'OFFSET_FETCH', { group: 'g', queues: refs }).ok.offsets;
    expect(fetched.map(({ committed: has, offset }) => (has ? offset : undefined))).toEqual([50, undefined, undefined, 0]);
    expect(fetched.map(({ code }) => code)).toEqual([0, 4005, 4006, 0]);
    expect(world.request(tool, 'OFFSET_FETCH', { group: 'x', queues: refs }).ok.offsets[0]).toMatchObject({
      code: 0,
      committed: false,
    });
    const many = Array.from({ length: 600 }, () => ({ topic: 'x'.repeat(100), queue: 0 }));
    expect(world.request(tool, 'OFFSET_FETCH', { group: 'g', queues: many }).error?.code).toBe('LIMIT_EXCEEDED');
  });
});

describe('where a group begins (chapter of offsets)', () => {
  it('is the oldest message with FIRST, decided once and logged before the first lease [QNT-OFS-017, QNT-OFS-018]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 100);
    world.topics.get('orders')?.oldest.fill(7);
    const a = new TestMember(world, 'a', ORDERS);
    a.beat();
    expect(a.lease('orders', 0).startOffset).toBe(7);
    const decided = world.log.findIndex((record) => record.offsetsCommitted?.offsets[0]?.offset === 7);
    expect(decided).toBeGreaterThanOrEqual(0);
    expect(world.log.findIndex((record) => record.leaseGranted !== undefined)).toBeGreaterThan(decided);
    expect(committed(world, 'orders', 0)).toBe(7);
  });

  it('with LAST is the first message stored since the member joined, however late the queue is discovered [QNT-OFS-017, QNT-OFS-018]', () => {
    const world = new GroupWorld();
    const a = new TestMember(world, 'a', { ...ORDERS, from: Position.LAST });
    a.beat();
    world.topic('orders', 2, 0);
    world.topics.get('orders')?.stored[0]?.push(world.wallMs - 50, world.wallMs - 40);
    world.store('orders', 0, 3);
    world.pass(1_000);
    a.beat();
    world.store('orders', 0, 2);
    world.pass(1_000);
    expect(a.lease('orders', 0).startOffset).toBe(2);
    expect(a.lease('orders', 1).startOffset).toBe(0);
    expect([committed(world, 'orders', 0), committed(world, 'orders', 1)]).toEqual([2, 0]);

    // It is not decided again: not by the next member, and not after a restart.
    world.store('orders', 0, 5);
    world.takeSnapshot();
    world.restart();
    a.leave();
    world.settle();
    const b = new TestMember(world, 'b', { ...ORDERS, from: Position.LAST });
    b.beat();
    world.pass(1_000);
    expect(b.lease('orders', 0).startOffset).toBe(2);
  });

  it('with LAST counts from when the heartbeat came, however long it waited for the record of its group [QNT-OFS-018]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 3);
    world.pass(1_000);
    const a = new TestMember(world, 'a', { ...ORDERS, from: Position.LAST });
    const lost = a.heartbeat();
    world.pass(2_000, false);
    world.store('orders', 0, 2);
    world.pass(1_000, false);
    // Nobody answers: it tries another connection, whose heartbeat waits too.
    world.close(a.session);
    a.reconnect();
    a.heartbeat(true);
    world.pass(4_000, false);
    world.store('orders', 0, 2);
    world.settle();
    expect(lost.done).toBe(false);
    expect(a.lease('orders', 0).startOffset).toBe(3);
  });

  it('with LAST counts from when the heartbeat came, however long it waited for a new record [QNT-OFS-018]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 3);
    commitAs(world, 'orders', 0, 1);
    world.topic('bills', 1, 3);
    world.settle();
    world.pass(1_000);
    const a = new TestMember(world, 'a', { version: 1, topics: [{ topic: 'bills' }], from: Position.LAST });
    a.heartbeat();
    world.pass(2_000, false);
    world.store('bills', 0, 2);
    world.pass(4_000, false);
    world.settle();
    expect(a.lease('bills', 0).startOffset).toBe(3);
  });

  it('survives the loss of the lease that was granted with it', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 10);
    const a = new TestMember(world, 'a', { ...ORDERS, from: Position.LAST });
    a.heartbeat();
    world.sync();
    expect(world.staged.map((record) => record.leaseGranted !== undefined)).toEqual([false, true]);
    world.sync(1);
    world.rollBack();
    world.store('orders', 0, 10);
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(a.lease('orders', 0).startOffset).toBe(0);
  });

  it('with AT_TIME is the first message at or after that time [QNT-OFS-018]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 4);
    world.pass(1_000);
    const fromTimeMs = world.wallMs;
    world.store('orders', 0, 2);
    const a = new TestMember(world, 'a', { ...ORDERS, from: Position.AT_TIME, fromTimeMs });
    a.beat();
    expect(a.lease('orders', 0).startOffset).toBe(4);
  });

  it('is the oldest message where retention has passed the committed offset [QNT-OFS-019]', () => {
    const { world, a } = worldWithMember();
    a.commit('orders', 0, 10);
    world.settle();
    a.leave();
    world.settle();
    world.topics.get('orders')?.oldest.fill(60);
    const b = new TestMember(world, 'b', ORDERS);
    b.beat();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(b.lease('orders', 0).startOffset).toBe(60);
  });
});
