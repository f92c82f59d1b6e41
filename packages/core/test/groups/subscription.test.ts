import { GroupKind, LIMITS, Position, Strategy } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import { GroupWorld, leasesOfLog } from './group-world.ts';
import { TestMember } from './test-member.ts';

const ORDERS = { topics: [{ topic: 'orders', filter: 'b||a' }] };

function worldWithMember(): { world: GroupWorld; a: TestMember } {
  const world = new GroupWorld();
  world.topic('orders', 2, 100);
  world.topic('bills', 2, 100);
  const a = new TestMember(world, 'a', ORDERS);
  a.beat();
  return { world, a };
}

describe('the record of a group (chapter of groups)', () => {
  it('refuses a member whose texts differ, and shows both [QNT-GRP-026, QNT-GRP-028]', () => {
    const { world } = worldWithMember();
    const other = new TestMember(world, 'b', { topics: [{ topic: 'orders', filter: 'c' }, { topic: 'bills' }] });
    const { error } = other.heartbeat();
    expect(error?.code).toBe('SUBSCRIPTION_CONFLICT');
    expect(error?.message).toContain('[orders: "a || b"; averagely] (version 0)');
    expect(error?.message).toContain('[bills: "*", orders: "c"; averagely] (version 0)');
    world.pass(1_000);
    expect(leasesOfLog(world.log).size).toBe(2);
  });

  it('shows both texts even where they are very long', () => {
    const world = new GroupWorld();
    const topics = (prefix: string) => Array.from({ length: 20 }, (_, i) => ({ topic: `${prefix}-${'x'.repeat(60)}-${i}` }));
    new TestMember(world, 'a', { topics: topics('first') }).beat();
    const { error } = new TestMember(world, 'b', { topics: topics('second') }).heartbeat();
    expect(error?.message).toContain('first-');
    expect(error?.message).toContain('second-');
    expect(error?.message).toContain('(version 0)');
  });

  it('takes the same texts in another form, a lower version and another start [QNT-GRP-026]', () => {
    const { world } = worldWithMember();
    const b = new TestMember(world, 'b', { topics: [{ topic: 'orders', filter: ' a || b' }], from: Position.LAST });
    expect(b.heartbeat().ok.generation).toBeGreaterThan(0);
    expect(world.staged).toEqual([]);
  });

  it('does not take a tag that looks like a topic for one', () => {
    const { world } = worldWithMember();
    const one = new TestMember(world, 'x', { topics: [{ topic: 'orders', filter: 'x, zoo: *' }] }, 'h');
    one.beat();
    const two = new TestMember(world, 'y', { topics: [{ topic: 'orders', filter: 'x' }, { topic: 'zoo' }] }, 'h');
    expect(two.heartbeat().error?.code).toBe('SUBSCRIPTION_CONFLICT');
  });

  it('is replaced by a higher version: old members release and stop, new ones take over [QNT-GRP-027]', () => {
    const { world, a } = worldWithMember();
    const generation = a.assignment?.generation as number;
    const b = new TestMember(world, 'b', { version: 1, topics: [{ topic: 'orders' }, { topic: 'bills' }] });
    const answer = b.heartbeat();
    expect(answer.done).toBe(false);
    world.sync();
    b.take(answer);
    a.read();
    expect(a.held).toEqual([]);
    expect(a.releasing).toEqual(['orders/0', 'orders/1']);
    expect(a.assignment?.generation).toBeGreaterThan(generation);
    world.settle();
    expect(b.held).toEqual(['bills/0', 'bills/1']);
    expect(a.heartbeat().error?.code).toBe('SUBSCRIPTION_CONFLICT');
    a.release('orders', 0, 60);
    a.release('orders', 1, 70);
    world.settle();
    expect(b.held).toEqual(['bills/0', 'bills/1', 'orders/0', 'orders/1']);
    expect(b.lease('orders', 1).startOffset).toBe(70);
    expect(new TestMember(world, 'c', ORDERS).heartbeat().error?.code).toBe('SUBSCRIPTION_CONFLICT');
    world.restart();
    expect(world.groups.snapshot()[0]?.subscription?.version).toBe(1);
  });

  it('lets a member that comes back with the new texts in again', () => {
    const { world, a } = worldWithMember();
    const b = new TestMember(world, 'b', { version: 1, topics: [{ topic: 'orders' }] });
    b.beat();
    a.subscription = { version: 1, topics: [{ topic: 'orders' }] };
    a.revision++;
    a.beat(true);
    a.releaseAll();
    for (let i = 0; i < 3; i++) {
      world.pass(1_000);
      for (const member of [a, b]) {
        member.beat();
        member.releaseAll();
      }
    }
    expect([a.held, b.held]).toEqual([['orders/0'], ['orders/1']]);
  });

  it('only counts its version up where the texts are the same: nothing moves', () => {
    const { world, a } = worldWithMember();
    const before = leasesOfLog(world.log);
    a.subscription = { ...ORDERS, version: 5 };
    a.revision++;
    a.beat(true);
    world.pass(5_000);
    a.beat();
    expect(leasesOfLog(world.log)).toEqual(before);
    expect(a.held).toEqual(['orders/0', 'orders/1']);
  });

  it('is made once when many come first at once', () => {
    const world = new GroupWorld();
    world.topic('orders', 3);
    const members = ['c', 'a', 'b'].map((id) => new TestMember(world, id, ORDERS));
    const answers = members.map((member) => member.heartbeat());
    expect(world.staged).toHaveLength(1);
    expect(answers.map((answer) => answer.done)).toEqual([false, false, false]);
    world.settle();
    members.forEach((member, i) => {
      member.take(answers[i] as (typeof answers)[number]);
    });
    for (let i = 0; i < 3; i++) {
      world.pass(1_000);
      for (const member of members) {
        member.beat();
        member.releaseAll();
      }
    }
    expect(members.map((member) => member.held)).toEqual([['orders/2'], ['orders/0'], ['orders/1']]);
  });

  it('is not made when the log refuses it, nor for a member that is gone meanwhile', () => {
    const world = new GroupWorld();
    world.topic('orders', 1);
    const a = new TestMember(world, 'a', ORDERS);
    const failed = a.heartbeat();
    world.rollBack();
    expect(failed.error?.code).toBe('STORAGE_REJECTED');
    a.heartbeat(true);
    world.close(a.session);
    world.settle();
    world.pass(20_000);
    expect(world.groups.snapshot()).toMatchObject([{ group: 'g', leases: [] }]);
    expect(world.log.some((record) => record.leaseGranted !== undefined)).toBe(false);
  });

  it('holds the strategy: another one is refused, and comes with a higher version [QNT-GRP-026, QNT-GRP-027]', () => {
    const { world, a } = worldWithMember();
    const b = new TestMember(world, 'b', { ...ORDERS, strategy: Strategy.STICKY });
    const { error } = b.heartbeat();
    expect(error?.code).toBe('SUBSCRIPTION_CONFLICT');
    expect(error?.message).toContain('averagely] (version 0)');
    expect(error?.message).toContain('sticky] (version 0)');
    b.subscription = { ...ORDERS, strategy: Strategy.STICKY, version: 1 };
    b.beat(true);
    a.read();
    a.releaseAll();
    world.settle();
    b.read();
    expect(b.held).toEqual(['orders/0', 'orders/1']);
  });

  it('refuses what is reserved or makes no sense [QNT-GRP-029, QNT-GRP-025, QNT-GRP-050]', () => {
    const { world } = worldWithMember();
    const refused = (subscription: ConstructorParameters<typeof TestMember>[2], group = 'h') =>
      new TestMember(world, 'z', subscription, group).heartbeat().error?.code;
    expect(refused({ ...ORDERS, kind: GroupKind.SHARED })).toBe('UNSUPPORTED_FEATURE');
    expect(refused({ ...ORDERS, from: Position.AT_OFFSET })).toBe('INVALID_ARGUMENT');
    expect(refused({ topics: [{ topic: 'a' }, { topic: 'a' }] })).toBe('INVALID_ARGUMENT');
    expect(refused({ topics: [{ topic: 'a', filter: 'x||' }] })).toBe('INVALID_ARGUMENT');
    expect(refused({ topics: [{ topic: '-a' }] })).toBe('INVALID_NAME');
    expect(refused(ORDERS, 'no name')).toBe('INVALID_NAME');
    expect(refused({ ...ORDERS, kind: GroupKind.FREE }, 'g')).toBe('GROUP_KIND_CONFLICT');
    expect(world.staged).toEqual([]);
  });

  it('has room for so many groups and members, and says which limit is full [QNT-GRP-024, QNT-LIM-009]', () => {
    const world = new GroupWorld({ groupsMax: 1, membersPerGroupMax: 2 });
    world.topic('orders', 1);
    for (const id of ['a', 'b']) new TestMember(world, id, ORDERS).beat();
    expect(new TestMember(world, 'c', ORDERS).heartbeat().error).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('MEMBERS_PER_GROUP_MAX'),
    });
    expect(new TestMember(world, 'c', ORDERS, 'h').heartbeat().error).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('GROUPS_PER_BROKER_MAX'),
    });
  });

  it('tells members how often to send heartbeats, by the session that they asked for', () => {
    const { world } = worldWithMember();
    const ask = (sessionMs: number) =>
      world.request(new TestMember(world, 'q', ORDERS).session, 'CLIENT_HEARTBEAT', {
        group: 'g',
        member: 'q',
        revision: 1,
        subscription: ORDERS,
        sessionMs,
      }).ok;
    expect(ask(0)).toMatchObject({ heartbeatMs: LIMITS.MEMBER_HEARTBEAT_MS, sessionMs: LIMITS.MEMBER_SESSION_MS });
    expect(ask(1_500)).toMatchObject({ heartbeatMs: 500, sessionMs: 1_500 });
  });
});
