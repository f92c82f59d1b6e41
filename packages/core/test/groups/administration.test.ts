import { GroupKind, LeaseState, LIMITS, Position } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { codes, committed, FakeSession, GroupWorld, leasesOfLog } from './group-world.ts';
import { TestMember } from './test-member.ts';

const ORDERS = { topics: [{ topic: 'orders' }] };
const tool = new FakeSession('tool');

function worldWithMember(): { world: GroupWorld; a: TestMember } {
  const world = new GroupWorld();
  world.topic('orders', 2, 100);
  const a = new TestMember(world, 'a', ORDERS);
  a.beat();
  for (const queue of [0, 1]) a.commit('orders', queue, 50);
  world.settle();
  return { world, a };
}

describe('GROUP_RESET (chapter of offsets)', () => {
  it('ends the leases, writes, and grants anew with new epochs; it is answered when that is durable [QNT-ADM-014, QNT-ADM-015, QNT-ADM-018, QNT-GRP-040]', () => {
    const { world, a } = worldWithMember();
    const old = a.lease('orders', 0).epoch;
    const answer = world.request(tool, 'GROUP_RESET', { group: 'g', to: Position.AT_OFFSET, toValue: 20 });
    expect(world.groups.pullError('g', 'a', 1, 0, old)).toBe('LEASE_FENCED');
    expect(codes(a.commit('orders', 0, 60, old))).toEqual(['LEASE_FENCED']);
    world.sync(2);
    expect(answer.done).toBe(false);
    expect(world.staged.some((record) => record.leaseGranted !== undefined)).toBe(false);
    world.sync(1);
    expect(answer.ok.results).toMatchObject([
      { topic: 'orders', queue: 0, hadOffset: true, fromOffset: 50, toOffset: 20 },
      { topic: 'orders', queue: 1, hadOffset: true, fromOffset: 50, toOffset: 20 },
    ]);
    world.settle();
    expect(a.lease('orders', 0)).toMatchObject({ startOffset: 20 });
    expect(a.lease('orders', 0).epoch).toBeGreaterThan(old);
    expect(committed(world, 'orders', 0)).toBe(20);
    leasesOfLog(world.log);
    world.restart();
    expect(committed(world, 'orders', 0)).toBe(20);
  });

  it('tells its plan and changes nothing in a dry run [QNT-ADM-013, QNT-ADM-014, QNT-ADM-016]', () => {
    const { world } = worldWithMember();
    const plan = (init: Parameters<typeof world.request<'GROUP_RESET'>>[2]) =>
      world.request(tool, 'GROUP_RESET', { ...init, dryRun: true }).ok.results;
    expect(plan({ group: 'g', to: Position.FIRST }).map(({ toOffset }) => toOffset)).toEqual([0, 0]);
    expect(plan({ group: 'g', to: Position.LAST }).map(({ toOffset }) => toOffset)).toEqual([100, 100]);
    expect(plan({ group: 'g', to: Position.AT_TIME, toValue: world.wallMs + 1 }).map(({ toOffset }) => toOffset)).toEqual([
      100, 100,
    ]);
    expect(plan({ group: 'g', to: Position.AT_OFFSET, toValue: 101 }).map(({ code }) => code)).toEqual([4009, 4009]);
    const queues = [
      { topic: 'none', queues: [3] },
      { topic: 'orders', queues: [1, 1, 7] },
    ];
    expect(plan({ group: 'g', queues, to: Position.FIRST }).map(({ topic, queue, code }) => [topic, queue, code])).toEqual([
      ['none', 3, 4005],
      ['orders', 1, 0],
      ['orders', 7, 4006],
    ]);
    expect(world.staged).toEqual([]);
    expect(world.request(tool, 'GROUP_RESET', { group: 'x' }).error?.code).toBe('GROUP_NOT_FOUND');
  });

  it('overtakes a grant that is under way', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 100);
    const a = new TestMember(world, 'a', ORDERS);
    a.heartbeat();
    world.sync();
    const answer = world.request(tool, 'GROUP_RESET', { group: 'g', to: Position.AT_OFFSET, toValue: 33 });
    world.settle();
    expect(answer.ok.results).toMatchObject([{ toOffset: 33 }]);
    expect(a.held).toEqual(['orders/0']);
    expect(a.lease('orders', 0).startOffset).toBe(33);
    leasesOfLog(world.log);
  });

  it('leaves everything as it was when the log refuses it', () => {
    const { world, a } = worldWithMember();
    const { epoch } = a.lease('orders', 0);
    const answer = world.request(tool, 'GROUP_RESET', { group: 'g', to: Position.FIRST });
    world.rollBack();
    expect(answer.error?.code).toBe('STORAGE_REJECTED');
    a.read();
    expect(a.lease('orders', 0).epoch).toBe(epoch);
    expect(world.groups.pullError('g', 'a', 1, 0, epoch)).toBeUndefined();
    expect(committed(world, 'orders', 0)).toBe(50);
  });

  it('moves the offsets of a free group', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 100);
    world.request(tool, 'OFFSET_COMMIT', {
      group: 'f',
      kind: GroupKind.FREE,
      offsets: [{ topic: 'orders', queue: 0, offset: 50 }],
    });
    world.settle();
    const answer = world.request(tool, 'GROUP_RESET', { group: 'f', to: Position.FIRST });
    world.settle();
    expect(answer.ok.results).toMatchObject([{ fromOffset: 50, toOffset: 0 }]);
    expect(committed(world, 'orders', 0, 'f')).toBe(0);
  });
});

describe('GROUP_LIST and GROUP_DESCRIBE (chapter of administration)', () => {
  it('list groups by name, with members and lag [QNT-ADM-011]', () => {
    const { world } = worldWithMember();
    world.request(tool, 'OFFSET_COMMIT', {
      group: 'f',
      kind: GroupKind.FREE,
      offsets: [{ topic: 'orders', queue: 0, offset: 90 }],
    });
    world.settle();
    expect(world.request(tool, 'GROUP_LIST', {}).ok.groups).toEqual([
      { group: 'f', kind: GroupKind.FREE, members: 0, lag: 10 },
      { group: 'g', kind: GroupKind.ASSIGNED, members: 1, lag: 100 },
    ]);
    expect(new GroupWorld().request(tool, 'GROUP_LIST', {}).ok.groups).toEqual([]);
  });

  it('count no message in the lag that retention has dropped before the group came to it [QNT-ADM-011]', () => {
    const { world } = worldWithMember();
    const { oldest } = world.topics.get('orders') as { oldest: number[] };
    oldest[0] = 80;
    const lag = () => world.request(tool, 'GROUP_LIST', {}).ok.groups.map((group) => group.lag);
    expect(lag()).toEqual([20 + 50]);
    oldest[0] = 100;
    expect(lag()).toEqual([50]);
  });

  it('tell members, who is idle, where they are, and what each queue is at [QNT-ADM-012, QNT-ADM-013]', () => {
    const { world, a } = worldWithMember();
    const [b, c] = ['b', 'c'].map((id) => new TestMember(world, id, ORDERS)) as [TestMember, TestMember];
    for (const member of [b, c]) member.beat();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    const told = world.request(tool, 'GROUP_DESCRIBE', { group: 'g' }).ok;
    expect(told.kind).toBe(GroupKind.ASSIGNED);
    expect(told.subscription?.topics).toEqual([{ topic: 'orders', filter: '' }]);
    expect(told.members.map(({ member, idle, address, heardAgoMs }) => [member, idle, address, heardAgoMs])).toEqual([
      ['a', false, '10.0.0.1:a', 200],
      ['b', false, '10.0.0.1:b', 200],
      ['c', true, '10.0.0.1:c', 200],
    ]);
    const { epoch } = a.lease('orders', 1);
    expect(told.queues[1]).toEqual({
      topic: 'orders',
      queue: 1,
      committed: true,
      offset: 50,
      highWatermark: 100,
      oldestOffset: 0,
      member: 'a',
      epoch,
      state: LeaseState.RELEASING,
    });
    expect(world.request(tool, 'GROUP_DESCRIBE', { group: 'x' }).error?.code).toBe('GROUP_NOT_FOUND');
  });

  it('cut a large group into pages that fit', () => {
    const world = new GroupWorld();
    const topic = 'x'.repeat(127);
    world.topic(topic, 1_000);
    for (let i = 0; i < 200; i++) {
      const member = new TestMember(world, `${'m'.repeat(250)}-${i}`, { topics: [{ topic }] });
      member.beat();
    }
    const { pages } = world.request(tool, 'GROUP_DESCRIBE', { group: 'g' });
    expect(pages.flatMap((page) => page.members)).toHaveLength(200);
    expect(pages.flatMap((page) => page.queues)).toHaveLength(1_000);
    const reset = world.request(tool, 'GROUP_RESET', { group: 'g', dryRun: true });
    expect(reset.pages.flatMap((page) => page.results)).toHaveLength(1_000);
  });
});
