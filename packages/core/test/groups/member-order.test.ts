import { describe, expect, it } from 'vitest';
import { FakeSession, GroupWorld } from './group-world.ts';
import { TestMember } from './test-member.ts';

describe('members of a group', () => {
  it('sort by the UTF-8 bytes of label, then id, also above U+FFFF (QNT-NAM-003, QNT-GRP-033)', () => {
    const world = new GroupWorld();
    world.topic('orders', 4);
    const labels = ['\u{1f600}', 'é', '\u{ffff}', 'Z'];
    const members = labels.map((label, i) => {
      const member = new TestMember(world, `m${i}`, { topics: [{ topic: 'orders' }] });
      member.label = label;
      member.beat();
      return member;
    });
    for (let i = 0; i < 3; i++) {
      world.pass(1_000);
      for (const member of members) {
        member.beat();
        member.releaseAll();
      }
      world.settle();
    }
    const held = new Map(members.map((member) => [member.label, member.held]));
    expect(['Z', 'é', '\u{ffff}', '\u{1f600}'].map((label) => held.get(label))).toEqual(
      [0, 1, 2, 3].map((queue) => [`orders/${queue}`]),
    );
    const described = world.request(new FakeSession('tool'), 'GROUP_DESCRIBE', { group: 'g' }).ok;
    expect(described.members.map(({ label }) => label)).toEqual(['Z', 'é', '\u{ffff}', '\u{1f600}']);
  });
});
