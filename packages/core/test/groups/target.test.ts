import { topicTarget } from '@qanat/core';
import { describe, expect, it } from 'vitest';

const members = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

describe('the target of a topic (chapter of groups)', () => {
  it.each([
    [5, 2, [3, 2]],
    [4, 2, [2, 2]],
    [8, 3, [3, 3, 2]],
    [4, 5, [1, 1, 1, 1, 0]],
    [16, 5, [4, 3, 3, 3, 3]],
    [8, 9, [1, 1, 1, 1, 1, 1, 1, 1, 0]],
  ])('gives %i queues to %i members as %j [QNT-GRP-030]', (queues, count, sizes) => {
    const { owners } = topicTarget(members(count), [{ broker: 'a', queues }], 'a', queues);
    expect(members(count).map((id) => owners.filter((owner) => owner === id).length)).toEqual(sizes);
    expect([...owners]).toEqual([...owners].sort());
  });

  it('counts the queues of all brokers and takes the rows of its own [QNT-GRP-031]', () => {
    const shares = [
      { broker: 'a', queues: 2 },
      { broker: 'b', queues: 4 },
      { broker: 'c', queues: 2 },
    ];
    expect(topicTarget(members(3), shares, 'a', 2)).toEqual({ owners: ['m0', 'm0'], queues: 8 });
    expect(topicTarget(members(3), shares, 'b', 4).owners).toEqual(['m0', 'm1', 'm1', 'm1']);
    expect(topicTarget(members(3), shares, 'c', 2).owners).toEqual(['m2', 'm2']);
  });

  it('has no rows where the topic is not, and none for nobody', () => {
    expect(topicTarget(members(2), [{ broker: 'b', queues: 4 }], 'a', 0)).toEqual({ owners: [], queues: 4 });
    expect(topicTarget([], [{ broker: 'a', queues: 4 }], 'a', 4)).toEqual({ owners: [], queues: 4 });
  });

  it('believes its own count more than a stale share of itself [QNT-GRP-031]', () => {
    expect(topicTarget(members(2), [{ broker: 'a', queues: 2 }], 'a', 4).owners).toEqual(['m0', 'm0', 'm1', 'm1']);
  });
});
