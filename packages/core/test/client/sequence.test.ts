import { describe, expect, it } from 'vitest';
import { OutBatch } from '../../src/client/producer/out-batch.ts';
import { QueueLane, sequenceAdd, sequenceBefore } from '../../src/client/producer/queue-lane.ts';
import { testPlatform } from '../platform.ts';
import { record } from './cluster.ts';

const NOBODY = { producerId: 1, epoch: 0 };
const batch = (count: number): OutBatch =>
  new OutBatch(
    0,
    'keyed',
    0,
    Array.from({ length: count }, () => record('x')),
    true,
  );

describe('sequence numbers', () => {
  it('count modulo 2^32 and compare across the wrap', () => {
    expect(sequenceAdd(0xffff_fffe, 5)).toBe(3);
    expect(sequenceBefore(0xffff_fffe, 3)).toBe(true);
    expect(sequenceBefore(3, 0xffff_fffe)).toBe(false);
    expect(sequenceBefore(7, 7)).toBe(false);
  });

  it('are given anew across the wrap from where the broker stands; what it has keeps its own', () => {
    const lane = new QueueLane('t', 'a', 0, 0);
    lane.nextSequence = 0xffff_fff0;
    const batches = [batch(8), batch(8), batch(8), batch(8)];
    for (const one of batches) lane.take(one, testPlatform, NOBODY);
    expect(batches.map(({ baseSequence }) => baseSequence)).toEqual([0xffff_fff0, 0xffff_fff8, 0, 8]);
    lane.remove(batches[1] as OutBatch);
    lane.gap(batches[2] as OutBatch, 0xffff_fff8);
    lane.renumber(testPlatform, NOBODY);
    expect(batches.map(({ baseSequence }) => baseSequence)).toEqual([0xffff_fff0, 0xffff_fff8, 0xffff_fff8, 0]);
    expect(lane.nextSequence).toBe(8);
  });
});
