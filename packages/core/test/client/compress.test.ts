import { expect, it } from 'vitest';
import { BatchAttribute, readBatchHeader } from '../../src/wire/batch.ts';
import { Cluster } from './cluster.ts';

it('a producer that compresses leaves short batches as they are [QNT-BAT-015]', () => {
  const cluster = new Cluster({ producer: { compress: true } });
  const compressions: number[] = [];
  cluster.a.meddle = (send) => {
    compressions.push(readBatchHeader(send.payload).attributes & BatchAttribute.COMPRESSION_MASK);
    return false;
  };
  for (const length of [100, 400, 600, 5_000]) {
    const result = cluster.send('x'.repeat(length));
    cluster.world.run(100);
    expect(result).toMatchObject({ done: 1, error: undefined });
  }
  expect(compressions).toEqual([0, 0, 1, 1]);
});
