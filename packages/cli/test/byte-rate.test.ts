import { expect, it } from 'vitest';
import { parseByteRate } from '../src/byte-rate.ts';
import { replicationOf } from '../src/commands/replication-options.ts';

it.each([
  ['1000000', 1_000_000],
  ['50MB', 50_000_000],
  ['50MB/s', 50_000_000],
  ['1.5GB', 1_500_000_000],
  ['64MiB', 67_108_864],
  ['50 MB', undefined],
  ['50M', undefined],
  ['-1', undefined],
  ['', undefined],
])('a rate of %j is %j bytes in a second', (text, bytes) => {
  expect(parseByteRate(text)).toBe(bytes);
});

it('of catching up is a setting of the replica, and none where it is not given', () => {
  expect(replicationOf({ replica: 1, catchUpRate: 5e6 })).toEqual({ replica: 1, role: 'master', catchUpBytesPerSecond: 5e6 });
  expect(replicationOf({ replica: 1 })).toEqual({ replica: 1, role: 'master' });
});
