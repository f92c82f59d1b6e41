import { afterEach, describe, expect, it, vi } from 'vitest';
import { BatchMemory } from '../../src/client/producer/batch-memory.ts';
import { readBatchHeader } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/record.ts';
import { testPlatform } from '../platform.ts';
import { Cluster, record } from './cluster.ts';

const LONG = 'x'.repeat(20_000);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the memory of batches', () => {
  it('is given again when it was given back, to a batch that fits', () => {
    const memory = new BatchMemory();
    const first = memory.take(70_000);
    memory.give(first);
    expect(memory.take(16_384)).not.toBe(first);
    expect(memory.take(140_000).length).toBeGreaterThanOrEqual(140_000);
    expect(memory.take(100_000)).toBe(first);
    expect(memory.take(100_000)).not.toBe(first);
  });

  it('keeps at most 4 MiB', () => {
    const memory = new BatchMemory();
    const all = Array.from({ length: 10 }, () => memory.take(1_000_000));
    for (const one of all) memory.give(one);
    expect(all.map(() => all.includes(memory.take(1_000_000))).filter((kept) => kept)).toHaveLength(4);
  });

  it('makes the same batch whatever was in it', () => {
    const fields = { bornTimeMs: 1_700_000_000_000, producerId: 7, producerEpoch: 1, baseSequence: 3 };
    const records = [record('a', { tag: 't' }), record('b', { key: 'k', properties: { p: 'q' } }), record('')];
    const dirty = encodeBatch(testPlatform, records, fields, undefined, (bytes) => new Uint8Array(bytes + 50).fill(0xff));
    expect(dirty).toEqual(encodeBatch(testPlatform, records, fields));
  });

  it('comes back with the acknowledgement of a batch that was sent once', () => {
    const give = vi.spyOn(BatchMemory.prototype, 'give');
    const cluster = new Cluster();
    for (let i = 1; i <= 3; i++) {
      cluster.send(LONG);
      cluster.world.run(100);
      expect(give).toHaveBeenCalledTimes(i);
    }
    expect(new Set(give.mock.calls.map(([memory]) => memory)).size).toBe(1);
  });

  it('does not come back from a batch that was sent again: its first bytes may still be on their way', () => {
    const give = vi.spyOn(BatchMemory.prototype, 'give');
    const cluster = new Cluster();
    const sequences: number[] = [];
    cluster.a.meddle = (send) => sequences.push(readBatchHeader(send.payload).baseSequence) === 1;
    const result = cluster.send(LONG);
    cluster.world.run(20_000);
    expect(result).toMatchObject({ done: 1, error: undefined });
    expect(sequences.length).toBeGreaterThan(1);
    expect(give).not.toHaveBeenCalled();
  });

  it('is not taken for messages that are not acknowledged', () => {
    const take = vi.spyOn(BatchMemory.prototype, 'take');
    const cluster = new Cluster({ producer: { ack: 'none' } });
    cluster.send(LONG);
    cluster.world.run(100);
    expect(cluster.a.sends).toHaveLength(1);
    expect(take).not.toHaveBeenCalled();
  });
});
