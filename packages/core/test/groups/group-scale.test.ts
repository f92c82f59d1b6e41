import { describe, expect, it } from 'vitest';
import { GroupWorld } from './group-world.ts';
import { TestMember } from './test-member.ts';

const ORDERS = { topics: [{ topic: 'orders' }] };

describe('groups at scale (chapter of groups)', () => {
  it('carries a thousand members in one group', () => {
    const world = new GroupWorld();
    world.topic('orders', 1_000);
    const members = Array.from({ length: 1_000 }, (_, i) => new TestMember(world, `m${String(i).padStart(4, '0')}`, ORDERS));
    for (const member of members) member.heartbeat();
    world.settle();
    for (let i = 0; i < 4; i++) {
      world.pass(1_000);
      for (const member of members) {
        member.heartbeat();
        member.releaseAll();
      }
    }
    world.pass(1_000);
    expect(members.every((member) => member.held.length === 1)).toBe(true);
  });

  it('carries ten thousand topics in forty groups', () => {
    const world = new GroupWorld();
    for (let i = 0; i < 10_000; i++) world.topic(`t${i}`, 4);
    const members = Array.from({ length: 40 }, (_, group) => {
      const topics = Array.from({ length: 250 }, (_, i) => ({ topic: `t${group * 250 + i}` }));
      return new TestMember(world, 'm', { topics }, `g${group}`);
    });
    for (const member of members) member.heartbeat();
    world.settle();
    world.takeSnapshot();
    world.restart();
    for (const member of members) {
      member.reconnect();
      member.beat();
    }
    expect(members.every((member) => member.held.length === 1_000)).toBe(true);
    expect(world.groups.snapshot().every((group) => group.offsets?.length === 1_000)).toBe(true);
  });

  it('cuts an assignment of thousands of leases into pages that fit', () => {
    const world = new GroupWorld();
    const name = 'x'.repeat(126);
    world.topic(`${name}1`, 1_024);
    world.topic(`${name}2`, 1_024);
    const a = new TestMember(world, 'a', { topics: [{ topic: `${name}1` }, { topic: `${name}2` }] });
    a.beat();
    expect(a.held).toHaveLength(2_048);
    expect(a.heartbeat().ok.assignment === undefined).toBe(true);
    a.assignment = undefined;
    const again = world.request(a.session, 'CLIENT_HEARTBEAT', { group: 'g', member: 'a', label: 'a', revision: 1 });
    expect(again.pages.length).toBeGreaterThan(1);
    a.take(again);
    expect(a.held).toHaveLength(2_048);
  });
});
